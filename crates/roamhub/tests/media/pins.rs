//! PINs of uploaded codes: compared, limited, and never kept in clear.

use std::time::{Duration, Instant};

use roamhub_testkit::{Answer, FakeOperator, HubProcess};
use serde_json::{Value, json};

use crate::stage::{
    BIN, OFFLINE_EVCO, ONLINE_EVCO, SOON, Stage, assert_authorised, assert_refused, code, partners, push,
    push_path, record, start,
};

/// Nothing else looks like it.
const PIN: &str = "q7Z-918273645";

/// A start with a PIN that no other start is identical to.
async fn guess(operator: &FakeOperator, evco: &str, pin: &str, number: usize) -> Answer {
    let mut body = start(code(evco, pin));
    body["OperatorID"] = operator.id().into();
    body["EvseID"] = format!("{}*E{number}", operator.id()).into();
    operator.authorize_start(body).await
}

fn hashed(evco: &str, hash: Value) -> Value {
    record(json!({"QRCodeIdentification": {"EvcoID": evco, "HashedPIN": hash}}))
}

#[tokio::test]
async fn the_right_pin_is_authorised_and_a_wrong_one_is_101() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(code(OFFLINE_EVCO, PIN))]).await;
    assert_authorised(&guess(&stage.operator, OFFLINE_EVCO, PIN, 1).await, "DE-OFF");
    assert_refused(&guess(&stage.operator, OFFLINE_EVCO, "4711", 2).await, "101");
    assert_refused(&guess(&stage.operator, OFFLINE_EVCO, "", 3).await, "101");
    assert_authorised(&guess(&stage.operator, OFFLINE_EVCO, PIN, 4).await, "DE-OFF");
    assert_eq!(stage.online.connections(), 0);
}

#[tokio::test]
async fn hashes_of_all_kinds_are_compared() {
    let stage = Stage::new().await;
    // The PIN is 4711, the salt "pepper", which follows it.
    let legacy = |function: &str, value: &str| {
        json!({"Value": "x", "Function": "Bcrypt",
            "LegacyHashData": {"Function": function, "Salt": "pepper", "Value": value}})
    };
    let unsalted = json!({"Value": "x", "Function": "Bcrypt",
        "LegacyHashData": {"Function": "MD5", "Value": MD5_OF_4711}});
    let evco = |number: u32| format!("DE-OFF-C0000000{number}-X");
    let records = vec![
        hashed(&evco(1), json!({"Value": BCRYPT_OF_4711, "Function": "Bcrypt"})),
        hashed(&evco(2), legacy("MD5", SALTED_MD5_OF_4711)),
        hashed(&evco(3), legacy("SHA-1", SALTED_SHA1_OF_4711)),
        hashed(&evco(4), unsalted),
    ];
    stage.pushed("DE-OFF", "fullLoad", records).await;
    for number in 1..=4 {
        assert_refused(&guess(&stage.operator, &evco(number), "4712", 1).await, "101");
        assert_authorised(&guess(&stage.operator, &evco(number), "4711", 2).await, "DE-OFF");
    }
}

const BCRYPT_OF_4711: &str = "$2b$04$abcdefghijklmnopqrstuuT57TjTndrTHcYzjV4dkjroNKHaFmIUq";
const MD5_OF_4711: &str = "b52340b4de4566b804c9880aa0b4af5f";
const SALTED_MD5_OF_4711: &str = "BDA62B1EF49B67343400D23E70B1D1A9";
const SALTED_SHA1_OF_4711: &str = "9967d8758f614c337e4230cecbcbbc3f479d190f";

#[tokio::test]
async fn a_wrong_pin_is_the_online_providers_to_judge() {
    let stage = Stage::new().await;
    stage.pushed("DE-DCB", "fullLoad", vec![record(code(ONLINE_EVCO, PIN))]).await;
    assert_authorised(&guess(&stage.operator, ONLINE_EVCO, PIN, 1).await, "DE-DCB");
    assert_eq!(stage.online.connections(), 0);
    assert_authorised(&guess(&stage.operator, ONLINE_EVCO, "4711", 2).await, "DE-DCB");
    let asked = stage.online.received();
    assert_eq!(asked.len(), 1, "it may know a newer PIN");
    assert_eq!(asked[0].json()["Identification"]["QRCodeIdentification"]["PIN"], "4711");
}

#[tokio::test]
async fn after_a_few_wrong_pins_the_next_one_waits_also_after_a_crash_and_the_right_one_too() {
    let mut stage = Stage::new().await;
    let other = "DE-OFF-C00000000-X";
    stage.pushed("DE-OFF", "fullLoad", vec![record(code(OFFLINE_EVCO, PIN)), record(code(other, PIN))]).await;
    for number in 0..5 {
        let wrong = guess(&stage.operator, OFFLINE_EVCO, "4711", number).await;
        assert_refused(&wrong, "101");
        assert!(wrong.additional_info().contains("the PIN is wrong"), "{wrong:?}");
    }
    for restarted in [false, true] {
        if restarted {
            stage.hub.kill9().await;
            stage.restart().await;
        }
        let right = guess(&stage.operator, OFFLINE_EVCO, PIN, 7).await;
        assert_refused(&right, "101");
        assert!(right.additional_info().contains("too many wrong PINs"), "{right:?}");
        assert!(right.took < Duration::from_secs(1), "it is not hashed: {right:?}");
        let elsewhere = FakeOperator::new("DE*QQQ", stage.hub.oicp());
        assert_refused(&guess(&elsewhere, OFFLINE_EVCO, PIN, 8).await, "101");
        assert_authorised(&guess(&stage.operator, other, PIN, 9).await, "DE-OFF");
    }
}

