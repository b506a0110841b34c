//! A stage for one test: an operator with a server of its own, a hub, and a provider that calls and is called.

use std::fmt::Write;
use std::time::{Duration, Instant};

use roamhub_testkit::{
    Answer, CallingProvider, FakeOperator, FakeProvider, HubProcess, Received, RemoteService, Reply,
    messages, program,
};
use serde_json::Value;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// What differs from the usual partners.
#[derive(Clone, Default)]
pub(crate) struct Cast {
    /// Lines of `DE*ABC`; its URL is there anyway.
    pub(crate) operator: String,
    /// Lines of `DE-DCB`.
    pub(crate) provider: String,
    /// What the contract covers.
    pub(crate) contract: Option<&'static str>,
    /// The operator has no URL.
    pub(crate) unreachable: bool,
}

/// A running hub and its partners: operators `DE*ABC` (with `DE*XYZ`) and `DE*QQQ`, which has no address, providers
/// `DE-DCB` and `DE-TWO`.
pub(crate) struct Stage {
    /// The operator's server.
    pub(crate) station: FakeProvider,
    /// The provider's server.
    pub(crate) app: FakeProvider,
    pub(crate) hub: HubProcess,
    pub(crate) operator: FakeOperator,
    pub(crate) provider: CallingProvider,
}

impl Stage {
    pub(crate) async fn new(cast: Cast) -> Self {
        let station = FakeProvider::builder().provider_id("DE*ABC").start().await;
        let app = FakeProvider::start().await;
        let partners = partners(&cast, &station.url(), &app.url());
        let hub =
            HubProcess::builder(BIN).partners(&partners).env("ROAMHUB_WATCHDOG_EVERY", "50ms").start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        let provider = CallingProvider::new("DE-DCB", hub.oicp());
        Self { station, app, hub, operator, provider }
    }

    /// A stage whose operator treats remote requests so.
    pub(crate) async fn answering(
        cast: Cast,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let stage = Self::new(cast).await;
        stage.station.set_script(script);
        stage
    }

    /// Another provider in front of the same hub.
    pub(crate) fn other(&self, id: &str) -> CallingProvider {
        CallingProvider::new(id, self.hub.oicp())
    }

    /// Starts the hub again; its address changes.
    pub(crate) async fn restart(&mut self) {
        self.hub.restart().await;
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
        self.provider = CallingProvider::new("DE-DCB", self.hub.oicp());
    }

    /// Replaces the partners and waits until the hub has read them.
    pub(crate) async fn recast(&self, cast: &Cast) {
        let (station, app) = (self.station.url(), self.app.url());
        std::fs::write(self.hub.partners_file(), partners(cast, &station, &app)).unwrap();
        self.hub.reload();
        self.hub.wait_for_log("partners read again", SOON).await;
    }

    /// Asks the hub to start charging.
    pub(crate) async fn start(&self) -> Answer {
        self.provider.ask(RemoteService::Start, messages::remote_start(messages::EVCO)).await
    }

    /// Starts charging and returns the SessionID.
    pub(crate) async fn session(&self) -> String {
        let answer = self.start().await;
        assert_answer(&answer, true, "000");
        session_of(&answer)
    }

    /// Asks the hub to stop a session.
    pub(crate) async fn stop(&self, session: &str) -> Answer {
        self.provider.ask(RemoteService::Stop, messages::remote_stop(session)).await
    }

    /// What `roamhub inspect` knows of a session; nothing if there is none.
    pub(crate) async fn inspect(&self, session: &str) -> Option<Value> {
        let data = self.hub.data_dir().to_str().unwrap();
        let arguments = ["inspect", session, "--json", "--data", data];
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        (ended.code == Some(0)).then(|| serde_json::from_str(&ended.stdout).unwrap())
    }

    /// Where a session stands: its state, or `gone`.
    pub(crate) async fn state(&self, session: &str) -> String {
        let story = self.inspect(session).await;
        story.map_or("gone".to_owned(), |story| story["state"].as_str().unwrap().to_owned())
    }

    /// Waits until a session stands so.
    pub(crate) async fn state_is(&self, session: &str, state: &str) {
        let mut now = self.state(session).await;
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        while now != state {
            looks.tick().await;
            assert!(began.elapsed() < SOON, "{session} is {now}, not {state}; {}", self.hub.log());
            now = self.state(session).await;
        }
    }

    /// The kinds and sessions of the ghosts there are.
    pub(crate) async fn ghosts(&self) -> Vec<(String, String)> {
        let said = self.hub.get_admin("/api/v1/ghosts").await.json();
        let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let ghosts = said["sessions"].as_array().unwrap_or_else(|| panic!("a list: {said:#}"));
        ghosts.iter().map(|one| (word(one, "kind"), word(one, "session"))).collect()
    }

    /// A line of the metrics that begins so, without its beginning.
    pub(crate) async fn metric(&self, line: &str) -> Option<String> {
        let metrics = self.hub.get_console("/metrics").await.text();
        metrics.lines().find_map(|one| one.strip_prefix(line)).map(|value| value.trim().to_owned())
    }

    /// What the operator was asked, once it was asked so often.
    pub(crate) async fn asked(&self, times: usize) -> Vec<Received> {
        self.station.wait_until(SOON, |seen| seen.len() >= times).await
    }
}

fn partners(cast: &Cast, station: &str, app: &str) -> String {
    let Cast { operator, provider, contract, unreachable } = cast;
    let mut text = "[[operator]]\nid = \"DE*ABC\"\nsub_operators = [\"DE*XYZ\"]\n".to_owned();
    if !unreachable {
        writeln!(text, "url = \"{station}\"").unwrap();
    }
    let services = contract.unwrap_or("\"authorization\", \"reservation\"");
    write!(
        text,
        r#"{operator}

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{app}"
services = ["authorization", "notifications"]
timeout = "1s"
retry = ["200ms"]
{provider}

[[provider]]
id = "DE-TWO"

[[contract]]
operator = "*"
provider = "DE-DCB"
services = [{services}]

[[contract]]
operator = "*"
provider = "DE-TWO"
services = ["authorization", "reservation"]
"#
    )
    .unwrap();
    text
}

/// With these lines of `DE*ABC`.
pub(crate) fn operator(lines: &str) -> Cast {
    Cast { operator: lines.to_owned(), ..Cast::default() }
}

/// The SessionID in an answer.
pub(crate) fn session_of(answer: &Answer) -> String {
    let session = answer.json()["SessionID"].as_str().map(str::to_owned);
    session.unwrap_or_else(|| panic!("an answer without SessionID: {answer:?}"))
}

/// Asserts HTTP 200 with this Result and code.
#[track_caller]
pub(crate) fn assert_answer(answer: &Answer, result: bool, code: &str) {
    assert_eq!((answer.status, answer.result(), answer.code().as_str()), (200, result, code), "{answer:?}");
    assert!(answer.header("process-id").is_some(), "{answer:?}");
}

/// An acknowledgement with ids of its own.
pub(crate) fn ack_with_ids(result: bool, code: &str) -> Reply {
    Reply::Json(
        200,
        serde_json::json!({
            "Result": result,
            "StatusCode": {"Code": code, "Description": "their words"},
            "SessionID": "11111111-2222-3333-4444-555555555555",
            "CPOPartnerSessionID": "the operator's own",
            "EMPPartnerSessionID": "made up",
        }),
    )
}
