//! A session that begins with a card.

use roamhub_testkit::{Reply, messages};

use crate::stage::Stage;

const ACKNOWLEDGEMENT: &str = "eRoamingAcknowledgment";
const AUTHORISATION: &str = "eRoamingAuthorizationStart";

#[tokio::test]
async fn a_card_is_authorised_or_refused_in_published_words() {
    let Some(stage) = Stage::find("a_card_is_authorised_or_refused_in_published_words").await else { return };
    let asked = stage.operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await;
    stage.judge_answer(AUTHORISATION, &asked);

    let contract = messages::authorize_start_evco("DE-DCB-C12345678-9");
    stage.judge_answer(AUTHORISATION, &stage.operator.authorize_start(contract).await);

    stage.provider.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.operator.authorize_start(messages::authorize_start_rfid("04AABBCC")).await;
    assert_eq!(stage.judge_answer(AUTHORISATION, &refused)["StatusCode"]["Code"], "102");

    stage.provider.set_script(|_| Reply::Json(500, serde_json::json!({})));
    let silent = stage.operator.authorize_start(messages::authorize_start_rfid("04AABBCD")).await;
    assert_eq!(stage.judge_answer(AUTHORISATION, &silent)["StatusCode"]["Code"], "106");

    let stranger = messages::authorize_start_evco("DE-ZZZ-C12345678-9");
    let stranger = stage.operator.authorize_start(stranger).await;
    assert_eq!(stage.judge_answer(AUTHORISATION, &stranger)["StatusCode"]["Code"], "300");
    stage.judge_received();
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
        stage.judge_answer(ACKNOWLEDGEMENT, &stage.operator.notify(notification).await);
    }
    stage.judge_received();

    let replies = [
        Reply::NoContent,
        Reply::Json(200, serde_json::json!({"Result": true})),
        Reply::ack(false, "021", "nobody is at home"),
        Reply::Json(503, serde_json::json!({})),
    ];
    for reply in replies {
        let session = stage.operator.open_session().await;
        stage.provider.set_script(move |_| reply.clone());
        stage.judge_answer(ACKNOWLEDGEMENT, &stage.operator.notify(messages::end(&session)).await);
        stage.provider.set_script(|_| Reply::Acknowledge);
    }
    let unknown = "11111111-2222-3333-4444-555555555555";
    let unknown = stage.operator.notify(messages::end(unknown)).await;
    assert_eq!(stage.judge_answer(ACKNOWLEDGEMENT, &unknown)["StatusCode"]["Code"], "400");
}
