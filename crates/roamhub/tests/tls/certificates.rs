//! Certificates that do not let anybody in: none, unknown, expired, not yet valid, somebody else's. The handshake
//! completes, and a sentence says what is wrong.

use roamhub_testkit::{FakeOperator, TestCa, authorize_start_path, messages};

use crate::stage::{HOST, SOON, Stage, assert_unauthorised, in_hours, now};

async fn refused(operator: &FakeOperator) -> String {
    let body = messages::authorize_start_rfid(messages::UID);
    let answer = operator.authorize_start(body).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    let message = assert_unauthorised(&answer);
    assert!(message.contains("operator \"DE*ABC\""), "{message}");
    let answer = operator.notify(messages::end("0198f2d4-0000-7000-8000-000000000000")).await;
    let of_an_end = assert_unauthorised(&answer);
    assert!(of_an_end.contains("in the name of operator \"DE*ABC\""), "{of_an_end}");
    message
}

#[tokio::test]
async fn no_certificate_an_unknown_one_and_a_strangers_are_told_what_to_do() {
    let stage = Stage::new().await;
    let tls = stage.hub.tls();
    let nobody = stage.operator_behind("DE*ABC", tls.ca().anonymous_client(HOST));
    let message = refused(&nobody).await;
    assert!(message.contains("no client certificate was presented"), "{message}");

    let elsewhere = TestCa::new();
    for client in [
        tls.ca().client("DE*ABC", HOST),
        tls.ca().client_maker("DE*ABC").tls12().rsa().build(HOST),
        elsewhere.client_maker("DE*ABC").trusting(tls.ca()).build(HOST),
    ] {
        let fingerprint = client.fingerprint();
        let message = refused(&stage.operator_behind("DE*ABC", client)).await;
        assert!(message.contains(&fingerprint) && message.contains("CN=DE*ABC"), "{message}");
        assert!(message.contains("stands for no partner"), "{message}");
    }
    assert_eq!(stage.provider.received().len(), 0, "nobody was asked for them");
}

#[tokio::test]
async fn expired_and_not_yet_valid_certificates_are_named_as_such_though_they_are_pinned() {
    let stage = Stage::new().await;
    let ca = stage.hub.tls().ca();
    let expired = ca.client_maker("old").valid(in_hours(-48), in_hours(-1)).build(HOST);
    let early = ca.client_maker("new").valid(in_hours(1), in_hours(48)).build(HOST);
    let now = ca.client_maker("now").valid(in_hours(-1), in_hours(1)).build(HOST);
    for client in [&expired, &early, &now] {
        stage.pin(client).await;
    }
    let message = refused(&stage.operator_behind("DE*ABC", expired.clone())).await;
    assert!(message.contains("has expired") && message.contains("stands for operator DE*ABC"), "{message}");
    assert!(message.contains(&expired.fingerprint()), "{message}");
    let message = refused(&stage.operator_behind("DE*ABC", early)).await;
    assert!(message.contains("not valid yet"), "{message}");
    stage.operator_behind("DE*ABC", now).open_session().await;
}

#[tokio::test]
async fn a_certificate_expires_also_on_a_connection_that_is_open() {
    let stage = Stage::new().await;
    let until = now() + jiff::SignedDuration::from_secs(4);
    let client = stage.hub.tls().ca().client_maker("brief").valid(in_hours(-1), until).build(HOST);
    stage.pin(&client).await;
    let operator = stage.operator_behind("DE*ABC", client);
    operator.open_session().await;
    assert!(operator.keeps_a_connection());
    let expired = async {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            looks.tick().await;
            let answer = operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(SOON, expired).await.expect("the certificate expires");
    assert!(assert_unauthorised(&answer).contains("has expired"));
    // Certificates know no fractions of a second.
    assert!(now() >= until - jiff::SignedDuration::from_secs(1));
}

#[tokio::test]
async fn whoever_shows_a_certificate_without_its_key_gets_no_connection() {
    let stage = Stage::new().await;
    let tls = stage.hub.tls();
    let victim = tls.client("DE*ABC");
    for thief in [
        tls.ca().client_maker("thief").tls13().claiming(&victim).build(HOST),
        tls.ca().client_maker("thief").tls12().claiming(&victim).build(HOST),
        tls.ca().client_maker("thief").tls12().rsa().claiming(&victim).build(HOST),
    ] {
        let thief = stage.operator_behind("DE*ABC", thief);
        let body = messages::authorize_start_rfid(messages::UID).to_string();
        let answer = thief.try_post(&authorize_start_path("DE*ABC"), &[], body).await;
        assert!(answer.is_err(), "{answer:?}");
    }
    let metrics = stage.hub.get_console("/metrics").await.text();
    assert!(metrics.contains("roamhub_handshakes_failed_total 3"), "{metrics}");
    assert_eq!(stage.provider.received().len(), 0);
}

#[tokio::test]
async fn a_large_body_of_a_stranger_is_not_read() {
    let stage = Stage::new().await;
    let tls = stage.hub.tls();
    let nobody = stage.operator_behind("DE-DCB", tls.ca().anonymous_client(HOST));
    let path = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
    // Who asks first hears it in place of "100 Continue".
    let head = [("expect", "100-continue"), ("content-length", "60000000")];
    let answer = nobody.post(path, &head, "").await;
    assert_unauthorised(&answer);
    // Who does not ask is cut off long before the end; whether it still reads the answer is up to its luck.
    let sent = nobody.try_post(path, &[], vec![b' '; 32 * 1024 * 1024]).await;
    if let Ok(answer) = sent {
        assert_unauthorised(&answer);
    }
}
