//! AuthorizeStop of sessions that uploaded records authorised: what started it stops it, and nothing else.

use crate::stage::{
    CARD, OFFLINE_EVCO, ONLINE_EVCO, Stage, assert_authorised, assert_does_not_stop, assert_stops, card,
    code, contract, record,
};

#[tokio::test]
async fn the_same_card_stops_and_another_is_102() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card(CARD)), record(card("04111111"))]).await;
    let session = stage.started(card(CARD), "DE-OFF").await;
    assert_does_not_stop(&stage.stop(&session, card("04111111")).await, "102");
    assert_stops(&stage.stop(&session, card("04aabbcc")).await, "DE-OFF");
    // Gone from the records since: what the hub authorised, it lets end.
    stage.pushed("DE-OFF", "fullLoad", vec![]).await;
    stage.restart().await;
    assert_stops(&stage.stop(&session, card(CARD)).await, "DE-OFF");
}

#[tokio::test]
async fn the_same_contract_stops_and_another_is_105() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(contract(OFFLINE_EVCO))]).await;
    let session = stage.started(contract(OFFLINE_EVCO), "DE-OFF").await;
    assert_does_not_stop(&stage.stop(&session, contract("DE-OFF-C00000000-X")).await, "105");
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "102");
    assert_does_not_stop(&stage.stop(&session, code(OFFLINE_EVCO, "4711")).await, "101");
    assert_stops(&stage.stop(&session, contract("de-off-c12345678-x")).await, "DE-OFF");
}

#[tokio::test]
async fn the_same_code_stops_with_the_right_pin_and_another_code_or_pin_is_101() {
    let stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(code(OFFLINE_EVCO, "4711"))]).await;
    let session = stage.started(code(OFFLINE_EVCO, "4711"), "DE-OFF").await;
    assert_does_not_stop(&stage.stop(&session, code(OFFLINE_EVCO, "4712")).await, "101");
    assert_does_not_stop(&stage.stop(&session, code("DE-OFF-C00000000-X", "4711")).await, "101");
    assert_does_not_stop(&stage.stop(&session, contract(OFFLINE_EVCO)).await, "105");
    assert_stops(&stage.stop(&session, code(OFFLINE_EVCO, "4711")).await, "DE-OFF");
    stage.pushed("DE-OFF", "fullLoad", vec![]).await;
    let mut gone = crate::stage::stop(&session, code(OFFLINE_EVCO, "4711"));
    gone["x"] = 1.into();
    assert_stops(&stage.stop_with(gone).await, "DE-OFF");
}

#[tokio::test]
async fn an_online_provider_is_not_asked_to_stop_what_its_records_authorised() {
    let stage = Stage::new().await;
    stage.pushed("DE-DCB", "fullLoad", vec![record(contract(ONLINE_EVCO))]).await;
    let session = stage.started(contract(ONLINE_EVCO), "DE-DCB").await;
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "102");
    assert_stops(&stage.stop(&session, contract(ONLINE_EVCO)).await, "DE-DCB");
    assert_eq!(stage.online.connections(), 0);
}

#[tokio::test]
async fn neither_a_lock_nor_a_missing_provider_is_in_the_way() {
    let mut stage = Stage::new().await;
    stage.pushed("DE-OFF", "fullLoad", vec![record(card(CARD))]).await;
    let session = stage.started(card(CARD), "DE-OFF").await;
    let file = stage.hub.partners_file().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    let without = text.replace("id = \"DE-OFF\"\nservices = [\"authentication-data\"]", "id = \"DE-XXX\"");
    let without = without.replace("id = \"DE*ABC\"", "id = \"DE*ABC\"\nlocked = true");
    assert_ne!(without, text);
    std::fs::write(&file, without).unwrap();
    stage.restart().await;
    assert_stops(&stage.stop(&session, card(CARD)).await, "DE-OFF");
    assert_does_not_stop(&stage.stop(&session, card("04111111")).await, "102");
    assert_eq!(stage.online.connections(), 0);
    std::fs::write(&file, text).unwrap();
    stage.restart().await;
    assert_authorised(&stage.start(card(CARD)).await, "DE-OFF");
}
