//! A stage for one test: a hub between operator `DE*ABC` and provider `DE-DCB`, its people, and the program beside it.

use std::time::Duration;

use roamhub_testkit::program::{self, Ended};
use roamhub_testkit::{Answer, Browser, FakeOperator, FakeProvider, HubProcess, messages};
use serde_json::{Value, json};

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on whatever is awaited.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Everybody's password here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A hub and its partners.
pub(crate) struct Stage {
    pub(crate) provider: FakeProvider,
    pub(crate) hub: HubProcess,
    pub(crate) operator: FakeOperator,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these variables in the hub's environment.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let provider = FakeProvider::start().await;
        let lines = "broadcast = true\ntimeout = \"1s\"\nretry = [\"10m\"]\ndrain_rate = 100";
        let partners = roamhub_testkit::hub::partners_toml_with(&provider.url(), lines);
        let builder = HubProcess::builder(BIN).partners(&partners);
        let builder = variables.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
        let hub = builder.start().await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Self { provider, hub, operator }
    }

    /// A browser without a log-in.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.hub.console())
    }

    /// Adds a user of this role (`operate`, `partner DE-DCB`) through the control socket.
    pub(crate) async fn add(&self, name: &str, role: &str) {
        let (role, partner) =
            role.split_once(' ').map_or((role, None), |(role, partner)| (role, Some(partner)));
        let body = json!({"name": name, "role": role, "partner": partner, "password": PASSWORD});
        let added = self.hub.ask_admin("POST", "/api/v1/users", &body.to_string()).await;
        assert_eq!(added.status, 200, "{added:?}");
    }

    /// A browser in which a new user of this role has logged in.
    pub(crate) async fn logged_in(&self, name: &str, role: &str) -> Browser {
        self.add(name, role).await;
        self.enter(name).await
    }

    /// A browser in which somebody logs in who is there already.
    pub(crate) async fn enter(&self, name: &str) -> Browser {
        let browser = self.browser();
        let entered = browser.log_in(name, PASSWORD).await;
        assert_eq!(entered.status, 303, "{entered:?}");
        assert!(browser.cookie().is_some(), "{entered:?}");
        browser
    }

    /// A token of this role, made at the hub's own machine.
    pub(crate) async fn token(&self, role: &str) -> String {
        let (role, partner) =
            role.split_once(' ').map_or((role, None), |(role, partner)| (role, Some(partner)));
        let body = json!({"name": format!("for {role}"), "role": role, "partner": partner});
        let made = self.hub.ask_admin("POST", "/api/v1/tokens", &body.to_string()).await;
        made.json()["token"].as_str().unwrap_or_else(|| panic!("no token in {made:?}")).to_owned()
    }

    /// Opens a session and sends its End; the session and the `Process-ID`.
    pub(crate) async fn end(&self) -> (String, String) {
        let session = self.operator.open_session().await;
        let answer = self.operator.notify(messages::end(&session)).await;
        (session, answer.header("process-id").unwrap().to_owned())
    }

    /// Runs the program on this hub's data.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// The same, with this on its standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let data = self.hub.data_dir().to_str().unwrap();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data", data]).collect();
        program::run(BIN, &arguments, input.as_bytes(), SOON).await
    }

    /// The newest line of the audit trail with this action.
    pub(crate) async fn audited(&self, action: &str) -> Value {
        let trail = self.hub.get_admin("/api/v1/audit").await.json();
        let mut lines = trail["audit"].as_array().unwrap().iter();
        let line = lines.find(|line| line["action"] == action);
        line.unwrap_or_else(|| panic!("no line about {action} in {trail:#}")).clone()
    }
}

/// Calls with a token.
pub(crate) async fn bearer(browser: &Browser, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let value = format!("Bearer {token}");
    browser.call(method, path, &[("authorization", &value)], body).await
}

/// Changes something as a script of the console would: with the cookie, and what only its pages know.
pub(crate) async fn change(browser: &Browser, method: &str, path: &str, body: &str) -> Answer {
    let token = browser.form_token().await;
    let headers = [("hub-form-token", token.as_str()), ("sec-fetch-site", "same-origin")];
    browser.call(method, path, &headers, body).await
}
