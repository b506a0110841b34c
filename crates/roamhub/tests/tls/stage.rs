//! A hub that speaks mutual TLS, and its partners.

use std::fs;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use roamhub_testkit::hub::partners_toml_with;
use roamhub_testkit::{Answer, CallingProvider, ClientTls, FakeOperator, FakeProvider, HubProcess};

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Where the hub is.
pub(crate) const HOST: &str = "127.0.0.1";

/// A hub with operators `DE*ABC` and `DE*QQQ` and provider `DE-DCB`, each with a certificate of its own.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let provider = FakeProvider::start().await;
        let services = "feed = true";
        let partners = partners_toml_with(&provider.url(), services);
        let hub = HubProcess::builder(BIN).partners(&partners).with_tls().start().await;
        Self { hub, provider }
    }

    /// `DE*ABC` with its certificate.
    pub(crate) fn operator(&self) -> FakeOperator {
        self.hub.operator("DE*ABC")
    }

    /// Somebody who says to be an operator, behind this certificate.
    pub(crate) fn operator_behind(&self, id: &str, tls: ClientTls) -> FakeOperator {
        FakeOperator::new(id, self.hub.oicp()).with_tls(tls)
    }

    /// Somebody who says to be a provider, behind this certificate.
    pub(crate) fn provider_behind(&self, id: &str, tls: ClientTls) -> CallingProvider {
        CallingProvider::new(id, self.hub.oicp()).with_tls(tls)
    }

    /// Changes the partners file and waits until the hub has read it.
    pub(crate) async fn change_partners(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.hub.partners_file()).unwrap();
        assert!(text.contains(from), "{from} is in {text}");
        fs::write(self.hub.partners_file(), text.replacen(from, to, 1)).unwrap();
        self.reload("partners read again").await;
    }

    /// Has the hub read its files again, and waits until it says this once more.
    pub(crate) async fn reload(&self, says: &str) {
        let before = self.hub.log().matches(says).count();
        self.hub.reload();
        let again = async {
            while self.hub.log().matches(says).count() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(SOON, again).await.is_ok(), "{says}: {}", self.hub.log());
    }

    /// Has `DE*ABC` known by one more certificate.
    pub(crate) async fn pin(&self, more: &ClientTls) {
        self.pin_to("DE*ABC", more).await;
    }

    /// Has a partner known by one more certificate.
    pub(crate) async fn pin_to(&self, id: &str, more: &ClientTls) {
        let old = self.hub.tls().client(id).fingerprint();
        self.change_partners(&format!("\"{old}\""), &format!("\"{old}\", \"{}\"", more.fingerprint())).await;
    }
}

/// The instant that certificates are held against.
#[expect(clippy::disallowed_methods, reason = "TLS goes by the clock on the wall")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// So many hours from now on, or ago.
pub(crate) fn in_hours(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

/// Asserts 401 with 017 in the body that all known parsers read, and returns the message.
#[track_caller]
pub(crate) fn assert_unauthorised(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.code().as_str()), (401, "017"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["Result"], false, "{answer:?}");
    assert!(body["validationErrors"].as_array().is_some_and(Vec::is_empty), "{answer:?}");
    body["message"].as_str().unwrap().to_owned()
}

/// Asserts HTTP 200 with 000.
#[track_caller]
pub(crate) fn assert_done(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
}
