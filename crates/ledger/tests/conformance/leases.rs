//! Leases and fencing: who may send, who may write the result, what comes back when somebody falls silent.

use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::Tries;
use roamhub_core::ports::{Fate, Intake, Settled, TurnNow};

use crate::Place;
use crate::scene::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

pub(crate) async fn a_claim_raises_the_token_and_knows_the_tries(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let mut lease = going(&*ledger, notice(session, End, 0)).await;
    let failures = [("unreachable", false, false), ("faulted", true, false), ("unusable", false, true)];
    let expected = [(1, 0, 0), (2, 1, 0), (3, 1, 1)];
    for (round, ((outcome, faulted, unusable), tries)) in (1..).zip(failures.into_iter().zip(expected)) {
        assert_eq!(i64::from(lease.token), round);
        let fate = Fate::Retry { due_at: at(round), faulted, unusable };
        ledger.settle(lease, at(round), attempt(round, outcome, None), fate).await.unwrap();
        let owed = claim(&*ledger, round).await.pop().expect("it is due");
        assert_eq!(owed.lease.delivery, lease.delivery);
        let (recorded, faulted, unusable) = tries;
        assert_eq!(owed.tries, Tries { recorded, faulted, unusable });
        lease = owed.lease;
    }
    // An attempt that was never made is no try.
    ledger.defer(lease, at(5), at(6)).await.unwrap();
    let owed = claim(&*ledger, 6).await.pop().expect("it is due");
    assert_eq!((owed.lease.token, owed.tries.recorded), (5, 3));
}

pub(crate) async fn a_result_under_an_old_token_is_late_and_changes_nothing(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = notice(session, End, 0);
    let process = intake.process;
    let old = going(&*ledger, intake).await;
    assert_eq!(ledger.sweep(at(41)).await.unwrap(), 1);
    let new = claim(&*ledger, 41).await.pop().unwrap().lease;
    assert_eq!((new.delivery, new.token), (old.delivery, old.token + 1));

    assert_eq!(deliver(&*ledger, old, 42).await, Settled::Late);
    assert_eq!(ledger.take_turn(old, at(42)).await.unwrap(), TurnNow::Lost);
    assert_eq!(states(&*ledger, process).await, ["leased"]);
    assert_eq!(fail(&*ledger, new, 43, 50).await, Settled::Recorded);

    let attempts = message(&*ledger, process).await.deliveries.pop().unwrap().attempts;
    let seen: Vec<_> = attempts.iter().map(|entry| (entry.number, entry.late, &*entry.outcome)).collect();
    assert_eq!(seen, [(1, true, "delivered"), (2, false, "unreachable")]);
    assert_eq!(attempts[0].acknowledgement.as_deref(), Some(YES));
    let third = claim(&*ledger, 50).await.pop().unwrap();
    assert_eq!(third.tries.recorded, 1, "a late attempt is not counted");
}

pub(crate) async fn a_result_under_a_swept_lease_is_late(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = notice(session, End, 0);
    let process = intake.process;
    let lease = going(&*ledger, intake).await;
    ledger.sweep(at(41)).await.unwrap();
    assert_eq!(refuse(&*ledger, lease, 42).await, Settled::Late);
    assert_eq!(states(&*ledger, process).await, ["deferred"], "it is sent again: at least once");
    assert_eq!(claimed(&*ledger, 42).await, [lease.delivery]);
}

pub(crate) async fn a_deferral_under_a_lost_lease_changes_nothing(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = notice(session, End, 0);
    let process = intake.process;
    let old = going(&*ledger, intake).await;
    ledger.sweep(at(41)).await.unwrap();
    let new = claim(&*ledger, 41).await.pop().unwrap().lease;
    assert_eq!(ledger.defer(old, at(42), at(99)).await.unwrap(), Settled::Late);
    assert_eq!(states(&*ledger, process).await, ["leased"]);
    deliver(&*ledger, new, 43).await;
    assert_eq!(ledger.defer(new, at(44), at(99)).await.unwrap(), Settled::Late);
    assert_eq!(states(&*ledger, process).await, ["delivered"]);
}

pub(crate) async fn sweeping_returns_only_leases_that_ran_out(place: &dyn Place) {
    let ledger = begin(place).await;
    let early = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    let late = going(&*ledger, notice(session(&*ledger).await, End, 30)).await;
    assert_eq!(ledger.sweep(at(39)).await.unwrap(), 0);
    assert_eq!(ledger.sweep(at(41)).await.unwrap(), 1);
    assert_eq!(ledger.sweep(at(41)).await.unwrap(), 0, "once is enough");
    assert_eq!(claimed(&*ledger, 41).await, [early.delivery]);
    assert_eq!(deliver(&*ledger, late, 42).await, Settled::Recorded);
    assert_eq!(ledger.sweep(at(1_000)).await.unwrap(), 1, "claimed leases run out as well");
}

pub(crate) async fn a_claim_respects_the_limit_and_the_order_of_due(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut by_due = Vec::new();
    for due in [30, 10, 20, 10] {
        let lease = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
        fail(&*ledger, lease, 1, due).await;
        by_due.push((due, lease.delivery));
    }
    by_due.sort();
    let claims = [1_usize, 2, 0, 5];
    let mut seen = Vec::new();
    for limit in claims {
        let owed = ledger.claim_due(provider(), None, at(40), at(80), limit).await.unwrap().owed;
        assert!(owed.len() <= limit, "{} of at most {limit}", owed.len());
        seen.extend(owed.into_iter().map(|owed| owed.lease.delivery));
    }
    let expected: Vec<_> = by_due.into_iter().map(|(_, delivery)| delivery).collect();
    assert_eq!(seen, expected);
}

