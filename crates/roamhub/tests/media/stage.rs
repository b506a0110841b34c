//! What every test stands on: a hub with operators `DE*ABC` and `DE*QQQ`, provider `DE-DCB` with an address and `DE-OFF`
//! without one.

use std::path::Path;
use std::time::Duration;

use roamhub_testkit::operator::AsBody;
use roamhub_testkit::program;
use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, messages};
use serde_json::{Value, json};

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The longest an operator may wait for an answer.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(8);
/// The card in most tests.
pub(crate) const CARD: &str = "04AABBCC";
/// A contract of `DE-DCB`.
pub(crate) const ONLINE_EVCO: &str = "DE-DCB-C12345678-X";
/// A contract of `DE-OFF`.
pub(crate) const OFFLINE_EVCO: &str = "DE-OFF-C12345678-X";

/// A hub and its partners.
pub(crate) struct Stage {
    pub(crate) hub: HubProcess,
    /// `DE-DCB`.
    pub(crate) online: FakeProvider,
    /// `DE*ABC`.
    pub(crate) operator: FakeOperator,
}

impl Stage {
    /// The usual partners; `DE-DCB` says yes to everything and may upload.
    pub(crate) async fn new() -> Self {
        Self::with("", "").await
    }

    /// The same, with these lines of provider `DE-DCB` and these further tables.
    pub(crate) async fn with(lines: &str, more: &str) -> Self {
        let online = FakeProvider::start().await;
        let hub = HubProcess::builder(BIN).partners(&partners(&online.url(), lines, more)).start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { hub, online, operator }
    }

    /// Starts the hub again, which gives it a new address.
    pub(crate) async fn restart(&mut self) {
        self.hub.restart().await;
        self.operator = FakeOperator::new("DE*ABC", self.hub.oicp());
    }

    /// Rewrites the partners file and has it read.
    pub(crate) async fn change_partners(&mut self, lines: &str, more: &str) {
        std::fs::write(self.hub.partners_file(), partners(&self.online.url(), lines, more)).unwrap();
        self.restart().await;
    }

    /// Pushes as a provider.
    pub(crate) async fn push(&self, provider: &str, body: impl AsBody) -> Answer {
        pusher(&self.hub, provider).post(&push_path(provider), &[], body.as_body()).await
    }

    /// Pushes records as a provider, which has to be carried out.
    pub(crate) async fn pushed(&self, provider: &str, action: &str, records: Vec<Value>) -> Answer {
        let answer = self.push(provider, push(provider, action, records)).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
        assert!(answer.result(), "{answer:?}");
        answer
    }

    /// Starts with this and returns the answer.
    pub(crate) async fn start(&self, identification: Value) -> Answer {
        self.operator.authorize_start(start(identification)).await
    }

    /// Starts with this, which has to be authorised by this provider; the session.
    #[track_caller]
    pub(crate) fn started(&self, identification: Value, by: &str) -> impl Future<Output = String> {
        let by = by.to_owned();
        async move {
            let answer = self.start(identification).await;
            assert_authorised(&answer, &by);
            answer.json()["SessionID"].as_str().unwrap().to_owned()
        }
    }

    /// Asks to stop a session.
    pub(crate) async fn stop(&self, session: &str, identification: Value) -> Answer {
        self.stop_with(stop(session, identification)).await
    }

    /// Asks to stop with this body.
    pub(crate) async fn stop_with(&self, body: impl AsBody) -> Answer {
        self.operator.post(&stop_path("DE*ABC"), &[], body.as_body()).await
    }

    /// What `roamhub inspect --uploads --json` says.
    pub(crate) async fn uploads(&self) -> Value {
        uploads(self.hub.data_dir()).await
    }
}

