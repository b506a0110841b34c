//! The clock is set: what waits for an instant follows.

use jiff::SignedDuration;
use roamhub_core::MessageKind::{End, Start};

use crate::Place;
use crate::scene::*;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

pub(crate) async fn set_back_what_is_deferred_is_due_earlier(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    // Taken in and deferred by a clock that is five hours ahead.
    let lease = going(&*ledger, notice(session, End, 5 * HOUR)).await;
    fail(&*ledger, lease, 5 * HOUR, 5 * HOUR + 10).await;
    assert_eq!(claimed(&*ledger, 20).await, []);
    assert_eq!(ledger.clock_stepped(at(0), SignedDuration::from_secs(-5 * HOUR)).await.unwrap(), 1);
    assert_eq!(claimed(&*ledger, 9).await, []);
    assert_eq!(claimed(&*ledger, 10).await, [lease.delivery]);
}

pub(crate) async fn set_forwards_an_end_is_given_up_later_and_a_start_expires(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, other) = (session(&*ledger).await, session(&*ledger).await);
    let (start, end) = (notice(one, Start, 0), notice(other, End, 0));
    let (started, ended) = (start.process, end.process);
    for intake in [start, end] {
        let lease = going(&*ledger, intake).await;
        fail(&*ledger, lease, 1, 5).await;
    }
    let days = 10 * DAY;
    assert_eq!(ledger.clock_stepped(at(days), SignedDuration::from_secs(days)).await.unwrap(), 1);
    let owed = claim(&*ledger, days + 5).await;
    assert_eq!(owed.iter().map(|owed| owed.process).collect::<Vec<_>>(), [ended]);
    assert_eq!(states(&*ledger, started).await, ["expired"]);
    // It is as old as it was: its own 72 hours go on.
    fail(&*ledger, owed[0].lease, days + 6, days + 3 * DAY).await;
    assert!(claim(&*ledger, days + 3 * DAY).await.is_empty());
    assert_eq!(states(&*ledger, ended).await, ["exhausted"]);
}

pub(crate) async fn a_clock_set_beyond_all_times_is_followed_as_far_as_there_is_time(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let lease = going(&*ledger, notice(session, End, 0)).await;
    fail(&*ledger, lease, 1, 5).await;
    for step in [SignedDuration::MAX, SignedDuration::MIN] {
        assert_eq!(ledger.clock_stepped(at(2), step).await.unwrap(), 1);
    }
    let owed = claim(&*ledger, 3).await;
    assert!(matches!(&owed[..], [owed] if owed.gives_up_at > at(36_500 * DAY)), "{owed:?}");
}
