//! A stage for one test: a hub between operator `DE*ABC` and provider `DE-DCB`, which takes charge detail records unless
//! it is told otherwise.

use std::path::Path;
use std::time::{Duration, Instant};

use roamhub_testkit::program;
use roamhub_testkit::{
    Answer, FakeOperator, FakeProvider, HubProcess, Received, Reply, get_cdrs_path, messages,
};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on whatever is awaited.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// A provider that takes everything.
pub(crate) const ALL: &str =
    "services = [\"authorization\", \"notifications\", \"cdr\"]\nretry = [\"200ms\"]";
/// A provider without an endpoint for records.
pub(crate) const OFFLINE: &str = "services = [\"authorization\", \"notifications\"]\nretry = [\"200ms\"]";

/// A hub and its partners.
pub(crate) struct Stage {
    pub(crate) provider: FakeProvider,
    pub(crate) hub: HubProcess,
    pub(crate) operator: FakeOperator,
}

/// The partners file: these lines for the provider, and for the operator `DE*ABC`.
pub(crate) fn partners(url: &str, provider: &str, operator: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
sub_operators = ["DE*XYZ"]
{operator}

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{url}"
broadcast = true
timeout = "1s"
{provider}

[[provider]]
id = "NL-XYZ"

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
"#
    )
}

impl Stage {
    pub(crate) async fn new(provider_lines: &str) -> Self {
        Self::with(provider_lines, "").await
    }

    pub(crate) async fn with(provider_lines: &str, operator_lines: &str) -> Self {
        let provider = FakeProvider::start().await;
        let partners = partners(&provider.url(), provider_lines, operator_lines);
        let hub = HubProcess::builder(BIN).partners(&partners).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { provider, hub, operator }
    }

    /// After a restart gave the hub a new address.
    pub(crate) fn find_hub_again(&mut self) {
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    /// Puts another partners file in force: the answers to `body` tell when.
    pub(crate) fn change_partners(&self, provider_lines: &str, operator_lines: &str) {
        let text = partners(&self.provider.url(), provider_lines, operator_lines);
        std::fs::write(self.hub.partners_file(), text).unwrap();
        self.hub.reload();
    }

    /// The provider answers records so, and says yes to everything else.
    pub(crate) fn answer_records(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        let script = move |request: &Received| match request.is_cdr() {
            true => script(request),
            false => Reply::Acknowledge,
        };
        self.provider.set_script(script);
    }

    /// Opens a session and bills it; SessionID and answer.
    pub(crate) async fn billed(&self) -> (String, Answer) {
        let session = self.operator.open_session().await;
        let answer = self.operator.bill(messages::cdr(&session)).await;
        assert_recorded(&answer);
        (session, answer)
    }

    /// The records that the provider has received, once there are so many.
    pub(crate) async fn records(&self, count: usize) -> Vec<Received> {
        let enough = |seen: &[Received]| seen.iter().filter(|seen| seen.is_cdr()).count() >= count;
        let seen = self.provider.wait_until(SOON, enough).await;
        seen.into_iter().filter(Received::is_cdr).collect()
    }

    /// As the provider, fetches a page.
    pub(crate) async fn fetch(&self, query: &str, body: &Value) -> Answer {
        let path = format!("{}{query}", get_cdrs_path("DE-DCB"));
        self.operator.post(&path, &[], body.to_string()).await
    }

    /// Runs the program with `--json` on this hub's data until what it prints satisfies the condition.
    pub(crate) async fn json_when(
        &self,
        arguments: &[&str],
        awaited: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        let began = Instant::now();
        let data: &Path = self.hub.data_dir();
        let arguments: Vec<&str> =
            arguments.iter().copied().chain(["--json", "--data", data.to_str().unwrap()]).collect();
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let ended = program::run(BIN, &arguments, b"", SOON).await;
            assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
            let said = serde_json::from_str(ended.stdout.lines().next().unwrap_or("null")).unwrap();
            if condition(&said) {
                return said;
            }
            assert!(began.elapsed() < SOON, "{awaited} did not come: {said:#}\n{}", self.hub.log());
        }
    }

    /// What is on record about the message of an answer, once its newest delivery is in this state.
    pub(crate) async fn settled(&self, answer: &Answer, state: &str) -> Value {
        let process = process_of(answer);
        let newest = |said: &Value| {
            said["deliveries"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default()
        };
        self.json_when(&["inspect", &process], state, |said| newest(said)["state"] == state).await
    }
}

/// The `Process-ID` of an answer.
#[track_caller]
pub(crate) fn process_of(answer: &Answer) -> String {
    answer.header("process-id").unwrap().to_owned()
}

/// Asserts that the record is stored.
#[track_caller]
pub(crate) fn assert_recorded(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
    assert!(answer.result(), "{answer:?}");
    let receipt = format!("receipt={}", process_of(answer));
    assert!(answer.additional_info().contains(&receipt), "{answer:?}");
}

/// Asserts that it was refused so.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    assert!(!answer.result(), "{answer:?}");
}

/// The sessions of the records on a page, in its order.
#[track_caller]
pub(crate) fn sessions_on(page: &Answer) -> Vec<String> {
    assert_eq!((page.status, page.code().as_str()), (200, "000"), "{page:?}");
    let page = page.json();
    let content = page["content"].as_array().unwrap();
    assert_eq!(page["numberOfElements"], content.len(), "{page:#}");
    content.iter().map(|record| record["SessionID"].as_str().unwrap().to_owned()).collect()
}
