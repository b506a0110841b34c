//! A hub that logs everything it ever would, with partners of every kind in front of it.

use std::time::{Duration, Instant};

use roamhub_testkit::{
    Answer, CallingProvider, FakeOperator, FakeProvider, FakeWebhook, HubProcess, Received, RemoteService,
    Reply, messages, program,
};
use serde_json::{Value, json};

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on whatever is awaited.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Of the webhook.
const SECRET: &str = "a secret of the night shift";

/// A running hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    /// The server of `DE-DCB`.
    pub(crate) app: FakeProvider,
    /// The server of `DE*ABC`.
    pub(crate) station: FakeProvider,
    pub(crate) webhook: FakeWebhook,
    pub(crate) operator: FakeOperator,
    pub(crate) provider: CallingProvider,
    /// The `Process-ID` of every answer so far.
    pub(crate) processes: Vec<String>,
    /// Every session so far.
    pub(crate) sessions: Vec<String>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let app = FakeProvider::start().await;
        let station = FakeProvider::builder().provider_id("DE*ABC").start().await;
        let webhook = FakeWebhook::start(SECRET).await;
        let partners = partners(&app.url(), &station.url());
        let hub = HubProcess::builder(BIN)
            .partners(&partners)
            .env("ROAMHUB_LOG", "debug")
            .env("ROAMHUB_WATCHDOG_EVERY", "50ms")
            .env("ROAMHUB_WATCHDOG_NEVER_STARTED", "200ms")
            .env("ROAMHUB_NOTIFY_LOOK_EVERY", "50ms")
            .env("ROAMHUB_NOTIFY_AFTER", "100ms")
            .env("ROAMHUB_NOTIFY_WEBHOOK", webhook.url())
            .env("ROAMHUB_NOTIFY_SECRET", SECRET)
            .start()
            .await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        let provider = CallingProvider::new("DE-DCB", hub.oicp());
        let (processes, sessions) = (Vec::new(), Vec::new());
        Self { hub, app, station, webhook, operator, provider, processes, sessions }
    }

    /// Keeps what an answer was called.
    pub(crate) fn note(&mut self, answer: &Answer) {
        self.processes.extend(answer.header("process-id").map(str::to_owned));
    }

    /// Posts to any path; what comes of it is not asked.
    pub(crate) async fn post(&mut self, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
        let answer = self.operator.post(path, &[], body).await;
        self.note(&answer);
        answer
    }

    /// Authorises with this identification, which has to be granted; the session.
    pub(crate) async fn session(&mut self, identification: Value) -> String {
        let mut body = messages::authorize_start_rfid("04000000");
        body["Identification"] = identification;
        let answer = self.operator.authorize_start(body).await;
        self.note(&answer);
        let answer = answer.json();
        assert_eq!(answer["AuthorizationStatus"], "Authorized", "{answer:#}");
        let session = answer["SessionID"].as_str().unwrap().to_owned();
        self.sessions.push(session.clone());
        session
    }

    /// Sends a notification with this identification.
    pub(crate) async fn notify(&mut self, mut body: Value, identification: &Value) -> Answer {
        body["Identification"] = identification.clone();
        let answer = self.operator.notify(body).await;
        self.note(&answer);
        answer
    }

    /// Asks from afar.
    pub(crate) async fn ask(&mut self, service: RemoteService, body: Value) -> Answer {
        let answer = self.provider.ask(service, body).await;
        self.note(&answer);
        answer
    }

    /// Runs the program on the hub's data.
    pub(crate) async fn program(&self, arguments: &[&str], input: &str) -> program::Ended {
        let data = self.hub.data_dir().to_str().unwrap();
        let arguments = [arguments, &["--data", data]].concat();
        program::run(BIN, &arguments, input.as_bytes(), SOON).await
    }

    /// Waits until a page of the console satisfies the condition.
    pub(crate) async fn page_when(&self, path: &str, condition: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(40));
        loop {
            looks.tick().await;
            let api = path.starts_with("/api/");
            let page = if api { self.hub.get_admin(path).await } else { self.hub.get_console(path).await };
            let page = page.text();
            if condition(&page) {
                return page;
            }
            assert!(began.elapsed() < SOON, "{path} stays so: {page}\n{}", self.hub.log());
        }
    }
}

fn partners(app: &str, station: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
url = "{station}"

[[provider]]
id = "DE-DCB"
url = "{app}"
services = ["authorization", "notifications", "cdr", "authentication-data"]
timeout = "1s"
retry = ["200ms"]
broadcast = true

[[provider]]
id = "DE-OFF"
services = ["authentication-data"]
feed = true

[[contract]]
operator = "*"
provider = "*"
services = ["authorization", "reservation"]
"#
    )
}

/// A provider that repeats what it was sent, in every text that it may write.
pub(crate) fn parrot(request: &Received) -> Reply {
    let said = String::from_utf8_lossy(&request.body)
        .chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>();
    let result = if request.is_notification() || request.is_cdr() { json!(false) } else { json!(true) };
    Reply::Json(
        200,
        json!({
            "Result": result,
            "StatusCode": {"Code": "210", "Description": said, "AdditionalInfo": said},
            "Repeated": said,
        }),
    )
}

/// Every way to say who charges.
pub(crate) fn identification(form: &str, uid: &str, evco: &str, pin: &str) -> Value {
    match form {
        "card" => json!({"RFIDMifareFamilyIdentification": {"UID": uid}}),
        "details" => {
            json!({"RFIDIdentification": {"UID": uid, "EvcoID": evco, "RFID": "mifareCls", "PrintedNumber": evco}})
        }
        "plug" => json!({"PlugAndChargeIdentification": {"EvcoID": evco}}),
        "remote" => json!({"RemoteIdentification": {"EvcoID": evco}}),
        "code" => json!({"QRCodeIdentification": {"EvcoID": evco, "PIN": pin}}),
        other => panic!("no identification is called {other}"),
    }
}
