//! Replays: what a selection takes in, what is queued how often, and that no session's order knows of it.

use roamhub_core::MessageKind::{End, Error, Start};
use roamhub_core::ProcessId;
use roamhub_core::delivery::{FinalState, OwedDelivery};
use roamhub_core::erasure::Undelivered;
use roamhub_core::ports::{AttemptRecord, Fate, Ledger, Repeated, Settled};
use roamhub_core::replay::{Filled, Matching, ReplayNo, ReplayRecord, Selection};

use crate::Place;
use crate::scene::*;

/// Everything owed to the usual provider, whatever became of it.
fn everything() -> Selection {
    Selection { provider: Some(provider()), states: FinalState::ALL.to_vec(), ..Selection::default() }
}

/// Takes in an End of a session of its own that the provider then refuses.
async fn refused(ledger: &dyn Ledger, seconds: i64) -> ProcessId {
    let intake = notice(session(ledger).await, End, seconds);
    let process = intake.process;
    let lease = going(ledger, intake).await;
    refuse(ledger, lease, seconds).await;
    process
}

/// Orders a replay and queues all of it.
async fn ordered(ledger: &dyn Ledger, selection: Selection, seconds: i64) -> ReplayNo {
    let no = ledger.order_replay(selection, at(seconds)).await.unwrap();
    fill(ledger, seconds).await;
    no
}

/// Queues batches until nothing is left to queue.
async fn fill(ledger: &dyn Ledger, seconds: i64) {
    while ledger.fill_replays(at(seconds)).await.unwrap() != Filled::Nothing {}
}

async fn claim(ledger: &dyn Ledger, seconds: i64, limit: usize) -> Vec<OwedDelivery> {
    ledger.claim_replays(provider(), at(seconds), at(seconds + 40), limit).await.unwrap()
}

async fn end(ledger: &dyn Ledger, owed: &OwedDelivery, seconds: i64, state: FinalState) -> Settled {
    let (attempt, fate) = (answered(seconds, state), Fate::Final { state, reason: None });
    ledger.settle_replay(owed.lease, at(seconds), attempt, fate).await.unwrap()
}

fn answered(seconds: i64, state: FinalState) -> AttemptRecord {
    match state {
        FinalState::Delivered => attempt(seconds, "delivered", Some(YES)),
        _ => attempt(seconds, "refused", Some(NO)),
    }
}

async fn record(ledger: &dyn Ledger, no: ReplayNo) -> ReplayRecord {
    ledger.replay(no).await.unwrap().expect("the replay is known")
}

pub(crate) async fn a_selection_counts_what_it_takes_in_and_what_it_leaves(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.matching(everything()).await.unwrap(), Matching::default());
    refused(&*ledger, 10).await;
    let intake = notice(session(&*ledger).await, Start, 20);
    let lease = going(&*ledger, intake).await;
    deliver(&*ledger, lease, 20).await;
    let under_way = going(&*ledger, notice(session(&*ledger).await, End, 30)).await;
    let waiting = going(&*ledger, notice(session(&*ledger).await, End, 40)).await;
    fail(&*ledger, waiting, 41, 100).await;
    let count = async |selection| ledger.matching(selection).await.unwrap();
    let all = |to_send, open| Matching { to_send, erased: 0, open };
    assert_eq!(count(everything()).await, all(2, 2));
    assert_eq!(
        count(Selection { states: Vec::new(), ..everything() }).await,
        all(1, 2),
        "refused, exhausted"
    );
    assert_eq!(count(Selection { from: Some(at(20)), ..everything() }).await, all(1, 2));
    assert_eq!(count(Selection { until: Some(at(20)), ..everything() }).await, all(1, 0));
    assert_eq!(count(Selection { kinds: vec![End, Error], ..everything() }).await, all(1, 2));
    assert_eq!(
        count(Selection { provider: Some(provider_named("NL-XYZ")), ..everything() }).await,
        all(0, 0)
    );
    deliver(&*ledger, under_way, 50).await;
    assert_eq!(count(everything()).await, all(3, 1));
}

