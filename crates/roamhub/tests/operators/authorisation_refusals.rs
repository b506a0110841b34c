//! AuthorizeStart that the hub refuses itself, before anybody is asked.

use roamhub_testkit::{Answer, authorize_start_path, messages};
use serde_json::{Value, json};

use crate::stage::{Partners, Stage, assert_refused, pointers, process_of};

/// A refusal with HTTP 200: not authorised, this code, no session.
#[track_caller]
fn assert_not_authorised(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert!(said.get("SessionID").is_none(), "{answer:?}");
    process_of(answer);
}

#[tokio::test]
async fn without_a_contract_it_is_210() {
    let stage = Stage::new().await;
    let operator = stage.operator("DE*QQQ");
    for mut body in [
        messages::authorize_start_rfid("04A4A4A4A4A4A4"),
        messages::authorize_start_evco("DE-DCB-C12345678-9"),
    ] {
        body["OperatorID"] = "DE*QQQ".into();
        assert_not_authorised(&operator.authorize_start(&body).await, "210");
    }
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn a_contract_of_an_unknown_provider_is_300() {
    let stage = Stage::new().await;
    let answer = stage.operator.authorize_start(messages::authorize_start_evco("FR-EVL-C12345678-9")).await;
    assert_not_authorised(&answer, "300");
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn a_locked_operator_is_017() {
    let stage = Stage::with(Partners { operator: "locked = true", ..Partners::default() }).await;
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04A5A5A5A5A5A5")).await;
    assert_not_authorised(&answer, "017");
    assert_eq!(answer.json()["Result"], false, "an acknowledgement as well: {answer:?}");
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn a_locked_provider_is_not_asked() {
    let stage = Stage::with(Partners { provider: "locked = true", ..Partners::default() }).await;
    for body in [
        messages::authorize_start_rfid("04A6A6A6A6A6A6"),
        messages::authorize_start_evco("DE-DCB-C12345678-9"),
    ] {
        assert_not_authorised(&stage.operator.authorize_start(body).await, "320");
    }
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn path_and_body_that_name_different_operators_are_022() {
    let stage = Stage::new().await;
    for path_id in ["DE*QQQ", "DE*XYZ", "nonsense", "DE%2A%00%22"] {
        let body = messages::authorize_start_rfid("04A7A7A7A7A7A7").to_string();
        let answer = stage.operator.post(&authorize_start_path(path_id), &[], body).await;
        assert_refused(&answer, 400, "022");
        assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    }
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn an_identification_that_may_not_ask_is_022_and_names_its_place() {
    let stage = Stage::new().await;
    let uid = json!({"UID": "04A8A8A8A8A8A8"});
    let evco = json!({"EvcoID": "DE-DCB-C12345678-9"});
    let rfid = json!({"UID": "04A8A8A8A8A8A8", "RFID": "mifareDes"});
    let hashed = json!({"EvcoID": "DE-DCB-C12345678-9", "PIN": "1234", "HashedPIN": {"Value": "0123456789abc",
        "Function": "Bcrypt"}});
    let cases: [(Value, &[&str]); 10] = [
        (
            json!({"RFIDMifareFamilyIdentification": uid, "PlugAndChargeIdentification": evco}),
            &["/Identification"],
        ),
        (json!({}), &["/Identification"]),
        (json!({"RFIDMifareFamilyIdentification": null}), &["/Identification"]),
        (json!({"RFIDIdentification": rfid}), &["/Identification/RFIDIdentification"]),
        (json!({"RemoteIdentification": evco}), &["/Identification/RemoteIdentification"]),
        (json!({"QRCodeIdentification": evco}), &["/Identification/QRCodeIdentification/PIN"]),
        (json!({"QRCodeIdentification": hashed}), &["/Identification/QRCodeIdentification/HashedPIN"]),
        (
            json!({"RFIDMifareFamilyIdentification": {"UID": "04:A8"}}),
            &["/Identification/RFIDMifareFamilyIdentification/UID"],
        ),
        (json!(null), &["/Identification"]),
        (json!("04A8A8A8A8A8A8"), &["/Identification"]),
    ];
    for (identification, expected) in cases {
        let mut body = messages::authorize_start_rfid("04A8A8A8A8A8A8");
        body["Identification"] = identification;
        let answer = stage.operator.authorize_start(&body).await;
        assert_refused(&answer, 400, "022");
        assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
        assert_eq!(pointers(&answer), expected, "{body}: {answer:?}");
        assert!(!answer.text().contains("12345678"), "the contract is not repeated: {answer:?}");
    }
    assert!(stage.provider.received().is_empty());
}

#[tokio::test]
async fn two_identifications_one_of_them_null_are_one() {
    let stage = Stage::new().await;
    let mut body = messages::authorize_start_rfid("04A9A9A9A9A9A9");
    for form in ["RFIDIdentification", "QRCodeIdentification", "RemoteIdentification"] {
        body["Identification"][form] = Value::Null;
    }
    let answer = stage.operator.authorize_start(&body).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
}
