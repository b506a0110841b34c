//! The order in which a remote start is judged, one test per row, and what a yes and a no lead to.

use roamhub_testkit::{RemoteService, Reply, messages};
use serde_json::json;

use crate::stage::{Cast, Stage, assert_answer, operator, session_of};

fn at(evse: &str) -> serde_json::Value {
    let mut body = messages::remote_start(messages::EVCO);
    body["EvseID"] = evse.into();
    body
}

#[tokio::test]
async fn a_broken_structure_is_022_with_every_violation() {
    let stage = Stage::new(Cast::default()).await;
    let body = json!({
        "ProviderID": "DE-DCB", "EvseID": "nowhere", "EMPPartnerSessionID": "mine",
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": "044A2DAA"}},
    });
    let answer = stage.provider.ask(RemoteService::Start, body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    let pointers: Vec<_> = answer.violations().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/EvseID", "/Identification/RFIDMifareFamilyIdentification"]);
    assert_eq!(answer.json()["EMPPartnerSessionID"], "mine");
    assert!(stage.station.received().is_empty());
}

#[tokio::test]
async fn path_and_body_that_name_different_providers_are_022() {
    let stage = Stage::new(Cast::default()).await;
    let body = messages::remote_start(messages::EVCO).to_string();
    let answer = stage.provider.post(&RemoteService::Start.path("DE-TWO"), body.clone()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    let din = stage.provider.post(&RemoteService::Start.path("DE*DCB"), body).await;
    assert_answer(&din, true, "000");
}

#[tokio::test]
async fn a_provider_that_is_not_registered_is_300() {
    let stage = Stage::new(Cast::default()).await;
    let mut body = messages::remote_start(messages::EVCO);
    body["ProviderID"] = "FR-NIX".into();
    let answer = stage.other("FR-NIX").ask(RemoteService::Start, body).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "300"), "{answer:?}");
}

#[tokio::test]
async fn an_evse_of_no_registered_operator_is_300() {
    // Before any lock is looked at.
    let cast = Cast { provider: "locked = true".to_owned(), ..Cast::default() };
    let stage = Stage::new(cast).await;
    let answer = stage.provider.ask(RemoteService::Start, at("FR*NIX*E1")).await;
    assert_answer(&answer, false, "300");
    assert!(answer.additional_info().contains("FR*NIX"), "{answer:?}");
}

#[tokio::test]
async fn a_sub_operators_evse_leads_to_the_operator_that_bundles_it() {
    let stage = Stage::new(Cast::default()).await;
    let answer = stage.provider.ask(RemoteService::Start, at("DE*XYZ*ETEST1")).await;
    assert_answer(&answer, true, "000");
    assert_eq!(stage.asked(1).await[0].json()["EvseID"], "DE*XYZ*ETEST1");
    let story = stage.inspect(&session_of(&answer)).await.unwrap();
    assert_eq!(story["operator"], "DE*ABC", "{story:#}");
}

#[tokio::test]
async fn a_locked_provider_is_017() {
    // Before the contract is looked at.
    let cast =
        Cast { provider: "locked = true".to_owned(), contract: Some("\"reservation\""), ..Cast::default() };
    let stage = Stage::new(cast).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "017");
    assert!(answer.additional_info().contains("DE-DCB is locked"), "{answer:?}");
}

#[tokio::test]
async fn a_locked_operator_is_017() {
    let stage = Stage::new(operator("locked = true")).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "017");
    assert!(answer.additional_info().contains("DE*ABC is locked"), "{answer:?}");
}

#[tokio::test]
async fn no_contract_for_authorisation_is_210() {
    // Before the operator's address is looked at.
    let cast = Cast { contract: Some("\"reservation\""), unreachable: true, ..Cast::default() };
    let stage = Stage::new(cast).await;
    assert_answer(&stage.start().await, false, "210");
}

#[tokio::test]
async fn an_operator_without_address_is_320() {
    let stage = Stage::new(Cast::default()).await;
    let answer = stage.provider.ask(RemoteService::Start, at("DE*QQQ*E1")).await;
    assert_answer(&answer, false, "320");
    assert!(answer.json()["SessionID"].is_null(), "{answer:?}");
}

#[tokio::test]
async fn an_operator_that_does_not_offer_remote_start_is_320() {
    let stage = Stage::new(operator("services = [\"reservation\"]")).await;
    assert_answer(&stage.start().await, false, "320");
    assert!(stage.station.received().is_empty());
}

#[tokio::test]
async fn a_yes_opens_a_session_whose_notifications_reach_the_provider() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let story = stage.inspect(&session).await.unwrap();
    assert_eq!((&story["kind"], &story["openedBy"]), (&json!("charging"), &json!("remote")), "{story:#}");
    assert_eq!((&story["state"], &story["authorisations"][0]["code"]), (&json!("active"), &json!("000")));
    for body in [messages::start(&session), messages::end(&session)] {
        assert_answer(&stage.operator.notify(&body).await, true, "000");
        let seen = stage.app.notifications();
        assert_eq!(seen.last().unwrap().body, body.to_string(), "byte for byte");
    }
    assert_answer(&stage.stop(&session).await, true, "000");
    let line = "roamhub_remote_requests_total{service=\"RemoteStart\",operator=\"DE*ABC\",code=\"000\"}";
    assert_eq!(stage.metric(line).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_no_is_relayed_and_leaves_no_session() {
    let stage =
        Stage::answering(Cast::default(), |_| Reply::ack(false, "510", "nothing is plugged in")).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "510");
    assert_eq!(answer.additional_info(), "nothing is plugged in");
    let session = stage.asked(1).await[0].session();
    assert_eq!(session_of(&answer), session);
    assert_eq!(stage.state(&session).await, "gone");
    assert_answer(&stage.operator.notify(messages::start(&session)).await, false, "400");
    assert_answer(&stage.stop(&session).await, false, "400");
    assert_eq!(stage.station.received().len(), 1, "the stop went no further");
}

#[tokio::test]
async fn the_contract_never_reaches_the_log() {
    let stage = Stage::answering(operator("timeout = \"300ms\""), |_| Reply::Hang).await;
    assert_answer(&stage.start().await, false, "310");
    stage.hub.wait_for_log("did not answer in time", crate::stage::SOON).await;
    assert!(!stage.hub.log().contains("12345678"), "{}", stage.hub.log());
}
