//! Erasing one contract's data takes what was uploaded about it too.

use roamhub_testkit::program::{self, Ended};
use serde_json::{Value, json};

use crate::stage::{
    BIN, CARD, OFFLINE_EVCO, SOON, Stage, assert_authorised, assert_refused, card, code, contract, record,
    start,
};

async fn erase(stage: &Stage, arguments: &[&str], subject: &str) -> Ended {
    let data = stage.hub.data_dir().to_str().unwrap().to_owned();
    let mut all = vec!["erase"];
    all.extend(arguments);
    all.extend(["--data", &data]);
    program::run(BIN, &all, subject.as_bytes(), SOON).await
}

async fn again(stage: &Stage, identification: Value) -> roamhub_testkit::Answer {
    let mut body = start(identification);
    body["EvseID"] = "DE*ABC*ETEST9".into();
    stage.operator.authorize_start(body).await
}

#[tokio::test]
async fn an_erased_contract_takes_its_uploaded_records_along_and_leaves_the_others() {
    let stage = Stage::new().await;
    let of_contract = json!({"RFIDIdentification": {"UID": CARD, "RFID": "nfc", "EvcoID": OFFLINE_EVCO}});
    let other = "DE-OFF-C00000000-X";
    let records = vec![
        record(of_contract),
        record(contract(OFFLINE_EVCO)),
        record(code(OFFLINE_EVCO, "4711")),
        record(contract(other)),
        record(card("04111111")),
    ];
    stage.pushed("DE-OFF", "fullLoad", records).await;
    assert_authorised(&stage.start(contract(OFFLINE_EVCO)).await, "DE-OFF");
    assert_authorised(&stage.start(card(CARD)).await, "DE-OFF");
    let counted = erase(&stage, &["--dry-run", "--json"], OFFLINE_EVCO).await;
    let counted: Value = serde_json::from_str(&counted.stdout).unwrap();
    assert_eq!(counted["uploads"], 3, "{counted:#}");
    let done = erase(&stage, &[], OFFLINE_EVCO).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("3 uploaded records"), "{done:?}");
    assert_refused(&again(&stage, contract(OFFLINE_EVCO)).await, "105");
    assert_refused(&again(&stage, code(OFFLINE_EVCO, "4711")).await, "101");
    assert_authorised(&again(&stage, contract(other)).await, "DE-OFF");
    assert_authorised(&again(&stage, card("04111111")).await, "DE-OFF");
    assert_eq!(stage.uploads().await["providers"][0]["records"], 2);
    let by_card = erase(&stage, &[], "04111111").await;
    assert!(by_card.stdout.contains("1 uploaded records"), "{by_card:?}");
    assert_eq!(stage.uploads().await["providers"][0]["records"], 1);
}
