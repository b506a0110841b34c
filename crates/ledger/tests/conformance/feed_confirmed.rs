//! What a confirmed cursor does to what waits.

use oicp::Finding;
use oicp::finding::codes::PIN_IN_NOTIFICATION;
use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::FinalState;
use roamhub_core::feed::Confirmed;
use roamhub_core::ports::{Intake, Plan, Repeated};

use crate::Place;
use crate::scene::*;

pub(crate) async fn what_is_held_or_deferred_is_closed_as_fetched(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, other) = (session(&*ledger).await, session(&*ledger).await);
    let held = hold(&*ledger, notice(one, End, 1)).await;
    let deferred = notice(other, End, 2);
    let lease = going(&*ledger, deferred.clone()).await;
    fail(&*ledger, lease, 3, 10).await;
    let later = hold(&*ledger, notice(one, Error, 4)).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(confirm(&*ledger, 2, 5).await, (2, 0));
    assert_eq!(states(&*ledger, held).await, ["held", "fetched"]);
    assert_eq!(states(&*ledger, deferred.process).await, ["fetched"]);
    assert_eq!(states(&*ledger, later).await, ["held"]);
    let closed = message(&*ledger, deferred.process).await.deliveries.remove(0);
    assert_eq!((closed.ended_at, closed.due_at, closed.attempts.len()), (Some(at(5)), None, 1));
    assert_eq!(ledger.backlog().await.unwrap(), []);
    assert!(claim(&*ledger, 20).await.is_empty(), "nothing is sent any more");
}

pub(crate) async fn what_is_under_way_or_has_ended_is_left_alone(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut leases = Vec::new();
    let mut sent = Vec::new();
    for seconds in 1..4 {
        let intake = notice(session(&*ledger).await, End, seconds);
        sent.push(intake.process);
        leases.push(going(&*ledger, intake).await);
    }
    deliver(&*ledger, leases[1], 4).await;
    finish(&*ledger, leases[2], 4, FinalState::Refused, None).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(confirm(&*ledger, 3, 5).await, (0, 1));
    assert_eq!(states(&*ledger, sent[0]).await, ["leased"]);
    assert_eq!(states(&*ledger, sent[1]).await, ["delivered"]);
    assert_eq!(states(&*ledger, sent[2]).await, ["refused"]);
    // The attempt ends by itself, whichever way.
    assert_eq!(deliver(&*ledger, leases[0], 6).await, roamhub_core::ports::Settled::Recorded);
    assert_eq!(states(&*ledger, sent[0]).await, ["delivered"]);
}

pub(crate) async fn what_was_given_up_is_fetched_after_all(place: &dyn Place) {
    let ledger = begin(place).await;
    let ended = async |kind, state: FinalState, reason| {
        let intake = notice(session(&*ledger).await, kind, 1);
        let lease = going(&*ledger, intake.clone()).await;
        finish(&*ledger, lease, 2, state, reason).await;
        intake
    };
    let end = ended(End, FinalState::Exhausted, Some("too-old")).await;
    let start = ended(Start, FinalState::Expired, None).await;
    let overtaken = ended(Progress, FinalState::Superseded, None).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(confirm(&*ledger, 3, 4).await, (2, 0));
    assert_eq!(states(&*ledger, end.process).await, ["exhausted", "fetched"]);
    assert_eq!(states(&*ledger, start.process).await, ["expired", "fetched"]);
    assert_eq!(states(&*ledger, overtaken.process).await, ["superseded"]);
    assert_eq!(repeat(&*ledger, again(&end, 5)).await, (end.process, Repeated::Fetched));
}

