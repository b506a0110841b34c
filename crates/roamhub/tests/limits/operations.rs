//! Allowances of the other operations, each with its repeats.

use roamhub_testkit::{CallingProvider, RemoteService, cdr_path, get_cdrs_path, messages};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_judged, assert_too_often, distinct};

/// One call a minute of everything.
const ONE_EACH: &str = r#"[limits]
preset = "aup-1.0"
[limits.per_minute]
authorize_start = 1
authorize_stop = 1
remote_start = 1
remote_stop = 1
reservation_start = 1
charge_detail_record = 1
get_charge_detail_records = 1
push_authentication_data = 1
"#;

#[tokio::test]
async fn authorisations_are_counted_and_the_refusal_says_not_authorised() {
    let stage = Stage::with(ONE_EACH).await;
    let first = messages::authorize_start_rfid("04AAAAAAAAAAA1");
    let answer = stage.operator.authorize_start(&first).await;
    assert_judged(&answer, "000");
    let session = answer.json()["SessionID"].as_str().unwrap().to_owned();
    for _ in 0..10 {
        let again = stage.operator.authorize_start(&first).await;
        assert_eq!(again.json()["SessionID"], session.as_str(), "{again:?}");
    }
    let refused = stage.operator.authorize_start(messages::authorize_start_rfid("04AAAAAAAAAAA2")).await;
    assert_too_often(&refused, "the allowance of 1 calls of AuthorizeStart a minute is used up");
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized");
    assert_eq!(stage.metric("roamhub_calls_too_often_total{operation=\"AuthorizeStart\"}").await, 1);
    // Who was refused has opened nothing, and the others of the sender go on.
    assert_judged(&stage.operator.notify(messages::end(&session)).await, "000");

    let path = "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop";
    let stop = |number| {
        let body = json!({
            "SessionID": session, "OperatorID": "DE*ABC", "EvseID": messages::EVSE,
            "Identification": {"RFIDMifareFamilyIdentification": {"UID": "04AAAAAAAAAAA1"}},
        });
        distinct(body, number).to_string()
    };
    assert_judged(&stage.operator.post(path, &[], stop(1)).await, "000");
    assert_judged(&stage.operator.post(path, &[], stop(1)).await, "000");
    let refused = stage.operator.post(path, &[], stop(2)).await;
    assert_too_often(&refused, "1 calls of AuthorizeStop");
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized");
}

#[tokio::test]
async fn remote_requests_are_counted_for_the_provider_that_asks() {
    let stage = Stage::with(ONE_EACH).await;
    let provider = CallingProvider::new("DE-DCB", stage.hub.oicp());
    let first = messages::remote_start(messages::EVCO);
    let answer = provider.ask(RemoteService::Start, &first).await;
    assert_judged(&answer, "000");
    assert_judged(&provider.ask(RemoteService::Start, &first).await, "000");
    let refused = provider.ask(RemoteService::Start, distinct(first, 2)).await;
    assert_too_often(&refused, "1 calls of RemoteStart");

    let session = answer.json()["SessionID"].as_str().unwrap().to_owned();
    let stop = messages::remote_stop(&session);
    assert_judged(&provider.ask(RemoteService::Stop, &stop).await, "000");
    assert_judged(&provider.ask(RemoteService::Stop, &stop).await, "000");
    assert_too_often(&provider.ask(RemoteService::Stop, distinct(stop, 2)).await, "1 calls of RemoteStop");
    let reserve = messages::reservation_start(messages::EVCO);
    assert_judged(&provider.ask(RemoteService::Reserve, &reserve).await, "000");
    let refused = provider.ask(RemoteService::Reserve, distinct(reserve, 2)).await;
    assert_too_often(&refused, "1 calls of ReservationStart");
}

#[tokio::test]
async fn records_are_counted_but_not_the_identical_one_again() {
    let stage = Stage::with(&ONE_EACH.replace("authorize_start = 1", "authorize_start = 100")).await;
    let (one, other) = (stage.operator.open_session().await, stage.operator.open_session().await);
    for _ in 0..5 {
        assert_judged(&stage.operator.bill(messages::cdr(&one)).await, "000");
    }
    let refused = stage.operator.bill(messages::cdr(&other)).await;
    assert_too_often(&refused, "1 calls of ChargeDetailRecord");
    // Another record of a closed session is a new call, which finds the allowance used up.
    let refused = stage.operator.bill(distinct(messages::cdr(&one), 2)).await;
    assert_too_often(&refused, "1 calls of ChargeDetailRecord");
    // The session of the refused record is still open.
    assert_judged(&stage.operator.notify(messages::end(&other)).await, "000");

    let provider = stage.partner("DE-DCB");
    let fetch = async || provider.post(&get_cdrs_path("DE-DCB"), &[], messages::get_cdrs().to_string()).await;
    assert_eq!(fetch().await.status, 200);
    assert_too_often(&fetch().await, "1 calls of GetChargeDetailRecords");
    let path = cdr_path("DE*QQQ");
    let theirs = stage.partner("DE*QQQ").post(&path, &[], messages::cdr(&other).to_string()).await;
    assert_judged(&theirs, "400");
}

#[tokio::test]
async fn uploads_are_counted_but_not_the_same_bytes_again() {
    let stage = Stage::with(ONE_EACH).await;
    let provider = stage.partner("DE-DCB");
    let push = |uid: &str| -> Value {
        json!({
            "ActionType": "fullLoad",
            "ProviderAuthenticationData": {
                "ProviderID": "DE-DCB",
                "AuthenticationDataRecord":
                    [{"Identification": {"RFIDMifareFamilyIdentification": {"UID": uid}}}],
            },
        })
    };
    let path = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
    for _ in 0..3 {
        assert_judged(&provider.post(path, &[], push("04AAAAAA").to_string()).await, "000");
    }
    let refused = provider.post(path, &[], push("04BBBBBB").to_string()).await;
    assert_too_often(&refused, "1 calls of PushAuthenticationData");
}
