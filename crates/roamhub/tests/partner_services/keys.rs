//! The keys that sign receipts: made once, kept private, served, rotated.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::stage::{Stage, TAKES, argument, assert_refused, receipt_path, roamhub, text};

const KEYS: &str = "/api/hub/v1/keys";

/// The ids of the keys that the hub serves.
async fn served(stage: &Stage) -> Vec<String> {
    let answer = stage.operator.get(KEYS).await;
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"), "{answer:?}");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    for key in &keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "no private half");
        assert_eq!((text(&key["kty"]), text(&key["crv"])), ("OKP".into(), "Ed25519".into()));
    }
    keys.iter().map(|key| text(&key["kid"])).collect()
}

fn key_file(stage: &Stage, number: u32) -> (Value, u32) {
    let file = stage.hub.data_dir().join("keys").join(format!("receipts-{number:04}.jwk"));
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    (serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap(), mode)
}

#[tokio::test]
async fn the_key_is_made_once_is_private_and_stays() {
    let mut stage = Stage::with(TAKES).await;
    let folder = stage.hub.data_dir().join("keys");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let (key, mode) = key_file(&stage, 1);
    assert_eq!(mode, 0o600);
    let ids = served(&stage).await;
    assert_eq!(ids, [text(&key["kid"])]);
    stage.kill_and_restart().await;
    assert_eq!(served(&stage).await, ids);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert!(!stage.hub.log().contains(&text(&key["d"])), "the secret is in no log line");
    assert_refused(&stage.operator.post(KEYS, &[], "{}").await, 405, "022", "GET");
    assert_refused(&stage.operator.get(&format!("{KEYS}?kid=1")).await, 400, "022", "no parameters");
}

#[tokio::test]
async fn after_a_rotation_older_receipts_still_verify_and_the_old_secret_is_gone() {
    let mut stage = Stage::with(TAKES).await;
    let data = stage.hub.data_dir().to_owned();
    let process = stage.end("000").await;
    let old = stage.operator.get(&receipt_path(&process)).await.text();
    let first = served(&stage).await;
    let rotated = roamhub(&["keys", "rotate", "--data", argument(&data)], "").await;
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let (retired, mode) = key_file(&stage, 1);
    assert!(retired.get("d").is_none() && mode == 0o600, "only the public half is left");
    assert!(key_file(&stage, 2).0["d"].is_string());
    assert_eq!(served(&stage).await, first, "a running hub goes on with the key it has");
    stage.restart().await;
    let both = served(&stage).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert!(rotated.stdout.contains(&both[1]), "{rotated:?}");
    let new = stage.operator.get(&receipt_path(&process)).await.text();
    for receipt in [old, new] {
        let verified = roamhub(&["inspect", "--verify", "-", "--data", argument(&data)], &receipt).await;
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

#[tokio::test]
async fn a_broken_key_stops_the_start_and_is_named() {
    let mut stage = Stage::with(TAKES).await;
    stage.hub.terminate().await;
    let file = stage.hub.data_dir().join("keys/receipts-0001.jwk");
    fs::write(&file, "{\"kty\":\"oct\"").unwrap();
    let served =
        roamhub(&["serve", "--data", argument(stage.hub.data_dir()), "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(served.code, Some(1), "{served:?}");
    assert!(served.stderr.contains("receipts-0001.jwk is not right"), "{served:?}");
}