pub(crate) async fn a_replay_carries_the_message_with_attempts_counting_on(place: &dyn Place) {
    let ledger = begin(place).await;
    let intake = notice(session(&*ledger).await, End, 0);
    let lease = going(&*ledger, intake.clone()).await;
    fail(&*ledger, lease, 1, 5).await;
    let second = crate::scene::claim(&*ledger, 5).await.remove(0);
    refuse(&*ledger, second.lease, 6).await;

    let no = ordered(&*ledger, everything(), 1_000).await;
    let owed = claim(&*ledger, 1_000, 10).await;
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].process, owed[0].kind, &owed[0].body), (intake.process, End, &intake.body));
    assert_eq!((owed[0].received_at, owed[0].lease.token), (at(0), 3));
    assert!(owed[0].gives_up_at > at(1_000 + 70 * 3_600), "as young as the order for it");
    assert_eq!(record(&*ledger, no).await.waiting, 1);
    assert_eq!(end(&*ledger, &owed[0], 1_001, FinalState::Delivered).await, Settled::Recorded);

    let shown = message(&*ledger, intake.process).await;
    let seen: Vec<_> = shown.deliveries.iter().map(|one| (one.state.as_str(), one.replay)).collect();
    assert_eq!(seen, [("refused", None), ("delivered", Some(no.0))]);
    assert_eq!(shown.deliveries[1].attempts[0].number, 3);
    let record = record(&*ledger, no).await;
    assert_eq!((record.delivered, record.refused, record.waiting, record.is_done()), (1, 0, 0, true));
    assert_eq!(end(&*ledger, &owed[0], 1_002, FinalState::Refused).await, Settled::Late, "once only");
}

pub(crate) async fn a_large_replay_is_queued_in_batches_each_message_once_also_over_a_restart(
    place: &dyn Place,
) {
    const MESSAGES: u64 = 300;
    let ledger = begin(place).await;
    for _ in 0..MESSAGES {
        refused(&*ledger, 0).await;
    }
    let no = ledger.order_replay(everything(), at(10)).await.unwrap();
    // What arrives after the order is no part of it.
    refused(&*ledger, 11).await;
    let Filled::Batch { queued } = ledger.fill_replays(at(12)).await.unwrap() else { panic!("a batch") };
    assert!(queued > 0 && queued < MESSAGES, "{queued}");
    let claimed = claim(&*ledger, 12, 5).await;
    end(&*ledger, &claimed[0], 12, FinalState::Refused).await;
    drop(ledger);

    let ledger = place.open(at(20)).await;
    assert_eq!(record(&*ledger, no).await.so_far.to_send, queued);
    fill(&*ledger, 20).await;
    let filled = record(&*ledger, no).await;
    assert_eq!(filled.so_far, Matching { to_send: MESSAGES, erased: 0, open: 0 });
    assert_eq!((filled.filled_at, filled.waiting), (Some(at(20)), MESSAGES - 1));
    let mut seen = std::collections::HashSet::new();
    loop {
        let claimed = claim(&*ledger, 20, 50).await;
        if claimed.is_empty() {
            break;
        }
        for owed in claimed {
            assert!(seen.insert(owed.process), "{} twice", owed.process);
            end(&*ledger, &owed, 21, FinalState::Delivered).await;
        }
    }
    let done = record(&*ledger, no).await;
    assert_eq!((done.delivered, done.refused, done.is_done()), (MESSAGES - 1, 1, true));
}

pub(crate) async fn no_order_of_a_session_knows_of_a_replay(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let start = going(&*ledger, notice(session, Start, 0)).await;
    deliver(&*ledger, start, 0).await;
    ordered(&*ledger, everything(), 10).await;
    let replayed = claim(&*ledger, 10, 10).await.remove(0);
    // Neither waited for while it is under way, nor in the way or superseded while it waits.
    let end_of_it = going(&*ledger, notice(session, End, 11)).await;
    let fate = Fate::Retry { due_at: at(60), faulted: false, unusable: false };
    ledger.settle_replay(replayed.lease, at(12), attempt(12, "unreachable", None), fate).await.unwrap();
    deliver(&*ledger, end_of_it, 13).await;
    assert_eq!(ledger.backlog().await.unwrap(), []);
    assert_eq!(ledger.due(at(100)).await.unwrap().providers, []);
    assert_eq!(ledger.replays_due(at(59)).await.unwrap().next, Some(at(60)));
    assert_eq!(ledger.replays_due(at(60)).await.unwrap().providers, [provider()]);
    assert_eq!(claim(&*ledger, 60, 10).await[0].tries.recorded, 1);
}

pub(crate) async fn what_is_open_is_not_queued_and_two_replays_do_not_queue_the_same(place: &dyn Place) {
    let ledger = begin(place).await;
    refused(&*ledger, 0).await;
    let waiting = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    fail(&*ledger, waiting, 1, 900).await;
    let first = ordered(&*ledger, everything(), 10).await;
    let second = ordered(&*ledger, everything(), 11).await;
    let so_far = async |no| record(&*ledger, no).await.so_far;
    assert_eq!(so_far(first).await, Matching { to_send: 1, erased: 0, open: 1 });
    assert_eq!(so_far(second).await, Matching { to_send: 0, erased: 0, open: 2 });
    assert!(record(&*ledger, second).await.is_done());
}

