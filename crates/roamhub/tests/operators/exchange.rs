//! The exchange to the letter: a card is authorised, and the guide's End goes through byte for byte.

use roamhub_testkit::messages::{self, end_as_in_the_guide};
use roamhub_testkit::provider::Reply;
use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, NOTIFICATIONS_PATH, SessionGuard};
use serde_json::json;

use crate::stage::{ROAMHUB, Stage, assert_judged, inspect, process_of};

/// The partners file of the design, as far as a test can follow it: addresses are this provider's.
fn partners_of_the_design(provider_url: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
name = "ABC Charging"
url = "https://cpo.example/base"     # for remote start, stop and reservation; the hub appends /api/oicp/…
sub_operators = ["DE*XYZ"]
locked = false
strict = false

[[provider]]
id = "DE-DCB"
name = "DCB Mobility"
url = "{provider_url}"               # the hub appends /api/oicp/…, unless it ends so already
services = ["authorization", "notifications", "cdr"]   # the endpoints this provider offers
notification_types = ["Start", "Progress", "End", "Error"]
sub_providers = []
broadcast = true                     # is asked about cards nobody knows
when_unreachable = "defer"           # or "accept"
timeout = "6s"
retry = ["5s", "30s", "2m", "10m", "30m", "1h", "2h", "4h"]   # the last one repeats until 72h have passed
headers = {{ X-Api-Key = "of the hub" }}     # sent with every request to it
allow_private = false                # may its address be loopback or private (implied in plain mode)
locked = false

[[contract]]
operator = "DE*ABC"                  # "*" for all
provider = "DE-DCB"                  # "*" for all
services = ["authorization"]
"#
    )
}

#[tokio::test]
async fn the_guides_end_is_answered_with_the_guides_acknowledgement() {
    let guard = SessionGuard::new();
    let provider = FakeProvider::builder().script(move |request| match guard.judge(request) {
        Reply::Acknowledge if request.is_notification() => {
            let status = json!({"Code": "000", "Description": "Success", "AdditionalInfo": "Success"});
            Reply::Json(200, json!({"Result": true, "StatusCode": status}))
        }
        other => other,
    });
    let provider = provider.start().await;
    let partners = partners_of_the_design(&provider.url());
    let hub = HubProcess::builder(ROAMHUB).partners(&partners).start().await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());

    let authorised = operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await.json();
    let session = authorised["SessionID"].as_str().expect("the hub gives a SessionID");
    assert_eq!(authorised["AuthorizationStatus"], "Authorized");
    let asked = provider.received().pop().expect("the provider was asked");
    assert_eq!(asked.session(), session, "the provider knows the session by the hub's SessionID");

    let end = end_as_in_the_guide(session, "DE*ABC", "DE*XYZ*ETEST1");
    let answer = operator.notify(&end).await;
    let process = assert_judged(&answer, true, "000");
    assert_eq!(
        answer.json(),
        json!({
            "CPOPartnerSessionID": "1234XYZ",
            "EMPPartnerSessionID": "2345ABC",
            "Result": true,
            "SessionID": session,
            "StatusCode": {"AdditionalInfo": "Success", "Code": "000", "Description": "Success"},
        })
    );

    let received = provider.notifications();
    assert_eq!(received.len(), 1, "{received:?}");
    let received = &received[0];
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", NOTIFICATIONS_PATH));
    assert!(received.body == end.as_bytes(), "not byte for byte: {received:?}");
    assert_eq!(received.header("process-id"), Some(process.as_str()));
    assert_eq!(received.header("hub-attempt"), Some("1"));
    assert_eq!(received.header("x-api-key"), Some("of the hub"));
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("content-length"), Some(end.len().to_string().as_str()));

    let stage = Stage { hub, provider, operator };
    let seen = stage.settled(&process, "delivered").await;
    let expected = json!({
        "process": process,
        "type": "End",
        "session": session,
        "bytes": end.len(),
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&seen[name], value, "{name} in {seen:#}");
    }
    let found = seen["findings"].as_array().and_then(|all| all.first()).cloned().unwrap_or_default();
    assert_eq!(
        (&found["code"], &found["pointer"]),
        (&json!("charging-start-after-end"), &json!("/ChargingStart"))
    );
    let attempts = &seen["deliveries"][0]["attempts"];
    assert_eq!(attempts.as_array().map(Vec::len), Some(1), "{seen:#}");
    assert_eq!((&attempts[0]["outcome"], &attempts[0]["httpStatus"]), (&json!("delivered"), &json!(200)));
}

#[tokio::test]
async fn all_four_types_reach_the_provider_byte_for_byte_and_in_order() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    // Spelling that a rewrite would not survive: escapes, exponents, trailing zeros, blanks, unknown members.
    let odd = |body: serde_json::Value| {
        let text = body.to_string();
        let members = text.strip_prefix('{').expect("an object");
        format!("{{ \"x\\u002Dnew\" : [1.50, 1E2, \"\\u00e4/\\/\"],\r\n\t{members} \n")
    };
    let sent = [
        odd(messages::start(&session)),
        odd(messages::progress(&session, 9)),
        odd(messages::error(&session)),
        odd(messages::end(&session)),
    ];
    for body in &sent {
        assert_judged(&stage.operator.notify(body).await, true, "000");
    }
    let received = stage.provider.notifications();
    assert_eq!(received.len(), sent.len(), "{received:?}");
    for (received, sent) in received.iter().zip(&sent) {
        assert!(received.body == sent.as_bytes(), "sent {sent:?}, received {received:?}");
    }
}

#[tokio::test]
async fn an_end_of_a_session_known_only_from_the_ledger_is_delivered_after_a_restart() {
    let mut stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    stage.hub.restart().await;
    let answer = stage.operator("DE*ABC").notify(messages::end(&session)).await;
    assert_judged(&answer, true, "000");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn inspect_also_works_when_no_hub_is_running() {
    let mut stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let process = process_of(&stage.operator.notify(messages::end(&session)).await);
    assert!(stage.hub.terminate().await.success());
    let seen = inspect(stage.hub.data_dir(), &process).await;
    assert_eq!(seen["deliveries"][0]["state"], "delivered", "{seen:#}");
}
