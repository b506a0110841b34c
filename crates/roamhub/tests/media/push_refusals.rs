//! Pushes that are refused, in the order of the protocol's checks.

use roamhub_testkit::{Answer, FakeOperator};
use serde_json::{Value, json};

use crate::stage::{OFFLINE_EVCO, Stage, card, contract, push, push_path, pusher, record};

const LIST: &str = "/ProviderAuthenticationData/AuthenticationDataRecord";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuDVmXYoKHcUoWZ4nQ1HeHkHcDfwE9Dsm";

#[track_caller]
fn assert_code(answer: &Answer, http: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str(), answer.result()), (http, code, false), "{answer:?}");
    assert!(answer.json()["AuthorizationStatus"].is_null(), "an acknowledgement: {answer:?}");
}

async fn assert_nothing_stored(stage: &Stage) {
    assert_eq!(stage.uploads().await["providers"], json!([]));
}

#[tokio::test]
async fn provider_not_registered_is_300() {
    let stage = Stage::new().await;
    let answer = stage.push("DE-ZZZ", push("DE-ZZZ", "fullLoad", vec![])).await;
    assert_code(&answer, 404, "300");
    // A provider that another one bundles does not talk to the hub itself.
    assert_code(&stage.push("DE-SUB", push("DE-SUB", "fullLoad", vec![])).await, 404, "300");
}

