//! How an operator is called, as the partners file says it.

use roamhub_testkit::{FakeProvider, HubProcess, TestCa};
use tempfile::TempDir;

use crate::stage::{BIN, Stage, assert_answer, operator};

#[tokio::test]
async fn an_operators_own_headers_go_with_every_request() {
    let stage = Stage::new(operator("headers = { X-Api-Key = \"sesame\" }")).await;
    stage.session().await;
    assert_eq!(stage.asked(1).await[0].header("x-api-key"), Some("sesame"));
}

#[tokio::test]
async fn an_operators_own_authority_is_trusted_and_no_other() {
    let (ca, files) = (TestCa::new(), TempDir::new().unwrap());
    ca.write_pem(files.path().join("ca.pem"));
    let station = FakeProvider::builder().tls(ca.server("127.0.0.1")).start().await;
    for (lines, result, code) in [
        (format!("ca = \"{}\"", files.path().join("ca.pem").display()), true, "000"),
        (String::new(), false, "310"),
    ] {
        let partners = format!(
            "[[operator]]\nid = \"DE*ABC\"\nurl = \"{}\"\n{lines}\n[[provider]]\nid = \"DE-DCB\"\n\
             [[contract]]\noperator = \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n",
            station.url()
        );
        let hub = HubProcess::builder(BIN).partners(&partners).start().await;
        let provider = roamhub_testkit::CallingProvider::new("DE-DCB", hub.oicp());
        let body = roamhub_testkit::messages::remote_start(roamhub_testkit::messages::EVCO);
        let answer = provider.ask(roamhub_testkit::RemoteService::Start, body).await;
        assert_answer(&answer, result, code);
    }
    assert_eq!(station.received().len(), 1, "who is not trusted is told nothing");
}
