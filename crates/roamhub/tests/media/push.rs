//! Pushing authentication data: the four actions, versions, order, repeats.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use roamhub_testkit::{FakeOperator, messages};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{
    BIN, OFFLINE_EVCO, SOON, Stage, assert_authorised, assert_refused, card, contract, push, push_path,
    record,
};

const A: &str = "04AAAAAA";
const B: &str = "04BBBBBB";
const C: &str = "04CCCCCC";

fn cards(uids: &[&str]) -> Vec<Value> {
    uids.iter().map(|uid| record(card(uid))).collect()
}

/// Which of the three cards `DE-OFF` authorises by what it has uploaded. `DE-DCB` is not asked.
async fn valid(stage: &Stage) -> String {
    stage.online.set_script(|_| roamhub_testkit::Reply::not_authorized("102"));
    let mut valid = String::new();
    for uid in [A, B, C] {
        let mut body = messages::authorize_start_rfid(uid);
        // Identical questions share an answer for a while.
        static QUESTIONS: AtomicU64 = AtomicU64::new(0);
        body["x"] = QUESTIONS.fetch_add(1, Ordering::Relaxed).into();
        let answer = stage.operator.authorize_start(&body).await;
        if answer.json()["AuthorizationStatus"] == "Authorized" {
            assert_authorised(&answer, "DE-OFF");
            valid.push_str(&uid[2..3]);
        }
    }
    valid
}

/// Version and number of records of `DE-OFF`.
async fn version(stage: &Stage) -> (u64, u64) {
    let seen = stage.uploads().await;
    let newest = seen["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "DE-OFF");
    newest.map_or((0, 0), |one| (one["version"].as_u64().unwrap(), one["records"].as_u64().unwrap()))
}

#[tokio::test]
async fn full_load_replaces_the_whole_set_and_an_empty_one_deletes_everything() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A, B])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("AB", (1, 2)));
    let answer = stage.pushed("DE-OFF", "fullLoad", cards(&[B, C, C])).await;
    assert!(answer.additional_info().starts_with("version 2: 2 records"), "{answer:?}");
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("BC", (2, 2)));
    stage.pushed("DE-OFF", "fullLoad", vec![]).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("", (3, 0)));
    stage.pushed("DE-OFF", "fullLoad", cards(&[A])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (4, 1)));
}

#[tokio::test]
async fn insert_adds_and_delete_removes_and_every_push_is_a_version_with_its_history() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "insert", cards(&[A])).await;
    stage.pushed("DE-OFF", "insert", cards(&[B, C])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("ABC", (2, 3)));
    let deleted = stage.pushed("DE-OFF", "delete", cards(&[B])).await;
    assert!(deleted.additional_info().starts_with("version 3: 2 records"), "{deleted:?}");
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("AC", (3, 2)));
    stage.pushed("DE-OFF", "insert", cards(&[B])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("ABC", (4, 3)));
    let seen = stage.uploads().await;
    let history = seen["providers"][0]["history"].as_array().unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|one| {
            let number = |name: &str| one[name].as_u64().unwrap();
            (number("version"), one["action"].as_str().unwrap(), number("pushed"), number("records"))
        })
        .collect();
    assert_eq!(told, [(4, "insert", 1, 3), (3, "delete", 1, 2), (2, "insert", 2, 3), (1, "insert", 1, 1)]);
    assert_eq!(history[1]["process"].as_str(), deleted.header("process-id"));
    assert!(history.iter().all(|one| one["at"].is_string() && one["sha256"].as_str().unwrap().len() == 64));
}

#[tokio::test]
async fn update_replaces_what_a_record_says() {
    let stage = Stage::new().await;
    let dated = |uid: &str, expires: &str| {
        record(json!({"RFIDIdentification": {"UID": uid, "RFID": "nfc", "ExpiryDate": expires}}))
    };
    stage
        .pushed(
            "DE-OFF",
            "fullLoad",
            vec![dated(A, "2020-01-01T00:00:00Z"), dated(B, "2999-01-01T00:00:00Z")],
        )
        .await;
    assert_eq!(valid(&stage).await, "B", "one has expired");
    let both = vec![dated(A, "2999-01-01T00:00:00+01:00"), dated(B, "2020-01-01T00:00:00Z")];
    stage.pushed("DE-OFF", "update", both).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (2, 2)));
    // The last of several records of one medium counts.
    let twice = vec![dated(A, "2020-01-01T00:00:00Z"), dated(A, "2999-01-01T00:00:00Z")];
    stage.pushed("DE-OFF", "update", twice).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (3, 2)));
}

