//! Mails: really handed to a server, plain on this machine or encrypted, and again if it was busy.

use roamhub_testkit::mail::TakenMail;
use roamhub_testkit::{FakeMailServer, TestCa, messages};

use crate::stage::{Plot, SOON, Stage};

/// The provider's people have a mail address; mails go to this server.
fn plot(server: &FakeMailServer, encryption: &str) -> Plot {
    Plot { provider: "notify = { mail = \"ops@emp.example\" }".to_owned(), ..Plot::default() }
        .set("NOTIFY_AFTER", "200ms")
        .set("SMTP_HOST", "localhost")
        .set("SMTP_PORT", server.port())
        .set("SMTP_ENCRYPTION", encryption)
        .set("SMTP_FROM", "Roaming hub <hub@hub.example>")
}

async fn make_trouble(stage: &Stage) {
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "310");
}

#[track_caller]
fn assert_is_the_mail(mail: &TakenMail, to: &str) {
    assert_eq!((mail.from.as_str(), &mail.to[..]), ("hub@hub.example", &[to.to_owned()][..]));
    assert!(mail.data.contains("Subject: [roamhub] provider DE-DCB: the endpoint fails\n"), "{}", mail.data);
    assert!(mail.data.contains(&format!("To: {to}\n")), "{}", mail.data);
    assert!(mail.data.contains("Content-Type: text/plain; charset=utf-8\n"), "{}", mail.data);
    assert!(mail.text().contains("Waiting: 1 End, 0 other messages."), "{}", mail.data);
    assert!(!mail.data.contains(messages::UID), "no card: {}", mail.data);
}

#[tokio::test]
async fn people_with_a_mail_address_get_a_mail_and_the_all_clear() {
    let server = FakeMailServer::start(None).await;
    let plot = plot(&server, "none")
        .set("SMTP_USER", "hub")
        .set("SMTP_PASSWORD", "hush hush")
        .set("NOTIFY_MAIL", "night@hub.example");
    let stage = Stage::new(plot).await;
    make_trouble(&stage).await;
    let mails = server.wait_for(2, SOON).await;
    let of =
        |to: &str| mails.iter().find(|mail| mail.to == [to]).unwrap_or_else(|| panic!("to {to}: {mails:#?}"));
    assert_is_the_mail(of("ops@emp.example"), "ops@emp.example");
    assert_is_the_mail(of("night@hub.example"), "night@hub.example");
    // AUTH PLAIN: NUL hub NUL "hush hush".
    assert_eq!(mails[0].login.as_deref(), Some("AGh1YgBodXNoIGh1c2g="));
    stage.provider.restart().await;
    let mails = server.wait_for(4, SOON).await;
    assert!(mails[3].data.contains("the endpoint takes messages again"), "{}", mails[3].data);
    assert!(!stage.hub.log().contains("hush"), "passwords are not logged");
}

#[tokio::test]
async fn a_busy_mail_server_is_tried_again() {
    let server = FakeMailServer::start(None).await;
    server.set_busy(true);
    let stage = Stage::new(plot(&server, "none")).await;
    make_trouble(&stage).await;
    let count =
        |outcome: &str| format!("roamhub_people_messages_total{{channel=\"mail\",outcome=\"{outcome}\"}}");
    stage.metric_is(&count("failed"), "1").await;
    assert!(server.taken().is_empty());
    server.set_busy(false);
    assert_is_the_mail(&server.wait_for(1, SOON).await[0], "ops@emp.example");
    stage.metric_is(&count("sent"), "1").await;
}

#[tokio::test]
async fn an_encrypted_mail_server_is_trusted_by_its_certificate() {
    let ca = TestCa::new();
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    ca.write_pem(&pem);
    let server = FakeMailServer::start(Some(ca.server("localhost"))).await;
    let config = folder.path().join("roamhub.toml");
    std::fs::write(&config, format!("[smtp]\nca = \"{}\"\n", pem.display())).unwrap();
    let stage = Stage::new(plot(&server, "tls").set("CONFIG", config.display())).await;
    make_trouble(&stage).await;
    assert_is_the_mail(&server.wait_for(1, SOON).await[0], "ops@emp.example");
}

#[tokio::test]
async fn a_mail_server_nobody_vouches_for_gets_no_mail() {
    let server = FakeMailServer::start(Some(TestCa::new().server("localhost"))).await;
    let stage = Stage::new(plot(&server, "tls")).await;
    make_trouble(&stage).await;
    stage.hub.wait_for_log("people could not be told", SOON).await;
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn an_address_without_a_mail_server_is_said_in_the_log() {
    let provider = "notify = { mail = \"ops@emp.example\" }".to_owned();
    let stage = Stage::new(Plot { provider, ..Plot::default() }.set("NOTIFY_AFTER", "200ms")).await;
    make_trouble(&stage).await;
    stage.hub.wait_for_log("a message to people was dropped", SOON).await;
    stage.metric_is("roamhub_people_messages_total{channel=\"mail\",outcome=\"dropped\"}", "1").await;
}
