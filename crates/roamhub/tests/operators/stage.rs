//! What every test stands on: a hub with one provider and one operator in front of it, and looks into its ledger.

use std::path::Path;
use std::time::Duration;

use roamhub_testkit::program::{self, Ended};
use roamhub_testkit::provider::{Received, Reply};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess};
use serde_json::Value;
use tokio::time::timeout;

/// The program under test.
pub(crate) const ROAMHUB: &str = env!("CARGO_BIN_EXE_roamhub");
/// What anything that is not measured may take.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// What the partners file says beyond the usual.
#[derive(Clone, Copy)]
pub(crate) struct Partners<'a> {
    /// Lines of operator `DE*ABC`.
    pub(crate) operator: &'a str,
    /// What provider `DE-DCB` offers.
    pub(crate) services: &'a str,
    /// Lines of provider `DE-DCB`.
    pub(crate) provider: &'a str,
    /// More tables.
    pub(crate) more: &'a str,
}

impl Default for Partners<'_> {
    fn default() -> Self {
        Self { operator: "", services: r#"["authorization", "notifications"]"#, provider: "", more: "" }
    }
}

impl Partners<'_> {
    /// Operators `DE*ABC` (with `DE*XYZ`) and `DE*QQQ`, provider `DE-DCB`, a contract of `DE*ABC` with it.
    pub(crate) fn toml(&self, provider_url: &str) -> String {
        let Self { operator, services, provider, more } = self;
        format!(
            r#"[[operator]]
id = "DE*ABC"
name = "ABC Charging"
sub_operators = ["DE*XYZ"]
{operator}

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{provider_url}"
services = {services}
broadcast = true
{provider}

[[contract]]
operator = "DE*ABC"
provider = "DE-DCB"
services = ["authorization"]
{more}
"#
        )
    }
}

/// A running hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
    /// `DE*ABC`.
    pub(crate) operator: FakeOperator,
}

impl Stage {
    /// The usual partners; the provider says yes to everything.
    pub(crate) async fn new() -> Self {
        Self::with(Partners::default()).await
    }

    /// Partners of another kind.
    pub(crate) async fn with(partners: Partners<'_>) -> Self {
        let provider = FakeProvider::start().await;
        let hub = HubProcess::builder(ROAMHUB).partners(&partners.toml(&provider.url())).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, provider, operator }
    }

    /// The usual partners; the provider treats notifications like this and authorises everything.
    pub(crate) async fn answering(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let stage = Self::new().await;
        stage.answer_with(script);
        stage
    }

    /// From now on the provider treats notifications like this; it goes on authorising everything.
    pub(crate) fn answer_with(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.provider.set_script(move |request| match request.is_notification() {
            true => script(request),
            false => Reply::Acknowledge,
        });
    }

    /// Another operator in front of the same hub.
    pub(crate) fn operator(&self, id: &str) -> FakeOperator {
        FakeOperator::new(id, self.hub.oicp())
    }

    /// What `roamhub inspect --json` says about a message that the ledger has.
    pub(crate) async fn inspect(&self, process: &str) -> Value {
        inspect(self.hub.data_dir(), process).await
    }

    /// As `inspect`, once the last delivery of the message is in this state.
    pub(crate) async fn settled(&self, process: &str, state: &str) -> Value {
        let mut seen = Value::Null;
        let reached = async {
            while seen["deliveries"].as_array().and_then(|all| all.last()?["state"].as_str()) != Some(state) {
                seen = self.inspect(process).await;
            }
        };
        if timeout(BOUND, reached).await.is_err() {
            panic!("expected a delivery of {process} that is {state}, found {seen:#}");
        }
        seen
    }

    /// The codes of all findings on a message.
    pub(crate) async fn findings(&self, process: &str) -> Vec<String> {
        let seen = self.inspect(process).await;
        let findings = seen["findings"].as_array().expect("inspect lists findings");
        findings.iter().map(|finding| text(&finding["code"])).collect()
    }

    /// The hub lives: it takes an End of a new session and the provider gets it.
    pub(crate) async fn still_serves(&self) {
        let operator = self.operator("DE*ABC");
        let session = operator.open_session().await;
        let answer = operator.notify(roamhub_testkit::messages::end(&session)).await;
        assert!(answer.status == 200 && answer.code() == "000", "{answer:?}");
    }
}

/// What `roamhub inspect --json` says about a message.
pub(crate) async fn inspect(data: &Path, process: &str) -> Value {
    let data = data.to_str().expect("temporary folders have readable names");
    let ended = roamhub(&["inspect", "--json", process, "--data", data]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("inspect --json prints JSON")
}

/// Runs the program to its end.
pub(crate) async fn roamhub(arguments: &[&str]) -> Ended {
    program::run(ROAMHUB, arguments, b"", BOUND).await
}

/// The `Process-ID` of an answer, which has to look like one.
#[track_caller]
pub(crate) fn process_of(answer: &Answer) -> String {
    let process = answer.header("process-id").unwrap_or_default();
    let groups: Vec<usize> = process.split('-').map(str::len).collect();
    let hex = process.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    assert!(groups == [8, 4, 4, 4, 12] && hex, "no Process-ID: {answer:?}");
    process.to_owned()
}

/// Asserts HTTP 200 with this code, and returns the Process-ID.
#[track_caller]
pub(crate) fn assert_judged(answer: &Answer, result: bool, code: &str) -> String {
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
    assert_eq!(answer.json()["Result"], result, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    process_of(answer)
}

/// Asserts an answer other than HTTP 200 in the one shape that all known parsers read, and returns the Process-ID.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, http: u16, code: &str) -> String {
    assert_eq!((answer.status, answer.code().as_str()), (http, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["Result"], false, "{answer:?}");
    assert!(!text(&body["StatusCode"]["Description"]).is_empty(), "{answer:?}");
    assert!(!text(&body["message"]).is_empty(), "{answer:?}");
    for violation in body["validationErrors"].as_array().expect("validationErrors is a list") {
        let members: Vec<&String> = violation.as_object().expect("of objects").keys().collect();
        assert_eq!(members, ["errorMessage", "fieldReference", "pointer"], "{answer:?}");
        assert!(violation.as_object().is_some_and(|all| all.values().all(Value::is_string)), "{answer:?}");
    }
    process_of(answer)
}

/// The pointers of all violations, in alphabetical order.
#[track_caller]
pub(crate) fn pointers(answer: &Answer) -> Vec<String> {
    let mut pointers: Vec<String> = answer.violations().into_iter().map(|(pointer, _)| pointer).collect();
    pointers.sort();
    pointers
}

/// A string, empty if it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
