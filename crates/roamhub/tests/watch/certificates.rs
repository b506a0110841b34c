//! Certificates that come to their end: people hear of it in time, are reminded, and hear that it is over once a newer
//! one was seen. Certificates of a test's own authority, shown over real TLS.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use roamhub_testkit::{FakeMailServer, FakeWebhook, TestCa, messages};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Plot, SECRET, SOON, Stage};

const KIND: &str = "certificate-expiring";

/// An instant so far from now, in whole seconds, as certificates have them.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates are valid by the clock on the wall, for the hub too"
)]
fn from_now(distance: SignedDuration) -> Timestamp {
    Timestamp::from_second((Timestamp::now() + distance).as_second()).unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// An authority, and the file that says so.
struct Trust {
    ca: TestCa,
    file: PathBuf,
    _folder: TempDir,
}

impl Trust {
    fn in_a(ca: TestCa) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("emp-ca.pem");
        ca.write_pem(&file);
        Self { ca, file, _folder: folder }
    }

    /// A provider whose certificate expires then, and the lines of its people.
    fn plot(&self, expires_at: Timestamp, notify: &str) -> Plot {
        let provider = format!("ca = \"{}\"\nnotify = {{ {notify} }}", self.file.display());
        let tls = Some(self.ca.server_until("127.0.0.1", expires_at));
        Plot { provider, tls, ..Plot::default() }.set("NOTIFY_AFTER", "200ms")
    }

    fn with_webhook(&self, expires_at: Timestamp, webhook: &FakeWebhook) -> Plot {
        self.plot(expires_at, &format!("webhook = \"{}\", secret = \"{SECRET}\"", webhook.url()))
    }
}

fn is(message: &Value, state: &str) -> bool {
    message["kind"] == KIND && message["state"] == state
}

#[tokio::test]
async fn an_expiring_certificate_is_told_by_webhook_and_mail_and_cleared_once_it_is_renewed() {
    let trust = Trust::in_a(TestCa::new());
    let (webhook, hubs) = (FakeWebhook::start(SECRET).await, FakeWebhook::start(SECRET).await);
    let mails = FakeMailServer::start(None).await;
    let expires_at = from_now(days(5) + SignedDuration::from_mins(30));
    let notify =
        format!("webhook = \"{}\", secret = \"{SECRET}\", mail = \"ops@emp.example\"", webhook.url());
    let plot = trust
        .plot(expires_at, &notify)
        .set("NOTIFY_WEBHOOK", hubs.url())
        .set("NOTIFY_SECRET", SECRET)
        .set("SMTP_HOST", "localhost")
        .set("SMTP_PORT", mails.port())
        .set("SMTP_ENCRYPTION", "none")
        .set("SMTP_FROM", "Roaming hub <hub@hub.example>");
    let stage = Stage::new(plot).await;
    // Any exchange will do: the hub sees the certificate.
    stage.operator.open_session().await;

    let host = stage.provider.url().replace("https://", "");
    let told = webhook.wait_for(1, SOON).await.remove(0);
    assert!(is(&told, "trouble"), "{told:#}");
    assert_eq!(told["about"], json!({ "provider": "DE-DCB" }));
    let expires = expires_at.to_string();
    assert_eq!(told["facts"], json!({ "certificates": [{ "host": host, "expires": expires }] }));
    assert_eq!(told["since"], json!((expires_at - days(14)).to_string()));
    let day = expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let sentence =
        format!("The server certificate of provider DE-DCB at {host} expires on {day}, in 5 days.");
    assert_eq!(told["text"], json!(sentence));
    assert_eq!(hubs.wait_for(1, SOON).await[0], told, "the hub's own people hear the same");
    let mail = mails.wait_for(1, SOON).await.remove(0);
    assert!(
        mail.data.contains("Subject: [roamhub] provider DE-DCB: a certificate expires soon\n"),
        "{}",
        mail.data
    );
    let text = mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&sentence) && text.contains("Please renew it in time."), "{text}");

    stage.provider.renew(trust.ca.server_until("127.0.0.1", from_now(days(90)))).await;
    stage.operator.open_session().await;
    let cleared = webhook.wait_for(2, SOON).await.remove(1);
    assert!(is(&cleared, "all-clear"), "{cleared:#}");
    assert_eq!((&cleared["facts"], &cleared["since"]), (&Value::Null, &told["since"]));
    let mail = mails.wait_for(2, SOON).await.remove(1);
    assert!(mail.data.contains("no certificate expires soon any more"), "{}", mail.data);
}

