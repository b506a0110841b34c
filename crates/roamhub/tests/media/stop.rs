//! AuthorizeStop of sessions that a provider authorised, row by row of the protocol's routing.

use roamhub_testkit::{FakeOperator, Reply, messages};
use serde_json::{Value, json};

use crate::stage::{
    CARD, LONGEST_ANSWER, ONLINE_EVCO, Stage, assert_does_not_stop, assert_stops, card, code, contract, stop,
    stop_path,
};

const OTHER: &str = "04DDEEFF";

/// The requests to stop that the provider has received.
fn stops(stage: &Stage) -> Vec<roamhub_testkit::Received> {
    stage.online.received().into_iter().filter(|request| request.is_authorize_stop()).collect()
}

/// The provider authorises starts and names these media; to stops it says no, 102.
fn naming(stage: &Stage, media: Value) {
    stage.online.set_script(move |request| {
        if request.is_authorize_stop() {
            return Reply::not_authorized("102");
        }
        let code = json!({"Code": "000"});
        Reply::Json(
            200,
            json!({
                "AuthorizationStatus": "Authorized", "ProviderID": "DE-DCB", "StatusCode": code,
                "AuthorizationStopIdentifications": media,
            }),
        )
    });
}

#[tokio::test]
async fn session_unknown_is_400() {
    let stage = Stage::new().await;
    for session in ["b2688855-7f00-0002-6d8e-48d883f6abb6", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"] {
        assert_does_not_stop(&stage.stop(session, card(CARD)).await, "400");
    }
    assert_eq!(stage.online.connections(), 0, "nothing else happens");
}

#[tokio::test]
async fn session_of_another_operator_is_400() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let mut body = stop(&session, card(CARD));
    body["OperatorID"] = "DE*QQQ".into();
    let other = FakeOperator::new("DE*QQQ", stage.hub.oicp());
    let answer = other.post(&stop_path("DE*QQQ"), &[], body.to_string()).await;
    assert_does_not_stop(&answer, "400");
    assert!(stops(&stage).is_empty());
}

#[tokio::test]
async fn session_that_was_refused_is_400() {
    let stage = Stage::new().await;
    stage.online.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.start(card(CARD)).await;
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized");
    // The provider was told the SessionID; it is void since.
    let session = stage.online.received()[0].session();
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "400");
}

#[tokio::test]
async fn operator_not_registered_is_300_and_says_not_authorized() {
    let stage = Stage::new().await;
    let mut body = stop("b2688855-7f00-0002-6d8e-48d883f6abb6", card(CARD));
    body["OperatorID"] = "DE*ZZZ".into();
    let stranger = FakeOperator::new("DE*ZZZ", stage.hub.oicp());
    let answer = stranger.post(&stop_path("DE*ZZZ"), &[], body.to_string()).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "300"), "{answer:?}");
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert_eq!(answer.json()["Result"], false, "{answer:?}");
}

#[tokio::test]
async fn broken_structure_is_400_022_with_every_violation_and_says_not_authorized() {
    let stage = Stage::new().await;
    let answer = stage
        .stop_with(json!({"SessionID": "x", "Identification": {"RFIDIdentification": {"UID": CARD}}}))
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    let mut pointers: Vec<_> = answer.violations().into_iter().map(|(pointer, _)| pointer).collect();
    pointers.sort();
    assert_eq!(pointers, ["/Identification/RFIDIdentification", "/OperatorID", "/SessionID"], "{answer:?}");
    let garbage = stage.stop_with("<stop/>").await;
    assert_eq!(
        (garbage.status, garbage.json()["AuthorizationStatus"].as_str()),
        (400, Some("NotAuthorized"))
    );
}

#[tokio::test]
async fn path_and_body_of_different_operators_are_022() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let answer = stage.operator.post(&stop_path("DE*QQQ"), &[], stop(&session, card(CARD)).to_string()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    assert!(stops(&stage).is_empty());
}

#[tokio::test]
async fn the_provider_decides_and_receives_the_bytes_with_ids_in_upper_case() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let sent = format!(
        "{{ \"Result\":true,\"SessionID\":\"{session}\" ,\"CPOPartnerSessionID\":\"cpo-1\",\"OperatorID\":\"DE*ABC\",\r\n\
         \"Identification\":{{\"RFIDMifareFamilyIdentification\" :{{\"UID\":\"04aabbcc\"}}}},\"n\":1.0e1}}"
    );
    let answer = stage.stop_with(&sent).await;
    assert_stops(&answer, "DE-DCB");
    let seen = stops(&stage);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop");
    assert_eq!(String::from_utf8_lossy(&seen[0].body), sent.replace("04aabbcc", "04AABBCC"));
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    // The session goes on: only the charge detail record ends it.
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_eq!(end.code(), "000", "{end:?}");
    assert_stops(&stage.stop(&session, card(OTHER)).await, "DE-DCB");
}

#[tokio::test]
async fn the_providers_refusal_passes_its_code_through() {
    let stage = Stage::new().await;
    let session = stage.started(contract(ONLINE_EVCO), "DE-DCB").await;
    for code in ["105", "200", "120"] {
        stage.online.set_script(move |_| Reply::not_authorized(code));
        let mut body = stop(&session, contract(ONLINE_EVCO));
        body["x"] = code.into();
        assert_does_not_stop(&stage.stop_with(body).await, code);
    }
}

