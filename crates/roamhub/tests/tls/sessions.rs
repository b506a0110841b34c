//! Whole sessions over mutual TLS, in both versions and with both kinds of keys.

use roamhub_testkit::{ClientMaker, FakeOperator, messages};

use crate::stage::{HOST, Stage, assert_done};

/// Authorise, Start, End; the provider gets both notifications.
async fn plays_a_session(stage: &Stage, operator: &FakeOperator) {
    stage.provider.forget();
    let session = operator.open_session().await;
    assert_done(&operator.notify(messages::start(&session)).await);
    assert_done(&operator.notify(messages::end(&session)).await);
    let types: Vec<_> = stage.provider.notifications().iter().map(|one| one.json()["Type"].clone()).collect();
    assert_eq!(types, ["Start", "End"]);
}

#[tokio::test]
async fn a_session_from_authorisation_to_end_over_tls_1_2_and_1_3_with_ecdsa_and_rsa() {
    let stage = Stage::new().await;
    assert!(stage.hub.log().contains("listening oicp https://"), "{}", stage.hub.log());
    plays_a_session(&stage, &stage.operator()).await;

    let tls = stage.hub.tls();
    let maker = |number: usize| tls.ca().client_maker(&format!("client {number}"));
    let kinds: [fn(ClientMaker<'_>) -> ClientMaker<'_>; 4] =
        [|m| m.tls12(), |m| m.tls13(), |m| m.tls12().rsa(), |m| m.tls13().rsa()];
    for (number, kind) in kinds.into_iter().enumerate() {
        let client = kind(maker(number)).build(HOST);
        stage.pin(&client).await;
        plays_a_session(&stage, &stage.operator_behind("DE*ABC", client)).await;
    }

    // The same towards a hub whose own key is RSA.
    tls.write_server(&tls.ca().rsa_server(HOST));
    stage.reload("the hub's certificate was read again").await;
    for (number, kind) in kinds.into_iter().enumerate() {
        let client = kind(maker(number + 4)).build(HOST);
        stage.pin(&client).await;
        plays_a_session(&stage, &stage.operator_behind("DE*ABC", client)).await;
    }
}

#[tokio::test]
async fn plain_http_does_not_get_in() {
    let stage = Stage::new().await;
    let plain = FakeOperator::new("DE*ABC", stage.hub.oicp());
    assert!(plain.try_notify(messages::end("0198f2d4-0000-7000-8000-000000000000")).await.is_err());
}
