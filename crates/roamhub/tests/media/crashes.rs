//! kill -9 within a push leaves the old version or the new one, and nothing in between.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Stage, push, push_path, pusher, record, start};

const CARDS: usize = 4_000;

/// Cards of one of two sets; dates tell apart what an update has changed.
fn cards(set: char, valid: bool) -> Vec<Value> {
    let expires = if valid { "2999-01-01T00:00:00Z" } else { "2020-01-01T00:00:00Z" };
    let one = |number: usize| {
        let uid = format!("04{set}{number:05X}");
        record(json!({"RFIDIdentification": {"UID": uid, "RFID": "nfc", "ExpiryDate": expires}}))
    };
    (0..CARDS).map(one).collect()
}

/// Whether the hub authorises the card of this number by what was uploaded.
async fn is_valid(stage: &Stage, set: char, number: usize, nonce: usize) -> bool {
    let mut body = start(crate::stage::card(&format!("04{set}{number:05X}")));
    body["x"] = nonce.into();
    let said = stage.operator.authorize_start(body).await.json();
    said["AuthorizationStatus"] == "Authorized"
}

/// The set that is valid: all its samples are, and none of the other.
async fn valid_set(stage: &Stage, nonce: usize) -> Option<char> {
    let mut valid = Vec::new();
    for set in ['A', 'B'] {
        let mut of_set = Vec::new();
        for number in [0, 1, 249, 250, CARDS / 2, CARDS - 251, CARDS - 1] {
            of_set.push(is_valid(stage, set, number, nonce).await);
        }
        assert!(of_set.iter().all(|one| *one == of_set[0]), "{set} is valid in parts: {of_set:?}");
        if of_set[0] {
            valid.push(set);
        }
    }
    assert!(valid.len() < 2, "both sets are valid");
    valid.pop()
}

#[tokio::test]
async fn a_push_that_the_hub_does_not_survive_is_there_as_a_whole_or_not_at_all() {
    let mut stage = Stage::with("services = [\"notifications\"]", "").await;
    let began = Instant::now();
    stage.pushed("DE-OFF", "fullLoad", cards('A', true)).await;
    let whole = began.elapsed();
    let (mut version, mut valid, mut kept, mut lost) = (1, Some('A'), 0, 0);
    for round in 0..8_usize {
        // What the push does, and which set is valid once it is carried out.
        let other = if valid == Some('A') { 'B' } else { 'A' };
        let (action, records, then) = match round % 4 {
            0 | 1 => ("fullLoad", cards(other, true), Some(other)),
            2 => ("update", cards(valid.unwrap_or('A'), false), None),
            _ if valid.is_none() => ("fullLoad", cards('A', true), Some('A')),
            _ => ("delete", cards(valid.unwrap_or('A'), true), None),
        };
        let body = push("DE-OFF", action, records).to_string();
        let provider = pusher(&stage.hub, "DE-OFF");
        let pushing = tokio::spawn(async move { provider.try_post(&push_path("DE-OFF"), &[], body).await });
        let share = fastrand::u32(5..250);
        tokio::time::sleep(whole * share / 100).await;
        stage.hub.kill9().await;
        let answered = pushing.await.unwrap().is_ok();
        stage.restart().await;
        let seen = &stage.uploads().await["providers"][0];
        let now = seen["version"].as_u64().unwrap();
        assert!(now == version || now == version + 1, "{now} after {version}");
        assert!(now == version + 1 || !answered, "what was answered is kept");
        let expected = if now == version { valid } else { then };
        assert_eq!(valid_set(&stage, round).await, expected, "round {round}: {action}, killed at {share} %");
        if now == version {
            lost += 1;
        } else {
            kept += 1;
        }
        (version, valid) = (now, expected);
        // The next push finds nothing of the one that died.
        if valid.is_none() {
            stage.pushed("DE-OFF", "fullLoad", cards('A', true)).await;
            (version, valid) = (version + 1, Some('A'));
        }
        let records = stage.uploads().await["providers"][0]["records"].as_u64().unwrap();
        assert_eq!(records, u64::try_from(CARDS).unwrap());
    }
    println!("{kept} pushes lived, {lost} died; one took {whole:?}");
    assert!(whole < Duration::from_secs(20));
}
