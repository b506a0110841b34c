//! A session that begins with a card.

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::ACKNOWLEDGEMENT;
use crate::stage::Stage;

const AUTHORISATION: &str = "eRoamingAuthorizationStart";
const STOP: &str = "eRoamingAuthorizationStop";

#[tokio::test]
async fn a_card_is_authorised_or_refused_in_published_words() {
    let Some(stage) = Stage::find("a_card_is_authorised_or_refused_in_published_words").await else { return };
    let asked = stage.operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await;
    stage.to_operator(AUTHORISATION, &asked);

    let contract = messages::authorize_start_evco("DE-DCB-C12345678-9");
    stage.to_operator(AUTHORISATION, &stage.operator.authorize_start(contract).await);

    stage.app.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.operator.authorize_start(messages::authorize_start_rfid("04AABBCC")).await;
    assert_eq!(stage.to_operator(AUTHORISATION, &refused)["StatusCode"]["Code"], "102");

    stage.app.set_script(|_| Reply::Json(500, json!({})));
    let silent = stage.operator.authorize_start(messages::authorize_start_rfid("04AABBCD")).await;
    assert_eq!(stage.to_operator(AUTHORISATION, &silent)["StatusCode"]["Code"], "106");

    let stranger = messages::authorize_start_evco("DE-ZZZ-C12345678-9");
    let stranger = stage.operator.authorize_start(stranger).await;
    assert_eq!(stage.to_operator(AUTHORISATION, &stranger)["StatusCode"]["Code"], "300");
    stage.judge_received(4, 0);
}

#[tokio::test]
async fn a_stop_is_authorised_or_refused_in_published_words() {
    let Some(stage) = Stage::find("a_stop_is_authorised_or_refused_in_published_words").await else { return };
    let path = "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop";
    let stop = |session: &str, uid: &str| {
        let mut body = messages::authorize_start_rfid(uid);
        body["SessionID"] = session.into();
        body.as_object_mut().unwrap().remove("PartnerProductID");
        body.to_string()
    };
    let session = stage.operator.open_session().await;
    let asked = stage.operator.post(path, &[], stop(&session, messages::UID)).await;
    assert_eq!(stage.to_operator(STOP, &asked)["AuthorizationStatus"], "Authorized");
    stage.app.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.operator.post(path, &[], stop(&session, "04AABBCC")).await;
    assert_eq!(stage.to_operator(STOP, &refused)["AuthorizationStatus"], "NotAuthorized");
    let unknown =
        stage.operator.post(path, &[], stop("11111111-2222-3333-4444-555555555555", "04AABBCC")).await;
    assert_eq!(stage.to_operator(STOP, &unknown)["StatusCode"]["Code"], "400");
    stage.judge_received(3, 0);
}

#[tokio::test]
async fn notifications_are_acknowledged_in_published_words_whatever_the_provider_says() {
    let test = "notifications_are_acknowledged_in_published_words_whatever_the_provider_says";
    let Some(stage) = Stage::find(test).await else { return };
    let session = stage.operator.open_session().await;
    for notification in [
        messages::start(&session),
        messages::progress(&session, 6),
        messages::error(&session),
        messages::end(&session),
    ] {
        stage.to_operator(ACKNOWLEDGEMENT, &stage.operator.notify(notification).await);
    }
    stage.judge_received(5, 0);

    let replies = [
        Reply::NoContent,
        Reply::Json(200, json!({"Result": true})),
        Reply::ack(false, "021", "nobody is at home"),
        Reply::Json(503, json!({})),
    ];
    for reply in replies {
        let session = stage.operator.open_session().await;
        stage.app.set_script(move |_| reply.clone());
        stage.to_operator(ACKNOWLEDGEMENT, &stage.operator.notify(messages::end(&session)).await);
        stage.app.set_script(|_| Reply::Acknowledge);
    }
    let unknown = "11111111-2222-3333-4444-555555555555";
    let unknown = stage.operator.notify(messages::end(unknown)).await;
    assert_eq!(stage.to_operator(ACKNOWLEDGEMENT, &unknown)["StatusCode"]["Code"], "400");
}
