//! Secrets are given in place, by file, or by environment, and never printed.

use roamhub_testkit::program;
use roamhub_testkit::{FakeProvider, FakeWebhook, HubProcess, messages};

use crate::stage::{BIN, SOON};

const HUSH: &str = "hush-hush-4711-hush-hush";

#[tokio::test]
async fn api_keys_and_webhook_secrets_are_read_from_files_and_reach_only_whom_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("api-key");
    std::fs::write(&key, format!("{HUSH}\n")).unwrap();
    let provider = FakeProvider::start().await;
    let webhook = FakeWebhook::start(HUSH).await;
    let key = key.display();
    let lines = format!(
        "broadcast = true\nretry = [\"10m\"]\nheader_files = {{ X-Api-Key = \"{key}\" }}\n\
         notify = {{ webhook = \"{}\", secret_file = \"{key}\" }}",
        webhook.url()
    );
    let partners = roamhub_testkit::hub::partners_toml_with(&provider.url(), &lines);
    let hub = HubProcess::builder(BIN)
        .partners(&partners)
        .env("ROAMHUB_LOG", "trace")
        .env("ROAMHUB_NOTIFY_WEBHOOK", webhook.url())
        .env("ROAMHUB_NOTIFY_SECRET_FILE", key.to_string())
        .start()
        .await;
    let operator = roamhub_testkit::FakeOperator::new("DE*ABC", hub.oicp());
    let session = operator.open_session().await;
    operator.notify(messages::end(&session)).await;
    provider.wait_for(1, SOON).await;
    let sent = provider.received();
    assert!(sent.iter().all(|request| request.header("x-api-key") == Some(HUSH)), "{sent:?}");
    hub.reload();
    hub.wait_for_log("partners read again", SOON).await;
    assert!(!hub.log().contains(HUSH), "{}", hub.log());
    for path in ["/api/v1/lanes", "/api/v1/certificates", "/metrics"] {
        let shown = if path == "/metrics" { hub.get_console(path).await } else { hub.get_admin(path).await };
        assert!(!shown.text().contains(HUSH), "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_said_without_the_secrets_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roamhub.toml");
    let partners = folder.path().join("partners.toml");
    let data = folder.path().join("data");
    let settings = [
        ("[notify]\nwebhook = \"https://x\"\nsecret = 471147114711\n", "line 3"),
        ("[notify]\nwebhook = \"https://x\"\nsecret = \"4711\"\n", "16 characters"),
        ("[notify]\nsecret = \"4711\"\nsecret_file = \"x\"\nwebhook = \"https://x\"\n", "not both"),
        ("[notify]\nwebhook = \"https://x\"\nsecret_file = \"/nowhere/4712\"\n", "cannot read"),
        ("[smtp]\nhost = \"h\"\npassword = \"4711\"\n", "unknown field"),
    ];
    for (text, said) in settings {
        std::fs::write(&file, text).unwrap();
        let arguments = [
            "serve",
            "--config",
            file.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ];
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        assert!(ended.code != Some(0) && ended.stderr.contains(said), "{text}: {ended:?}");
        assert!(!ended.stderr.contains("4711"), "{text}: {ended:?}");
    }
    let provider = "[[provider]]\nid = \"DE-DCB\"\nurl = \"https://x\"\n";
    let entries = [
        ("headers = { X-Api-Key = 471147114711 }", "line 4"),
        ("headers = { X-Api-Key = \"4711\u{e4}\" }", "visible ASCII"),
        ("headers = { X-Api-Key = \"4711\" }\nheader_files = { x-api-key = \"k\" }", "twice"),
        ("header_files = { X-Api-Key = \"nowhere\" }", "cannot read"),
        ("notify = { webhook = \"https://x\", secret = 471147114711 }", "line 4"),
        ("notify = { webhook = \"https://x\", secret = \"4711\", secret_file = \"k\" }", "not both"),
    ];
    for (entry, said) in entries {
        std::fs::write(&partners, format!("{provider}{entry}\n")).unwrap();
        let arguments = ["partners", "apply", "--dry-run", partners.to_str().unwrap()];
        let ended = program::run(BIN, &arguments, b"", SOON).await;
        assert!(ended.code != Some(0) && ended.stderr.contains(said), "{entry}: {ended:?}");
        assert!(!ended.stderr.contains("4711"), "{entry}: {ended:?}");
    }
}
