//! AuthorizeStart where somebody is asked: who hears what, and what the operator is told.

use std::time::Duration;

use roamhub_testkit::provider::Reply;
use roamhub_testkit::{authorize_start_path, messages};
use serde_json::json;

use crate::stage::{Stage, process_of};

#[tokio::test]
async fn a_card_is_authorised_under_the_hubs_sessionid() {
    let stage = Stage::new().await;
    let mut body = messages::authorize_start_rfid("04a1b2c3d4e5f6");
    body["CPOPartnerSessionID"] = "mine".into();
    body["SessionID"] = "11111111-1111-1111-1111-111111111111".into();
    let answer = stage.operator.authorize_start(&body).await;
    let process = process_of(&answer);
    let said = answer.json();
    let session = said["SessionID"].as_str().expect("the hub gives a SessionID").to_owned();
    let expected = json!({
        "SessionID": session,
        "CPOPartnerSessionID": "mine",
        "ProviderID": "DE-DCB",
        "AuthorizationStatus": "Authorized",
        "StatusCode": {"Code": "000", "Description": "Success", "AdditionalInfo": "Success"},
    });
    assert_eq!((answer.status, said), (200, expected));
    assert_ne!(session, "11111111-1111-1111-1111-111111111111", "the hub issues SessionIDs");

    let asked = &stage.provider.received()[0];
    assert_eq!(asked.path, authorize_start_path("DE*ABC"));
    assert_eq!(asked.header("process-id"), Some(process.as_str()));
    let mut forwarded = body;
    forwarded["SessionID"] = session.into();
    forwarded["Identification"]["RFIDMifareFamilyIdentification"]["UID"] = "04A1B2C3D4E5F6".into();
    assert_eq!(asked.json(), forwarded, "only SessionID and the letter case of the UID change");
}

#[tokio::test]
async fn a_contract_is_asked_of_its_own_provider_whose_refusal_is_passed_on() {
    let stage = Stage::new().await;
    let answer = stage.operator.authorize_start(messages::authorize_start_evco("DE-DCB-C12345678-9")).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    stage.provider.set_script(|_| Reply::not_authorized("105"));
    let answer = stage.operator.authorize_start(messages::authorize_start_evco("DE*DCB*123456*7")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "105"), "{answer:?}");
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized", "{said:#}");
    assert!(said.get("SessionID").is_none(), "a refusal leaves no session: {said:#}");
}

#[tokio::test]
async fn a_card_that_the_only_provider_refuses_gets_its_reason() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| Reply::not_authorized("102"));
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04A0A0A0A0A0A0")).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "102"), "{answer:?}");
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized", "{said:#}");
    assert!(said.get("SessionID").is_none(), "a refusal leaves no session: {said:#}");
}

#[tokio::test]
async fn a_provider_that_hangs_has_not_authorised_after_8_s() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| Reply::Hang);
    let (card, contract) = tokio::join!(
        stage.operator.authorize_start(messages::authorize_start_rfid("04A1A1A1A1A1A1")),
        stage.operator.authorize_start(messages::authorize_start_evco("DE-DCB-C87654321-0")),
    );
    for (answer, code) in [(card, "106"), (contract, "310")] {
        assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
        assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
        assert!(answer.took < Duration::from_secs(8), "{answer:?}");
    }
}

#[tokio::test]
async fn identical_requests_share_one_answer_and_one_session() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| Reply::After(Duration::from_millis(300), Box::new(Reply::Acknowledge)));
    let body = messages::authorize_start_rfid("04A2A2A2A2A2A2");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (operator, body) = (stage.operator.clone(), body.clone());
        calls.spawn(async move { operator.authorize_start(body).await });
    }
    let mut answers = calls.join_all().await;
    answers.push(stage.operator.authorize_start(&body).await);
    for answer in &answers {
        assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
        assert_eq!(answer.json(), answers[0].json());
        assert_eq!(process_of(answer), process_of(&answers[0]));
    }
    assert_eq!(stage.provider.received().len(), 1);
}

#[tokio::test]
async fn a_providerid_that_is_not_the_providers_own_is_not_passed_on() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| Reply::authorized("FR-EVL"));
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04A3A3A3A3A3A3")).await;
    let said = answer.json();
    assert_eq!((&said["AuthorizationStatus"], &said["ProviderID"]), (&json!("Authorized"), &json!("DE-DCB")));
}
