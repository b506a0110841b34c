//! The hub is killed while many messages come in for a provider that follows its feed: whatever was answered is in the
//! feed, once, and a reader that goes on where it stopped has seen all of it.

use std::collections::BTreeSet;

use roamhub_testkit::messages;
use tokio::time::timeout;

use crate::stage::{BOUND, FEED, READS, Stage, column, entries, process_of, text};

const SESSIONS: usize = 60;

#[tokio::test]
async fn whatever_was_answered_is_in_the_feed_once_and_no_reader_is_passed_by() {
    let mut stage = Stage::with(READS).await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(stage.operator.open_session().await);
    }
    let (mut answered, mut seen) = (BTreeSet::new(), Vec::new());
    let mut cursor = "0".to_owned();
    for part in sessions.chunks(SESSIONS / 4) {
        let calls: Vec<_> = part
            .iter()
            .map(|session| {
                let (operator, end) = (stage.operator.clone(), messages::end(session));
                tokio::spawn(async move { operator.try_notify(end).await })
            })
            .collect();
        // Reads on while they come in, until some of them are there.
        let some = async {
            while seen.len() < answered.len() + 3 {
                read_on(&stage, &mut cursor, &mut seen).await;
            }
        };
        timeout(BOUND, some).await.expect("the feed grows");
        stage.hub.kill9().await;
        for call in calls {
            if let Ok(answer) = call.await.unwrap() {
                assert_eq!(answer.code(), "000", "{answer:?}");
                answered.insert(process_of(&answer));
            }
        }
        stage.restart().await;
        let all = async {
            while !answered.iter().all(|process| seen.contains(process)) {
                read_on(&stage, &mut cursor, &mut seen).await;
            }
        };
        timeout(BOUND, all).await.expect("what was answered is in the feed");
    }
    assert!(answered.len() >= 12, "{}", answered.len());
    let once: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(once.len(), seen.len(), "nothing twice");
    // From the beginning it is the same feed, position by position.
    let feed = entries(&stage.operator.get(&format!("{FEED}?after=0")).await);
    assert_eq!(column(&feed, "process_id")[..seen.len()], seen);
    let positions: Vec<String> = (1..=feed.len()).map(|position| position.to_string()).collect();
    assert_eq!(column(&feed, "position"), positions);
}

/// Reads the next page.
async fn read_on(stage: &Stage, cursor: &mut String, seen: &mut Vec<String>) {
    let page = stage.operator.get(&format!("{FEED}?after={cursor}&limit=7")).await;
    seen.extend(column(&entries(&page), "process_id"));
    *cursor = text(&page.json()["next"]);
}