#[tokio::test]
async fn provider_locked_is_017_before_anything_else() {
    let stage = Stage::with("locked = true\nservices = []", "").await;
    assert_code(&stage.push("DE-DCB", push("DE-DCB", "fullLoad", vec![])).await, 200, "017");
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn provider_without_contract_with_the_hub_is_210() {
    let stage = Stage::with("services = [\"authorization\", \"notifications\"]", "").await;
    let answer = stage.push("DE-DCB", push("DE-DCB", "fullLoad", vec![record(card("04AABBCC"))])).await;
    assert_code(&answer, 200, "210");
    assert!(answer.additional_info().contains("authentication-data"), "{answer:?}");
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn who_may_not_push_is_refused_before_the_body_is_read() {
    let stage = Stage::new().await;
    let answer = FakeOperator::new("DE-ZZZ", stage.hub.oicp())
        .raw(
            format!(
                "POST {} HTTP/1.1\r\nHost: hub\r\nExpect: 100-continue\r\nContent-Length: 60000000\r\n\r\n",
                push_path("DE-ZZZ")
            )
            .as_bytes(),
        )
        .await;
    assert_code(&answer, 404, "300");
}

#[tokio::test]
async fn path_and_body_of_different_providers_are_022() {
    let stage = Stage::new().await;
    assert_code(&stage.push("DE-OFF", push("DE-DCB", "fullLoad", vec![])).await, 400, "022");
    let nonsense = stage.push("nonsense", push("DE-DCB", "fullLoad", vec![])).await;
    assert_code(&nonsense, 400, "022");
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn contracts_of_other_providers_are_019_and_those_of_sub_providers_are_not() {
    let stage = Stage::new().await;
    let theirs = record(contract("DE-ZZZ-C12345678-X"));
    let card_of_theirs = record(
        json!({"RFIDIdentification": {"UID": "04AABBCC", "RFID": "nfc", "EvcoID": "DE-OFF-C12345678-X"}}),
    );
    let sub = record(contract("DE-SUB-C12345678-X"));
    let records = vec![sub.clone(), theirs, record(card("04AABBCC")), card_of_theirs];
    let answer = stage.push("DE-DCB", push("DE-DCB", "fullLoad", records)).await;
    assert_code(&answer, 200, "019");
    assert!(answer.additional_info().contains("records 1, 3 of /"), "{answer:?}");
    assert!(!answer.text().contains("ZZZ-C1234"), "{answer:?}");
    assert_nothing_stored(&stage).await;
    stage.pushed("DE-DCB", "fullLoad", vec![sub, record(card("04AABBCC"))]).await;
}

#[tokio::test]
async fn every_violation_is_named_with_its_place_and_nothing_personal() {
    let stage = Stage::new().await;
    let code = |extra: Value| {
        let mut code = json!({"EvcoID": OFFLINE_EVCO});
        code.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        record(json!({ "QRCodeIdentification": code }))
    };
    let legacy = |function: &str, value: &str| {
        code(json!({"HashedPIN": {"Value": "x", "Function": "Bcrypt",
            "LegacyHashData": {"Function": function, "Salt": "s", "Value": value}}}))
    };
    let records = vec![
        record(card("04AABBC")),
        record(
            json!({"RFIDIdentification": {"UID": "04AABBCC", "RFID": "chip", "PrintedNumber": "9".repeat(151)}}),
        ),
        code(json!({})),
        code(json!({"PIN": "4711", "HashedPIN": {"Value": BCRYPT, "Function": "Bcrypt"}})),
        code(json!({"HashedPIN": {"Value": "4711secret", "Function": "MD5"}})),
        code(json!({"HashedPIN": {"Value": BCRYPT.replace("$04$", "$31$"), "Function": "Bcrypt"}})),
        legacy("MD5", "4711secret"),
        legacy("SHA-256", "4711secret"),
        code(json!({"PIN": "4711secret4711secret4"})),
        json!({"Identification": card("04AABBCC"), "RemoteIdentification": {"EvcoID": OFFLINE_EVCO}}),
        json!({}),
        json!(7),
        record(
            json!({"RFIDMifareFamilyIdentification": {"UID": "04AABBCC"}, "RemoteIdentification": {"EvcoID": OFFLINE_EVCO}}),
        ),
        // Fine.
        code(json!({"HashedPIN": {"Value": BCRYPT, "Function": "Bcrypt", "LegacyHashData": null}})),
        legacy("MD5", "0123456789abcdef0123456789ABCDEF"),
    ];
    let answer = stage.push("DE-OFF", push("DE-OFF", "fullLoad", records)).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    let pointers: Vec<_> = answer.violations().into_iter().map(|(pointer, _)| pointer).collect();
    let qr = |place: usize, rest: &str| format!("{LIST}/{place}/Identification/QRCodeIdentification{rest}");
    let expected = [
        format!("{LIST}/0/Identification/RFIDMifareFamilyIdentification/UID"),
        format!("{LIST}/1/Identification/RFIDIdentification/RFID"),
        format!("{LIST}/1/Identification/RFIDIdentification/PrintedNumber"),
        qr(2, ""),
        qr(3, ""),
        qr(4, "/HashedPIN/Function"),
        qr(4, "/HashedPIN/Value"),
        qr(5, "/HashedPIN/Value"),
        qr(6, "/HashedPIN/LegacyHashData/Value"),
        qr(7, "/HashedPIN/LegacyHashData/Function"),
        qr(8, "/PIN"),
        format!("{LIST}/9/RemoteIdentification"),
        format!("{LIST}/10/Identification"),
        format!("{LIST}/11"),
        format!("{LIST}/12/Identification"),
    ];
    assert_eq!(pointers, expected, "{answer:?}");
    for personal in ["04AABB", "4711", "C12345678", "9999"] {
        assert!(!answer.text().contains(personal), "{personal}: {answer:?}");
    }
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn broken_bodies_are_refused_and_many_violations_stay_within_bounds() {
    let stage = Stage::new().await;
    for body in ["", "[]", "{", "{}", r#"{"ActionType":"upsert","ProviderAuthenticationData":[]}"#] {
        assert_code(&stage.push("DE-OFF", body).await, 400, "022");
    }
    let one = r#"{"ActionType":"insert","ProviderAuthenticationData":{"ProviderID":"DE-OFF","AuthenticationDataRecord":{}}}"#;
    let answer = stage.push("DE-OFF", one).await;
    assert_code(&answer, 400, "022");
    assert_eq!(answer.violations()[0].0, LIST);
    let many: Vec<_> = (0..5000).map(|_| json!({})).collect();
    let answer = stage.push("DE-OFF", push("DE-OFF", "insert", many)).await;
    assert_code(&answer, 400, "022");
    assert_eq!(answer.violations().len(), 101, "a hundred and how many more");
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn too_many_pins_in_clear_are_refused_with_what_to_send_instead() {
    let stage = Stage::new().await;
    let many = (0..101)
        .map(|number| record(crate::stage::code(&format!("DE-OFF-C{number:08}-X"), "4711")))
        .collect();
    let answer = stage.push("DE-OFF", push("DE-OFF", "fullLoad", many)).await;
    assert_code(&answer, 400, "022");
    let (pointer, message) = answer.violations()[0].clone();
    assert_eq!(pointer, LIST);
    assert!(message.contains("HashedPIN") && message.contains("at most 100"), "{message}");
    assert_nothing_stored(&stage).await;
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_413() {
    let stage = Stage::new().await;
    let answer = pusher(&stage.hub, "DE-OFF")
        .raw(
            format!(
                "POST {} HTTP/1.1\r\nHost: hub\r\nExpect: 100-continue\r\nContent-Length: 70000000\r\n\r\n",
                push_path("DE-OFF")
            )
            .as_bytes(),
        )
        .await;
    assert_code(&answer, 413, "022");
}

#[tokio::test]
async fn pulling_authentication_data_is_not_offered() {
    let stage = Stage::new().await;
    let path = "/api/oicp/authdata/v21/operators/DE*ABC/pull-request";
    let answer = stage.operator.post(path, &[], json!({"OperatorID": "DE*ABC"}).to_string()).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "001"), "{answer:?}");
}
