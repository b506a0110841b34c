//! HTTPS towards providers: whom the hub trusts, and that it tells nothing to anybody else.

use roamhub_testkit::{Answer, FakeProvider, HubProcess, ServerTls, TestCa, messages};
use tempfile::TempDir;

use crate::stage::{
    BIN, QUICK, SOON, assert_deferred, assert_delivered, inspect, operator_of, partners, process_of,
    provider_entry,
};

/// A provider behind TLS, a hub that trusts its authority, and an open session.
struct Secured {
    files: TempDir,
    provider: FakeProvider,
    hub: HubProcess,
    session: String,
}

impl Secured {
    async fn new(ca: &TestCa) -> Self {
        let files = TempDir::new().unwrap();
        ca.write_pem(files.path().join("ca.pem"));
        let provider = FakeProvider::builder().tls(ca.server("127.0.0.1")).start().await;
        let entry = provider_entry("DE-DCB", &provider.url(), &trusting(&files));
        let hub = HubProcess::builder(BIN).partners(&partners(&[entry])).start().await;
        let session = operator_of(&hub).open_session().await;
        Self { files, provider, hub, session }
    }

    /// Sends the session's End after the provider's entry in the partners file has changed.
    async fn end_with(&mut self, url: &str, lines: &str) -> Answer {
        let text = partners(&[provider_entry("DE-DCB", url, lines)]);
        std::fs::write(self.hub.partners_file(), text).unwrap();
        self.hub.restart().await;
        operator_of(&self.hub).notify(messages::end(&self.session)).await
    }

    async fn assert_untrusted(&self, answer: &Answer, provider: &FakeProvider) {
        assert_deferred(answer);
        assert!(answer.additional_info().contains("no trusted connection"), "{answer:?}");
        assert!(provider.notifications().is_empty(), "not a byte of it left the hub");
        let driver = messages::authorize_start_evco("DE-DCB-C12345678-X");
        let refused = operator_of(&self.hub).authorize_start(driver).await;
        assert_eq!((refused.code().as_str(), refused.status), ("310", 200), "{refused:?}");
        assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized");
        let record = inspect(self.hub.data_dir(), &process_of(answer)).await;
        assert!(record.outcomes().iter().all(|outcome| outcome == "unreachable"), "{:#}", record.0);
    }
}

fn trusting(files: &TempDir) -> String {
    format!("{QUICK}\nca = \"{}\"", files.path().join("ca.pem").display())
}

/// A provider with this certificate.
async fn with(tls: ServerTls) -> FakeProvider {
    FakeProvider::builder().tls(tls).start().await
}

#[tokio::test]
async fn a_provider_whose_authority_is_named_in_the_partners_file_is_trusted() {
    let secured = Secured::new(&TestCa::new()).await;
    let operator = operator_of(&secured.hub);
    assert_delivered(&operator.notify(messages::start(&secured.session)).await);
    assert_delivered(&operator.notify(messages::end(&secured.session)).await);
    assert_eq!(secured.provider.notifications().len(), 2);
    assert_eq!(secured.provider.connections(), 1, "kept and used again, as without TLS");
}

#[tokio::test]
async fn a_name_in_the_certificate_is_as_good_as_an_address() {
    let ca = TestCa::new();
    let mut secured = Secured::new(&ca).await;
    let named = with(ca.server("localhost")).await;
    let url = format!("https://localhost:{}", named.port());
    let lines = trusting(&secured.files);
    assert_delivered(&secured.end_with(&url, &lines).await);
    assert_eq!(named.notifications().len(), 1);
}

#[tokio::test]
async fn without_its_authority_a_provider_gets_nothing_and_with_it_everything() {
    let mut secured = Secured::new(&TestCa::new()).await;
    let url = secured.provider.url();
    let answer = secured.end_with(&url, QUICK).await;
    secured.assert_untrusted(&answer, &secured.provider).await;
    // Once somebody has put it right, what is owed goes out.
    let text = partners(&[provider_entry("DE-DCB", &url, &trusting(&secured.files))]);
    std::fs::write(secured.hub.partners_file(), text).unwrap();
    secured.hub.reload();
    let seen = secured.provider.wait_for(1, SOON).await;
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let mut secured = Secured::new(&TestCa::new()).await;
    let stranger = with(TestCa::new().server("127.0.0.1")).await;
    let lines = trusting(&secured.files);
    let answer = secured.end_with(&stranger.url(), &lines).await;
    secured.assert_untrusted(&answer, &stranger).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let ca = TestCa::new();
    let mut secured = Secured::new(&ca).await;
    let lines = trusting(&secured.files);
    let misnamed = with(ca.server("emp.example")).await;
    let answer = secured.end_with(&misnamed.url(), &lines).await;
    secured.assert_untrusted(&answer, &misnamed).await;
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_not_trusted() {
    let ca = TestCa::new();
    let mut secured = Secured::new(&ca).await;
    let lines = trusting(&secured.files);
    let expired = with(ca.expired_server("127.0.0.1")).await;
    let answer = secured.end_with(&expired.url(), &lines).await;
    secured.assert_untrusted(&answer, &expired).await;
}

#[tokio::test]
async fn a_provider_that_speaks_no_tls_or_never_finishes_the_handshake_is_unreachable_in_time() {
    let mut secured = Secured::new(&TestCa::new()).await;
    let lines = trusting(&secured.files);
    // Plain HTTP where TLS was expected: it waits for a line that never ends.
    let plain = FakeProvider::start().await;
    let url = plain.url().replace("http://", "https://");
    let answer = secured.end_with(&url, &lines).await;
    assert_deferred(&answer);
    assert!(plain.received().is_empty());
}

#[tokio::test]
async fn a_trust_file_that_is_missing_or_empty_trusts_nobody_and_the_hub_says_so() {
    let mut secured = Secured::new(&TestCa::new()).await;
    let url = secured.provider.url();
    let missing = secured.files.path().join("nothing.pem");
    let answer = secured.end_with(&url, &format!("{QUICK}\nca = \"{}\"", missing.display())).await;
    secured.assert_untrusted(&answer, &secured.provider).await;
    secured.hub.wait_for_log("nothing.pem", SOON).await;
}
