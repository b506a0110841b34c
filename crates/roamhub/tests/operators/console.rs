//! Health, readiness and metrics on the console's own address.

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;

use crate::stage::{Stage, assert_judged};

/// The value of the one line of a metric with all of these labels.
fn value(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut lines = metrics.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    });
    let line = lines.next()?;
    assert!(lines.next().is_none(), "{name} {labels:?} is there more than once");
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn health_and_readiness_are_ok() {
    let stage = Stage::new().await;
    for page in ["/healthz", "/readyz"] {
        let answer = stage.hub.get_console(page).await;
        assert_eq!(answer.status, 200, "{page}: {answer:?}");
    }
    // OICP is not served there, and the console not to partners.
    assert_eq!(stage.hub.get_console(roamhub_testkit::NOTIFICATIONS_PATH).await.status, 404);
    assert_eq!(stage.operator.get("/metrics").await.status, 404);
}

#[tokio::test]
async fn calls_and_attempts_are_counted() {
    let stage = Stage::new().await;
    let metrics = stage.hub.get_console("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").is_some_and(|kind| kind.contains("openmetrics")), "{metrics:?}");
    let delivered = [("provider", "DE-DCB"), ("type", "End"), ("outcome", "delivered")];
    assert_eq!(value(&metrics.text(), "roamhub_attempts_total", &delivered), None);

    let session = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(messages::end(&session)).await, true, "000");
    assert_eq!(stage.operator.notify("{}").await.status, 400);
    stage.answer_with(|_| Reply::ack(false, "102", ""));
    assert_judged(&stage.operator.notify(messages::error(&session)).await, false, "102");

    let metrics = stage.hub.get_console("/metrics").await.text();
    let calls = |http: &str, code: &str| {
        let labels = [("service", "ChargingNotifications"), ("http", http), ("code", code)];
        value(&metrics, "roamhub_calls_total", &labels)
    };
    assert_eq!(
        (calls("200", "000"), calls("400", "022"), calls("200", "102")),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    let started = [("service", "AuthorizeStart"), ("http", "200"), ("code", "000")];
    assert_eq!(value(&metrics, "roamhub_calls_total", &started), Some(1.0));
    assert_eq!(value(&metrics, "roamhub_attempts_total", &delivered), Some(1.0));
    let refused = [("provider", "DE-DCB"), ("type", "Error"), ("outcome", "refused")];
    assert_eq!(value(&metrics, "roamhub_attempts_total", &refused), Some(1.0));
    let authorised = [("operator", "DE*ABC"), ("code", "000")];
    assert_eq!(value(&metrics, "roamhub_authorisations_total", &authorised), Some(1.0));
    assert_eq!(value(&metrics, "roamhub_call_seconds_count", &[]), Some(4.0));
    assert_eq!(value(&metrics, "roamhub_exchange_seconds_count", &[]), Some(2.0));
    for personal in [messages::UID, session.as_str(), "1234XYZ"] {
        assert!(!metrics.contains(personal), "{personal} in the metrics");
    }
    assert!(metrics.ends_with("# EOF\n"), "the metrics end as OpenMetrics must");
}

#[tokio::test]
async fn findings_failed_attempts_and_the_backlog_are_counted() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let end = messages::end_as_in_the_guide(&session, "DE*ABC", messages::EVSE);
    assert_judged(&stage.operator.notify(end).await, false, "310");
    let metrics = stage.hub.get_console("/metrics").await.text();
    let found = [("operator", "DE*ABC"), ("code", "charging-start-after-end")];
    assert_eq!(value(&metrics, "roamhub_findings_total", &found), Some(1.0));
    let failed = [("provider", "DE-DCB"), ("type", "End"), ("outcome", "unreachable")];
    assert_eq!(value(&metrics, "roamhub_attempts_total", &failed), Some(1.0));
    assert_eq!(value(&metrics, "roamhub_deliveries_open", &[]), Some(1.0));
}

#[tokio::test]
async fn nothing_personal_reaches_the_log() {
    let stage = Stage::new().await;
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::ack(false, "102", "card 04F1F1F1F1F1F1"),
        false => Reply::Acknowledge,
    });
    let start = messages::authorize_start_rfid("04F1F1F1F1F1F1");
    let session = stage.operator.authorize_start(start).await.json()["SessionID"].clone();
    let mut end = messages::end(session.as_str().expect("the hub gives a SessionID"));
    end["Identification"]["RFIDMifareFamilyIdentification"]["UID"] = "04F1F1F1F1F1F1".into();
    assert_judged(&stage.operator.notify(end).await, false, "102");
    let mut wrong = messages::authorize_start_rfid("04F1F1F1F1F1");
    wrong["Identification"]["PlugAndChargeIdentification"] =
        serde_json::json!({"EvcoID": "DE-DCB-C04F1F1F1-X"});
    assert_eq!(stage.operator.authorize_start(wrong).await.status, 400);
    stage.hub.wait_for_log("refused", crate::stage::BOUND).await;
    assert!(!stage.hub.log().contains("04F1F1"), "{}", stage.hub.log());
}
