//! A hub, an operator in front of it, and a provider behind it that is pushed to, reads its feed, or both.

use std::path::Path;
use std::time::Duration;

use roamhub_testkit::program::{self, Ended};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, messages};
use serde_json::Value;
use tokio::time::timeout;

/// The program under test.
pub(crate) const ROAMHUB: &str = env!("CARGO_BIN_EXE_roamhub");
/// What anything may take.
pub(crate) const BOUND: Duration = Duration::from_secs(30);
/// Between two looks at what is awaited.
const PAUSE: Duration = Duration::from_millis(20);
/// A provider that authorises, takes no notifications and reads its feed.
pub(crate) const READS: &str = "services = [\"authorization\"]\nfeed = true";
/// A provider that takes notifications; what failed once is not tried again while a test runs.
pub(crate) const TAKES: &str =
    "services = [\"authorization\", \"notifications\"]\ntimeout = \"1s\"\nretry = [\"10m\"]";
/// The provider's feed.
pub(crate) const FEED: &str = "/api/hub/v1/providers/DE-DCB/notifications";

/// Operators `DE*ABC` and `DE*QQQ`, providers `DE-DCB` and `DE-QQQ`, a hub.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
    /// `DE*ABC`; its client also speaks for the providers, who are who they claim to be.
    pub(crate) operator: FakeOperator,
}

/// The partners file, `DE-DCB` with these lines.
pub(crate) fn partners(url: &str, lines: &str) -> String {
    format!(
        "[[operator]]\nid = \"DE*ABC\"\n[[operator]]\nid = \"DE*QQQ\"\n\
         [[provider]]\nid = \"DE-DCB\"\nurl = \"{url}\"\n{lines}\n[[provider]]\nid = \"DE-QQQ\"\n\
         [[contract]]\noperator = \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n"
    )
}

impl Stage {
    /// `DE-DCB` has these lines in the partners file.
    pub(crate) async fn with(lines: &str) -> Self {
        let provider = FakeProvider::start().await;
        let partners = partners(&provider.url(), lines);
        let hub = HubProcess::builder(ROAMHUB).partners(&partners).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, provider, operator }
    }

    /// Kills the hub as a power cut would, and starts it again.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.hub.kill9().await;
        self.restart().await;
    }

    /// Starts the hub again; stops it first if it runs.
    pub(crate) async fn restart(&mut self) {
        self.hub.restart().await;
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    /// Changes the lines of `DE-DCB`, and waits until the hub has read them.
    pub(crate) async fn change_provider(&self, lines: &str) {
        let partners = partners(&self.provider.url(), lines);
        std::fs::write(self.hub.partners_file(), partners).unwrap();
        self.hub.reload();
        self.hub.wait_for_log("partners read again", BOUND).await;
    }

    /// Opens a session and sends its End; returns its `Process-ID`.
    pub(crate) async fn end(&self, code: &str) -> String {
        let session = self.operator.open_session().await;
        let answer = self.operator.notify(messages::end(&session)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
        process_of(&answer)
    }

    /// The whole feed of `DE-DCB` once it has so many messages.
    pub(crate) async fn feed_of(&self, length: usize) -> Vec<Value> {
        let mut seen = Vec::new();
        let mut looks = tokio::time::interval(PAUSE);
        let grown = async {
            while seen.len() < length {
                looks.tick().await;
                seen = entries(&self.operator.get(&format!("{FEED}?after=0")).await);
            }
        };
        assert!(timeout(BOUND, grown).await.is_ok(), "{seen:#?}\n{}", self.hub.log());
        seen
    }

    /// The whole feed of `DE-DCB` once this message is in it.
    pub(crate) async fn feed_with(&self, process: &str) -> Vec<Value> {
        let mut length = 1;
        loop {
            let seen = self.feed_of(length).await;
            if seen.iter().any(|entry| entry["process_id"] == process) {
                return seen;
            }
            length = seen.len() + 1;
        }
    }

    /// Confirms a cursor; what the hub says to that.
    pub(crate) async fn confirm(&self, cursor: &str) -> Answer {
        self.operator.post(&format!("{FEED}/confirm"), &[], format!("{{\"cursor\":\"{cursor}\"}}")).await
    }

    /// The receipt of a message of `DE*ABC`, once it is in this state.
    pub(crate) async fn receipt_in_state(&self, process: &str, state: &str) -> Value {
        let mut seen = Value::Null;
        let mut looks = tokio::time::interval(PAUSE);
        let reached = async {
            while seen["state"] != state {
                looks.tick().await;
                let answer = self.operator.get(&receipt_path(process)).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                seen = answer.json();
            }
        };
        assert!(timeout(BOUND, reached).await.is_ok(), "{state}: {seen:#}\n{}", self.hub.log());
        seen
    }
}

/// Where `DE*ABC` asks for a receipt.
pub(crate) fn receipt_path(process: &str) -> String {
    format!("/api/hub/v1/operators/DE*ABC/receipts/{process}")
}

/// The messages of a page.
#[track_caller]
pub(crate) fn entries(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["notifications"].as_array().expect("a page has notifications").clone()
}

/// One member of each.
pub(crate) fn column(entries: &[Value], member: &str) -> Vec<String> {
    entries.iter().map(|entry| text(&entry[member])).collect()
}

/// The `Process-ID` of an answer.
#[track_caller]
pub(crate) fn process_of(answer: &Answer) -> String {
    answer.header("process-id").unwrap_or_else(|| panic!("no Process-ID: {answer:?}")).to_owned()
}

/// Asserts a refusal in the one shape of all refusals, and that it says this.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, http: u16, code: &str, says: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (http, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    let body = answer.json();
    assert!(body["Result"] == false && body["validationErrors"].is_array(), "{answer:?}");
    assert!(text(&body["message"]).contains(says), "expected {says:?} in {answer:?}");
    assert_eq!(process_of(answer).len(), 36);
}

/// Runs the program to its end.
pub(crate) async fn roamhub(arguments: &[&str], input: &str) -> Ended {
    program::run(ROAMHUB, arguments, input.as_bytes(), BOUND).await
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("temporary folders have readable names")
}

/// A string, empty if it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
