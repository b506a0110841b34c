//! Sessions that a provider begins, and reservations.

use roamhub_testkit::{RemoteService, Reply, messages};

use crate::ACKNOWLEDGEMENT;
use crate::stage::Stage;

#[tokio::test]
async fn remote_requests_go_on_and_are_answered_in_published_words() {
    let Some(stage) = Stage::find("remote_requests_go_on_and_are_answered_in_published_words").await else {
        return;
    };
    let ask = async |service, body| {
        let answer = stage.provider.ask(service, body).await;
        stage.to_provider(ACKNOWLEDGEMENT, &answer)
    };
    let said = ask(RemoteService::Start, messages::remote_start(messages::EVCO)).await;
    let session = said["SessionID"].as_str().unwrap().to_owned();
    assert_eq!(ask(RemoteService::Stop, messages::remote_stop(&session)).await["Result"], true);
    let said = ask(RemoteService::Reserve, messages::reservation_start(messages::EVCO)).await;
    let reservation = said["SessionID"].as_str().unwrap().to_owned();
    assert_eq!(ask(RemoteService::GiveUp, messages::remote_stop(&reservation)).await["Result"], true);
    // Nothing goes on of what the hub itself refuses.
    assert_eq!(
        ask(RemoteService::Stop, messages::remote_stop(&reservation)).await["StatusCode"]["Code"],
        "400"
    );
    stage.judge_received(0, 4);

    stage.station.set_script(|_| Reply::ack(false, "510", "no car connected"));
    let mut again = messages::remote_start(messages::EVCO);
    again["PartnerProductID"] = "AC 3".into();
    assert_eq!(ask(RemoteService::Start, again.clone()).await["StatusCode"]["Code"], "510");
    stage.station.stop().await;
    assert_eq!(ask(RemoteService::Start, again).await["StatusCode"]["Code"], "310");
    stage.judge_received(0, 5);
}
