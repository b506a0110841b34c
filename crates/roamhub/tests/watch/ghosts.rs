//! Sessions that look like ghosts are found, listed, counted, and cleared when they end after all.

use roamhub_testkit::messages;
use serde_json::Value;

use crate::stage::{Plot, Stage, list};

fn gauge(kind: &str) -> String {
    format!("roamhub_ghosts{{operator=\"DE*ABC\",kind=\"{kind}\"}}")
}

#[tokio::test]
async fn authorised_and_never_heard_of_it_is_a_ghost_until_its_end() {
    let stage = Stage::new(Plot::default().set("WATCHDOG_NEVER_STARTED", "300ms")).await;
    let session = stage.operator.open_session().await;
    let ghost = stage.ghost().await;
    assert_eq!(ghost["session"], session.as_str(), "{ghost:#}");
    assert_eq!((&ghost["kind"], &ghost["operator"]), (&"never-started".into(), &"DE*ABC".into()));
    assert_eq!((&ghost["provider"], &ghost["lastHeardAt"]), (&"DE-DCB".into(), &Value::Null));
    stage.metric_is(&gauge("never-started"), "1").await;
    stage.metric_is("roamhub_ghosts_found_total{operator=\"DE*ABC\",kind=\"never-started\"}", "1").await;

    // By operator, and from outside while the hub runs.
    assert_eq!(list(&stage.api("?operator=DE*QQQ").await, "sessions").len(), 0);
    assert_eq!(list(&stage.api("?operator=DE%2AABC").await, "sessions").len(), 1);
    assert_eq!(stage.hub.get_admin("/api/v1/ghosts?operator=D").await.status, 400);
    let printed = stage.ghosts_command(&["--json", "--operator", "DEABC"]).await;
    let printed: Value = serde_json::from_str(printed.trim()).expect("one JSON object a line");
    assert_eq!(printed, ghost, "the same as over the API");
    let printed = stage.ghosts_command(&[]).await;
    assert!(printed.contains(&session) && printed.contains("1 ghost: 1 never-started"), "{printed}");
    assert_eq!(stage.ghosts_command(&["--operator", "DE*QQQ"]).await, "no ghosts\n");

    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "000");
    stage.metric_is(&gauge("never-started"), "0").await;
    stage.metric_is("roamhub_ghosts_cleared_total{operator=\"DE*ABC\",kind=\"never-started\"}", "1").await;
    assert!(list(&stage.api("").await, "sessions").is_empty());
    assert_eq!(stage.ghosts_command(&[]).await, "no ghosts\n");
}

#[tokio::test]
async fn a_session_that_ends_in_time_is_no_ghost_beside_one_that_does_not() {
    let stage = Stage::new(Plot::default().set("WATCHDOG_WITHOUT_END", "3s")).await;
    let (good, bad) = (stage.operator.open_session().await, stage.operator.open_session().await);
    stage.operator.notify(messages::start(&good)).await;
    stage.operator.notify(messages::start(&bad)).await;
    stage.operator.notify(messages::end(&good)).await;
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&bad.as_str().into(), &"without-end".into()));
    assert!(ghost["lastHeardAt"].is_string(), "{ghost:#}");
}

#[tokio::test]
async fn progress_that_stops_is_silence() {
    let plot = Plot::default().set("WATCHDOG_PROGRESS_EVERY", "200ms").set("WATCHDOG_SILENT_PROGRESS", 2);
    let stage = Stage::new(plot).await;
    let (silent, quiet) = (stage.operator.open_session().await, stage.operator.open_session().await);
    // Whoever never sends a Progress is not silent.
    stage.operator.notify(messages::start(&quiet)).await;
    stage.operator.notify(messages::start(&silent)).await;
    stage.operator.notify(messages::progress(&silent, 5)).await;
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&silent.as_str().into(), &"silent".into()));
}

#[tokio::test]
async fn a_kill_forgets_no_ghost_and_what_happened_meanwhile_is_caught_up_with() {
    let mut stage = Stage::new(Plot::default().set("WATCHDOG_NEVER_STARTED", "1s")).await;
    let first = stage.operator.open_session().await;
    assert_eq!(stage.ghost().await["session"], first.as_str());
    let second = stage.operator.open_session().await;
    stage.hub.kill9().await;
    assert!(stage.ghosts_command(&[]).await.contains(&first), "also while no hub is running");
    stage.restart().await;
    let said = stage.api_when("the second ghost", |said| list(said, "sessions").len() == 2).await;
    let sessions: Vec<_> = list(&said, "sessions").iter().map(|ghost| ghost["session"].clone()).collect();
    assert_eq!(sessions, [first.as_str(), second.as_str()], "the oldest first");
    stage.operator.notify(messages::end(&first)).await;
    assert_eq!(
        stage.api_when("one left", |said| list(said, "sessions").len() == 1).await["sessions"][0]["session"],
        second
    );
    // It stops as cleanly as without.
    assert!(stage.hub.terminate().await.success());
}

#[tokio::test]
async fn ghosts_too_old_to_act_on_leave_the_list() {
    let plot = Plot::default().set("WATCHDOG_NEVER_STARTED", "200ms").set("WATCHDOG_FORGET_AFTER", "3s");
    let stage = Stage::new(plot).await;
    stage.operator.open_session().await;
    stage.ghost().await;
    stage.api_when("an empty list", |said| list(said, "sessions").is_empty()).await;
    stage.metric_is(&gauge("never-started"), "0").await;
}