#[tokio::test]
async fn insert_of_what_exists_is_009_and_nothing_is_stored() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A])).await;
    for uids in [&[B, A, C][..], &[B, C, B]] {
        let answer = stage.push("DE-OFF", push("DE-OFF", "insert", cards(uids))).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.result()),
            (200, "009", false),
            "{answer:?}"
        );
        let place = if uids.contains(&A) { "records 1 of /" } else { "records 2 of /" };
        assert!(answer.additional_info().contains(place), "{answer:?}");
        assert!(uids.iter().all(|uid| !answer.text().contains(uid)), "no number of a card: {answer:?}");
        assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (1, 1)));
    }
    stage.pushed("DE-OFF", "insert", cards(&[B, C])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("ABC", (2, 3)));
}

#[tokio::test]
async fn update_of_what_does_not_exist_is_009_and_nothing_is_changed() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A])).await;
    let expired = record(
        json!({"RFIDIdentification": {"UID": A, "RFID": "nfc", "ExpiryDate": "2020-01-01T00:00:00Z"}}),
    );
    let answer = stage.push("DE-OFF", push("DE-OFF", "update", vec![expired, record(card(B))])).await;
    assert_eq!((answer.status, answer.code().as_str(), answer.result()), (200, "009", false), "{answer:?}");
    assert!(answer.additional_info().contains("records 1 of /"), "{answer:?}");
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (1, 1)));
    // A card is no contract, whatever it is for.
    let other = stage.push("DE-OFF", push("DE-OFF", "update", vec![record(contract(OFFLINE_EVCO))])).await;
    assert_eq!(other.code(), "009", "{other:?}");
}

#[tokio::test]
async fn many_unfit_records_are_named_within_bounds() {
    let stage = Stage::new().await;
    let many: Vec<_> = (0..900).map(|number| record(card(&format!("04{number:06}")))).collect();
    stage.pushed("DE-OFF", "fullLoad", many.clone()).await;
    let answer = stage.push("DE-OFF", push("DE-OFF", "insert", many)).await;
    assert_eq!(answer.code(), "009", "{answer:?}");
    let info = answer.additional_info();
    assert!(info.contains("records 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and ") && info.len() < 400, "{info}");
}

#[tokio::test]
async fn delete_of_what_does_not_exist_is_ignored_and_named() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A, B])).await;
    let answer = stage.pushed("DE-OFF", "delete", cards(&[C, B, B])).await;
    assert!(answer.additional_info().contains("these did not exist: records 0 of /"), "{answer:?}");
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("A", (2, 1)));
}

#[tokio::test]
async fn a_repeat_of_the_newest_push_is_answered_and_makes_no_version() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "insert", cards(&[A])).await;
    let again = stage.pushed("DE-OFF", "insert", cards(&[A])).await;
    assert!(again.additional_info().contains("version 1"), "{again:?}");
    stage.restart().await;
    stage.pushed("DE-OFF", "insert", cards(&[A])).await;
    assert_eq!(version(&stage).await, (1, 1));
    // Something came in between: then it is judged again.
    stage.pushed("DE-OFF", "insert", cards(&[B])).await;
    let late = stage.push("DE-OFF", push("DE-OFF", "insert", cards(&[A]))).await;
    assert_eq!(late.code(), "009", "{late:?}");
}

