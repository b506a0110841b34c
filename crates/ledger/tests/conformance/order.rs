//! Order within a session: first come, first sent, one at a time, and an End never waits for the past.

use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::Lease;
use roamhub_core::ports::{Intake, Ledger, TurnNow};

use crate::Place;
use crate::scene::*;

async fn turn(ledger: &dyn Ledger, lease: Lease, seconds: i64) -> TurnNow {
    ledger.take_turn(lease, at(seconds)).await.unwrap()
}

/// Takes it in and expects this turn.
async fn taken(ledger: &dyn Ledger, intake: Intake, turn: TurnNow) -> Lease {
    let sending = stored(ledger, intake).await;
    assert_eq!(sending.turn, turn);
    sending.lease
}

pub(crate) async fn a_later_one_waits_for_the_one_under_way_and_goes_after_it(place: &dyn Place) {
    let ledger = begin(place).await;
    for (earlier, later) in [(Start, Progress), (Start, End), (End, End), (Progress, Error), (Error, End)] {
        let session = session(&*ledger).await;
        let first = going(&*ledger, notice(session, earlier, 0)).await;
        let second = taken(&*ledger, notice(session, later, 1), TurnNow::Wait).await;
        let third = taken(&*ledger, notice(session, Error, 1), TurnNow::Wait).await;
        assert_eq!(turn(&*ledger, second, 2).await, TurnNow::Wait, "{later} behind {earlier}");
        assert_eq!(turn(&*ledger, first, 2).await, TurnNow::Go, "the first waits for nobody");
        deliver(&*ledger, first, 3).await;
        assert_eq!(turn(&*ledger, third, 4).await, TurnNow::Wait, "{later} is before it");
        assert_eq!(turn(&*ledger, second, 4).await, TurnNow::Go, "{later} after {earlier}");
        deliver(&*ledger, second, 5).await;
        assert_eq!(turn(&*ledger, third, 6).await, TurnNow::Go);
        assert_eq!(turn(&*ledger, second, 6).await, TurnNow::Lost, "it has ended");
        deliver(&*ledger, third, 7).await;
    }
}

pub(crate) async fn an_end_supersedes_deferred_start_and_progress(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let (start, progress, end) =
        (notice(session, Start, 0), notice(session, Progress, 2), notice(session, End, 4));
    let first = going(&*ledger, start.clone()).await;
    let second = taken(&*ledger, progress.clone(), TurnNow::Wait).await;
    // Both give their lease back before either may overtake the other.
    ledger.defer(second, at(3), at(100)).await.unwrap();
    fail(&*ledger, first, 3, 100).await;

    let last = going(&*ledger, end.clone()).await;
    for process in [start.process, progress.process] {
        let record = message(&*ledger, process).await;
        let delivery = record.deliveries.first().unwrap();
        assert_eq!((record.deliveries.len(), delivery.state.as_str()), (1, "superseded"));
        assert_eq!((delivery.ended_at, delivery.due_at), (Some(at(4)), None));
    }
    assert_eq!(claimed(&*ledger, 200).await, [], "what is superseded is not sent any more");
    assert_eq!(turn(&*ledger, first, 5).await, TurnNow::Lost);
    deliver(&*ledger, last, 6).await;
    assert_eq!(states(&*ledger, end.process).await, ["delivered"]);
    assert_eq!(ledger.backlog().await.unwrap(), []);
}

pub(crate) async fn one_that_waited_supersedes_what_was_deferred_meanwhile(place: &dyn Place) {
    let ledger = begin(place).await;
    for kind in [Progress, End] {
        let session = session(&*ledger).await;
        let start = notice(session, Start, 0);
        let first = going(&*ledger, start.clone()).await;
        let second = taken(&*ledger, notice(session, kind, 1), TurnNow::Wait).await;
        fail(&*ledger, first, 2, 100).await;
        assert_eq!(states(&*ledger, start.process).await, ["deferred"], "not before the {kind} goes");
        assert_eq!(turn(&*ledger, second, 3).await, TurnNow::Go);
        assert_eq!(states(&*ledger, start.process).await, ["superseded"]);
        deliver(&*ledger, second, 4).await;
    }
}

pub(crate) async fn two_ends_keep_their_order(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let (one, two) = (notice(session, End, 0), notice(session, End, 2));
    let first = going(&*ledger, one.clone()).await;
    fail(&*ledger, first, 1, 30).await;
    let second = taken(&*ledger, two.clone(), TurnNow::Behind).await;
    assert_eq!(turn(&*ledger, second, 3).await, TurnNow::Lost, "behind is deferred: the lease is gone");
    let parked = message(&*ledger, two.process).await.deliveries.pop().unwrap();
    assert_eq!((parked.state.as_str(), parked.due_at), ("deferred", None));

    assert_eq!(claimed(&*ledger, 29).await, []);
    let owed = claim(&*ledger, 30).await;
    assert_eq!(owed.len(), 1, "one at a time");
    assert_eq!(owed[0].process, one.process);
    deliver(&*ledger, owed[0].lease, 31).await;
    assert_eq!(ledger.due(at(31)).await.unwrap().providers, [provider()], "promoted at once");
    let owed = claim(&*ledger, 31).await;
    assert_eq!((owed.len(), owed[0].process, owed[0].lease.token), (1, two.process, 2));
    deliver(&*ledger, owed[0].lease, 32).await;
    assert_eq!(states(&*ledger, one.process).await, ["delivered"]);
    assert_eq!(states(&*ledger, two.process).await, ["delivered"]);
}