pub(crate) async fn a_claim_takes_only_its_own_provider_and_only_what_is_due(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("NL-XYZ");
    let own = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    let theirs = going(&*ledger, owed_to(other, notice(session_with(&*ledger, other).await, End, 0))).await;
    fail(&*ledger, own, 1, 10).await;
    fail(&*ledger, theirs, 1, 10).await;
    assert_eq!(claimed(&*ledger, 9).await, []);
    assert_eq!(claimed(&*ledger, 10).await, [own.delivery]);
    assert_eq!(claimed(&*ledger, 10).await, [], "claimed is claimed");
    let spelled = provider_named("nl*xyz");
    let owed = ledger.claim_due(spelled, None, at(10), at(50), 10).await.unwrap().owed;
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].lease.delivery, owed[0].provider), (theirs.delivery, other));
}

pub(crate) async fn a_claim_carries_the_whole_message(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = Intake { received_at: at_micros(0, 123_456), ..notice(session, Error, 0) };
    let lease = going(&*ledger, intake.clone()).await;
    fail(&*ledger, lease, 1, 2).await;
    let owed = claim(&*ledger, 2).await.pop().unwrap();
    assert_eq!((owed.process, owed.session, owed.kind), (intake.process, session, Error));
    assert_eq!((owed.provider, owed.body, owed.received_at), (provider(), intake.body, intake.received_at));
}

pub(crate) async fn what_is_parked_is_promoted_later(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let one = going(&*ledger, notice(session, End, 0)).await;
    let two = stored(&*ledger, notice(session, End, 1)).await.lease;
    let error = stored(&*ledger, notice(session, Error, 1)).await.lease;
    // The later ones run out of budget while the first is under way.
    ledger.defer(two, at(5), at(6)).await.unwrap();
    ledger.defer(error, at(5), at(6)).await.unwrap();
    assert_eq!(claimed(&*ledger, 10).await, [], "the session has something under way");
    assert_eq!(ledger.due(at(10)).await.unwrap().providers, []);
    fail(&*ledger, one, 11, 100).await;
    assert_eq!(claimed(&*ledger, 11).await, [error.delivery], "an Error does not wait for a retry");
    let first = claim(&*ledger, 100).await;
    assert!(first.is_empty(), "one under way at a time");
    ledger.sweep(at(200)).await.unwrap();
    assert_eq!(claimed(&*ledger, 200).await.len(), 1);
}

pub(crate) async fn a_start_or_progress_too_old_expires_and_an_end_is_exhausted(place: &dyn Place) {
    let ledger = begin(place).await;
    let ages = [
        (Start, 15 * MINUTE, "expired", None),
        (Progress, 15 * MINUTE, "expired", None),
        (End, 72 * HOUR, "exhausted", Some("too-old")),
        (Error, 72 * HOUR, "exhausted", Some("too-old")),
    ];
    for (kind, age, state, reason) in ages {
        let session = session(&*ledger).await;
        let intake = notice(session, kind, 0);
        let process = intake.process;
        let lease = going(&*ledger, intake).await;
        fail(&*ledger, lease, 1, age - 1).await;
        let owed = claim(&*ledger, age - 1).await.pop().expect("still of use");
        fail(&*ledger, owed.lease, age - 1, age).await;
        assert_eq!(claimed(&*ledger, age).await, [], "{kind}");
        let delivery = message(&*ledger, process).await.deliveries.pop().unwrap();
        assert_eq!((delivery.state.as_str(), delivery.reason.as_deref()), (state, reason), "{kind}");
        assert_eq!(delivery.ended_at, Some(at(age)), "{kind}");
        assert_eq!(delivery.attempts.len(), 2, "{kind}");
    }
    assert_eq!(ledger.backlog().await.unwrap(), []);
    // What waited behind it goes on.
    let session = session(&*ledger).await;
    let lease = going(&*ledger, notice(session, Start, 0)).await;
    fail(&*ledger, lease, 1, 30 * MINUTE).await;
    let second = stored(&*ledger, notice(session, Start, 20 * MINUTE)).await;
    assert_eq!(second.turn, TurnNow::Behind);
    assert_eq!(claimed(&*ledger, 30 * MINUTE).await, []);
    let owed = claim(&*ledger, 30 * MINUTE).await.pop().expect("its turn has come");
    assert_eq!(owed.lease.delivery, second.lease.delivery);
}

pub(crate) async fn a_claim_supersedes_what_it_overtakes(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let start = notice(session, Start, 0);
    let first = going(&*ledger, start.clone()).await;
    let end = stored(&*ledger, notice(session, End, 1)).await.lease;
    ledger.defer(end, at(2), at(10)).await.unwrap();
    fail(&*ledger, first, 3, 20).await;
    assert_eq!(claimed(&*ledger, 10).await, [end.delivery]);
    assert_eq!(states(&*ledger, start.process).await, ["superseded"]);
    assert_eq!(claimed(&*ledger, 20).await, []);
}

pub(crate) async fn opening_again_makes_leased_deliveries_due_at_once(place: &dyn Place) {
    let ledger = begin(place).await;
    let lease = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    let later = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    fail(&*ledger, later, 1, 1_000).await;
    drop(ledger);
    let ledger = place.open(at(5)).await;
    let due = ledger.due(at(5)).await.unwrap();
    assert_eq!((due.providers, due.next), (vec![provider()], Some(at(1_000))));
    let owed = claim(&*ledger, 5).await;
    assert_eq!(owed.len(), 1, "what waited goes on waiting");
    assert_eq!((owed[0].lease.delivery, owed[0].lease.token), (lease.delivery, lease.token + 1));
    assert_eq!(deliver(&*ledger, lease, 6).await, Settled::Late, "nobody else can hold a lease on it");
}