#[tokio::test]
async fn the_right_pin_clears_what_was_counted() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(code(OFFLINE_EVCO, PIN))]).await;
    for round in 0..3 {
        for number in 0..4 {
            assert_refused(&guess(&stage.operator, OFFLINE_EVCO, "4711", round * 10 + number).await, "101");
        }
        assert_authorised(&guess(&stage.operator, OFFLINE_EVCO, PIN, round * 10 + 9).await, "DE-OFF");
    }
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_guesses() {
    let stage = Stage::new().await;
    stage
        .pushed(
            "DE-OFF",
            "fullLoad",
            vec![hashed(OFFLINE_EVCO, json!({"Value": BCRYPT_OF_4711, "Function": "Bcrypt"}))],
        )
        .await;
    let guesses: Vec<_> = (0..60)
        .map(|number| {
            let operator = stage.operator.clone();
            tokio::spawn(
                async move { guess(&operator, OFFLINE_EVCO, &format!("99{number:02}"), number).await },
            )
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        let answer = guess.await.unwrap();
        assert_refused(&answer, "101");
        looked_at += usize::from(answer.additional_info().contains("the PIN is wrong"));
    }
    assert_eq!(looked_at, 5);
}

#[tokio::test]
async fn an_operators_wrong_pins_are_limited_across_contracts() {
    let stage = Stage::new().await;
    let evco = |number: usize| format!("DE-OFF-C{number:08}-X");
    let hash = json!({"Value": BCRYPT_OF_4711, "Function": "Bcrypt"});
    stage
        .pushed("DE-OFF", "fullLoad", (0..60).map(|number| hashed(&evco(number), hash.clone())).collect())
        .await;
    let began = Instant::now();
    for number in 0..51 {
        let wrong = guess(&stage.operator, &evco(number), "9999", number).await;
        assert!(
            wrong.additional_info().contains("the PIN is wrong"),
            "{number} after {:?}: {wrong:?}",
            began.elapsed()
        );
    }
    // One is forgiven a minute; the test is done long before.
    let next = guess(&stage.operator, &evco(55), "4711", 99).await;
    assert!(next.additional_info().contains("too many wrong PINs"), "{next:?}");
    let elsewhere = FakeOperator::new("DE*QQQ", stage.hub.oicp());
    assert_authorised(&guess(&elsewhere, &evco(55), "4711", 1).await, "DE-OFF");
}

#[tokio::test]
async fn pins_and_numbers_are_in_no_file_of_the_ledger_and_in_no_log() {
    let data = tempfile::tempdir().unwrap();
    let text = partners("http://127.0.0.1:9", "", "");
    let mut hub = HubProcess::builder(BIN).data(data.path()).partners(&text).start().await;
    let provider = FakeOperator::new("DE-OFF", hub.oicp()).with_patience(SOON);
    let uid = "04F00DF00D";
    let records = vec![record(code(OFFLINE_EVCO, PIN)), record(crate::stage::card("04F00DF0"))];
    let carried_out = push("DE-OFF", "fullLoad", records.clone());
    let post = async |body: Value| provider.post(&push_path("DE-OFF"), &[], body.to_string()).await;
    assert_eq!(post(carried_out).await.code(), "000");
    // Refused ones: existing, somebody else's, broken, cut off.
    assert_eq!(post(push("DE-OFF", "insert", records.clone())).await.code(), "009");
    assert_eq!(
        post(push("DE-OFF", "insert", vec![record(code("DE-ZZZ-C12345678-X", PIN))])).await.code(),
        "019"
    );
    let mut broken = push("DE-OFF", "insert", records);
    broken["ActionType"] = PIN.into();
    let broken = post(broken).await;
    assert_eq!(broken.status, 400);
    assert!(!broken.text().contains(PIN), "{broken:?}");
    let whole = push("DE-OFF", "insert", vec![record(code(OFFLINE_EVCO, PIN))]).to_string();
    let cut = provider.post(&push_path("DE-OFF"), &[], whole[..whole.len() - 9].to_owned()).await;
    assert_eq!(cut.status, 400);
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    assert_authorised(&guess(&operator, OFFLINE_EVCO, PIN, 1).await, "DE-OFF");
    let session =
        guess(&operator, OFFLINE_EVCO, PIN, 1).await.json()["SessionID"].as_str().unwrap().to_owned();
    let stop = crate::stage::stop(&session, code(OFFLINE_EVCO, PIN));
    let stopped = operator.post(&crate::stage::stop_path("DE*ABC"), &[], stop.to_string()).await;
    assert_eq!(stopped.code(), "000", "{stopped:?}");
    for restarted in [false, true] {
        if restarted {
            hub.restart().await;
        }
        for entry in std::fs::read_dir(data.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!holds(PIN), "the PIN is in {}", path.display());
                assert!(!holds("04F00DF0"), "the card is in {}", path.display());
            }
        }
        assert!(
            !hub.log().contains(PIN) && !hub.log().contains(uid) && !hub.log().contains("C12345678"),
            "{}",
            hub.log()
        );
    }
}
