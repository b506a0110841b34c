//! Looking at sessions, refusals and what passes.

use std::process::Stdio;

use roamhub_testkit::{Reply, messages};
use serde_json::Value;
use tokio::process::Command;

use crate::stage::{BIN, SOON, Stage, process_of};

#[tokio::test]
async fn inspect_shows_a_whole_session() {
    let stage = Stage::new("10m").await;
    let session = stage.operator.open_session().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    let end = stage.operator.notify(messages::end(&session)).await;
    for answer in [&start, &end] {
        stage.settled(answer, "delivered").await;
    }
    let story = stage.json(&["inspect", &session]).await;
    assert_eq!(story["session"], session.as_str());
    assert_eq!((&story["state"], &story["provider"]), (&"active".into(), &"DE-DCB".into()), "{story:#}");
    assert_eq!(story["chargingEnded"], true, "{story:#}");
    assert_eq!(story["authorisations"][0]["code"], "000", "{story:#}");
    let shown: Vec<_> =
        story["messages"].as_array().unwrap().iter().map(|one| one["process"].clone()).collect();
    assert_eq!(shown, [process_of(&start), process_of(&end)]);
    assert!(!story.to_string().contains(messages::UID), "{story:#}");
    let words = stage.run(&["inspect", &session.to_uppercase()]).await;
    for said in ["active, charging ended", "authorised", "code 000, by DE-DCB", &process_of(&end)] {
        assert!(words.stdout.contains(said), "{said} in {}", words.stdout);
    }
    // The same from the admin API.
    let path = format!("/api/v1/sessions/{session}");
    assert_eq!(stage.hub.get_admin(&path).await.json(), story);
}

#[tokio::test]
async fn refused_requests_are_listed_by_partner() {
    let stage = Stage::new("10m").await;
    let session = stage.operator.open_session().await;
    let mut wrong = messages::end(&session);
    wrong["ChargingEnd"] = "yesterday".into();
    let refused = stage.operator.notify(&wrong).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    wrong["OperatorID"] = "DE*QQQ".into();
    stage.operator.notify(&wrong).await;
    let listed = stage
        .json_when(&["inspect", "--refused"], "two refusals", |said| {
            said["refusals"].as_array().is_some_and(|all| all.len() == 2)
        })
        .await;
    assert_eq!(listed["refusals"][0]["partner"], "DE*QQQ", "the newest first: {listed:#}");
    let theirs = stage.json(&["inspect", "--refused", "--partner", "de*abc"]).await;
    assert_eq!(theirs["refusals"].as_array().map(Vec::len), Some(1), "{theirs:#}");
    assert_eq!(theirs["refusals"][0]["process"], process_of(&refused));
    let answer = stage.hub.get_admin("/api/v1/refusals?partner=DE*ABC&limit=5").await;
    assert_eq!(answer.json(), theirs);
    let table = stage.run(&["inspect", "--refused"]).await;
    assert!(table.stdout.starts_with("RECEIVED") && table.stdout.contains("ChargingEnd"), "{table:?}");
}

#[tokio::test]
async fn tail_follows_what_passes_and_says_what_became_of_it() {
    let stage = Stage::new("10m").await;
    stage.provider.set_script(|request| match request.kind() {
        "End" => Reply::ack(false, "102", ""),
        _ => Reply::Acknowledge,
    });
    let mut command = Command::new(BIN);
    command.args(["tail", "-n", "2", "--type", "End", "--operator", "DE*ABC", "--json", "--data"]);
    command.arg(stage.data()).stdout(Stdio::piped()).kill_on_drop(true);
    let tail = command.spawn().unwrap().wait_with_output();
    // It shows what comes after it has begun, so something comes until it has seen enough.
    let traffic = async {
        loop {
            let session = stage.operator.open_session().await;
            stage.operator.notify(messages::start(&session)).await;
            stage.operator.notify(messages::end(&session)).await;
        }
    };
    let output = tokio::select! {
        output = tail => output.unwrap(),
        () = traffic => unreachable!("traffic does not end"),
        () = tokio::time::sleep(SOON) => panic!("nothing was shown within {SOON:?}"),
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        assert_eq!((&line["type"], &line["state"]), (&"End".into(), &"refused".into()), "{line:#}");
    }
}

#[tokio::test]
async fn commands_that_look_say_when_there_is_nothing_to_look_at() {
    let stage = Stage::new("10m").await;
    for arguments in [
        vec!["inspect", "--refused"],
        vec!["replay", "--list"],
        vec!["lanes"],
        vec!["tail"],
        vec!["pause", "DE-DCB"],
        vec!["replay", "--provider", "DE-DCB"],
    ] {
        let nowhere = stage.data().join("nowhere");
        let arguments: Vec<_> = arguments.into_iter().chain(["--data", nowhere.to_str().unwrap()]).collect();
        let ended = roamhub_testkit::program::run(BIN, &arguments, b"", SOON).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("there is no ledger"), "{arguments:?}: {ended:?}");
        assert!(!nowhere.exists(), "looking makes no ledger");
    }
}
