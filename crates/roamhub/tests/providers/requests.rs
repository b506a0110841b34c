//! The request as a provider receives it.

use jiff::Timestamp;
use roamhub_testkit::{FakeProvider, NOTIFICATIONS_PATH, Reply, authorize_start_path, messages};
use serde_json::json;

use crate::stage::{
    PATIENT, QUICK, Stage, assert_deferred, assert_delivered, hub_with, of_session, operator_of, partners,
    provider_entry,
};

#[tokio::test]
async fn a_notification_is_a_plain_http_post_with_the_hubs_and_the_providers_headers() {
    let lines = format!("{QUICK}\nheaders = {{ X-Api-Key = \"let me in\", x-tenant = \"7\" }}");
    let stage = Stage::new(&lines).await;
    let session = stage.operator.open_session().await;
    let body = messages::end(&session).to_string();
    let answer = stage.operator.notify(&body).await;
    assert_delivered(&answer);
    let seen = of_session(&stage.provider, &session);
    let request = &seen[0];
    assert_eq!((request.method.as_str(), request.version.as_str()), ("POST", "HTTP/1.1"));
    assert_eq!(request.path, NOTIFICATIONS_PATH);
    assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(request.header("transfer-encoding"), None);
    assert!(request.header("content-type").unwrap().starts_with("application/json"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let address = stage.provider.url();
    assert_eq!(request.header("host"), address.strip_prefix("http://"));
    assert_eq!(request.header("process-id"), answer.header("process-id"));
    assert_eq!(request.header("hub-attempt"), Some("1"));
    let received_at: Timestamp = request.header("hub-received-at").unwrap().parse().unwrap();
    let record = stage.record(&answer).await;
    assert_eq!(record.0["receivedAt"].as_str().unwrap().parse::<Timestamp>().unwrap(), received_at);
    assert_eq!(request.header("x-api-key"), Some("let me in"));
    assert_eq!(request.header("x-tenant"), Some("7"));
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in &names {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name} once only: {names:?}");
    }
}

#[tokio::test]
async fn an_authorisation_request_has_the_same_shape() {
    let lines = format!("{QUICK}\nheaders = {{ X-Api-Key = \"let me in\" }}");
    let stage = Stage::new(&lines).await;
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04AABBCCDD0101")).await;
    let seen = stage.provider.received();
    let request = &seen[0];
    assert_eq!((request.method.as_str(), request.version.as_str()), ("POST", "HTTP/1.1"));
    assert_eq!(request.path, authorize_start_path("DE*ABC"));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("x-api-key"), Some("let me in"));
    assert_eq!(request.header("process-id"), answer.header("process-id"));
}

#[tokio::test]
async fn every_byte_arrives_as_it_was_sent() {
    let stage = Stage::new(PATIENT).await;
    let (operator, evse) = ("DE*ABC", "DE*ABC*ETEST1");
    let bodies: [&dyn Fn(&str) -> String; 5] = [
        &|session| messages::end_as_in_the_guide(session, operator, evse),
        // Odd spacing, unknown members, numbers spelt oddly, an order of its own, escapes.
        &|session| {
            format!(
                "\r\n{{ \"ConsumedEnergy\" :\t10.0,\"x-vendor\":{{\"b\":[1e3 , -0.0],\"a\":null}},\n\
                 \"ChargingEnd\":\"2026-03-02T11:30:00.000000+01:00\" , \"Type\":\"End\",\
                 \"SessionID\":\"{session}\",\"OperatorID\":\"{operator}\",  \"EvseID\":\"{evse}\",\
                 \"PartnerProductID\":\"AC \\u0031 \\/ \u{e4}\u{1F50C}\"}}\n\n"
            )
        },
        // An id in lower case and in DIN spelling, energy as text, a list where the schema has an object.
        &|session| {
            format!(
                "{{\"Type\":\"End\",\"SessionID\":\"{}\",\"OperatorID\":\"de*abc\",\"EvseID\":\"de*abc*etest1\",\
                 \"ChargingEnd\":\"2026-03-02T10:30:00Z\",\"ConsumedEnergy\":\"10.000\",\
                 \"MeterValueInBetween\":[1.50,2]}}",
                session.to_uppercase()
            )
        },
        // A member twice that means nothing to the hub.
        &|session| {
            format!(
                "{{\"Type\":\"End\",\"SessionID\":\"{session}\",\"OperatorID\":\"{operator}\",\
                 \"EvseID\":\"{evse}\",\"ChargingEnd\":\"2026-03-02T10:30:00Z\",\"x\":1,\"x\":2}}"
            )
        },
        &|session| messages::error(session).to_string(),
    ];
    for (number, body) in bodies.iter().enumerate() {
        let session = stage.operator.open_session().await;
        let body = body(&session);
        let before = stage.provider.notifications().len();
        let answer = stage.operator.notify(&body).await;
        assert_delivered(&answer);
        let seen = stage.provider.notifications();
        assert_eq!(seen.len(), before + 1);
        assert_eq!(seen[before].body, body, "body {number}");
    }
}

#[tokio::test]
async fn a_redelivery_is_the_same_request_with_the_next_number() {
    let stage = Stage::answering(QUICK, |request| match request.header("hub-attempt") {
        Some("3") => Reply::Acknowledge,
        _ => Reply::Json(503, json!({})),
    })
    .await;
    let session = stage.operator.open_session().await;
    let answer =
        stage.operator.notify(messages::end_as_in_the_guide(&session, "DE*ABC", "DE*ABC*ETEST1")).await;
    assert_deferred(&answer);
    stage.record_in_state(&answer, "delivered").await;
    let seen = of_session(&stage.provider, &session);
    let differing = |name: &str| matches!(name, "hub-attempt");
    let stable = |n: usize| -> Vec<_> {
        seen[n].headers.iter().filter(|(name, _)| !differing(name)).cloned().collect()
    };
    for n in 1..3 {
        assert_eq!((stable(n), &seen[n].body, &seen[n].path), (stable(0), &seen[0].body, &seen[0].path));
        assert_eq!(seen[n].header("hub-attempt"), Some((n + 1).to_string().as_str()));
    }
}

#[tokio::test]
async fn the_service_path_is_appended_to_the_base_url_unless_it_ends_so_already() {
    let provider = FakeProvider::start().await;
    for (base, prefix) in [
        ("", ""),
        ("/", ""),
        ("/tenants/7", "/tenants/7"),
        ("/tenants/7/", "/tenants/7"),
        ("/tenants/7/api/oicp", "/tenants/7"),
        ("/tenants/7/api/oicp/notificationmgmt/v11/charging-notifications", "/tenants/7"),
    ] {
        // Authorised at the plain address: a whole service path fits one service only.
        let entry = |url: &str| [provider_entry("DE-DCB", url, PATIENT)];
        let mut hub = hub_with(&entry(&provider.url())).await;
        let session = operator_of(&hub).open_session().await;
        provider.forget();
        std::fs::write(hub.partners_file(), partners(&entry(&format!("{}{base}", provider.url())))).unwrap();
        hub.restart().await;
        assert_delivered(&operator_of(&hub).notify(messages::end(&session)).await);
        assert_eq!(provider.received()[0].path, format!("{prefix}{NOTIFICATIONS_PATH}"), "{base:?}");
    }
}
