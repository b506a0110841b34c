//! Replay: a selection of messages reaches the provider once more, and says that it is a replay.

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::stage::{SOON, Stage, is_replay, newest, process_of};

/// A provider that refuses whatever it is notified of.
fn refuse(stage: &Stage) {
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::ack(false, "102", ""),
        false => Reply::Acknowledge,
    });
}

fn accept(stage: &Stage) {
    stage.provider.set_script(|_| Reply::Acknowledge);
}

#[tokio::test]
async fn what_was_refused_reaches_the_provider_again_under_its_process_id_marked_as_a_replay() {
    let stage = Stage::new("10m").await;
    refuse(&stage);
    let session = stage.operator.open_session().await;
    let body = messages::end_as_in_the_guide(&session, "DE*ABC", messages::EVSE);
    let answer = stage.operator.notify(&body).await;
    stage.settled(&answer, "refused").await;
    accept(&stage);

    let ordered = stage.run(&["replay", "--provider", "DE-DCB"]).await;
    assert_eq!(ordered.code, Some(0), "{ordered:?}");
    assert!(ordered.stdout.contains("the running hub works it off"), "{ordered:?}");
    let seen = stage.provider.wait_for(2, SOON).await;
    assert!(!is_replay(&seen[0]) && is_replay(&seen[1]), "{:?}", seen[1].headers);
    assert_eq!(seen[1].header("process-id"), Some(process_of(&answer).as_str()));
    assert_eq!(seen[1].header("hub-received-at"), seen[0].header("hub-received-at"));
    assert_eq!(seen[1].header("hub-attempt"), Some("2"), "attempts go on counting");
    assert_eq!(seen[1].body, body, "byte for byte");

    let record = stage.settled(&answer, "delivered").await;
    assert_eq!(record["deliveries"].as_array().map(Vec::len), Some(2), "{record:#}");
    assert_eq!(record["deliveries"][0]["replay"], json!(null));
    assert_eq!(record["deliveries"][1]["replay"], json!(1));
    let replay = stage.replay_done().await;
    assert_eq!((&replay["queued"], &replay["delivered"]), (&json!(1), &json!(1)), "{replay:#}");
    // Its sender is now told what the provider said to the replay.
    let again = stage.operator.notify(&body).await;
    assert_eq!((again.code().as_str(), again.result()), ("000", true), "{again:?}");
    assert_eq!(stage.provider.notifications().len(), 2);
}

#[tokio::test]
async fn a_dry_run_counts_and_sends_nothing() {
    let stage = Stage::new("10m").await;
    refuse(&stage);
    for _ in 0..3 {
        let (_, answer) = stage.end().await;
        stage.settled(&answer, "refused").await;
    }
    accept(&stage);
    let (_, delivered) = stage.end().await;
    stage.settled(&delivered, "delivered").await;
    let counted = stage.json(&["replay", "--provider", "DE-DCB", "--dry-run"]).await;
    assert_eq!(counted["toSend"], 3, "{counted:#}");
    let counted = stage.json(&["replay", "--provider", "DE-DCB", "--state", "all", "--dry-run"]).await;
    assert_eq!(counted["toSend"], 4, "{counted:#}");
    let counted = stage.json(&["replay", "--provider", "DE-QQQ", "--dry-run"]).await;
    assert_eq!(counted["toSend"], 0, "{counted:#}");
    assert_eq!(stage.json(&["replay", "--list"]).await["replays"], json!([]));
    // A replay that is ordered for the delivered one alone passes through; nothing else ever left.
    stage.run(&["replay", "--provider", "DE-DCB", "--state", "delivered"]).await;
    stage.replay_done().await;
    assert_eq!(stage.provider.notifications().len(), 5);
}

