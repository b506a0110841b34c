//! The admin API behind the control socket. Its other door, the console's address, has tests of its own: `accounts`.

use std::os::unix::fs::PermissionsExt;

use roamhub_testkit::{HubProcess, messages, program};
use serde_json::json;

use crate::stage::{BIN, SOON, Stage, process_of};

#[tokio::test]
async fn the_control_socket_is_the_owners_alone_and_goes_with_the_hub() {
    let mut stage = Stage::new("10m").await;
    let socket = stage.data().join("control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    assert!(!stage.data().join("control.new").exists());
    stage.hub.terminate().await;
    assert!(!socket.exists(), "removed on stop");

    stage.hub.restart().await;
    stage.hub.kill9().await;
    assert!(socket.exists(), "a hub that is killed leaves it behind");
    assert_eq!(stage.run(&["pause", "DE-DCB"]).await.code, Some(0), "a stale one is in nobody's way");
    stage.hub.restart().await;
    assert_eq!(stage.run(&["resume", "DE-DCB"]).await.stdout, "DE-DCB is resumed\n");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[tokio::test]
async fn a_folder_whose_path_is_too_long_for_a_socket_has_a_hub_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("long".repeat(30));
    let hub = HubProcess::builder(BIN).data(&data).partners("").start().await;
    hub.wait_for_log("there is no control socket", SOON).await;
    let arguments = ["pause", "DE-DCB", "--data", data.to_str().unwrap()];
    let ended = program::run(BIN, &arguments, b"", SOON).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("another hub") && ended.stderr.contains("stop it first"), "{ended:?}");
}

#[tokio::test]
async fn the_api_shows_what_the_program_prints_and_no_personal_data() {
    let stage = Stage::new("10m").await;
    let (_, answer) = stage.end().await;
    stage.settled(&answer, "delivered").await;
    let process = process_of(&answer);
    let shown = stage.hub.get_admin(&format!("/api/v1/messages/{process}")).await;
    assert_eq!(shown.json(), stage.json(&["inspect", &process]).await);
    assert!(
        shown.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
        "{shown:?}"
    );
    assert!(!shown.text().contains(messages::UID), "{shown:?}");

    let order = r#"{"selection":{"provider":"DE-DCB","states":["delivered"]}}"#;
    let ordered = stage.hub.ask_admin("POST", "/api/v1/replays", order).await;
    assert_eq!((ordered.status, &ordered.json()["no"]), (200, &json!(1)), "{ordered:?}");
    let done = stage.replay_done().await;
    assert_eq!(stage.hub.get_admin("/api/v1/replays/1").await.json(), done);
    assert_eq!(stage.hub.get_admin("/api/v1/replays").await.json(), json!({"replays": [done]}));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_json_with_what_to_do_next() {
    let stage = Stage::new("10m").await;
    let gets = [
        ("/api/v1/nothing", 404, "operations.md"),
        ("/api/v1/messages/nonsense", 400, "UUID"),
        ("/api/v1/messages/0198f2d4-0000-7000-8000-000000000000", 404, "refusals"),
        ("/api/v1/sessions/0198f2d4-0000-7000-8000-000000000000", 404, "refused"),
        ("/api/v1/refusals?limit=many", 400, "limit"),
        ("/api/v1/replays/one", 400, "numbered"),
        ("/api/v1/replays/7", 404, "lists"),
        ("/api/v1/erasures", 405, "POST"),
    ];
    for (path, status, said) in gets {
        let answer = stage.hub.get_admin(path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains(said), "{path}: {answer:?}");
    }
    let posts = [
        ("/api/v1/replays", r#"{"selection":{}}"#, "everything"),
        ("/api/v1/replays", r#"{"selection":{"provider":"DE-DCB"},"dryrun":true}"#, "line 1"),
        ("/api/v1/replays", "{", "no JSON"),
        ("/api/v1/erasures", r#"{"subject":"04SECRET"}"#, "neither"),
        ("/api/v1/lanes/nonsense/pause", "", "DE-DCB"),
    ];
    for (path, body, said) in posts {
        let answer = stage.hub.ask_admin("POST", path, body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said) && !message.contains("SECRET"), "{path} {body}: {message}");
    }
}
