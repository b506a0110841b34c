//! Pausing lanes, and a ledger that comes from a backup.

use roamhub_testkit::messages;
use serde_json::json;

use crate::stage::{SOON, Stage, is_replay};

#[tokio::test]
async fn a_lane_is_paused_and_resumed_with_and_without_a_running_hub() {
    let mut stage = Stage::new("10m").await;
    assert_eq!(stage.json(&["lanes"]).await["lanes"], json!([]));
    for running in [true, false] {
        if !running {
            stage.hub.terminate().await;
        }
        let paused = stage.json(&["pause", "DE-DCB", "--reason", "moving house"]).await;
        assert_eq!(paused["changed"], true, "{paused:#}");
        let again = stage.run(&["pause", "de-dcb", "--reason", "other"]).await;
        assert!(again.stdout.contains("was paused already"), "{again:?}");
        let lanes = stage.json(&["lanes"]).await;
        assert_eq!(lanes["lanes"][0]["provider"], "DE-DCB", "{lanes:#}");
        assert_eq!(lanes["lanes"][0]["reason"], "moving house", "the first reason stays: {lanes:#}");
        let table = stage.run(&["lanes"]).await;
        assert!(table.stdout.starts_with("PROVIDER") && table.stdout.contains("moving house"), "{table:?}");
        let resumed = stage.run(&["resume", "DE-DCB"]).await;
        assert_eq!((resumed.code, resumed.stdout.as_str()), (Some(0), "DE-DCB is resumed\n"));
        assert_eq!(stage.json(&["lanes"]).await["lanes"], json!([]));
    }
    let wrong = stage.run(&["pause", "nonsense"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[tokio::test]
async fn a_replay_waits_while_its_lane_is_paused() {
    let stage = Stage::new("10m").await;
    let (session, answer) = stage.end().await;
    stage.settled(&answer, "delivered").await;
    stage.run(&["pause", "DE-DCB"]).await;
    stage.run(&["replay", "--session", &session, "--state", "delivered"]).await;
    stage
        .json_when(&["replay", "--list"], "a filled queue", |said| said["replays"][0]["state"] == "sending")
        .await;
    assert_eq!(stage.provider.notifications().len(), 1);
    stage.run(&["resume", "--all"]).await;
    assert!(is_replay(&stage.provider.wait_for(2, SOON).await[1]));
}

#[tokio::test]
async fn after_a_restore_all_lanes_are_paused_and_log_readiness_and_lanes_say_why() {
    let mut stage = Stage::with("10m", &["--after-restore"]).await;
    stage.hub.wait_for_log("all lanes are paused", SOON).await;
    let ready = stage.hub.get_console("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert!(ready.text().contains("paused DE-DCB since"), "{}", ready.text());
    assert!(ready.text().contains("--after-restore"), "{}", ready.text());
    let lanes = stage.json(&["lanes"]).await;
    assert_eq!(lanes["lanes"][0]["pausedBy"], "after-restore", "{lanes:#}");
    let resumed = stage.run(&["resume", "--all"]).await;
    assert_eq!(resumed.stdout, "lanes resumed: 1\n");
    assert_eq!(stage.hub.get_console("/readyz").await.text(), "ready\n");
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    stage.settled(&answer, "delivered").await;
    // It is said once: the next start asks again.
    stage.hub.terminate().await;
    assert_eq!(stage.json(&["lanes"]).await["lanes"], json!([]));
}