#[tokio::test]
async fn people_are_reminded_three_days_before_its_end() {
    let trust = Trust::in_a(TestCa::new());
    let webhook = FakeWebhook::start(SECRET).await;
    let expires_at = from_now(days(3) + SignedDuration::from_secs(3));
    let stage = Stage::new(trust.with_webhook(expires_at, &webhook)).await;
    stage.operator.open_session().await;
    let all = webhook.wait_for(2, SOON).await;
    assert!(is(&all[0], "trouble") && is(&all[1], "reminder"), "{all:#?}");
    assert_eq!(all[0]["facts"], all[1]["facts"]);
    let due = (expires_at - days(3)).as_second();
    assert!(all[1]["at"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second() >= due, "{all:#?}");
}

#[tokio::test]
async fn its_end_is_said_and_seen_although_no_connection_comes_about_any_more() {
    let trust = Trust::in_a(TestCa::new());
    let webhook = FakeWebhook::start(SECRET).await;
    let mut stage = Stage::new(trust.with_webhook(from_now(SignedDuration::from_secs(3)), &webhook)).await;
    let session = stage.operator.open_session().await;
    let all = webhook.wait_for(2, SOON).await;
    assert!(is(&all[0], "trouble") && is(&all[1], "reminder"), "{all:#?}");
    assert!(all[1]["text"].as_str().unwrap().contains(" has expired on "), "{all:#?}");
    // A hub that starts now has never had a connection to this provider, and knows all the same.
    stage.restart().await;
    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "310");
    stage.gauge("server", |seconds| seconds < 0).await;
    stage.provider.renew(trust.ca.server_until("127.0.0.1", from_now(days(90)))).await;
    let messages = webhook.wait_until(SOON, |all| all.iter().any(|one| is(one, "all-clear"))).await;
    let of_it = messages.iter().filter(|one| one["kind"] == KIND);
    assert_eq!(
        of_it.map(|one| one["state"].clone()).collect::<Vec<_>>(),
        ["trouble", "reminder", "all-clear"]
    );
}

#[tokio::test]
async fn a_restart_neither_repeats_it_nor_takes_silence_for_an_all_clear() {
    let trust = Trust::in_a(TestCa::new());
    let webhook = FakeWebhook::start(SECRET).await;
    let mut stage = Stage::new(trust.with_webhook(from_now(days(5)), &webhook)).await;
    stage.operator.open_session().await;
    webhook.wait_for(1, SOON).await;
    stage.metric_is("roamhub_people_messages_total{channel=\"webhook\",outcome=\"sent\"}", "1").await;
    stage.hub.kill9().await;
    stage.restart().await;
    // It has looked, and has seen no certificate of the provider yet.
    stage.metric_is(&format!("roamhub_trouble{{kind=\"{KIND}\",about=\"provider DE-DCB\"}}"), "1").await;
    stage.operator.open_session().await;
    stage.gauge("server", |seconds| seconds > 0).await;
    stage.provider.renew(trust.ca.server_until("127.0.0.1", from_now(days(90)))).await;
    stage.operator.open_session().await;
    let all = webhook.wait_for(2, SOON).await;
    assert!(all.len() == 2 && is(&all[0], "trouble") && is(&all[1], "all-clear"), "{all:#?}");
}

#[tokio::test]
async fn a_trusted_authority_that_expires_is_named_by_its_file() {
    let expires_at = from_now(days(10) + SignedDuration::from_mins(30));
    let trust = Trust::in_a(TestCa::until(expires_at));
    let webhook = FakeWebhook::start(SECRET).await;
    let stage = Stage::new(trust.with_webhook(from_now(days(90)), &webhook)).await;
    stage.operator.open_session().await;
    let told = webhook.wait_for(1, SOON).await.remove(0);
    assert!(is(&told, "trouble"), "{told:#}");
    let certificates = json!([{ "file": "emp-ca.pem", "expires": expires_at.to_string() }]);
    assert_eq!(told["facts"], json!({ "certificates": certificates }), "where the file lies is not said");
    stage.gauge("authority", |seconds| (9 * 86_400..11 * 86_400).contains(&seconds)).await;
}

#[tokio::test]
async fn how_early_is_a_setting_and_zero_is_never() {
    for (notice, expires_in) in [("3d", 5), ("0", 1)] {
        let trust = Trust::in_a(TestCa::new());
        let webhook = FakeWebhook::start(SECRET).await;
        let plot = trust.with_webhook(from_now(days(expires_in)), &webhook);
        let stage = Stage::new(plot.set("WATCHDOG_CERTIFICATE_EXPIRES", notice)).await;
        stage.operator.open_session().await;
        // It has looked, and when it looks once more it is through with that.
        let shown = stage.gauge("server", |seconds| seconds > 0).await;
        stage.gauge("server", |seconds| seconds < shown).await;
        assert!(webhook.messages().is_empty(), "{notice}: {:#?}", webhook.messages());
        let metrics = stage.hub.get_console("/metrics").await.text();
        assert!(!metrics.contains(KIND), "{metrics}");
    }
}

#[tokio::test]
async fn nobody_hears_of_a_certificate_that_lasts() {
    let trust = Trust::in_a(TestCa::new());
    let webhook = FakeWebhook::start(SECRET).await;
    let stage = Stage::new(trust.with_webhook(from_now(days(15)), &webhook)).await;
    stage.operator.open_session().await;
    let shown = stage.gauge("server", |seconds| (14 * 86_400..15 * 86_400).contains(&seconds)).await;
    stage.gauge("server", |seconds| seconds < shown).await;
    assert!(webhook.messages().is_empty());
}
