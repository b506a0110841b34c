//! Lanes: what is drained first, and pauses that outlive the process.

use oicp::ProviderId;
use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease};
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{Ledger, Pause, Queue};

use crate::Place;
use crate::scene::*;

const HOUR: i64 = 3_600;

fn paused(provider: ProviderId, seconds: i64, why: &str) -> Pause {
    Pause { provider, at: at(seconds), by: "ops@hub".to_owned(), why: why.to_owned() }
}

/// A message of a session of its own, put aside without an attempt until `due`.
async fn put_aside(ledger: &dyn Ledger, kind: roamhub_core::MessageKind, due: i64) -> Lease {
    let lease = going(ledger, notice(session(ledger).await, kind, 0)).await;
    ledger.defer(lease, at(1), at(due)).await.unwrap();
    lease
}

/// The same, after one failed attempt.
async fn failed(ledger: &dyn Ledger, kind: roamhub_core::MessageKind, due: i64) -> Lease {
    let lease = going(ledger, notice(session(ledger).await, kind, 0)).await;
    fail(ledger, lease, 1, due).await;
    lease
}

pub(crate) async fn end_and_error_go_before_start_and_progress_and_first_attempts_before_retries(
    place: &dyn Place,
) {
    let ledger = begin(place).await;
    let mut expected: Vec<(usize, DeliveryNo)> = vec![
        (7, failed(&*ledger, Progress, 10).await.delivery),
        (6, failed(&*ledger, Start, 5).await.delivery),
        (5, put_aside(&*ledger, Progress, 12).await.delivery),
        (4, put_aside(&*ledger, Start, 11).await.delivery),
        (3, failed(&*ledger, Error, 14).await.delivery),
        (2, failed(&*ledger, End, 13).await.delivery),
        (1, put_aside(&*ledger, Error, 20).await.delivery),
        (0, put_aside(&*ledger, End, 19).await.delivery),
    ];
    put_aside(&*ledger, End, 41).await;
    expected.sort();
    let mut seen = Vec::new();
    for limit in [1, 2, 3, 1, 5] {
        let claim = ledger.claim_due(provider(), None, at(40), at(80), limit).await.unwrap();
        seen.extend(claim.owed.into_iter().map(|owed| owed.lease.delivery));
    }
    let expected: Vec<_> = expected.into_iter().map(|(_, delivery)| delivery).collect();
    assert_eq!(seen, expected);
    let due = ledger.due(at(40)).await.unwrap();
    assert_eq!((due.providers, due.next), (vec![], Some(at(41))));
}

pub(crate) async fn a_claim_may_leave_one_kind_where_it_is(place: &dyn Place) {
    let ledger = begin(place).await;
    let progress = put_aside(&*ledger, Progress, 5).await;
    let end = failed(&*ledger, End, 5).await;
    let mut claimed = Vec::new();
    for only in [Urgency::Usual, Urgency::Usual, Urgency::Urgent, Urgency::Urgent] {
        let claim = ledger.claim_due(provider(), Some(only), at(10), at(50), 9).await.unwrap();
        claimed.push(claim.owed.iter().map(|owed| owed.lease.delivery).collect::<Vec<_>>());
    }
    assert_eq!(claimed, [vec![progress.delivery], vec![], vec![end.delivery], vec![]]);
}

pub(crate) async fn an_end_that_was_never_tried_is_tried_however_old_it_is(place: &dyn Place) {
    let ledger = begin(place).await;
    let untried = put_aside(&*ledger, End, 5).await;
    put_aside(&*ledger, Progress, 5).await;
    failed(&*ledger, Error, 5).await;
    let late = ledger.claim_due(provider(), None, at(80 * HOUR), at(81 * HOUR), 10).await.unwrap();
    let owed: Vec<_> = late.owed.iter().map(|owed| owed.lease.delivery).collect();
    assert_eq!((owed, late.expired, late.exhausted), (vec![untried.delivery], 1, 1));
    let (now, reason) = (80 * HOUR, Some("too-old"));
    finish(&*ledger, late.owed[0].lease, now, FinalState::Exhausted, reason).await;
    assert_eq!(ledger.backlog().await.unwrap(), []);
}

pub(crate) async fn a_pause_is_there_until_it_is_resumed_also_after_a_restart(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("NL-XYZ");
    assert_eq!(ledger.pauses().await.unwrap(), []);
    let first = paused(provider(), 5, "they move their \"servers\"; größer");
    assert_eq!(ledger.pause(vec![first.clone()]).await.unwrap(), 1);
    let both = vec![paused(provider(), 6, "again"), paused(other, 6, "restored from a backup")];
    assert_eq!(ledger.pause(both.clone()).await.unwrap(), 1, "one was paused already");
    let expected = vec![first, both[1].clone()];
    assert_eq!(ledger.pauses().await.unwrap(), expected, "and keeps its first reason");
    drop(ledger);
    let ledger = place.open(at(10)).await;
    assert_eq!(ledger.pauses().await.unwrap(), expected);
    let resumed = ledger.resume(vec![provider(), provider_named("DE-ZZZ")], at(20), "ops".to_owned()).await;
    assert_eq!(resumed.unwrap(), 1);
    assert_eq!(ledger.pauses().await.unwrap(), vec![both[1].clone()]);
    assert_eq!(ledger.resume(vec![provider()], at(21), "ops".to_owned()).await.unwrap(), 0);
    // And again, with a reason of its own.
    let second = paused(provider(), 30, "once more");
    assert_eq!(ledger.pause(vec![second.clone()]).await.unwrap(), 1);
    assert_eq!(ledger.pauses().await.unwrap(), vec![second, both[1].clone()]);
}

pub(crate) async fn queues_say_how_much_waits_and_since_when(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.queues().await.unwrap(), []);
    let other = provider_named("NL-XYZ");
    put_aside(&*ledger, Progress, 7).await;
    failed(&*ledger, End, 90).await;
    let theirs = owed_to(other, notice(session_with(&*ledger, other).await, End, 0));
    let theirs = going(&*ledger, theirs).await;
    let own = Queue { provider: provider(), waiting: 2, due_since: Some(at(7)) };
    assert_eq!(ledger.queues().await.unwrap(), vec![own.clone()], "what is under way does not wait");
    fail(&*ledger, theirs, 1, 3).await;
    let mut queues = ledger.queues().await.unwrap();
    queues.sort_by_key(|queue| queue.waiting);
    assert_eq!(queues, [Queue { provider: other, waiting: 1, due_since: Some(at(3)) }, own]);
}
