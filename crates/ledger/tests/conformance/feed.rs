//! Positions in feeds, and reading them.

use std::collections::BTreeSet;
use std::sync::Arc;

use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::delivery::FinalState;
use roamhub_core::feed::{FeedEnds, Position};

use crate::Place;
use crate::scene::*;

pub(crate) async fn what_is_held_gets_a_position_also_where_nobody_reads(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let start = hold(&*ledger, notice(session, Start, 1)).await;
    let sent = going(&*ledger, notice(session, Error, 2)).await;
    deliver(&*ledger, sent, 3).await;
    let end = hold(&*ledger, notice(session, End, 4)).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, []);
    sequence(&*ledger, &[]).await;
    let feed = feed_of(&*ledger, provider()).await;
    let seen: Vec<_> =
        feed.iter().map(|entry| (entry.position.number(), entry.process, entry.state.as_str())).collect();
    assert_eq!(seen, [(1, start, "held"), (2, end, "held")]);
    assert_eq!((feed[1].kind.as_str(), feed[1].session, feed[1].received_at), ("End", session, at(4)));
}

pub(crate) async fn a_reader_gets_everything_in_order_of_arrival(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, other) = (session(&*ledger).await, session(&*ledger).await);
    sequence(&*ledger, &[provider()]).await;
    let sent = [notice(one, Start, 1), notice(other, End, 2), notice(one, Progress, 3), notice(one, End, 4)];
    let first = going(&*ledger, sent[0].clone()).await;
    let second = going(&*ledger, sent[1].clone()).await;
    deliver(&*ledger, first, 2).await;
    sequence(&*ledger, &[provider()]).await;
    let third = going(&*ledger, sent[2].clone()).await;
    fail(&*ledger, third, 5, 50).await;
    hold(&*ledger, sent[3].clone()).await;
    sequence(&*ledger, &[provider()]).await;
    let feed = feed_of(&*ledger, provider()).await;
    let order: Vec<_> = feed.iter().map(|entry| entry.process).collect();
    assert_eq!(order, sent.clone().map(|intake| intake.process));
    let states: Vec<_> = feed.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(states, ["delivered", "under-way", "deferred", "held"]);
    deliver(&*ledger, second, 6).await;
    assert_eq!(feed_of(&*ledger, provider()).await[1].state, "delivered");
    // Looking again gives nothing twice.
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, order);
}

pub(crate) async fn positions_are_counted_per_provider(place: &dyn Place) {
    let ledger = begin(place).await;
    let second = provider_named("DE-QQQ");
    let (mine, theirs) = (session(&*ledger).await, session_with(&*ledger, second).await);
    for seconds in 0..3 {
        hold(&*ledger, notice(mine, End, seconds)).await;
        hold(&*ledger, owed_to(second, notice(theirs, End, seconds))).await;
    }
    sequence(&*ledger, &[second]).await;
    for provider in [provider(), second] {
        let feed = feed_of(&*ledger, provider).await;
        let positions: Vec<_> = feed.iter().map(|entry| entry.position.number()).collect();
        assert_eq!(positions, [1, 2, 3]);
        let ends = ledger.feed_ends(provider).await.unwrap();
        assert_eq!(ends, FeedEnds { last: position(3), confirmed: Position::BEGINNING });
    }
    let stranger = provider_named("DE-NIX");
    assert_eq!(ledger.feed_ends(stranger).await.unwrap(), FeedEnds::default());
    assert_eq!(feed_of(&*ledger, stranger).await, []);
}

pub(crate) async fn a_pass_is_bounded_and_says_how_much_is_left(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for seconds in 0..7 {
        hold(&*ledger, notice(session, End, seconds)).await;
    }
    let nobody = Arc::new(BTreeSet::new());
    for (left, grown) in [(4, 3), (1, 3), (0, 1)] {
        let pass = ledger.sequence(nobody.clone(), 3).await.unwrap();
        assert_eq!((pass.behind, pass.grown), (left, vec![(provider(), grown)]));
    }
    let idle = ledger.sequence(nobody, 3).await.unwrap();
    assert_eq!((idle.behind, idle.grown), (0, vec![]));
}

pub(crate) async fn a_provider_that_starts_to_read_begins_with_what_is_held_and_owed(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let held = hold(&*ledger, notice(session, Start, 1)).await;
    let delivered = going(&*ledger, notice(session, Error, 2)).await;
    deliver(&*ledger, delivered, 3).await;
    let owed = notice(session, End, 4);
    let lease = going(&*ledger, owed.clone()).await;
    fail(&*ledger, lease, 5, 100).await;
    sequence(&*ledger, &[]).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, [held]);
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, [held, owed.process]);
    let later = notice(session, Error, 6);
    let under_way = going(&*ledger, later.clone()).await;
    // What comes while it does not read is not in its feed, except for what is held.
    sequence(&*ledger, &[provider()]).await;
    deliver(&*ledger, under_way, 7).await;
    sequence(&*ledger, &[]).await;
    let while_away = going(&*ledger, notice(session, Error, 7)).await;
    deliver(&*ledger, while_away, 8).await;
    sequence(&*ledger, &[]).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, [held, owed.process, later.process]);
}

