//! The driver for whom all this is made: the End of the last session did not get through, and the provider lets a card have
//! one open session at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Received, Reply, messages, program};

use crate::stage::*;

const CARD: &str = "04AA00AA00AA00";

/// A provider's memory: which session of a card stands open.
#[derive(Default)]
struct OneSessionPerCard(Mutex<HashMap<String, String>>);

impl OneSessionPerCard {
    fn judge(&self, request: &Received) -> Reply {
        let mut open = self.0.lock().unwrap();
        let session = request.session();
        if request.is_authorize_start() {
            let body = request.json();
            let uid = body["Identification"]["RFIDMifareFamilyIdentification"]["UID"].to_string();
            if open.contains_key(&uid) {
                return Reply::not_authorized("102");
            }
            open.insert(uid, session);
        } else if request.kind() == "End" {
            open.retain(|_, opened| *opened != session);
        }
        Reply::Acknowledge
    }
}

/// Two operators, and a provider with that rule.
struct Street {
    emp: FakeProvider,
    hub: HubProcess,
    rule: Arc<OneSessionPerCard>,
}

impl Street {
    async fn new() -> Self {
        let emp = fake("DE-DCB").await;
        let entries = [operator("DE*ABC", ""), operator("DE*QQQ", ""), provider(&emp, ""), ALL.to_owned()];
        let street = Self { hub: hub(&entries).await, emp, rule: Arc::default() };
        street.provider_is_back();
        street
    }

    fn operator(&self, id: &str) -> FakeOperator {
        FakeOperator::new(id, self.hub.oicp())
    }

    fn provider_is_back(&self) {
        let rule = self.rule.clone();
        self.emp.set_script(move |request| rule.judge(request));
    }

    /// A session at the first operator whose End the provider does not hear.
    async fn ends_unheard(&self) -> String {
        let first = self.operator("DE*ABC");
        let session = session_of(&with_card(&first, CARD).await);
        self.emp.set_script(|_| Reply::Json(503, serde_json::json!({})));
        let end = first.notify(messages::end(&session)).await;
        assert_judged(&end, false, "310");
        assert_eq!(end.header("hub-delivery"), Some("deferred"), "{end:?}");
        self.provider_is_back();
        self.emp.forget();
        session
    }

    fn heard(&self) -> Vec<&'static str> {
        let what =
            |request: &Received| if request.is_authorize_start() { "AuthorizeStart" } else { request.kind() };
        self.emp.received().iter().map(what).collect()
    }

    async fn lane(&self, arguments: &[&str]) {
        let data = self.hub.data_dir().to_str().unwrap();
        let arguments = [arguments, &["--data", data]].concat();
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test]
async fn the_end_that_was_owed_reaches_the_provider_first_and_the_driver_charges() {
    let street = Street::new().await;
    let session = street.ends_unheard().await;
    let answer = with_card(&street.operator("DE*QQQ"), CARD).await;
    let next = session_of(&answer);
    assert_ne!(next, session);
    assert_eq!(street.heard(), ["End", "AuthorizeStart"], "what was owed, then the question");
    assert_eq!(street.emp.received()[0].session(), session);
}

#[tokio::test]
async fn without_the_release_the_driver_is_refused() {
    let street = Street::new().await;
    street.ends_unheard().await;
    // A paused lane sends nothing, not even what is released; the driver is asked about all the same.
    street.lane(&["pause", "DE-DCB", "--reason", "to see what would happen"]).await;
    street.hub.wait_for_log("the lane is paused", SOON).await;
    let answer = with_card(&street.operator("DE*QQQ"), CARD).await;
    assert_eq!(street.heard(), ["AuthorizeStart"]);
    assert_not_authorised(&answer, "102");
    assert_eq!(street.heard(), ["AuthorizeStart"]);
    street.lane(&["resume", "DE-DCB"]).await;
    street.hub.wait_for_log("the lane is resumed", SOON).await;
    let mut body = messages::authorize_start_rfid(CARD);
    body["CPOPartnerSessionID"] = "once more".into();
    session_of(&street.operator("DE*ABC").authorize_start(body).await);
    assert_eq!(street.heard(), ["AuthorizeStart", "End", "AuthorizeStart"]);
}
