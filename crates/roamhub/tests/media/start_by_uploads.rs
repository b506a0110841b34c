//! AuthorizeStart: uploaded records are looked at before any provider is asked.

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Reply};
use serde_json::{Value, json};

use crate::stage::{
    BIN, CARD, OFFLINE_EVCO, ONLINE_EVCO, Stage, assert_authorised, assert_refused, card, code, contract,
    partners, record, start,
};

/// A card that expires then.
fn dated(uid: &str, expires: &str) -> Value {
    record(json!({"RFIDIdentification": {"UID": uid, "RFID": "mifareCls", "ExpiryDate": expires}}))
}

const PAST: &str = "2020-01-01T00:00:00Z";

#[tokio::test]
async fn an_uploaded_card_is_authorised_without_asking_anybody() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card("04aabbcc"))]).await;
    let answer = stage.start(card(CARD)).await;
    assert_authorised(&answer, "DE-OFF");
    assert!(
        answer.json()["SessionID"].is_string() && answer.json()["AuthorizationStopIdentifications"].is_null()
    );
    assert_eq!(stage.online.connections(), 0);
    // What follows in the session is kept for the provider, which has no address.
    let session = answer.json()["SessionID"].as_str().unwrap().to_owned();
    let end = stage.operator.notify(roamhub_testkit::messages::end(&session)).await;
    assert_eq!((end.status, end.code().as_str()), (200, "320"), "{end:?}");
    assert_eq!(end.header("hub-delivery"), Some("held"), "{end:?}");
}

#[tokio::test]
async fn an_uploaded_contract_is_authorised_without_asking_the_provider_that_it_names_though_it_is_online() {
    let stage = Stage::new().await;
    stage.pushed("DE-DCB", "fullLoad", vec![record(contract(ONLINE_EVCO)), record(card(CARD))]).await;
    assert_authorised(&stage.start(contract("de-dcb-c12345678-x")).await, "DE-DCB");
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_eq!(stage.online.connections(), 0);
    stage.online.stop().await;
    let unreachable = start(card(CARD)).to_string().replace("ETEST1", "ETEST2");
    assert_authorised(&stage.operator.authorize_start(unreachable).await, "DE-DCB");
}

#[tokio::test]
async fn a_sub_providers_contract_is_named_as_its_own() {
    let stage = Stage::new().await;
    let of_sub = json!({"RFIDIdentification": {"UID": CARD, "RFID": "nfc", "EvcoID": "DE-SUB-C12345678-X"}});
    stage.pushed("DE-DCB", "fullLoad", vec![record(contract("DE-SUB-C12345678-X")), record(of_sub)]).await;
    assert_authorised(&stage.start(contract("DE-SUB-C12345678-X")).await, "DE-SUB");
    assert_authorised(&stage.start(card(CARD)).await, "DE-SUB");
}

#[tokio::test]
async fn an_online_provider_is_asked_about_what_its_records_do_not_hold() {
    let stage = Stage::new().await;
    stage.pushed("DE-DCB", "fullLoad", vec![record(card("04111111")), dated(CARD, PAST)]).await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_authorised(&stage.start(contract(ONLINE_EVCO)).await, "DE-DCB");
    assert_eq!(stage.online.received().len(), 2, "it knows better than an expired record");
}

#[tokio::test]
async fn an_offline_provider_that_is_named_decides_alone_102_is_no_card_105_no_contract_101_no_code() {
    let stage = Stage::new().await;
    for (identification, refusal) in [(contract(OFFLINE_EVCO), "105"), (code(OFFLINE_EVCO, "4711"), "101")] {
        assert_refused(&stage.start(identification).await, refusal);
    }
    stage.pushed("DE-OFF", "fullLoad", vec![record(contract("DE-OFF-C00000000-X"))]).await;
    let mut other = start(contract(OFFLINE_EVCO));
    other["EvseID"] = "DE*ABC*ETEST2".into();
    assert_refused(&stage.operator.authorize_start(other).await, "105");
    assert_eq!(stage.online.connections(), 0, "it is not its contract");
}