#[tokio::test]
async fn a_medium_that_the_provider_named_stops_without_asking_it() {
    let mut stage = Stage::new().await;
    let qr = json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C00000001-X", "PIN": null}});
    naming(&stage, json!([card("04ddeeff"), contract(ONLINE_EVCO), qr, {"nonsense": 1}, null, 7]));
    let session = stage.started(card(CARD), "DE-DCB").await;
    assert_stops(&stage.stop(&session, card(OTHER)).await, "DE-DCB");
    assert_stops(&stage.stop(&session, contract("de-dcb-c12345678-x")).await, "DE-DCB");
    stage.restart().await;
    stage.online.stop().await;
    let after = stage.stop(&session, card(OTHER)).await;
    assert_stops(&after, "DE-DCB");
    assert!(stops(&stage).is_empty(), "it was not asked");
}

#[tokio::test]
async fn the_code_of_a_contract_that_the_provider_named_is_the_providers_to_check() {
    let stage = Stage::new().await;
    naming(&stage, json!([code(ONLINE_EVCO, "1234"), contract(ONLINE_EVCO)]));
    let session = stage.started(card(CARD), "DE-DCB").await;
    assert_does_not_stop(&stage.stop(&session, code(ONLINE_EVCO, "9999")).await, "102");
    assert_eq!(stops(&stage).len(), 1, "it knows the PIN, the hub does not");
}

#[tokio::test]
async fn any_other_medium_also_the_one_that_started_is_the_providers_to_judge() {
    let stage = Stage::new().await;
    naming(&stage, json!([card(OTHER)]));
    let session = stage.started(card(CARD), "DE-DCB").await;
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "102");
    assert_does_not_stop(&stage.stop(&session, card("04112233")).await, "102");
    assert_eq!(stops(&stage).len(), 2);
}

#[tokio::test]
async fn an_unreachable_provider_is_310() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    for reply in [Reply::Hang, Reply::HalfJson, Reply::NoContent, Reply::ack(true, "000", "")] {
        let shown = format!("{reply:?}");
        stage.online.set_script(move |_| reply.clone());
        let mut body = stop(&session, card(CARD));
        body["x"] = shown.into();
        assert_does_not_stop(&stage.stop_with(body).await, "310");
    }
    stage.online.stop().await;
    let gone = stage.stop(&session, card(CARD)).await;
    assert_does_not_stop(&gone, "310");
}

#[tokio::test]
async fn a_provider_without_authorisation_endpoint_is_320() {
    let mut stage = Stage::new().await;
    naming(&stage, json!([card(OTHER)]));
    let session = stage.started(card(CARD), "DE-DCB").await;
    stage.change_partners("services = [\"notifications\"]", "").await;
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "320");
    assert_stops(&stage.stop(&session, card(OTHER)).await, "DE-DCB");
    assert!(stops(&stage).is_empty());
}

#[tokio::test]
async fn neither_a_lock_nor_an_ended_contract_is_in_the_way_of_a_stop() {
    let mut stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let file = stage.hub.partners_file().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    let locked = text.replace("id = \"DE*ABC\"", "id = \"DE*ABC\"\nlocked = true");
    let locked = locked.replace("id = \"DE-DCB\"", "id = \"DE-DCB\"\nlocked = true");
    let locked = locked.replace("services = [\"authorization\"]\n", "services = [\"cdr\"]\n");
    assert_ne!(text, locked);
    std::fs::write(&file, locked).unwrap();
    stage.restart().await;
    let refused = stage.start(card(CARD)).await;
    assert_eq!(refused.code(), "017", "no new session: {refused:?}");
    assert_stops(&stage.stop(&session, card(CARD)).await, "DE-DCB");
}

#[tokio::test]
async fn a_repeat_shares_the_first_ones_answer_and_the_provider_hears_it_once() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let body = stop(&session, card(CARD)).to_string();
    let path = stop_path("DE*ABC");
    let together = [(); 3].map(|()| stage.operator.post(&path, &[], body.clone()));
    let [first, second, third] = together;
    let (first, second, third) = tokio::join!(first, second, third);
    for answer in [&first, &second, &third, &stage.stop_with(&body).await] {
        assert_stops(answer, "DE-DCB");
        assert_eq!(answer.header("process-id"), first.header("process-id"));
    }
    assert_eq!(stops(&stage).len(), 1);
}

#[tokio::test]
async fn a_refused_stop_is_asked_again() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    stage.online.set_script(|_| Reply::not_authorized("102"));
    assert_does_not_stop(&stage.stop(&session, card(CARD)).await, "102");
    stage.online.set_script(|_| Reply::Acknowledge);
    assert_stops(&stage.stop(&session, card(CARD)).await, "DE-DCB");
    assert_eq!(stops(&stage).len(), 2);
}

#[tokio::test]
async fn a_stop_whose_operator_hung_up_still_reaches_the_provider() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    let body = stop(&session, card(CARD)).to_string();
    stage
        .online
        .set_script(|_| Reply::After(std::time::Duration::from_millis(300), Box::new(Reply::Acknowledge)));
    stage
        .operator
        .send_and_hang_up(&stop_path("DE*ABC"), body.clone(), std::time::Duration::from_millis(50))
        .await;
    stage
        .online
        .wait_until(LONGEST_ANSWER, |seen| seen.iter().any(roamhub_testkit::Received::is_authorize_stop))
        .await;
    assert_stops(&stage.stop_with(body).await, "DE-DCB");
    assert_eq!(stops(&stage).len(), 1);
}

#[tokio::test]
async fn a_provider_cannot_say_yes_in_another_ones_name() {
    let stage = Stage::new().await;
    let session = stage.started(card(CARD), "DE-DCB").await;
    stage.online.set_script(|_| Reply::authorized("DE-AAA"));
    assert_stops(&stage.stop(&session, card(CARD)).await, "DE-DCB");
    stage.online.set_script(|_| Reply::authorized("DE-SUB"));
    assert_stops(&stage.stop(&session, card(OTHER)).await, "DE-SUB");
}
