//! A hub whose partners file is written out by each test.

use std::path::Path;
use std::time::{Duration, Instant};

use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, messages, program};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// A contract of everybody with everybody.
pub(crate) const ALL: &str =
    "[[contract]]\noperator = \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n";

/// An entry of an operator.
pub(crate) fn operator(id: &str, lines: &str) -> String {
    format!("[[operator]]\nid = \"{id}\"\n{lines}\n\n")
}

/// An entry of a provider; the lines name its services.
pub(crate) fn provider(fake: &FakeProvider, lines: &str) -> String {
    let services = match lines.contains("services") {
        true => "",
        false => "services = [\"authorization\", \"notifications\"]\n",
    };
    format!(
        "[[provider]]\nid = \"{}\"\nurl = \"{}\"\n{services}timeout = \"1s\"\nretry = [\"10m\"]\n{lines}\n\n",
        fake.provider_id(),
        fake.url()
    )
}

/// A contract for authorisation.
pub(crate) fn contract(operator: &str, provider: &str) -> String {
    format!(
        "[[contract]]\noperator = \"{operator}\"\nprovider = \"{provider}\"\nservices = [\"authorization\"]\n\n"
    )
}

/// A fake provider of this id.
pub(crate) async fn fake(id: &str) -> FakeProvider {
    FakeProvider::builder().provider_id(id).start().await
}

/// A hub with these entries.
pub(crate) async fn hub(entries: &[String]) -> HubProcess {
    HubProcess::builder(BIN).partners(&entries.concat()).start().await
}

/// The partners file is these entries from now on, and the hub has read them.
pub(crate) async fn now(hub: &HubProcess, entries: &[String]) {
    let read = |hub: &HubProcess| hub.log().matches("partners read again").count();
    let before = read(hub);
    std::fs::write(hub.partners_file(), entries.concat()).unwrap();
    hub.reload();
    let began = Instant::now();
    while read(hub) == before {
        assert!(began.elapsed() < SOON, "the partners were not read again: {}", hub.log());
        tokio::task::yield_now().await;
    }
}

/// Asks with a card; each card is another question.
pub(crate) async fn with_card(operator: &FakeOperator, card: &str) -> Answer {
    let mut body = messages::authorize_start_rfid(card);
    body["OperatorID"] = operator.id().into();
    operator.authorize_start(body).await
}

/// Asks with a contract id.
pub(crate) async fn with_contract(operator: &FakeOperator, evco: &str) -> Answer {
    let mut body = messages::authorize_start_evco(evco);
    body["OperatorID"] = operator.id().into();
    operator.authorize_start(body).await
}

/// The SessionID of a positive answer.
#[track_caller]
pub(crate) fn session_of(answer: &Answer) -> String {
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "Authorized", "{answer:?}");
    said["SessionID"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Asserts a negative answer with this code.
#[track_caller]
pub(crate) fn assert_not_authorised(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
}

/// Asserts HTTP 200 with this result and code.
#[track_caller]
pub(crate) fn assert_judged(answer: &Answer, result: bool, code: &str) {
    assert_eq!((answer.status, answer.result(), answer.code().as_str()), (200, result, code), "{answer:?}");
}

/// What `roamhub inspect --json` says about a message or a session.
pub(crate) async fn inspect(data: &Path, id: &str) -> Value {
    let data = data.to_str().unwrap();
    let ended = program::run(BIN, &["inspect", "--json", id, "--data", data], b"", SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The codes of the findings on the message of an answer.
pub(crate) async fn findings(hub: &HubProcess, answer: &Answer) -> Vec<String> {
    let message = inspect(hub.data_dir(), answer.header("process-id").unwrap()).await;
    let findings = message["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect()
}