#[tokio::test]
async fn what_is_uploaded_for_one_form_does_not_authorise_another() {
    let stage = Stage::new().await;
    let remote = json!({"RemoteIdentification": {"EvcoID": OFFLINE_EVCO}});
    stage.pushed("DE-OFF", "fullLoad", vec![record(remote), record(code(OFFLINE_EVCO, "4711"))]).await;
    assert_refused(&stage.start(contract(OFFLINE_EVCO)).await, "105");
    assert_authorised(&stage.start(code(OFFLINE_EVCO, "4711")).await, "DE-OFF");
}

#[tokio::test]
async fn a_card_that_no_record_holds_is_asked_of_the_others() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![dated(CARD, PAST)]).await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_authorised(&stage.start(card("04111111")).await, "DE-DCB");
    stage.online.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.start(card("04222222")).await;
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized", "{refused:?}");
}

#[tokio::test]
async fn where_nobody_can_be_asked_an_unknown_or_expired_card_is_102() {
    let text = partners("http://127.0.0.1:9", "services = [\"notifications\"]", "");
    let hub = HubProcess::builder(BIN).partners(&text).start().await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    assert_refused(&operator.authorize_start(start(card(CARD))).await, "102");
    let body = crate::stage::push("DE-OFF", "fullLoad", vec![dated("04111111", PAST)]);
    let answer = operator.post(&crate::stage::push_path("DE-OFF"), &[], body.to_string()).await;
    assert_eq!(answer.code(), "000", "{answer:?}");
    let expired = operator.authorize_start(start(card("04111111"))).await;
    assert_refused(&expired, "102");
    assert!(expired.additional_info().contains("expired"), "{expired:?}");
}

#[tokio::test]
async fn locked_providers_and_those_without_contract_do_not_count() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card(CARD)), record(contract(OFFLINE_EVCO))]).await;
    let file = stage.hub.partners_file().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    let locked = text.replace("id = \"DE-OFF\"", "id = \"DE-OFF\"\nlocked = true");
    std::fs::write(&file, locked).unwrap();
    stage.restart().await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_refused(&stage.start(contract(OFFLINE_EVCO)).await, "320");
    let only = text.replace("provider = \"*\"", "provider = \"DE-DCB\"");
    std::fs::write(&file, only).unwrap();
    stage.restart().await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_refused(&stage.start(contract(OFFLINE_EVCO)).await, "210");
    let no_more = text.replace("id = \"DE-OFF\"\nservices = [\"authentication-data\"]", "id = \"DE-OFF\"");
    assert_ne!(no_more, text);
    std::fs::write(&file, no_more).unwrap();
    stage.restart().await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert_refused(&stage.start(contract(OFFLINE_EVCO)).await, "320");
}

#[tokio::test]
async fn of_two_providers_with_the_same_card_the_first_in_order_is_believed_and_the_log_says_so() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card(CARD))]).await;
    stage.pushed("DE-DCB", "fullLoad", vec![record(card(CARD))]).await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-DCB");
    assert!(stage.hub.log().contains("several providers have uploaded one medium"), "{}", stage.hub.log());
    assert!(!stage.hub.log().contains(CARD));
    assert_eq!(stage.online.connections(), 0);
    // The first one's has expired: then the second's counts.
    stage.pushed("DE-DCB", "update", vec![dated(CARD, PAST)]).await;
    stage.restart().await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-OFF");
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_and_what_was_uploaded_survives_a_restart() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card(CARD))]).await;
    let first = stage.start(card(CARD)).await;
    assert_authorised(&first, "DE-OFF");
    let again = stage.start(card(CARD)).await;
    assert_eq!(again.json()["SessionID"], first.json()["SessionID"]);
    stage.hub.kill9().await;
    stage.restart().await;
    let after = stage.start(card(CARD)).await;
    assert_authorised(&after, "DE-OFF");
    assert_ne!(after.json()["SessionID"], first.json()["SessionID"]);
}

#[tokio::test]
async fn providers_without_uploads_are_asked_as_ever() {
    let provider = FakeProvider::start().await;
    let text = partners(&provider.url(), "", "");
    let hub = HubProcess::builder(BIN).partners(&text).start().await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    assert_authorised(&operator.authorize_start(start(card(CARD))).await, "DE-DCB");
    assert_authorised(&operator.authorize_start(start(code(ONLINE_EVCO, "4711"))).await, "DE-DCB");
    assert_eq!(provider.received()[1].json()["Identification"]["QRCodeIdentification"]["PIN"], "4711");
}
