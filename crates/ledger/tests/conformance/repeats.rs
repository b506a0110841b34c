//! The same bytes again: one event, not two. What a repeat hears depends on where the first stands.

use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::{Declined, Fate, Intake, Plan, Repeated, Settled, Taken, TurnNow};

use crate::Place;
use crate::scene::*;

pub(crate) async fn while_leased_it_is_under_way(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, End, 0);
    going(&*ledger, first.clone()).await;
    let taken = take_in(&*ledger, again(&first, 5)).await;
    let under_way = Taken::Repeat { first: first.process, received_at: at(0), standing: Repeated::UnderWay };
    assert_eq!(taken, under_way);
}

pub(crate) async fn while_deferred_it_is_deferred_and_not_stored_again(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, End, 0);
    let lease = going(&*ledger, first.clone()).await;
    fail(&*ledger, lease, 1, 10).await;
    let second = again(&first, 5);
    assert_eq!(repeat(&*ledger, second.clone()).await, (first.process, Repeated::Deferred));
    assert!(ledger.message(second.process).await.unwrap().is_none());
    assert_eq!(ledger.messages_of(session).await.unwrap().len(), 1);
    assert_eq!(claimed(&*ledger, 10).await, [lease.delivery], "and it is still sent once");
}

pub(crate) async fn after_delivery_the_stored_acknowledgement_comes_back(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, End, 0);
    let lease = going(&*ledger, first.clone()).await;
    fail(&*ledger, lease, 1, 2).await;
    let second = claim(&*ledger, 2).await.pop().unwrap().lease;
    let fault = Fate::Retry { due_at: at(4), faulted: true, unusable: false };
    ledger.settle(second, at(3), attempt(2, "faulted", Some(NO)), fault).await.unwrap();
    let third = claim(&*ledger, 4).await.pop().unwrap().lease;
    deliver(&*ledger, third, 5).await;
    let delivered = Repeated::Delivered { acknowledgement: YES.into() };
    for seconds in [6, 1_000_000] {
        assert_eq!(repeat(&*ledger, again(&first, seconds)).await, (first.process, delivered.clone()));
    }
    // The provider's endpoint is gone meanwhile: what was answered stays answered.
    let held = Intake { plan: Plan::Hold, ..again(&first, 7) };
    assert_eq!(repeat(&*ledger, held).await, (first.process, delivered));
}

pub(crate) async fn a_late_answer_does_not_replace_the_acknowledgement(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, End, 0);
    let lease = going(&*ledger, first.clone()).await;
    deliver(&*ledger, lease, 1).await;
    assert_eq!(refuse(&*ledger, lease, 2).await, Settled::Late);
    let delivered = Repeated::Delivered { acknowledgement: YES.into() };
    assert_eq!(repeat(&*ledger, again(&first, 3)).await, (first.process, delivered));
}

pub(crate) async fn after_any_other_end_it_is_reopened_under_the_first_process_id(place: &dyn Place) {
    let ledger = begin(place).await;
    let ends =
        [(FinalState::Refused, None), (FinalState::Exhausted, Some("unusable")), (FinalState::Expired, None)];
    for (state, reason) in ends {
        let session = session(&*ledger).await;
        let first = notice(session, Progress, 0);
        let lease = going(&*ledger, first.clone()).await;
        finish(&*ledger, lease, 1, state, reason).await;

        let (process, standing) = repeat(&*ledger, again(&first, 100)).await;
        assert_eq!(process, first.process, "{state:?}");
        let Repeated::Reopened(sending) = standing else { panic!("{state:?}: {standing:?}") };
        assert_eq!(sending.turn, TurnNow::Go, "{state:?}");
        assert_ne!(sending.lease.delivery, lease.delivery, "a final state is never left");
        let word = state.as_str();
        assert_eq!(states(&*ledger, process).await, [word, "leased"]);
        assert_eq!(ledger.messages_of(session).await.unwrap().len(), 1);

        // It is owed like any other: counted, tried again, and a repeat joins it.
        assert_eq!(ledger.backlog().await.unwrap(), [(provider(), 1)]);
        assert_eq!(repeat(&*ledger, again(&first, 101)).await.1, Repeated::UnderWay);
        assert_eq!(fail(&*ledger, sending.lease, 102, 103).await, Settled::Recorded);
        let owed = claim(&*ledger, 103).await.pop().expect("it is due");
        assert_eq!((owed.process, owed.body), (first.process, first.body));
        deliver(&*ledger, owed.lease, 104).await;
        assert_eq!(states(&*ledger, process).await, [word, "delivered"]);
    }
}

