//! A stage for one test: a hub between operator `DE*ABC` and provider `DE-DCB`, and the program at a shell beside it.

use std::path::Path;
use std::time::{Duration, Instant};

use roamhub_testkit::program::{self, Ended};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, Received, messages};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on whatever is awaited.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A hub and its partners.
pub(crate) struct Stage {
    pub(crate) provider: FakeProvider,
    pub(crate) hub: HubProcess,
    pub(crate) operator: FakeOperator,
}

impl Stage {
    /// The provider says yes to everything; what failed is tried again after this time.
    pub(crate) async fn new(retry: &str) -> Self {
        Self::with(retry, &[]).await
    }

    /// The same, with more arguments for the hub.
    pub(crate) async fn with(retry: &str, arguments: &[&str]) -> Self {
        let provider = FakeProvider::start().await;
        let lines = format!("broadcast = true\ntimeout = \"1s\"\nretry = [\"{retry}\"]");
        let partners = roamhub_testkit::hub::partners_toml_with(&provider.url(), &lines);
        let builder = HubProcess::builder(BIN).partners(&partners);
        let hub = arguments.iter().fold(builder, |builder, argument| builder.arg(argument)).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { provider, hub, operator }
    }

    /// After a restart gave the hub a new address.
    pub(crate) fn find_hub_again(&mut self) {
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    pub(crate) fn data(&self) -> &Path {
        self.hub.data_dir()
    }

    /// Opens a session and sends its End. Returns session and answer.
    pub(crate) async fn end(&self) -> (String, Answer) {
        let session = self.operator.open_session().await;
        let answer = self.operator.notify(messages::end(&session)).await;
        (session, answer)
    }

    /// Runs the program on this hub's data.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// The same, with this on its standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let data = self.data().to_str().unwrap();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data", data]).collect();
        program::run(BIN, &arguments, input.as_bytes(), SOON).await
    }

    /// Runs it with `--json`, expects it to succeed, and reads what it printed.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ended = self.run(&arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// Runs it with `--json` until what it prints satisfies the condition.
    pub(crate) async fn json_when(
        &self,
        arguments: &[&str],
        awaited: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let said = self.json(arguments).await;
            if condition(&said) {
                return said;
            }
            assert!(began.elapsed() < SOON, "{awaited} did not come: {said:#}\n{}", self.hub.log());
        }
    }

    /// What is on record about the message of an answer, once its newest delivery is in this state.
    pub(crate) async fn settled(&self, answer: &Answer, state: &str) -> Value {
        let process = process_of(answer);
        self.json_when(&["inspect", &process], state, |said| newest(said)["state"] == state).await
    }

    /// The newest replay, once it is done.
    pub(crate) async fn replay_done(&self) -> Value {
        let listed = self
            .json_when(&["replay", "--list"], "the end of a replay", |said| {
                said["replays"][0]["state"] == "done"
            })
            .await;
        listed["replays"][0].clone()
    }
}

/// The newest delivery of a message.
pub(crate) fn newest(message: &Value) -> &Value {
    message["deliveries"].as_array().and_then(|all| all.last()).unwrap_or(&Value::Null)
}

/// The `Process-ID` of an answer.
#[track_caller]
pub(crate) fn process_of(answer: &Answer) -> String {
    let process = answer.header("process-id");
    process.unwrap_or_else(|| panic!("an answer without a Process-ID: {answer:?}")).to_owned()
}

/// Whether a request is a replay.
pub(crate) fn is_replay(request: &Received) -> bool {
    request.header("hub-replay") == Some("1")
}

/// The ledger's files in a data folder that hold the text.
pub(crate) fn files_with(data: &Path, text: &str) -> Vec<String> {
    let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    let ledger =
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with("ledger"));
    ledger.filter(|name| holds(&std::fs::read(data.join(name)).unwrap(), text)).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}