pub(crate) async fn a_page_is_bounded_in_number_and_in_bytes(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for seconds in 0..5 {
        let body = format!("{{{:>1$}}}", seconds, 998);
        hold(&*ledger, with_body(session, End, seconds, body.into_bytes())).await;
    }
    sequence(&*ledger, &[]).await;
    let page = async |after, limit, bytes| -> Vec<i64> {
        let page = ledger.read_feed(provider(), position(after), limit, bytes).await.unwrap();
        page.iter().map(|entry| entry.position.number()).collect()
    };
    assert_eq!(page(0, 2, 1_000_000).await, [1, 2]);
    assert_eq!(page(2, 10, 1_000_000).await, [3, 4, 5]);
    assert_eq!(page(0, 10, 2_000).await, [1, 2]);
    assert_eq!(page(1, 10, 10).await, [2], "one comes, however long it is");
    assert_eq!(page(5, 10, 1_000_000).await, [0; 0]);
}

pub(crate) async fn positions_and_confirmations_survive_a_restart(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    let mut sent = Vec::new();
    for seconds in 0..4 {
        sent.push(hold(&*ledger, notice(key, End, seconds)).await);
    }
    sequence(&*ledger, &[provider()]).await;
    confirm(&*ledger, 2, 5).await;
    sent.push(hold(&*ledger, notice(key, End, 6)).await);
    drop(ledger);
    let ledger = place.open(at(7)).await;
    let ends = ledger.feed_ends(provider()).await.unwrap();
    assert_eq!(ends, FeedEnds { last: position(4), confirmed: position(2) });
    sequence(&*ledger, &[provider()]).await;
    let feed = feed_of(&*ledger, provider()).await;
    assert_eq!(feed.iter().map(|entry| entry.process).collect::<Vec<_>>(), sent);
    let states: Vec<_> = feed.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(states, ["fetched", "fetched", "held", "held", "held"]);
}

pub(crate) async fn the_bytes_come_back_as_they_were(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let intake = with_body(session, End, 1, bytes.clone());
    let digest = intake.digest;
    hold(&*ledger, intake).await;
    sequence(&*ledger, &[]).await;
    let feed = feed_of(&*ledger, provider()).await;
    assert_eq!((&feed[0].body[..], feed[0].digest), (&bytes[..], digest));
}

pub(crate) async fn a_message_without_any_end_is_held_again_only_if_it_ended_unheard(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    let ending = async |state: Option<FinalState>| {
        let intake = notice(key, Error, 1);
        let process = intake.process;
        let lease = going(&*ledger, intake).await;
        match state {
            Some(FinalState::Delivered) => drop(deliver(&*ledger, lease, 2).await),
            Some(state) => drop(finish(&*ledger, lease, 2, state, None).await),
            None => {}
        }
        ledger.hold_in_feed(process, at(3)).await.unwrap();
        // Once is enough.
        ledger.hold_in_feed(process, at(4)).await.unwrap();
        (process, states(&*ledger, process).await)
    };
    let (exhausted, seen) = ending(Some(FinalState::Exhausted)).await;
    assert_eq!(seen, ["exhausted", "held"]);
    let (refused, seen) = ending(Some(FinalState::Refused)).await;
    assert_eq!(seen, ["refused", "held"]);
    assert_eq!(ending(Some(FinalState::Delivered)).await.1, ["delivered"]);
    assert_eq!(ending(Some(FinalState::Superseded)).await.1, ["superseded"]);
    assert_eq!(ending(None).await.1, ["leased"]);
    assert_eq!(processes_in_feed(&*ledger, provider()).await, [exhausted, refused]);
    ledger.hold_in_feed(roamhub_core::ProcessId::new(), at(5)).await.expect("nothing to do");
}

pub(crate) async fn what_is_held_again_stands_behind_what_is_there(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    let old = notice(key, End, 1);
    let lease = going(&*ledger, old.clone()).await;
    finish(&*ledger, lease, 2, FinalState::Exhausted, Some("too-old")).await;
    let newer = hold(&*ledger, notice(key, End, 3)).await;
    sequence(&*ledger, &[]).await;
    let (first, _) = repeat(&*ledger, held(again(&old, 4))).await;
    ledger.hold_in_feed(first, at(4)).await.unwrap();
    sequence(&*ledger, &[]).await;
    assert_eq!(processes_in_feed(&*ledger, provider()).await, [newer, old.process]);
    assert_eq!(confirm(&*ledger, 2, 5).await, (2, 0));
    assert_eq!(states(&*ledger, old.process).await, ["exhausted", "held", "fetched"]);
}
