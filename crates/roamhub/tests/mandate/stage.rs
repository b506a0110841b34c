//! A hub whose operators `DE*ABC` and `DE*QQQ` may have given a mandate, and provider `DE-DCB`, which may accept it.

use std::time::{Duration, Instant};

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Received, Reply, program};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// An operator's line: the shortest mandate there is.
pub(crate) const GIVEN: &str = "preauthorisation_expires = \"1s\"";
/// A provider's lines.
pub(crate) const ACCEPTED: &str =
    "services = [\"authorization\", \"notifications\"]\naccepts_mandated_end = true";
/// A provider's lines without it.
pub(crate) const PLAIN: &str = "services = [\"authorization\", \"notifications\"]";

/// A running hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
    pub(crate) operator: FakeOperator,
}

/// The entry of a provider.
pub(crate) fn entry(provider: &FakeProvider, lines: &str) -> String {
    let (id, url) = (provider.provider_id(), provider.url());
    format!(
        "[[provider]]\nid = \"{id}\"\nurl = \"{url}\"\ntimeout = \"1s\"\nretry = [\"200ms\"]\n{lines}\n\n"
    )
}

/// A hub with these providers.
pub(crate) async fn hub(operator: &str, providers: &[String], settings: &[(&str, &str)]) -> HubProcess {
    let partners = format!(
        "[[operator]]\nid = \"DE*ABC\"\n{operator}\n\n[[operator]]\nid = \"DE*QQQ\"\n{GIVEN}\n\n{}\
         [[contract]]\noperator = \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n",
        providers.concat()
    );
    let mut hub = HubProcess::builder(BIN)
        .partners(&partners)
        .env("ROAMHUB_WATCHDOG_EVERY", "50ms")
        .env("ROAMHUB_NOTIFY_LOOK_EVERY", "50ms")
        .env("ROAMHUB_NOTIFY_AFTER", "100ms");
    for (name, value) in settings {
        hub = hub.env(format!("ROAMHUB_{name}"), value);
    }
    hub.start().await
}

impl Stage {
    /// Both sides have agreed.
    pub(crate) async fn agreed() -> Self {
        Self::new(GIVEN, ACCEPTED, &[]).await
    }

    pub(crate) async fn new(operator: &str, provider_lines: &str, settings: &[(&str, &str)]) -> Self {
        let provider = FakeProvider::start().await;
        let hub = hub(operator, &[entry(&provider, provider_lines)], settings).await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, provider, operator }
    }

    /// Starts the hub again; its address changes.
    pub(crate) async fn restart(&mut self) {
        self.hub.restart().await;
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    /// The notifications that the provider has received, once there are so many.
    pub(crate) async fn heard(&self, count: usize) -> Vec<Received> {
        heard(&self.provider, count).await
    }

    /// From now on the provider treats notifications so; it goes on authorising everything.
    pub(crate) fn answer_notifications(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.provider.set_script(move |request| {
            if request.is_notification() { script(request) } else { Reply::Acknowledge }
        });
    }

    /// What `roamhub` prints as JSON, once it satisfies the condition.
    pub(crate) async fn json_when(
        &self,
        arguments: &[&str],
        awaited: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        json_when(&self.hub, arguments, awaited, condition).await
    }

    /// The messages of a session on record.
    pub(crate) async fn messages(&self, session: &str) -> Vec<Value> {
        let story = self.json_when(&["inspect", session], "the session", |_| true).await;
        story["messages"].as_array().unwrap().clone()
    }

    /// The one ghost there is, once there is one.
    pub(crate) async fn ghost(&self) -> Value {
        self.json_when(&["ghosts"], "a ghost", |said| said["session"].is_string()).await
    }

    /// The value of a metric whose line begins so, once it is this.
    pub(crate) async fn metric_is(&self, line: &str, value: &str) {
        metric_is(&self.hub, line, value).await;
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> program::Ended {
        let arguments = [arguments, &["--data", self.hub.data_dir().to_str().unwrap()]].concat();
        program::run(BIN, &arguments, b"", SOON).await
    }
}

/// The notifications that a provider has received, once there are so many.
pub(crate) async fn heard(provider: &FakeProvider, count: usize) -> Vec<Received> {
    let enough = |seen: &[Received]| seen.iter().filter(|one| one.is_notification()).count() >= count;
    provider.wait_until(SOON, enough).await;
    provider.notifications()
}

/// What `roamhub` prints as JSON (null for nothing), once it satisfies the condition.
pub(crate) async fn json_when(
    hub: &HubProcess,
    arguments: &[&str],
    awaited: &str,
    condition: impl Fn(&Value) -> bool,
) -> Value {
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(40));
    let arguments = [arguments, &["--json", "--data", hub.data_dir().to_str().unwrap()]].concat();
    loop {
        looks.tick().await;
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        let said = serde_json::from_str(ended.stdout.lines().next().unwrap_or("null")).unwrap();
        if condition(&said) {
            return said;
        }
        assert!(began.elapsed() < SOON, "{awaited} did not come: {said:#}\n{}", hub.log());
    }
}

/// The value of a metric whose line begins so, once it is this.
pub(crate) async fn metric_is(hub: &HubProcess, line: &str, value: &str) {
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(40));
    loop {
        looks.tick().await;
        let metrics = hub.get_console("/metrics").await.text();
        let found = metrics.lines().find_map(|one| one.strip_prefix(line)).map(str::trim);
        if found == Some(value) {
            return;
        }
        assert!(began.elapsed() < SOON, "{line} is {found:?}, not {value}; the hub said:\n{}", hub.log());
    }
}

/// Whether the hub has issued it, as its header says.
pub(crate) fn is_issued(request: &Received) -> bool {
    request.header("hub-issued") == Some("mandate")
}