#[tokio::test]
async fn a_selection_is_by_session_type_state_and_time() {
    let stage = Stage::new("10m").await;
    let (one, other) = (stage.operator.open_session().await, stage.operator.open_session().await);
    for session in [&one, &other] {
        for body in [messages::start(session), messages::end(session)] {
            let answer = stage.operator.notify(body).await;
            stage.settled(&answer, "delivered").await;
        }
    }
    let count = async |arguments: &[&str]| {
        let counting = ["replay", "--dry-run", "--state", "delivered"];
        let arguments: Vec<&str> = counting.iter().chain(arguments).copied().collect();
        stage.json(&arguments).await["toSend"].clone()
    };
    assert_eq!(count(&["--session", &one]).await, 2);
    assert_eq!(count(&["--session", &one, "--type", "End"]).await, 1);
    assert_eq!(count(&["--provider", "DE-DCB", "--type", "Start", "--type", "End"]).await, 4);
    assert_eq!(count(&["--provider", "DE-DCB", "--from", "2100-01-01T00:00:00Z"]).await, 0);
    assert_eq!(count(&["--from", "2000-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z"]).await, 4);
    assert_eq!(count(&["--until", "2000-01-01T00:00:00Z"]).await, 0);

    stage.run(&["replay", "--session", &one, "--type", "End", "--state", "delivered"]).await;
    stage.replay_done().await;
    let replayed: Vec<_> = stage.provider.notifications().into_iter().filter(is_replay).collect();
    assert_eq!(replayed.len(), 1, "{replayed:?}");
    assert_eq!((replayed[0].kind(), replayed[0].session()), ("End", one));
}

#[tokio::test]
async fn what_is_still_being_delivered_is_counted_and_not_replayed() {
    let stage = Stage::new("10m").await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    stage.settled(&answer, "deferred").await;
    let counted = stage.json(&["replay", "--session", &session, "--state", "all", "--dry-run"]).await;
    assert_eq!((&counted["toSend"], &counted["stillOpen"]), (&json!(0), &json!(1)), "{counted:#}");
    stage.run(&["replay", "--session", &session, "--state", "all"]).await;
    let replay = stage.replay_done().await;
    assert_eq!((&replay["queued"], &replay["stillOpen"]), (&json!(0), &json!(1)), "{replay:#}");
}

#[tokio::test]
async fn a_replay_that_fails_is_tried_again_and_supersedes_nothing() {
    let stage = Stage::new("300ms").await;
    let session = stage.operator.open_session().await;
    let end = stage.operator.notify(messages::end(&session)).await;
    stage.settled(&end, "delivered").await;
    stage.provider.stop().await;
    stage.run(&["replay", "--session", &session, "--state", "delivered"]).await;
    stage
        .json_when(&["inspect", &process_of(&end)], "a failed replay", |said| {
            newest(said)["attempts"][0]["outcome"] == "unreachable"
        })
        .await;
    // A message of the session neither waits for the replay nor ends it.
    let error = stage.operator.notify(messages::error(&session)).await;
    stage.provider.restart().await;
    stage.settled(&error, "delivered").await;
    let record = stage.settled(&end, "delivered").await;
    assert_eq!(newest(&record)["replay"], json!(1), "{record:#}");
    assert_eq!(stage.replay_done().await["delivered"], 1);
}

#[tokio::test]
async fn a_replay_ordered_while_no_hub_runs_is_worked_off_by_the_next_one() {
    let mut stage = Stage::new("10m").await;
    refuse(&stage);
    let (session, answer) = stage.end().await;
    stage.settled(&answer, "refused").await;
    accept(&stage);
    stage.hub.terminate().await;
    let counted = stage.json(&["replay", "--session", &session, "--dry-run"]).await;
    assert_eq!(counted["toSend"], 1, "{counted:#}");
    let ordered = stage.run(&["replay", "--session", &session]).await;
    assert!(ordered.stdout.contains("the next hub"), "{ordered:?}");
    assert_eq!(stage.provider.notifications().len(), 1);
    stage.hub.restart().await;
    let seen = stage.provider.wait_for(2, SOON).await;
    assert!(is_replay(&seen[1]), "{:?}", seen[1].headers);
}

#[tokio::test]
async fn a_selection_that_cannot_be_meant_is_refused() {
    let stage = Stage::new("10m").await;
    for (arguments, said) in [
        (vec!["replay"], "everything"),
        (vec!["replay", "--state", "all"], "everything"),
        (vec!["replay", "--provider", "nonsense"], "nonsense"),
        (vec!["replay", "--provider", "DE-DCB", "--state", "lost"], "exhausted"),
        (vec!["replay", "--from", "yesterday"], "2026"),
    ] {
        let ended = stage.run(&arguments).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
    assert_eq!(stage.json(&["replay", "--list"]).await["replays"], json!([]));
}
