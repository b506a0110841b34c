//! What a remote stop is judged by: the session, and nothing else.

use roamhub_testkit::{RemoteService, Reply, messages};

use crate::stage::{Cast, Stage, assert_answer, operator};

#[tokio::test]
async fn a_broken_structure_is_022_and_names_the_session() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let mut body = messages::remote_stop(&session);
    body["EvseID"] = "DE*ICE*I01000*6".into();
    let answer = stage.provider.ask(RemoteService::Stop, body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
    assert_eq!(answer.json()["SessionID"], session.as_str());
}

#[tokio::test]
async fn a_session_nobody_knows_is_400() {
    let stage = Stage::new(Cast::default()).await;
    for session in ["0198f2d4-0000-7000-8000-000000000000", "ghijklmn-opqr-stuv-wxyz-000000000000"] {
        assert_answer(&stage.stop(session).await, false, "400");
    }
    assert!(stage.station.received().is_empty());
}

#[tokio::test]
async fn another_providers_session_is_400_like_one_nobody_knows() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let mut body = messages::remote_stop(&session);
    body["ProviderID"] = "DE-TWO".into();
    let answer = stage.other("DE-TWO").ask(RemoteService::Stop, &body).await;
    assert_answer(&answer, false, "400");
    body["SessionID"] = "0198f2d4-0000-7000-8000-000000000000".into();
    let unknown = stage.other("DE-TWO").ask(RemoteService::Stop, &body).await;
    assert_eq!(answer.additional_info(), unknown.additional_info());
    assert_eq!(stage.station.received().len(), 1, "only the start went on");
}

#[tokio::test]
async fn a_reservation_is_400_and_the_words_say_what_gives_it_up() {
    let stage = Stage::new(Cast::default()).await;
    let body = messages::reservation_start(messages::EVCO);
    let reserved = stage.provider.ask(RemoteService::Reserve, body).await;
    let answer = stage.stop(&crate::stage::session_of(&reserved)).await;
    assert_answer(&answer, false, "400");
    assert!(answer.additional_info().contains("eRoamingAuthorizeRemoteReservationStop"), "{answer:?}");
}

#[tokio::test]
async fn a_stop_goes_on_as_it_came_and_the_operators_answer_comes_back() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let body = format!(
        "{{ \"EvseID\":\"DE*ABC*ETEST1\" ,\"x\":1.0,\"SessionID\":\"{}\",\"ProviderID\":\"de-dcb\"}}\n",
        session.to_uppercase()
    );
    stage.station.set_script(|_| Reply::ack(false, "501", "the cable is deaf"));
    let answer = stage.provider.ask(RemoteService::Stop, &body).await;
    assert_answer(&answer, false, "501");
    assert_eq!(answer.additional_info(), "the cable is deaf");
    assert_eq!(answer.json()["SessionID"], session.to_uppercase(), "as the caller spelt it");
    let seen = stage.asked(2).await;
    assert_eq!(seen[1].body, body, "byte for byte");
    assert_eq!(seen[1].path, RemoteService::Stop.path("DE-DCB"));
    assert_eq!(seen[1].header("process-id"), answer.header("process-id"));
    assert_eq!(stage.state(&session).await, "active", "whatever was said, the session goes on");
}

#[tokio::test]
async fn neither_locks_nor_contracts_nor_services_hold_a_stop_up() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let cast = Cast {
        operator: "locked = true\nservices = []".to_owned(),
        provider: "locked = true".to_owned(),
        contract: Some("\"cdr\""),
        unreachable: false,
    };
    stage.recast(&cast).await;
    assert_answer(&stage.start().await, false, "017");
    assert_answer(&stage.stop(&session).await, true, "000");
}

#[tokio::test]
async fn the_session_leads_to_the_operator_and_not_the_evse() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    let mut body = messages::remote_stop(&session);
    body["EvseID"] = "FR*NIX*E1".into();
    assert_answer(&stage.provider.ask(RemoteService::Stop, body).await, true, "000");
}

#[tokio::test]
async fn an_operator_that_has_no_address_any_more_is_320() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    stage.recast(&Cast { unreachable: true, ..Cast::default() }).await;
    assert_answer(&stage.stop(&session).await, false, "320");
}

#[tokio::test]
async fn a_session_that_began_with_a_card_can_be_stopped_from_afar() {
    let stage = Stage::new(Cast::default()).await;
    let session = stage.operator.open_session().await;
    assert_answer(&stage.stop(&session).await, true, "000");
    assert_eq!(stage.asked(1).await[0].session(), session);
    let story = stage.inspect(&session).await.unwrap();
    assert_eq!(story["openedBy"], "card", "{story:#}");
}

#[tokio::test]
async fn an_operator_that_cannot_be_asked_is_310_and_the_session_goes_on() {
    let stage = Stage::new(operator("timeout = \"500ms\"")).await;
    let session = stage.session().await;
    stage.station.set_script(|_| Reply::Hang);
    let answer = stage.stop(&session).await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains("may have been stopped"), "{answer:?}");
    stage.station.stop().await;
    let answer = stage.stop(&session).await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains("no connection"), "{answer:?}");
    stage.station.restart().await;
    stage.station.set_script(|_| Reply::Acknowledge);
    assert_answer(&stage.stop(&session).await, true, "000");
}
