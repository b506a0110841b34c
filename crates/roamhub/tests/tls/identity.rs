//! A partner is who its certificate says, never who a path or a body says.

use roamhub_testkit::{RemoteService, authorize_start_path, messages};

use crate::stage::{HOST, Stage, assert_done, assert_unauthorised};

/// A session that no hub has.
const SESSION: &str = "0198f2d4-0000-7000-8000-000000000000";

#[tokio::test]
async fn who_names_another_partner_hears_for_whom_its_certificate_stands() {
    let stage = Stage::new().await;
    let client = stage.hub.tls().client("DE*QQQ");
    let impostor = stage.operator_behind("DE*ABC", client.clone());
    for answer in [
        impostor.authorize_start(messages::authorize_start_rfid(messages::UID)).await,
        impostor.notify(messages::end(SESSION)).await,
        impostor.bill(messages::cdr(SESSION)).await,
    ] {
        let message = assert_unauthorised(&answer);
        assert!(message.contains("operator \"DE*ABC\""), "{message}");
        assert!(message.contains("stands for operator DE*QQQ"), "{message}");
        assert!(message.contains(&client.fingerprint()) && message.contains("until 4096-"), "{message}");
        assert!(message.contains("use that id"), "{message}");
        assert_ne!(answer.header("connection"), Some("close"), "it is a partner: {answer:?}");
    }
    assert_eq!(stage.provider.received().len(), 0, "nothing was done");
}

#[tokio::test]
async fn path_and_body_are_both_held_against_the_certificate() {
    let stage = Stage::new().await;
    let own = stage.hub.operator("DE*QQQ");
    let mut start = messages::authorize_start_rfid(messages::UID);
    // Its own path, somebody else's body.
    assert_unauthorised(&own.authorize_start(&start).await);
    // Somebody else's path, its own body.
    start["OperatorID"] = "DE*QQQ".into();
    let answer = own.post(&authorize_start_path("DE*ABC"), &[], start.to_string()).await;
    assert_unauthorised(&answer);
    // Both its own.
    assert_eq!(own.authorize_start(&start).await.status, 200);
    // A broken message in somebody else's name is that first.
    let broken = serde_json::json!({"Type": "End", "OperatorID": "DE*ABC"});
    assert_unauthorised(&own.notify(broken).await);
    let broken = serde_json::json!({"Type": "End", "OperatorID": "DE*QQQ"});
    let answer = own.notify(broken).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
}

#[tokio::test]
async fn every_spelling_of_an_id_is_the_same_partner_and_what_is_none_is_named() {
    let stage = Stage::new().await;
    let operator = stage.operator();
    for spelling in ["DE*ABC", "DE%2AABC", "DEABC", "de*abc"] {
        let body = messages::authorize_start_rfid(messages::UID).to_string();
        let answer = operator.post(&authorize_start_path(spelling), &[], body).await;
        assert_eq!(answer.status, 200, "{spelling}: {answer:?}");
    }
    let body = messages::authorize_start_rfid(messages::UID).to_string();
    let answer = operator.post(&authorize_start_path("DE_ABC"), &[], body).await;
    let message = assert_unauthorised(&answer);
    assert!(message.contains("\"DE_ABC\"") && message.contains("stands for operator DE*ABC"), "{message}");
}

#[tokio::test]
async fn a_partner_that_names_an_unregistered_one_hears_so_and_a_stranger_does_not() {
    let stage = Stage::new().await;
    let mut end = messages::end(SESSION);
    end["OperatorID"] = "DE*NOO".into();
    let answer = stage.operator().notify(&end).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "300"), "{answer:?}");
    let start = messages::authorize_start_rfid(messages::UID).to_string();
    let answer = stage.operator().post(&authorize_start_path("DE*NOO"), &[], start.clone()).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "300"), "{answer:?}");

    let stranger = stage.hub.tls().ca().client("somebody", HOST);
    let stranger = stage.operator_behind("DE*NOO", stranger);
    let (known, unknown) = (
        assert_unauthorised(&stranger.post(&authorize_start_path("DE*ABC"), &[], start.clone()).await),
        assert_unauthorised(&stranger.post(&authorize_start_path("DE*NOO"), &[], start).await),
    );
    assert_eq!(known.replace("DE*ABC", "DE*NOO"), unknown, "both are answered alike");
}

#[tokio::test]
async fn one_certificate_may_stand_for_an_operator_and_a_provider_and_the_id_tells_the_role() {
    let stage = Stage::new().await;
    let client = stage.hub.tls().client("DE*ABC");
    let as_provider = stage.provider_behind("DE-DCB", client.clone());
    let ask = || as_provider.ask(RemoteService::Start, messages::remote_start(messages::EVCO));
    assert_unauthorised(&ask().await);
    let (own, shared) = (stage.hub.tls().client("DE-DCB").fingerprint(), client.fingerprint());
    stage.change_partners(&format!("[\"{own}\"]"), &format!("[\"{own}\", \"{shared}\"]")).await;
    assert_eq!(ask().await.status, 200);
    assert_eq!(
        stage.operator().authorize_start(messages::authorize_start_rfid("04AABBCCDDEEFF")).await.status,
        200
    );
    // Both ids are the certificate's: that they differ is an error of its own, as ever.
    stage
        .change_partners(
            "[[contract]]",
            &format!("[[operator]]\nid = \"DE*TWO\"\ncertificates = [\"{shared}\"]\n\n[[contract]]"),
        )
        .await;
    let body = messages::authorize_start_rfid(messages::UID).to_string();
    let answer = stage.operator().post(&authorize_start_path("DE*TWO"), &[], body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "022"), "{answer:?}");
}

#[tokio::test]
async fn the_hubs_own_services_know_partners_the_same_way_and_the_keys_are_for_everybody() {
    let stage = Stage::new().await;
    let feed = "/api/hub/v1/providers/DE-DCB/notifications";
    let receipts = format!("/api/hub/v1/operators/DE*ABC/receipts?session={SESSION}");
    let tls = stage.hub.tls();
    let provider = stage.operator_behind("DE-DCB", tls.client("DE-DCB"));
    assert_eq!(provider.get(feed).await.status, 200);
    let operator = stage.operator();
    assert_eq!(operator.get(&receipts).await.status, 404, "no such session, but let in");
    for (caller, path) in [(&provider, receipts.as_str()), (&operator, feed)] {
        let message = assert_unauthorised(&caller.get(path).await);
        assert!(message.contains("stands for"), "{message}");
    }
    let nobody = stage.operator_behind("DE*ABC", tls.ca().anonymous_client(HOST));
    for path in [feed, receipts.as_str(), "/api/hub/v1/nothing", "/nothing"] {
        assert_unauthorised(&nobody.get(path).await);
    }
    assert_eq!(nobody.get("/api/hub/v1/keys").await.status, 200);
    let confirm = format!("{feed}/confirm");
    let answer = provider.post(&confirm, &[], r#"{"cursor":"0"}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_unauthorised(&operator.post(&confirm, &[], r#"{"cursor":"0"}"#).await);
}

#[tokio::test]
async fn a_locked_partner_may_still_end_what_the_hub_let_begin() {
    let stage = Stage::new().await;
    let session = stage.operator().open_session().await;
    stage.change_partners("name = \"ABC Charging\"", "name = \"ABC Charging\"\nlocked = true").await;
    assert_done(&stage.operator().notify(messages::end(&session)).await);
    let answer = stage.operator().authorize_start(messages::authorize_start_rfid(messages::UID)).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "017"), "{answer:?}");
}