#[tokio::test]
async fn providers_have_sets_of_their_own() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A])).await;
    stage.pushed("DE-DCB", "fullLoad", cards(&[B])).await;
    stage.pushed("DE-DCB", "delete", cards(&[A])).await;
    let seen = stage.uploads().await;
    let told: Vec<_> = seen["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["provider"].clone(), one["records"].clone()))
        .collect();
    assert_eq!(told, [(json!("DE-DCB"), json!(1)), (json!("DE-OFF"), json!(1))]);
    assert_authorised(&stage.start(card(A)).await, "DE-OFF");
    assert_authorised(&stage.start(card(B)).await, "DE-DCB");
    assert_eq!(stage.online.connections(), 0, "nobody was asked");
}

/// A push whose head and first bytes have been sent, and no more.
async fn begin_push(stage: &Stage, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(stage.hub.oicp()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        push_path("DE-OFF"),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..10]).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// Sends the rest and returns the answer's text.
async fn finish_push(mut stream: TcpStream, body: &str) -> String {
    stream.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("StatusCode") {
        let read = tokio::time::timeout(SOON, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Until a push of `DE-OFF` has taken its place: one that asks for "100 Continue" is told so when its turn has come.
async fn has_its_turn(body: &str, stage: &Stage) -> TcpStream {
    let mut stream = TcpStream::connect(stage.hub.oicp()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        push_path("DE-OFF"),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    tokio::time::timeout(SOON, stream.read_exact(&mut told)).await.unwrap().unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&told));
    stream.write_all(&body.as_bytes()[..10]).await.unwrap();
    stream
}

#[tokio::test]
async fn parallel_pushes_of_one_provider_are_carried_out_in_the_order_of_their_arrival() {
    let stage = Stage::new().await;
    let slow = push("DE-OFF", "fullLoad", cards(&[A])).to_string();
    let quick = push("DE-OFF", "insert", cards(&[B])).to_string();
    let first = has_its_turn(&slow, &stage).await;
    let client = FakeOperator::new("DE-OFF", stage.hub.oicp()).with_patience(SOON);
    let mut second = tokio::spawn(async move { client.post(&push_path("DE-OFF"), &[], quick).await });
    let early = tokio::time::timeout(Duration::from_millis(500), &mut second).await;
    assert!(early.is_err(), "it must wait for the one before: {early:?}");
    // Another provider waits for nobody.
    stage.pushed("DE-DCB", "fullLoad", cards(&[C])).await;
    let answer = finish_push(first, &slow).await;
    assert!(answer.contains("version 1: 1 records"), "{answer}");
    let answer = second.await.unwrap();
    assert!(answer.additional_info().starts_with("version 2: 2 records"), "{answer:?}");
}

#[tokio::test]
async fn a_push_that_is_broken_off_lets_the_next_one_in() {
    let stage = Stage::new().await;
    let body = push("DE-OFF", "fullLoad", cards(&[A])).to_string();
    let first = has_its_turn(&body, &stage).await;
    let waiting = begin_push(&stage, &body).await;
    drop(waiting);
    drop(first);
    stage.pushed("DE-OFF", "insert", cards(&[B])).await;
    assert_eq!((valid(&stage).await.as_str(), version(&stage).await), ("B", (1, 1)));
}

#[tokio::test]
async fn check_says_what_the_hub_would_say_of_a_push() {
    let check = async |body: Value| {
        let body = body.to_string();
        roamhub_testkit::program::run(BIN, &["check", "-"], body.as_bytes(), SOON).await
    };
    let good = check(push("DE-OFF", "fullLoad", cards(&[A]))).await;
    assert_eq!(
        (good.code, good.stdout.trim()),
        (Some(0), "eRoamingPushAuthenticationData: fine"),
        "{good:?}"
    );
    let bad = check(push("DE-OFF", "fullLoad", cards(&["04AAAAA"]))).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.contains("AuthenticationDataRecord/0/"), "{bad:?}");
}

#[tokio::test]
async fn inspect_says_it_in_words_too() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", cards(&[A, B])).await;
    let data = stage.hub.data_dir().to_str().unwrap();
    let ended =
        roamhub_testkit::program::run(BIN, &["inspect", "--uploads", "--data", data], b"", SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("DE-OFF") && ended.stdout.contains("fullLoad"), "{ended:?}");
    assert_refused(&stage.start(contract("DE-OFF-C00000000-X")).await, "105");
}
