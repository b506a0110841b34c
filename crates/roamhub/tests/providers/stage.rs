//! A stage for one test: a hub, an operator in front of it, a provider behind it, and what the hub has on record.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, NOTIFICATIONS_PATH, Received, Reply};
use serde_json::Value;

/// The bound on what should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// The longest an operator may wait for an answer.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(8);
/// Settings of a provider with which tests are quick.
pub(crate) const QUICK: &str = "broadcast = true\ntimeout = \"1s\"\nretry = [\"200ms\"]";
/// The same, but what failed once is not tried again while a test runs.
pub(crate) const PATIENT: &str = "broadcast = true\ntimeout = \"1s\"\nretry = [\"10m\"]";
/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");

/// Operator `DE*ABC`, a hub, and one provider `DE-DCB`.
pub(crate) struct Stage {
    pub(crate) provider: FakeProvider,
    pub(crate) hub: HubProcess,
    pub(crate) operator: FakeOperator,
}

impl Stage {
    /// A stage whose provider has these lines in the partners file.
    pub(crate) async fn new(provider_lines: &str) -> Self {
        let provider = FakeProvider::start().await;
        let entry = provider_entry("DE-DCB", &provider.url(), provider_lines);
        let hub = hub_with(&[entry]).await;
        let operator = operator_of(&hub);
        Self { provider, hub, operator }
    }

    /// A stage whose provider answers notifications so.
    pub(crate) async fn answering(
        provider_lines: &str,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let stage = Self::new(provider_lines).await;
        answer_notifications(&stage.provider, script);
        stage
    }

    /// The operator, after a restart of the hub gave it a new address.
    pub(crate) fn find_hub_again(&mut self) {
        self.operator = operator_of(&self.hub);
    }

    /// Opens a session and sends its End.
    pub(crate) async fn end_of_new_session(&self) -> Answer {
        let session = self.operator.open_session().await;
        self.operator.notify(roamhub_testkit::messages::end(&session)).await
    }

    /// What the hub has on record about the message of this answer.
    pub(crate) async fn record(&self, answer: &Answer) -> Record {
        inspect(self.hub.data_dir(), &process_of(answer)).await
    }

    /// The record, once it satisfies the condition.
    pub(crate) async fn record_when(
        &self,
        answer: &Answer,
        awaited: &str,
        condition: impl Fn(&Record) -> bool,
    ) -> Record {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        loop {
            looks.tick().await;
            let record = self.record(answer).await;
            if condition(&record) {
                return record;
            }
            assert!(
                began.elapsed() < SOON,
                "{awaited} did not come; {:#}\nthe hub said:\n{}",
                record.0,
                self.hub.log()
            );
        }
    }

    /// The record, once its delivery is in this state.
    pub(crate) async fn record_in_state(&self, answer: &Answer, state: &str) -> Record {
        self.record_when(answer, &format!("the state {state:?}"), |record| record.state() == state).await
    }
}

/// A hub with operators `DE*ABC` (sub-operator `DE*XYZ`) and `DE*QQQ`, these providers, and contracts for all of them.
pub(crate) async fn hub_with(providers: &[String]) -> HubProcess {
    HubProcess::builder(BIN).partners(&partners(providers)).start().await
}

/// The partners file of [`hub_with`].
pub(crate) fn partners(providers: &[String]) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
sub_operators = ["DE*XYZ"]

[[operator]]
id = "DE*QQQ"

{}
[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
"#,
        providers.concat()
    )
}

/// A provider's entry in the partners file; it offers authorisation and notifications unless the lines say otherwise.
pub(crate) fn provider_entry(id: &str, url: &str, lines: &str) -> String {
    let services = if lines.contains("services") {
        String::new()
    } else {
        "services = [\"authorization\", \"notifications\"]".to_owned()
    };
    format!("[[provider]]\nid = \"{id}\"\nurl = \"{url}\"\n{services}\n{lines}\n\n")
}

/// The operator `DE*ABC` in front of this hub.
pub(crate) fn operator_of(hub: &HubProcess) -> FakeOperator {
    FakeOperator::new("DE*ABC", hub.oicp())
}

