//! Kills around the issue: an End is issued once, and not lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::stage::*;

#[tokio::test]
async fn however_often_the_hub_is_killed_each_session_gets_its_one_end() {
    const SESSIONS: usize = 40;
    let mut stage = Stage::agreed().await;
    let mut sessions = BTreeSet::new();
    let mut pace = tokio::time::interval(Duration::from_millis(25));
    for _ in 0..SESSIONS {
        pace.tick().await;
        sessions.insert(stage.operator.open_session().await);
    }
    // They expire one after the other, some each round: every kill comes right upon a round that has issued some.
    let issued = |stage: &Stage| stage.hub.log().matches("an End was issued").count();
    let mut kills = 0;
    while issued(&stage) < SESSIONS && stage.provider.notifications().len() < SESSIONS {
        let before = issued(&stage);
        let began = Instant::now();
        while issued(&stage) == before && began.elapsed() < Duration::from_secs(2) {
            tokio::task::yield_now().await;
        }
        stage.hub.kill9().await;
        stage.restart().await;
        kills += 1;
    }
    assert!(kills > 1, "the kills were to meet the issuing");
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(40));
    let processes = loop {
        looks.tick().await;
        let mut processes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for end in stage.provider.notifications() {
            assert!(is_issued(&end), "{end:?}");
            let process = end.header("process-id").unwrap().to_owned();
            processes.entry(end.session()).or_default().insert(process);
        }
        if processes.len() == SESSIONS {
            break processes;
        }
        assert!(began.elapsed() < SOON, "{} of {SESSIONS}: {}", processes.len(), stage.hub.log());
    };
    assert_eq!(processes.keys().cloned().collect::<BTreeSet<_>>(), sessions);
    for session in &sessions {
        assert_eq!(processes[session].len(), 1, "a repeat after a crash is under the same id");
        let messages = stage.messages(session).await;
        assert_eq!(messages.len(), 1, "{messages:#?}");
    }
    assert_eq!(stage.run(&["ghosts"]).await.stdout, "no ghosts\n");
}
