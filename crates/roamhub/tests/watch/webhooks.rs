//! Webhooks that stumble, and webhooks that are wrong.

use std::path::Path;

use roamhub_testkit::{FakeWebhook, Reply, messages};

use crate::stage::{BIN, Plot, SECRET, SOON, Stage};

fn failing(webhook: &FakeWebhook) -> Plot {
    Plot::default()
        .set("NOTIFY_AFTER", "200ms")
        .set("NOTIFY_WEBHOOK", webhook.url())
        .set("NOTIFY_SECRET", SECRET)
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_with_the_same_message() {
    let webhook = FakeWebhook::start(SECRET).await;
    webhook.answer(|request| if request.n == 1 { Reply::Json(500, "no".into()) } else { Reply::NoContent });
    let stage = Stage::new(failing(&webhook)).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    stage.operator.notify(messages::end(&session)).await;
    let all = webhook.wait_for(2, SOON).await;
    assert_eq!(all[0], all[1]);
    let count =
        |outcome: &str| format!("roamhub_people_messages_total{{channel=\"webhook\",outcome=\"{outcome}\"}}");
    stage.metric_is(&count("failed"), "1").await;
    stage.metric_is(&count("sent"), "1").await;
    assert!(!stage.hub.log().contains(SECRET), "secrets are not logged");
}

#[tokio::test]
async fn operators_hear_of_their_ghosts_and_that_they_are_gone() {
    let webhook = FakeWebhook::start(SECRET).await;
    let operator = format!("notify = {{ webhook = \"{}\", secret = \"{SECRET}\" }}", webhook.url());
    let plot = Plot { operator, ..Plot::default() }
        .set("WATCHDOG_NEVER_STARTED", "200ms")
        .set("NOTIFY_AFTER", "200ms")
        .set("NOTIFY_GHOSTS", 2);
    let stage = Stage::new(plot).await;
    let first = stage.operator.open_session().await;
    stage.ghost().await;
    let second = stage.operator.open_session().await;
    let told = &webhook.wait_for(1, SOON).await[0];
    assert_eq!((&told["kind"], &told["state"]), (&"ghosts".into(), &"trouble".into()));
    assert_eq!(told["about"]["operator"], "DE*ABC");
    assert_eq!(told["facts"]["ghosts"]["never-started"], 2, "one alone was not worth a word: {told:#}");
    for session in [first, second] {
        assert!(!told.to_string().contains(&session), "counts, not sessions: {told:#}");
        stage.operator.notify(messages::end(&session)).await;
    }
    let all = webhook.wait_for(2, SOON).await;
    assert_eq!(all[1]["state"], "all-clear");
}

/// Runs `serve` with these variables; what it says when it refuses.
async fn refusal(folder: &Path, file: &str, environment: &[(&str, &str)]) -> String {
    std::fs::write(folder.join("roamhub.toml"), file).unwrap();
    let mut command = tokio::process::Command::new(BIN);
    command.args(["serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"]);
    command.envs(environment.iter().copied()).current_dir(folder).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, command.output()).await.expect("it ends").unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (file, expected) in [
        (
            "[watchdog]\nnever_started = \"soon\"",
            "watchdog.never_started (ROAMHUB_WATCHDOG_NEVER_STARTED): \"soon\"",
        ),
        ("[watchdog]\nnever = \"5m\"", "never"),
        ("[watchdog]\nsilent_progress = 0", "at least 1"),
        ("[notify]\nmail = \"ops@hub.example\"", "needs a mail server"),
        ("[notify]\nmail = \"ops\"\n[smtp]\nhost = \"localhost\"\nfrom = \"a@b\"", "no mail address"),
        ("[notify]\nwebhook = \"hub.example/alerts\"", "is not a URL"),
        ("[notify]\nwebhook = \"https://hub.example/alerts\"", "at least 16 characters"),
        ("[smtp]\nhost = \"localhost\"", "say whose mails they are"),
        ("[smtp]\nhost = \"localhost\"\nfrom = \"hub\"", "no mail address"),
        ("[smtp]\nhost = \"localhost\"\nfrom = \"a@b\"\nuser = \"hub\"", "needs a password"),
        ("[smtp]\nhost = \"localhost\"\nfrom = \"a@b\"\nencryption = \"ssl\"", "is not \"starttls\""),
        ("[smtp]\nhost = \"localhost\"\nfrom = \"a@b\"\npassword_file = \"nowhere\"", "cannot read nowhere"),
    ] {
        let said = refusal(folder.path(), file, &[]).await;
        assert!(said.contains(expected), "{file}: {said}");
    }
    let clear = "[smtp]\nhost = \"192.0.2.1\"\nfrom = \"a@b\"\nuser = \"hub\"\nencryption = \"none\"";
    let said = refusal(folder.path(), clear, &[("ROAMHUB_SMTP_PASSWORD", "hush hush")]).await;
    assert!(said.contains("in the clear") && !said.contains("hush"), "{said}");
}