pub(crate) async fn a_progress_stays_behind_a_deferred_end(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = going(&*ledger, notice(session, End, 0)).await;
    fail(&*ledger, end, 1, 10).await;
    let late = notice(session, Progress, 2);
    taken(&*ledger, late.clone(), TurnNow::Behind).await;
    assert_eq!(states(&*ledger, late.process).await, ["deferred"]);
    let owed = claim(&*ledger, 10).await;
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].kind, End);
    deliver(&*ledger, owed[0].lease, 11).await;
    assert_eq!(claim(&*ledger, 11).await[0].process, late.process);
}

pub(crate) async fn an_error_passes_what_is_deferred(place: &dyn Place) {
    let ledger = begin(place).await;
    for earlier in [Start, Progress, End, Error] {
        let session = session(&*ledger).await;
        let old = notice(session, earlier, 0);
        let first = going(&*ledger, old.clone()).await;
        fail(&*ledger, first, 1, 50).await;
        let error = going(&*ledger, notice(session, Error, 2)).await;
        deliver(&*ledger, error, 3).await;
        assert_eq!(states(&*ledger, old.process).await, ["deferred"], "and supersedes nothing");
        assert_eq!(claimed(&*ledger, 50).await, [first.delivery], "{earlier}");
    }
    // Nor does a deferred Error hold up or lose to anything.
    for later in [Start, Progress, End] {
        let session = session(&*ledger).await;
        let error = notice(session, Error, 60);
        let lease = going(&*ledger, error.clone()).await;
        fail(&*ledger, lease, 61, 5_000).await;
        going(&*ledger, notice(session, later, 62)).await;
        assert_eq!(states(&*ledger, error.process).await, ["deferred"], "{later}");
    }
}

pub(crate) async fn a_start_behind_a_deferred_start_is_parked(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = going(&*ledger, notice(session, Start, 0)).await;
    fail(&*ledger, first, 1, 10).await;
    let second = taken(&*ledger, notice(session, Start, 2), TurnNow::Behind).await;
    let owed = claim(&*ledger, 10).await;
    assert_eq!((owed.len(), owed[0].lease.delivery), (1, first.delivery));
    refuse(&*ledger, owed[0].lease, 11).await;
    assert_eq!(claimed(&*ledger, 11).await, [second.delivery]);
}

pub(crate) async fn sessions_do_not_wait_for_each_other(place: &dyn Place) {
    let ledger = begin(place).await;
    let first = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    going(&*ledger, notice(session(&*ledger).await, Start, 0)).await;
    fail(&*ledger, first, 1, 100).await;
    going(&*ledger, notice(session(&*ledger).await, End, 2)).await;
}

pub(crate) async fn a_deferred_one_is_not_claimed_while_a_later_one_is_under_way(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = going(&*ledger, notice(session, End, 0)).await;
    fail(&*ledger, end, 1, 10).await;
    let error = going(&*ledger, notice(session, Error, 9)).await;
    assert_eq!(claimed(&*ledger, 10).await, [], "one under way at a time");
    assert_eq!(ledger.due(at(10)).await.unwrap().providers, [], "and nobody spins on it");
    fail(&*ledger, error, 11, 500).await;
    assert_eq!(claimed(&*ledger, 11).await, [end.delivery]);
}

pub(crate) async fn nobody_is_stranded_when_the_last_one_under_way_steps_back(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let one = going(&*ledger, notice(session, End, 0)).await;
    let two = taken(&*ledger, notice(session, End, 1), TurnNow::Wait).await;
    fail(&*ledger, one, 2, 3).await;
    assert_eq!(claimed(&*ledger, 3).await, [], "the second still holds its lease: the first is parked");
    assert_eq!(turn(&*ledger, two, 4).await, TurnNow::Behind);
    assert_eq!(claimed(&*ledger, 4).await, [one.delivery], "without waiting for the sweeper");
}

pub(crate) async fn nobody_is_stranded_by_a_restart(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let one = going(&*ledger, notice(session, End, 0)).await;
    let two = taken(&*ledger, notice(session, End, 1), TurnNow::Wait).await;
    fail(&*ledger, one, 2, 3).await;
    assert_eq!(claimed(&*ledger, 3).await, []);
    drop(ledger);
    let ledger = place.open(at(10)).await;
    let mut sent = Vec::new();
    for seconds in 10..14 {
        for owed in claim(&*ledger, seconds).await {
            sent.push(owed.lease.delivery);
            deliver(&*ledger, owed.lease, seconds).await;
        }
    }
    assert_eq!(sent, [one.delivery, two.delivery]);
}