/// What `roamhub inspect --uploads --json` says about a ledger.
pub(crate) async fn uploads(data: &Path) -> Value {
    let arguments = ["inspect", "--uploads", "--json", "--data", data.to_str().unwrap()];
    let ended = program::run(BIN, &arguments, b"", SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The partners file.
pub(crate) fn partners(online: &str, lines: &str, more: &str) -> String {
    let services = match lines.contains("services") {
        true => "",
        false => "services = [\"authorization\", \"notifications\", \"authentication-data\"]",
    };
    format!(
        r#"[[operator]]
id = "DE*ABC"

[[operator]]
id = "DE*QQQ"

[[provider]]
id = "DE-DCB"
url = "{online}"
{services}
timeout = "1s"
retry = ["10m"]
sub_providers = ["DE-SUB"]
{lines}

[[provider]]
id = "DE-OFF"
services = ["authentication-data"]

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
{more}
"#
    )
}

/// A client that speaks for a provider.
pub(crate) fn pusher(hub: &HubProcess, provider: &str) -> FakeOperator {
    FakeOperator::new(provider, hub.oicp()).with_patience(Duration::from_secs(120))
}

/// Where a provider pushes.
pub(crate) fn push_path(provider: &str) -> String {
    format!("/api/oicp/authdata/v21/providers/{provider}/push-request")
}

/// Where an operator asks to stop.
pub(crate) fn stop_path(operator: &str) -> String {
    format!("/api/oicp/charging/v21/operators/{operator}/authorize/stop")
}

/// The body of a push.
pub(crate) fn push(provider: &str, action: &str, records: Vec<Value>) -> Value {
    json!({
        "ActionType": action,
        "ProviderAuthenticationData": {"ProviderID": provider, "AuthenticationDataRecord": records},
    })
}

/// A record of this identification.
pub(crate) fn record(identification: Value) -> Value {
    json!({ "Identification": identification })
}

/// A card as it is held to a reader.
pub(crate) fn card(uid: &str) -> Value {
    json!({"RFIDMifareFamilyIdentification": {"UID": uid}})
}

/// A contract in a car.
pub(crate) fn contract(evco: &str) -> Value {
    json!({"PlugAndChargeIdentification": {"EvcoID": evco}})
}

/// A contract and a PIN.
pub(crate) fn code(evco: &str, pin: &str) -> Value {
    json!({"QRCodeIdentification": {"EvcoID": evco, "PIN": pin}})
}

/// The body of a start.
pub(crate) fn start(identification: Value) -> Value {
    let mut body = messages::authorize_start_rfid(CARD);
    body["Identification"] = identification;
    body
}

/// The body of a stop.
pub(crate) fn stop(session: &str, identification: Value) -> Value {
    json!({
        "SessionID": session,
        "CPOPartnerSessionID": "cpo-1",
        "OperatorID": "DE*ABC",
        "EvseID": "DE*ABC*ETEST1",
        "Identification": identification,
        "PartnerProductID": "AC 1",
    })
}

/// Asserts that a start was authorised by this provider.
#[track_caller]
pub(crate) fn assert_authorised(answer: &Answer, by: &str) {
    let said = answer.json();
    assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
    assert_eq!(said["AuthorizationStatus"], "Authorized", "{answer:?}");
    assert_eq!(said["ProviderID"], by, "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
}

/// Asserts that a start was refused with this code, and that there is no session.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, code: &str) {
    let said = answer.json();
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert!(said["SessionID"].is_null() && said["ProviderID"].is_null(), "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
}

/// Asserts an eRoamingAuthorizationStop that says yes, in the name of this provider.
#[track_caller]
pub(crate) fn assert_stops(answer: &Answer, by: &str) {
    assert_eq!(answer.code(), "000", "{answer:?}");
    let said = assert_answers_a_stop(answer, "Authorized");
    assert_eq!(said["ProviderID"], by, "{answer:?}");
}

/// Asserts an eRoamingAuthorizationStop that says no with this code.
#[track_caller]
pub(crate) fn assert_does_not_stop(answer: &Answer, code: &str) {
    assert_eq!(answer.code(), code, "{answer:?}");
    let said = assert_answers_a_stop(answer, "NotAuthorized");
    assert!(said["ProviderID"].is_null(), "{answer:?}");
}

#[track_caller]
fn assert_answers_a_stop(answer: &Answer, status: &str) -> Value {
    let said = answer.json();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(said["AuthorizationStatus"], status, "{answer:?}");
    assert!(said["SessionID"].is_string(), "{answer:?}");
    assert_eq!(said["CPOPartnerSessionID"], "cpo-1", "the caller's own: {answer:?}");
    assert!(said["Result"].is_null(), "an eRoamingAuthorizationStop, no acknowledgement: {answer:?}");
    assert!(said["AuthorizationStopIdentifications"].is_null(), "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
    said
}
