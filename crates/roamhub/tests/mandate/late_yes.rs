//! A provider whose yes comes second believes in a session that is another's: it gets an End of its own.

use std::time::Duration;

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Reply, messages};
use serde_json::json;

use crate::stage::*;

const CARD: &str = "04A1B2C3D4E5F6";

/// The first to say yes, and one that says it too late.
struct Two {
    quick: FakeProvider,
    slow: FakeProvider,
    hub: HubProcess,
    operator: FakeOperator,
}

impl Two {
    async fn new(operator: &str) -> Self {
        let quick = FakeProvider::builder().provider_id("DE-AAA").start().await;
        let slow = FakeProvider::builder().provider_id("DE-BBB").start().await;
        slow.set_script(|request| match request.is_authorize_start() {
            true => Reply::After(Duration::from_millis(300), Box::new(Reply::Acknowledge)),
            false => Reply::Acknowledge,
        });
        let entries = [entry(&quick, ACCEPTED), entry(&slow, ACCEPTED)];
        let hub = hub(operator, &entries, &[]).await;
        Self { operator: FakeOperator::new("DE*ABC", hub.oicp()), quick, slow, hub }
    }

    async fn session(&self) -> String {
        let answer = self.operator.authorize_start(messages::authorize_start_rfid(CARD)).await.json();
        assert_eq!(answer["ProviderID"], "DE-AAA", "{answer:#}");
        answer["SessionID"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn it_is_told_beside_the_real_session_which_goes_on_undisturbed() {
    let two = Two::new("preauthorisation_expires = \"15m\"").await;
    let session = two.session().await;
    // A message of the real session waits for its provider: that holds up nobody else.
    two.quick.set_script(|_| Reply::Json(503, json!({})));
    assert_eq!(two.operator.notify(messages::start(&session)).await.code(), "310");
    let end = heard(&two.slow, 1).await.remove(0);
    assert!(is_issued(&end) && end.session() == session, "the SessionID that it was asked with: {end:?}");
    assert_eq!((end.kind(), &end.json()["ConsumedEnergy"]), ("End", &json!(0)));
    two.quick.set_script(|_| Reply::Acknowledge);
    assert_eq!(two.operator.notify(messages::end(&session)).await.code(), "000");

    let told = |said: &serde_json::Value| {
        let messages = said["messages"].as_array().unwrap();
        messages.iter().any(|one| {
            one["issuedByHub"] == "mandate"
                && one["provider"] == "DE-BBB"
                && one["session"] == said["session"]
        })
    };
    json_when(&two.hub, &["inspect", &session], "the issued End", told).await;
    metric_is(&two.hub, "roamhub_mandated_ends_total{operator=\"DE*ABC\",ground=\"late-yes\"}", "1").await;
    metric_is(&two.hub, "roamhub_ghosts_cleared_total{operator=\"DE*ABC\",kind=\"late-yes\"}", "1").await;
    // That the real session went on proves nothing against the mandate.
    let none = |said: &serde_json::Value| said["suspended"].as_array().unwrap().is_empty();
    json_when(&two.hub, &["mandates"], "no suspension", none).await;
    assert!(!two.quick.notifications().iter().any(is_issued));
    assert_eq!(two.slow.notifications().len(), 1);
}

#[tokio::test]
async fn without_a_mandate_it_is_left_in_its_belief() {
    let two = Two::new("").await;
    let session = two.session().await;
    let listed = |said: &serde_json::Value| said["session"] == session.as_str();
    json_when(&two.hub, &["ghosts"], "the late yes", listed).await;
    // A later one of an operator with a mandate is ended; this one is not.
    let other = FakeOperator::new("DE*QQQ", two.hub.oicp());
    let mut body = messages::authorize_start_rfid("04A1B2C3D4E5F7");
    body["OperatorID"] = "DE*QQQ".into();
    body["EvseID"] = "DE*QQQ*E1".into();
    let answer = other.authorize_start(body).await.json();
    let end = heard(&two.slow, 1).await.remove(0);
    assert_eq!(json!(end.session()), answer["SessionID"]);
    assert_eq!(json_when(&two.hub, &["ghosts"], "the late yes", |_| true).await["session"], session);
}
