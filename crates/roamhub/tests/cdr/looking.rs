//! What people see: differences between a record and its End, closed sessions that are no ghosts, erasure.

use roamhub_testkit::{messages, program};
use serde_json::{Value, json};

use crate::stage::{ALL, BIN, OFFLINE, SOON, Stage, assert_recorded, sessions_on};

#[tokio::test]
async fn a_record_that_differs_from_its_end_is_listed_counted_and_shown_with_its_session() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    assert!(stage.operator.notify(messages::end(&session)).await.result());
    let mut record = messages::cdr(&session);
    (record["ConsumedEnergy"], record["MeterValueEnd"]) = (json!(10.5), json!(10.5));
    assert_recorded(&stage.operator.bill(&record).await);
    let found = |said: &Value| said["code"] == "record-energy-differs";
    let listed = stage.json_when(&["differences", "--operator", "DE*ABC"], "a difference", found).await;
    assert_eq!((&listed["session"], &listed["pointer"]), (&json!(session), &json!("/ConsumedEnergy")));
    let story = stage.json_when(&["inspect", &session], "the session", |_| true).await;
    assert_eq!(story["state"], "closed");
    assert_eq!(story["differences"][0]["code"], "record-energy-differs");
    let metrics = stage.hub.get_console("/metrics").await.text();
    let counted = r#"roamhub_record_differences_total{operator="DE*ABC",code="record-energy-differs"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    let console = stage.hub.get_admin("/api/v1/differences?operator=DE*ABC").await;
    assert_eq!(console.json()["differences"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_record_that_agrees_differs_in_nothing_and_one_without_an_end_says_so() {
    let stage = Stage::new(ALL).await;
    let agreeing = stage.operator.open_session().await;
    assert!(stage.operator.notify(messages::end(&agreeing)).await.result());
    assert_recorded(&stage.operator.bill(messages::cdr(&agreeing)).await);
    let (without, _) = stage.billed().await;
    let found = |said: &Value| said["code"] == "record-without-end";
    let listed = stage.json_when(&["differences"], "a difference", found).await;
    assert_eq!(listed["session"], json!(without));
    let story = stage.json_when(&["inspect", &agreeing], "the session", |_| true).await;
    assert_eq!(story["differences"], json!([]));
}

#[tokio::test]
async fn an_erased_card_takes_its_records_with_it() {
    const CARD: &str = "04C0FFEE123456";
    let stage = Stage::new(OFFLINE).await;
    let opened = stage.operator.authorize_start(messages::authorize_start_rfid(CARD)).await.json();
    let session = opened["SessionID"].as_str().unwrap().to_owned();
    let mut record = messages::cdr(&session);
    record["Identification"]["RFIDMifareFamilyIdentification"]["UID"] = json!(CARD);
    let answer = stage.operator.bill(&record).await;
    assert_recorded(&answer);
    let (kept, _) = stage.billed().await;
    let data = stage.hub.data_dir().to_str().unwrap();
    let ended = program::run(BIN, &["erase", "--data", data], CARD.as_bytes(), SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        sessions_on(&stage.fetch("", &messages::get_cdrs()).await),
        [kept],
        "it has nothing left to give"
    );
    for file in std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ledger.sqlite")) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(CARD.len()).any(|window| window == CARD.as_bytes()), "{}", file.display());
        }
    }
}