pub(crate) async fn a_reopened_end_that_is_old_counts_its_age_from_the_repeat(place: &dyn Place) {
    const WEEK: i64 = 7 * 86_400;
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, End, 0);
    let lease = going(&*ledger, first.clone()).await;
    finish(&*ledger, lease, 1, FinalState::Exhausted, Some("too-old")).await;
    let sending = reopened(&*ledger, again(&first, WEEK)).await;
    fail(&*ledger, sending.lease, WEEK + 1, WEEK + 5).await;
    let owed = claim(&*ledger, WEEK + 5).await.pop().expect("somebody still wants it sent");
    assert_eq!(owed.received_at, at(0), "the provider is told when it came first");
}

pub(crate) async fn after_superseded_it_stays_superseded(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, Progress, 0);
    let lease = going(&*ledger, first.clone()).await;
    fail(&*ledger, lease, 1, 10).await;
    going(&*ledger, notice(session, End, 2)).await;
    assert_eq!(repeat(&*ledger, again(&first, 3)).await, (first.process, Repeated::Superseded));
    assert_eq!(states(&*ledger, first.process).await, ["superseded"]);
}

pub(crate) async fn held_stays_held_until_there_is_an_endpoint(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = Intake { plan: Plan::Hold, ..notice(session, End, 0) };
    assert_eq!(take_in(&*ledger, first.clone()).await, Taken::Held);
    assert_eq!(states(&*ledger, first.process).await, ["held"]);
    assert_eq!(ledger.backlog().await.unwrap(), [], "nobody owes it");
    assert_eq!(claimed(&*ledger, 1_000).await, []);

    let still = Intake { plan: Plan::Hold, ..again(&first, 5) };
    assert_eq!(repeat(&*ledger, still).await, (first.process, Repeated::Held));
    assert_eq!(states(&*ledger, first.process).await, ["held"]);

    let sending = reopened(&*ledger, again(&first, 6)).await;
    assert_eq!(sending.turn, TurnNow::Go);
    deliver(&*ledger, sending.lease, 7).await;
    assert_eq!(states(&*ledger, first.process).await, ["held", "delivered"]);
}

pub(crate) async fn a_reopened_one_answers_as_what_became_of_it_last(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, Error, 0);
    let lease = going(&*ledger, first.clone()).await;
    refuse(&*ledger, lease, 1).await;
    let sending = reopened(&*ledger, again(&first, 2)).await;
    refuse(&*ledger, sending.lease, 3).await;
    let sending = reopened(&*ledger, again(&first, 4)).await;
    deliver(&*ledger, sending.lease, 5).await;
    let delivered = Repeated::Delivered { acknowledgement: YES.into() };
    assert_eq!(repeat(&*ledger, again(&first, 6)).await.1, delivered);
    assert_eq!(states(&*ledger, first.process).await, ["refused", "refused", "delivered"]);
}

pub(crate) async fn it_is_recognised_although_the_progress_gap_is_violated(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = notice(session, Progress, 0);
    let lease = going(&*ledger, first.clone()).await;
    assert_eq!(repeat(&*ledger, again(&first, 1)).await, (first.process, Repeated::UnderWay));
    refuse(&*ledger, lease, 2).await;
    reopened(&*ledger, again(&first, 3)).await;
    // A repeat is no Progress of its own: it neither breaks the rule nor restarts its clock.
    let taken = take_in(&*ledger, notice(session, Progress, 294)).await;
    assert_eq!(taken, Taken::Declined(Declined::TooSoon { last: at(0) }));
    assert!(matches!(take_in(&*ledger, notice(session, Progress, 295)).await, Taken::Stored(_)));
}

pub(crate) async fn other_bytes_or_another_session_are_no_repeat(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, two) = (session(&*ledger).await, session(&*ledger).await);
    let first = with_body(one, Start, 0, "{}");
    let lease = going(&*ledger, first).await;
    deliver(&*ledger, lease, 1).await;
    let lease = going(&*ledger, with_body(one, Start, 2, "{ }")).await;
    deliver(&*ledger, lease, 3).await;
    going(&*ledger, with_body(two, Start, 4, "{}")).await;
    assert_eq!(ledger.messages_of(one).await.unwrap().len(), 2);
}
