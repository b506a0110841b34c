//! Draining a backlog for a fast provider, for which more is claimed than there are places.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use roamhub_testkit::{Received, Reply, messages};
use serde_json::json;
use tokio::time::{interval, timeout};

use crate::lanes::{assert_paused, pause, resume};
use crate::stage::{SOON, Stage, answer_notifications, assert_deferred};

async fn owes_nothing(stage: &Stage) {
    let mut looks = interval(Duration::from_millis(20));
    let owes = |metrics: String| {
        let mut open = metrics.lines().filter(|line| line.starts_with("roamhub_deliveries_open{"));
        open.any(|line| !line.ends_with(" 0"))
    };
    while owes(stage.hub.get_console("/metrics").await.text()) {
        looks.tick().await;
    }
}

async fn sessions(stage: &Stage, number: usize) -> Vec<String> {
    let mut sessions = Vec::new();
    for _ in 0..number {
        sessions.push(stage.operator.open_session().await);
    }
    sessions
}

#[tokio::test]
async fn what_is_claimed_ahead_leaves_in_the_order_in_which_it_came() {
    // One exchange of the backlog at a time.
    let mut stage = Stage::new("timeout = \"1s\"\nretry = [\"200ms\"]\nconcurrency = 2").await;
    let sessions = sessions(&stage, 80).await;
    stage.hub.kill9().await;
    pause(&stage).await;
    stage.hub.restart().await;
    stage.find_hub_again();
    for session in &sessions {
        assert_paused(&stage.operator.notify(messages::end(session)).await);
    }
    stage.hub.terminate().await;
    resume(&stage).await;
    stage.hub.restart().await;
    let seen = stage.provider.wait_for(sessions.len(), SOON).await;
    let order: Vec<_> = seen.iter().map(Received::session).collect();
    assert_eq!(order, sessions);
}

#[tokio::test]
async fn a_provider_that_fails_in_the_middle_of_its_backlog_acknowledges_each_end_exactly_once() {
    const OWED: usize = 150;
    let lines = "timeout = \"1s\"\nretry = [\"200ms\"]\nconcurrency = 20\nbreaker = { failures = 2, pause = \"100ms\" }";
    let stage = Stage::new(lines).await;
    let sessions = sessions(&stage, OWED).await;
    stage.provider.stop().await;
    for session in &sessions {
        assert_deferred(&stage.operator.notify(messages::end(session)).await);
    }
    let asked = AtomicUsize::new(0);
    let fails = |number: usize| (50..56).contains(&number) || (90..93).contains(&number);
    answer_notifications(&stage.provider, move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        number if fails(number) => Reply::Json(503, json!({"error": "restarting"})),
        _ => Reply::Acknowledge,
    });
    stage.provider.restart().await;
    stage.provider.wait_for(OWED + 9, SOON).await;
    timeout(SOON, owes_nothing(&stage)).await.expect("the hub owes nothing any more");
    let mut times = HashMap::new();
    for request in stage.provider.notifications() {
        *times.entry(request.session()).or_insert(0) += 1;
    }
    assert_eq!(times.len(), OWED, "every End");
    assert_eq!(times.values().sum::<usize>(), OWED + 9, "and again only what had failed: {times:?}");
}