pub(crate) async fn much_is_confirmed_in_small_steps(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for seconds in 0..5 {
        hold(&*ledger, notice(session, End, seconds)).await;
    }
    sequence(&*ledger, &[]).await;
    let step = async || ledger.confirm_feed(provider(), position(5), at(9), 2).await.unwrap();
    let up_to = |number, closed| Confirmed::UpTo { position: position(number), closed, under_way: 0 };
    assert_eq!(step().await, up_to(2, 2));
    assert_eq!(ledger.feed_ends(provider()).await.unwrap().confirmed, position(2));
    assert_eq!(step().await, up_to(4, 2));
    assert_eq!(step().await, up_to(5, 1));
    assert_eq!(step().await, up_to(5, 0));
}

pub(crate) async fn a_cursor_of_before_changes_nothing_and_one_beyond_the_end_is_refused(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for seconds in 0..3 {
        hold(&*ledger, notice(session, End, seconds)).await;
    }
    sequence(&*ledger, &[]).await;
    confirm(&*ledger, 2, 4).await;
    let again = ledger.confirm_feed(provider(), position(1), at(5), 100).await.unwrap();
    assert_eq!(again, Confirmed::UpTo { position: position(2), closed: 0, under_way: 0 });
    let beyond = ledger.confirm_feed(provider(), position(4), at(5), 100).await.unwrap();
    assert_eq!(beyond, Confirmed::Beyond { last: position(3) });
    let nobody = ledger.confirm_feed(provider_named("DE-NIX"), position(1), at(5), 100).await.unwrap();
    assert_eq!(nobody, Confirmed::Beyond { last: position(0) });
    assert_eq!(ledger.feed_ends(provider()).await.unwrap().confirmed, position(2));
}

pub(crate) async fn a_repeat_of_what_was_fetched_is_not_sent(place: &dyn Place) {
    let ledger = begin(place).await;
    let end = notice(session(&*ledger).await, End, 1);
    hold(&*ledger, end.clone()).await;
    sequence(&*ledger, &[]).await;
    confirm(&*ledger, 1, 2).await;
    for plan in [Plan::Hold, Plan::Send { lease_until: at(40) }] {
        let known = repeat(&*ledger, Intake { plan, ..again(&end, 3) }).await;
        assert_eq!(known, (end.process, Repeated::Fetched));
    }
}

pub(crate) async fn what_waited_behind_a_fetched_message_goes_on(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    let end = going(&*ledger, notice(key, End, 1)).await;
    fail(&*ledger, end, 2, 1_000).await;
    let progress = stored(&*ledger, notice(key, Progress, 3)).await;
    sequence(&*ledger, &[provider()]).await;
    assert!(claim(&*ledger, 4).await.is_empty(), "it is parked behind the deferred End");
    assert_eq!(confirm(&*ledger, 1, 5).await, (1, 0));
    assert_eq!(claimed(&*ledger, 6).await, [progress.lease.delivery]);
    // And one that is parked itself is closed as well.
    let start = going(&*ledger, notice(session(&*ledger).await, Start, 7)).await;
    fail(&*ledger, start, 8, 1_000).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(confirm(&*ledger, 3, 9).await, (1, 1));
}

pub(crate) async fn a_pin_is_overwritten_once_fetched(place: &dyn Place) {
    let ledger = begin(place).await;
    let body = br#"{"Identification":{"QRCodeIdentification":{"PIN":"4711"}}}"#.to_vec();
    let finding =
        Finding { code: PIN_IN_NOTIFICATION, pointer: "/Identification".into(), text: "a PIN".into() };
    let mut intake = with_body(session(&*ledger).await, End, 1, body.clone());
    intake.has_pin = true;
    intake.findings = vec![finding];
    hold(&*ledger, intake).await;
    sequence(&*ledger, &[]).await;
    assert_eq!(&feed_of(&*ledger, provider()).await[0].body[..], &body[..]);
    confirm(&*ledger, 1, 2).await;
    let kept = feed_of(&*ledger, provider()).await.remove(0).body;
    assert_eq!(kept.len(), body.len(), "the length stays");
    assert!(!kept.windows(4).any(|digits| digits == b"4711"));
}