pub(crate) async fn a_lease_of_a_replay_that_ran_out_is_claimed_again(place: &dyn Place) {
    let ledger = begin(place).await;
    refused(&*ledger, 0).await;
    ordered(&*ledger, everything(), 10).await;
    let first = claim(&*ledger, 10, 10).await.remove(0);
    assert_eq!(ledger.replays_due(at(49)).await.unwrap().providers, []);
    assert_eq!(ledger.replays_due(at(51)).await.unwrap().providers, [provider()]);
    let again = claim(&*ledger, 51, 10).await.remove(0);
    assert_eq!(again.lease.token, first.lease.token + 1);
    assert_eq!(end(&*ledger, &first, 52, FinalState::Delivered).await, Settled::Late);
    assert_eq!(end(&*ledger, &again, 53, FinalState::Delivered).await, Settled::Recorded);
}

pub(crate) async fn a_lease_of_a_replay_is_given_back_once(place: &dyn Place) {
    let ledger = begin(place).await;
    refused(&*ledger, 0).await;
    ordered(&*ledger, everything(), 10).await;
    let claimed = claim(&*ledger, 10, 10).await.remove(0);
    assert_eq!(ledger.defer_replay(claimed.lease, at(30)).await.unwrap(), Settled::Recorded);
    assert_eq!(ledger.defer_replay(claimed.lease, at(20)).await.unwrap(), Settled::Late);
    assert!(claim(&*ledger, 29, 10).await.is_empty());
    assert_eq!(claim(&*ledger, 30, 10).await[0].tries.recorded, 0, "nothing was tried");
}

pub(crate) async fn a_replay_stands_back_while_its_message_is_sent_again_by_its_sender(place: &dyn Place) {
    let ledger = begin(place).await;
    let intake = notice(session(&*ledger).await, End, 0);
    let lease = going(&*ledger, intake.clone()).await;
    refuse(&*ledger, lease, 0).await;
    ordered(&*ledger, everything(), 10).await;
    let reopened = reopened(&*ledger, again(&intake, 11)).await;
    assert!(claim(&*ledger, 12, 10).await.is_empty());
    deliver(&*ledger, reopened.lease, 13).await;
    let replayed = claim(&*ledger, 30, 10).await.remove(0);
    // A replay that the provider refuses does not take back its yes.
    end(&*ledger, &replayed, 31, FinalState::Refused).await;
    let (_, standing) = repeat(&*ledger, again(&intake, 40)).await;
    assert!(matches!(standing, Repeated::Delivered { .. }), "{standing:?}");
}

pub(crate) async fn an_erased_message_is_skipped_and_one_erased_while_it_waits_is_not_sent(
    place: &dyn Place,
) {
    let ledger = begin(place).await;
    let (before, waiting) = (session(&*ledger).await, session(&*ledger).await);
    let mut processes = Vec::new();
    for session in [before, waiting] {
        let intake = notice(session, End, 0);
        processes.push(intake.process);
        let lease = going(&*ledger, intake).await;
        refuse(&*ledger, lease, 0).await;
    }
    ledger.erase_session(before, Undelivered::Keep, at(5)).await.unwrap();
    let no = ordered(&*ledger, everything(), 10).await;
    assert_eq!(record(&*ledger, no).await.so_far, Matching { to_send: 1, erased: 1, open: 0 });
    ledger.erase_session(waiting, Undelivered::Keep, at(11)).await.unwrap();
    assert!(claim(&*ledger, 12, 10).await.is_empty());
    let done = record(&*ledger, no).await;
    assert_eq!((done.given_up, done.is_done()), (1, true));
    let shown = message(&*ledger, processes[1]).await;
    assert_eq!(shown.deliveries[1].reason.as_deref(), Some("erased"));
}

pub(crate) async fn replays_are_listed_newest_first(place: &dyn Place) {
    let ledger = begin(place).await;
    let first = ledger.order_replay(everything(), at(1)).await.unwrap();
    let second = ledger
        .order_replay(Selection { from: Some(at(0)), kinds: vec![End], ..everything() }, at(2))
        .await
        .unwrap();
    let listed = ledger.replays(10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.no).collect::<Vec<_>>(), [second, first]);
    assert_eq!(listed[1].selection, everything());
    assert_eq!(listed[0].selection.kinds, [End]);
    assert_eq!(ledger.replays(1).await.unwrap().len(), 1);
    assert_eq!(ledger.replay(ReplayNo(99)).await.unwrap(), None);
}