/// From now on the provider authorises whatever it is asked, and answers notifications so.
pub(crate) fn answer_notifications(
    provider: &FakeProvider,
    script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) {
    provider.set_script(
        move |request| {
            if request.is_notification() { script(request) } else { Reply::Acknowledge }
        },
    );
}

/// The `Process-ID` of an answer.
pub(crate) fn process_of(answer: &Answer) -> String {
    let process = answer.header("process-id");
    process.unwrap_or_else(|| panic!("an answer without a Process-ID: {answer:?}")).to_owned()
}

/// Asserts that the operator was told honestly: 310, stored, with a receipt.
#[track_caller]
pub(crate) fn assert_deferred(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (200, "310"), "{answer:?}");
    assert!(!answer.result(), "{answer:?}");
    assert_eq!(answer.header("hub-delivery"), Some("deferred"), "{answer:?}");
    let receipt = format!("receipt={}", process_of(answer));
    assert!(answer.additional_info().contains(&receipt), "{answer:?}");
    assert!(answer.additional_info().contains("stored"), "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
}

/// Asserts that the operator was told that the provider has it.
#[track_caller]
pub(crate) fn assert_delivered(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
    assert!(answer.result(), "{answer:?}");
    assert_eq!(answer.header("hub-delivery"), None, "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
}

/// The notifications of one session that a provider received, oldest first.
pub(crate) fn of_session(provider: &FakeProvider, session: &str) -> Vec<Received> {
    provider.notifications().into_iter().filter(|request| request.session() == session).collect()
}

/// The `Hub-Attempt` of each request.
pub(crate) fn attempts(requests: &[Received]) -> Vec<u32> {
    let number = |request: &Received| request.header("hub-attempt")?.parse().ok();
    requests.iter().map(|request| number(request).unwrap_or_default()).collect()
}

/// The ledger's files in a data folder that hold the text.
pub(crate) fn files_with(data: &Path, text: &str) -> Vec<String> {
    let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    let ledger = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("ledger.sqlite"));
    ledger.filter(|name| holds(&std::fs::read(data.join(name)).unwrap(), text)).collect()
}

/// Whether the bytes hold the text.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Posts a notification in a task of its own.
pub(crate) fn notify_beside(operator: &FakeOperator, body: Value) -> tokio::task::JoinHandle<Answer> {
    let operator = operator.clone();
    tokio::spawn(async move { operator.post(NOTIFICATIONS_PATH, &[], body.to_string()).await })
}

/// What `roamhub inspect --json` says about a message.
pub(crate) async fn inspect(data: &Path, process: &str) -> Record {
    let mut command = Command::new(BIN);
    command.args(["inspect", "--json", process, "--data"]).arg(data);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "inspect {process}: {}", String::from_utf8_lossy(&output.stderr));
    Record(serde_json::from_slice(&output.stdout).unwrap())
}

/// A message and what became of it.
pub(crate) struct Record(pub(crate) Value);

impl Record {
    fn delivery(&self) -> &Value {
        self.0["deliveries"].as_array().and_then(|all| all.last()).unwrap_or(&Value::Null)
    }

    /// The state of the newest delivery.
    pub(crate) fn state(&self) -> &str {
        self.delivery()["state"].as_str().unwrap_or_default()
    }

    /// Why it ended so.
    pub(crate) fn reason(&self) -> &str {
        self.delivery()["reason"].as_str().unwrap_or_default()
    }

    /// The attempts of the newest delivery.
    pub(crate) fn attempts(&self) -> Vec<Value> {
        self.delivery()["attempts"].as_array().cloned().unwrap_or_default()
    }

    /// The outcome of each.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        self.attempts().iter().map(|one| one["outcome"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// From the beginning of the last attempt to the next one.
    pub(crate) fn pause(&self) -> SignedDuration {
        let instant = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
        let began = instant(&self.attempts().last().unwrap()["startedAt"]);
        instant(&self.delivery()["dueAt"]).duration_since(began)
    }
}
