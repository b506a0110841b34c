//! A hub with a short temper: operator `DE*ABC` and `DE*QQQ`, provider `DE-DCB`, and looks at what it found.

use std::time::{Duration, Instant};

use roamhub_testkit::program;
use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Received, Reply, ServerTls, messages};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Of all webhooks.
pub(crate) const SECRET: &str = "a secret of the night shift";

/// What a stage is made of.
#[derive(Clone, Default)]
pub(crate) struct Plot {
    /// Lines of `DE*ABC` in the partners file.
    pub(crate) operator: String,
    /// Lines of `DE-DCB`.
    pub(crate) provider: String,
    /// The certificate of `DE-DCB`, where it speaks TLS.
    pub(crate) tls: Option<ServerTls>,
    /// More tables.
    pub(crate) more: String,
    /// Settings, without `ROAMHUB_`.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Plot {
    /// With this setting.
    pub(crate) fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }
}

/// A running hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    pub(crate) provider: FakeProvider,
    pub(crate) operator: FakeOperator,
}

impl Stage {
    pub(crate) async fn new(plot: Plot) -> Self {
        let Plot { operator, provider: lines, tls, more, settings } = plot;
        let provider = match tls {
            Some(tls) => FakeProvider::builder().tls(tls).start().await,
            None => FakeProvider::start().await,
        };
        let partners = format!(
            r#"[[operator]]
id = "DE*ABC"
{operator}

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{}"
services = ["authorization", "notifications"]
timeout = "1s"
retry = ["200ms"]
{lines}

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
{more}
"#,
            provider.url()
        );
        let mut hub = HubProcess::builder(BIN)
            .partners(&partners)
            .env("ROAMHUB_WATCHDOG_EVERY", "50ms")
            .env("ROAMHUB_NOTIFY_LOOK_EVERY", "50ms");
        for (name, value) in settings {
            hub = hub.env(format!("ROAMHUB_{name}"), value);
        }
        let hub = hub.start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, provider, operator }
    }

    /// Another operator in front of the same hub.
    pub(crate) fn operator(&self, id: &str) -> FakeOperator {
        FakeOperator::new(id, self.hub.oicp())
    }

    /// Starts the hub again; its address changes.
    pub(crate) async fn restart(&mut self) {
        self.hub.restart().await;
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    /// From now on the provider treats notifications so; it goes on authorising everything.
    pub(crate) fn answer_notifications(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.provider.set_script(move |request| {
            if request.is_notification() { script(request) } else { Reply::Acknowledge }
        });
    }

    /// Sends the End of a new session.
    pub(crate) async fn end_of_new_session(&self) -> roamhub_testkit::Answer {
        let session = self.operator.open_session().await;
        self.operator.notify(messages::end(&session)).await
    }

    /// What the admin API says.
    pub(crate) async fn api(&self, query: &str) -> Value {
        let answer = self.hub.get_admin(&format!("/api/v1/ghosts{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// What the admin API says, once it satisfies the condition.
    pub(crate) async fn api_when(&self, awaited: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        loop {
            looks.tick().await;
            let said = self.api("").await;
            if condition(&said) {
                return said;
            }
            assert!(
                began.elapsed() < SOON,
                "{awaited} did not come: {said:#}\nthe hub said:\n{}",
                self.hub.log()
            );
        }
    }

    /// The one ghost there is, once there is one.
    pub(crate) async fn ghost(&self) -> Value {
        let said = self.api_when("a ghost", |said| !list(said, "sessions").is_empty()).await;
        let ghosts = list(&said, "sessions");
        assert_eq!(ghosts.len(), 1, "{said:#}");
        ghosts[0].clone()
    }

    /// What `roamhub ghosts` prints with these arguments.
    pub(crate) async fn ghosts_command(&self, arguments: &[&str]) -> String {
        let data = self.hub.data_dir().to_str().expect("temporary folders have readable names");
        let arguments = [&["ghosts", "--data", data], arguments].concat();
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    /// The value of a metric whose line begins so, once it is this.
    pub(crate) async fn metric_is(&self, line: &str, value: &str) {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        loop {
            looks.tick().await;
            let metrics = self.hub.get_console("/metrics").await.text();
            let found = metrics.lines().find_map(|one| one.strip_prefix(line)).map(str::trim);
            if found == Some(value) {
                return;
            }
            assert!(
                began.elapsed() < SOON,
                "{line} is {found:?}, not {value}; the hub said:\n{}",
                self.hub.log()
            );
        }
    }

    /// Waits until the gauge of a certificate of `DE-DCB` (`server`, `authority`) shows seconds like these.
    pub(crate) async fn gauge(&self, certificate: &str, condition: impl Fn(i64) -> bool) -> i64 {
        let line = format!(
            "roamhub_certificate_expires_in_seconds{{about=\"provider DE-DCB\",certificate=\"{certificate}\"}}"
        );
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        loop {
            looks.tick().await;
            let metrics = self.hub.get_console("/metrics").await.text();
            let found = metrics.lines().find_map(|one| one.strip_prefix(&line)).map(str::trim);
            let seconds = found.map(|seconds| seconds.parse::<i64>().unwrap());
            if let Some(seconds) = seconds.filter(|seconds| condition(*seconds)) {
                return seconds;
            }
            assert!(began.elapsed() < SOON, "{line} is {found:?}; the hub said:\n{}", self.hub.log());
        }
    }
}

/// A list in an answer.
#[track_caller]
pub(crate) fn list<'a>(said: &'a Value, name: &str) -> &'a Vec<Value> {
    said[name].as_array().unwrap_or_else(|| panic!("{name} is a list: {said:#}"))
}
