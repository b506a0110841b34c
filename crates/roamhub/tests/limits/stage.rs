//! What every test stands on: a hub with these settings, one provider, two operators.

use std::time::Duration;

use roamhub_testkit::provider::{Received, Reply};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, messages};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const ROAMHUB: &str = env!("CARGO_BIN_EXE_roamhub");
/// What anything that is not measured may take.
pub(crate) const BOUND: Duration = Duration::from_secs(20);
/// How often a state is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A running hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
    /// `DE*ABC`.
    pub(crate) operator: FakeOperator,
    _settings: TempDir,
}

impl Stage {
    /// With this `roamhub.toml`.
    pub(crate) async fn with(settings: &str) -> Self {
        Self::of(settings, "", "").await
    }

    /// With this `roamhub.toml`, and these lines of operator `DE*ABC` and of provider `DE-DCB`.
    pub(crate) async fn of(settings: &str, operator: &str, provider: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roamhub.toml");
        std::fs::write(&file, settings).unwrap();
        let fake = FakeProvider::start().await;
        let partners = partners(&fake.url(), operator, provider);
        let hub = HubProcess::builder(ROAMHUB).arg("--config").arg(&file).partners(&partners).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, provider: fake, operator, _settings: folder }
    }

    /// Another partner in front of the same hub.
    pub(crate) fn partner(&self, id: &str) -> FakeOperator {
        FakeOperator::new(id, self.hub.oicp())
    }

    /// From now on the provider treats notifications like this; it goes on authorising everything.
    pub(crate) fn answer_with(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.provider.set_script(move |request| match request.is_notification() {
            true => script(request),
            false => Reply::Acknowledge,
        });
    }

    /// The value of a metric as it is written in `/metrics`; 0 if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let metrics = self.hub.get_console("/metrics").await.text();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until a metric has a value like that.
    pub(crate) async fn metric_is(&self, name: &str, wanted: impl Fn(u64) -> bool) {
        let mut seen = 0;
        let reached = async {
            loop {
                seen = self.metric(name).await;
                if wanted(seen) {
                    break;
                }
                sleep(LOOK).await;
            }
        };
        assert!(timeout(BOUND, reached).await.is_ok(), "{name} stays {seen}");
    }

    /// The hub lives: it takes an End of a new session, and the provider gets it.
    pub(crate) async fn still_serves(&self) {
        let session = self.operator.open_session().await;
        let answer = self.operator.notify(messages::end(&session)).await;
        assert!(answer.status == 200 && answer.code() == "000", "{answer:?}");
    }
}

/// The partners document.
pub(crate) fn partners(url: &str, operator: &str, provider: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
url = "{url}"
{operator}

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{url}"
services = ["authorization", "notifications", "cdr", "authentication-data"]
{provider}

[[contract]]
operator = "*"
provider = "DE-DCB"
services = ["authorization", "reservation"]
"#
    )
}

/// A message that differs from every other one.
pub(crate) fn distinct(mut body: Value, number: usize) -> Value {
    body["x"] = number.into();
    body
}

/// Asserts HTTP 200 with this code.
#[track_caller]
pub(crate) fn assert_judged(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
}

/// Asserts an answer other than HTTP 200 in the one shape that all known parsers read.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, http: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (http, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    assert_eq!(answer.header("process-id").map(str::len), Some(36), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["Result"], false, "{answer:?}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
    assert!(body["validationErrors"].is_array(), "{answer:?}");
}

/// Asserts a refusal for rate, and returns when to try again, in seconds.
#[track_caller]
pub(crate) fn assert_too_often(answer: &Answer, words: &str) -> u64 {
    assert_refused(answer, 429, "021");
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(words), "{message}");
    retry_after(answer)
}

/// Asserts a refusal for load.
#[track_caller]
pub(crate) fn assert_shed(answer: &Answer) {
    assert_refused(answer, 503, "002");
    retry_after(answer);
}

#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    let seconds = answer.header("retry-after").and_then(|value| value.parse().ok());
    seconds.filter(|seconds| (1..=60).contains(seconds)).unwrap_or_else(|| panic!("{answer:?}"))
}
