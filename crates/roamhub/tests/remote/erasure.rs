//! A contract's data is erased whichever way its sessions were opened.

use roamhub_testkit::{RemoteService, Reply, messages, program};
use serde_json::{Value, json};

use crate::stage::{BIN, Cast, SOON, Stage, assert_answer};

#[tokio::test]
async fn erasing_a_contract_finds_its_remote_requests_granted_and_refused() {
    let stage = Stage::new(Cast::default()).await;
    stage.session().await;
    stage.station.set_script(|_| Reply::ack(false, "510", ""));
    let reserved = messages::reservation_start("de-dcb-c12345678-x");
    assert_answer(&stage.provider.ask(RemoteService::Reserve, reserved).await, false, "510");
    let other = messages::remote_start("DE-DCB-C87654321-X");
    assert_answer(&stage.provider.ask(RemoteService::Start, other).await, false, "510");

    let data = stage.hub.data_dir().to_str().unwrap();
    let erase = async |arguments: &[&str]| {
        let arguments = [&["erase", "--json", "--data", data], arguments].concat();
        let ended = program::run(BIN, &arguments, messages::EVCO.as_bytes(), SOON).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let counted = erase(&["--dry-run"]).await;
    assert_eq!((&counted["sessions"], &counted["requests"]), (&json!(1), &json!(2)), "{counted:#}");
    erase(&[]).await;
    let counted = erase(&["--dry-run"]).await;
    assert_eq!(counted["requests"], json!(0), "{counted:#}");
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        let Ok(file) = std::fs::read(stage.hub.data_dir().join(name)) else { continue };
        let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds("C12345678") && !holds("c12345678"), "{name} still has it");
    }
}
