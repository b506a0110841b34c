//! A paused lane over the life of the program, and the order in which a backlog is drained.

use std::time::Duration;

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::ports::{LanePort, Pause};
use roamhub_ledger::Sqlite;
use roamhub_testkit::{Answer, FakeProvider, Received, messages};

use crate::stage::{
    SOON, Stage, assert_deferred, assert_delivered, hub_with, notify_beside, operator_of, provider_entry,
};

/// One exchange of the backlog at a time, so that its order can be seen.
const NARROW: &str = "timeout = \"1s\"\nretry = [\"200ms\"]\nconcurrency = 2";

fn provider() -> ProviderId {
    ProviderId::parse("DE-DCB").unwrap()
}

/// Opens the ledger of a hub that does not run.
async fn with_ledger(stage: &Stage, work: impl AsyncFnOnce(&Sqlite)) {
    let (ledger, _gone) = Sqlite::open(stage.hub.data_dir(), Timestamp::UNIX_EPOCH).unwrap();
    work(&ledger).await;
}

pub(crate) async fn pause(stage: &Stage) {
    with_ledger(stage, async |ledger| {
        let (by, why) = ("ops".to_owned(), "they move".to_owned());
        let pause = Pause { provider: provider(), at: Timestamp::UNIX_EPOCH, by, why };
        assert_eq!(ledger.pause(vec![pause]).await.unwrap(), 1);
    })
    .await;
}

pub(crate) async fn resume(stage: &Stage) {
    with_ledger(stage, async |ledger| {
        let resumed = ledger.resume(vec![provider()], Timestamp::UNIX_EPOCH, "ops".to_owned()).await;
        assert_eq!(resumed.unwrap(), 1);
    })
    .await;
}

#[track_caller]
pub(crate) fn assert_paused(answer: &Answer) {
    assert_deferred(answer);
    assert!(answer.additional_info().contains("paused"), "{answer:?}");
    assert!(!answer.additional_info().contains("they move"), "why is for people: {answer:?}");
    assert!(answer.took < Duration::from_millis(900), "at once: {answer:?}");
}

#[tokio::test]
async fn a_pause_outlives_a_kill_and_resuming_drains_ends_first_and_in_order() {
    let mut stage = Stage::new(NARROW).await;
    let mut sessions = Vec::new();
    for _ in 0..12 {
        sessions.push(stage.operator.open_session().await);
    }
    stage.hub.kill9().await;
    pause(&stage).await;
    stage.hub.restart().await;
    stage.find_hub_again();
    for session in &sessions[..5] {
        assert_paused(&stage.operator.notify(messages::progress(session, 10)).await);
    }
    for session in &sessions[5..8] {
        assert_paused(&stage.operator.notify(messages::end(session)).await);
    }
    stage.hub.kill9().await;
    stage.hub.restart().await;
    stage.find_hub_again();
    for session in &sessions[8..] {
        assert_paused(&stage.operator.notify(messages::end(session)).await);
    }
    let metrics = stage.hub.get_console("/metrics").await.text();
    assert!(metrics.contains("roamhub_lane_paused{provider=\"DE-DCB\"} 1"), "{metrics}");
    // A driver may start all the same: who must not is locked.
    assert!(!stage.operator.open_session().await.is_empty());
    assert_eq!(stage.provider.notifications().len(), 0, "nothing is sent, not even a probe");

    stage.hub.terminate().await;
    resume(&stage).await;
    stage.hub.restart().await;
    stage.find_hub_again();
    let seen = stage.provider.wait_for(sessions.len(), SOON).await;
    let order: Vec<_> = seen.iter().map(Received::session).collect();
    let expected: Vec<_> = sessions[5..].iter().chain(&sessions[..5]).cloned().collect();
    assert_eq!(order, expected, "{:?}", seen.iter().map(Received::kind).collect::<Vec<_>>());
    assert_delivered(&stage.end_of_new_session().await);
}

#[tokio::test]
async fn with_one_place_an_end_passes_other_sessions_progress_that_waits_for_it() {
    // Two places: one for the backlog, one for those who wait for an answer.
    let stage = Stage::answering("timeout = \"3s\"\nretry = [\"10m\"]\nconcurrency = 2", |_| {
        roamhub_testkit::Reply::After(
            Duration::from_millis(200),
            Box::new(roamhub_testkit::Reply::Acknowledge),
        )
    })
    .await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(stage.operator.open_session().await);
    }
    let first = notify_beside(&stage.operator, messages::progress(&sessions[0], 10));
    stage.provider.wait_for(1, SOON).await;
    let mut waiting = Vec::new();
    for session in &sessions[1..4] {
        waiting.push(notify_beside(&stage.operator, messages::progress(session, 10)));
    }
    let end = notify_beside(&stage.operator, messages::end(&sessions[4])).await.unwrap();
    assert_delivered(&end);
    first.await.unwrap();
    for one in waiting {
        one.await.unwrap();
    }
    let kinds: Vec<_> = stage.provider.notifications().iter().map(Received::kind).collect();
    let place = kinds.iter().position(|kind| *kind == "End").unwrap();
    assert!(place <= 2, "the End came {place} after the first: {kinds:?}");
}

#[tokio::test]
async fn what_one_provider_is_owed_does_not_hold_up_the_deliveries_of_another() {
    let slow = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let other = FakeProvider::builder().provider_id("DE-BBB").start().await;
    let lines = "timeout = \"1s\"\nretry = [\"200ms\"]\nbreaker = { failures = 2, pause = \"100ms\" }";
    let entries = [
        provider_entry("DE-AAA", &slow.url(), &format!("{lines}\ndrain_rate = 1")),
        provider_entry("DE-BBB", &other.url(), lines),
    ];
    let hub = hub_with(&entries).await;
    let operator = operator_of(&hub);
    let open = async |evco: String| {
        let answer = operator.authorize_start(messages::authorize_start_evco(&evco)).await;
        answer.json()["SessionID"].as_str().unwrap().to_owned()
    };
    let mut owed_slowly = Vec::new();
    for number in 0..15 {
        owed_slowly.push(open(format!("DE-AAA-C{number:08}-1")).await);
    }
    let owed = open("DE-BBB-C99999999-1".to_owned()).await;
    slow.stop().await;
    other.stop().await;
    for session in owed_slowly.iter().chain([&owed]) {
        assert_deferred(&operator.notify(messages::end(session)).await);
    }
    slow.restart().await;
    slow.wait_for(2, SOON).await;
    other.restart().await;
    other.wait_for(1, Duration::from_secs(4)).await;
    assert!(slow.notifications().len() < 15, "it is still being drained, one a second");
}
