//! Reservations: sessions of their own, under contracts of their own.

use roamhub_testkit::{Answer, RemoteService, Reply, messages};
use serde_json::json;

use crate::stage::{Cast, Stage, assert_answer, operator, session_of};

async fn reserve(stage: &Stage) -> Answer {
    stage.provider.ask(RemoteService::Reserve, messages::reservation_start(messages::EVCO)).await
}

async fn give_up(stage: &Stage, session: &str) -> Answer {
    stage.provider.ask(RemoteService::GiveUp, messages::remote_stop(session)).await
}

#[tokio::test]
async fn a_reservation_is_made_and_given_up() {
    let stage = Stage::new(Cast::default()).await;
    let answer = reserve(&stage).await;
    assert_answer(&answer, true, "000");
    let session = session_of(&answer);
    let story = stage.inspect(&session).await.unwrap();
    assert_eq!((&story["kind"], &story["state"]), (&json!("reservation"), &json!("active")), "{story:#}");
    assert_answer(&give_up(&stage, &session).await, true, "000");
    let seen = stage.asked(2).await;
    assert_eq!(seen[0].path, RemoteService::Reserve.path("DE-DCB"));
    assert_eq!((&seen[0].json()["Duration"], seen[0].session()), (&json!(15), session.clone()));
    assert_eq!((seen[1].path.clone(), seen[1].session()), (RemoteService::GiveUp.path("DE-DCB"), session));
}

#[tokio::test]
async fn a_duration_beyond_its_bounds_is_022() {
    let stage = Stage::new(Cast::default()).await;
    let mut body = messages::reservation_start(messages::EVCO);
    body["Duration"] = 100.into();
    let answer = stage.provider.ask(RemoteService::Reserve, body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    assert_eq!(answer.violations()[0].0, "/Duration");
}

#[tokio::test]
async fn no_contract_for_reservation_is_210() {
    let stage = Stage::new(Cast { contract: Some("\"authorization\""), ..Cast::default() }).await;
    assert_answer(&reserve(&stage).await, false, "210");
    stage.session().await;
}

#[tokio::test]
async fn an_operator_that_does_not_offer_reservation_is_320() {
    let stage = Stage::new(operator("services = [\"remote\"]")).await;
    assert_answer(&reserve(&stage).await, false, "320");
    stage.session().await;
}

#[tokio::test]
async fn locks_are_017() {
    let stage = Stage::new(operator("locked = true")).await;
    assert_answer(&reserve(&stage).await, false, "017");
}

#[tokio::test]
async fn a_no_leaves_no_reservation() {
    let stage = Stage::answering(Cast::default(), |_| Reply::ack(false, "601", "reserved already")).await;
    let answer = reserve(&stage).await;
    assert_answer(&answer, false, "601");
    assert_answer(&give_up(&stage, &session_of(&answer)).await, false, "400");
}

#[tokio::test]
async fn a_charging_session_is_400_and_the_words_say_what_stops_it() {
    let stage = Stage::new(Cast::default()).await;
    for session in [stage.session().await, stage.operator.open_session().await] {
        let answer = give_up(&stage, &session).await;
        assert_answer(&answer, false, "400");
        assert!(answer.additional_info().contains("eRoamingAuthorizeRemoteStop"), "{answer:?}");
    }
    assert_eq!(stage.station.received().len(), 1, "neither stop went on");
}
