//! Which addresses a hub calls that speaks TLS: none of its own network unless somebody has said so, and that is no
//! provider's trouble but a setting's.

use std::time::Duration;

use roamhub_testkit::hub::partners_toml_with;
use roamhub_testkit::{FakeProvider, FakeWebhook, HubProcess, RemoteService, messages};
use serde_json::Value;

use crate::stage::{BIN, Folder, SOON};

const SECRET: &str = "a secret of the night shift";

fn partners(provider: &str, lines: &str) -> String {
    partners_toml_with(provider, &format!("timeout = \"2s\"\nretry = [\"200ms\"]\nbroadcast = true\n{lines}"))
}

/// What the hub has on record about a message, once its first attempt is.
async fn record_of(hub: &HubProcess, process: &str) -> Value {
    let data = hub.data_dir().to_str().unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let recorded = async {
        loop {
            looks.tick().await;
            let ended = Folder::new().run_as_it_is(&["inspect", "--json", process, "--data", data]).await;
            let record: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
            if record["deliveries"][0]["state"] == "deferred" {
                return record;
            }
        }
    };
    tokio::time::timeout(SOON, recorded).await.expect("an attempt is recorded soon")
}

#[tokio::test]
async fn a_provider_in_the_hubs_own_network_is_not_called_unless_it_is_allowed() {
    let provider = FakeProvider::start().await;
    let allowed = partners(&provider.url(), "allow_private = true");
    let mut hub = HubProcess::builder(BIN).partners(&allowed).with_tls().start().await;
    let operator = hub.operator("DE*ABC");
    let session = operator.open_session().await;
    let start = operator.notify(messages::start(&session)).await;
    assert_eq!(start.code(), "000", "{start:?}");

    // Without the word: from the next message on, over no connection that was made before.
    let before = provider.received().len();
    let text = std::fs::read_to_string(hub.partners_file())
        .unwrap()
        .replace("allow_private = true", "allow_private = false");
    std::fs::write(hub.partners_file(), text).unwrap();
    hub.reload();
    hub.wait_for_log("partners read again", SOON).await;
    let end = operator.notify(messages::end(&session)).await;
    assert_eq!((end.status, end.code().as_str()), (200, "310"), "{end:?}");
    assert!(end.additional_info().contains("not one that the hub may call"), "{end:?}");
    assert_eq!(end.header("hub-delivery"), Some("deferred"), "{end:?}");
    assert_eq!(provider.received().len(), before, "nothing reached it");

    // It is a setting, not an outage: tried again slowly, not as the schedule of 200 ms says.
    let record = record_of(&hub, end.header("process-id").unwrap()).await;
    let delivery = &record["deliveries"][0];
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{record:#}");
    assert_eq!(attempts[0]["outcome"], "misconfigured", "{record:#}");
    assert!(attempts[0].to_string().contains("not one that the hub may call"), "{record:#}");
    let instant = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let pause = instant(&delivery["dueAt"]).duration_since(instant(&attempts[0]["startedAt"]));
    assert!(pause.as_secs() >= 290, "{record:#}");
    // A driver is told no at once.
    let driver = operator.authorize_start(messages::authorize_start_evco("DE-DCB-C12345678-X")).await;
    assert_eq!((driver.status, driver.code().as_str()), (200, "310"), "{driver:?}");
    hub.terminate().await;
}

#[tokio::test]
async fn a_plain_hub_may_call_its_own_machine() {
    let provider = FakeProvider::start().await;
    let hub = HubProcess::builder(BIN).partners(&partners(&provider.url(), "")).start().await;
    let operator = hub.operator("DE*ABC");
    let session = operator.open_session().await;
    assert_eq!(operator.notify(messages::end(&session)).await.code(), "000");
}

#[tokio::test]
async fn other_spellings_and_names_lead_to_the_same_no() {
    let provider = FakeProvider::start().await;
    let port = provider.port();
    for host in ["localhost", "[::ffff:127.0.0.1]", "2130706433", "169.254.169.254"] {
        // Where nothing is said, the kit says yes for the tests of everything else.
        let allowed = if host.starts_with("169") { "allow_private = true" } else { "allow_private = false" };
        let text = partners(&format!("http://{host}:{port}"), allowed);
        let hub = HubProcess::builder(BIN).partners(&text).with_tls().start().await;
        let operator = hub.operator("DE*ABC");
        let driver = operator.authorize_start(messages::authorize_start_evco("DE-DCB-C12345678-X")).await;
        assert_eq!(driver.code(), "310", "{host}: {driver:?}");
        assert!(hub.log().contains("not called"), "{host}: {}", hub.log());
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn an_operator_in_the_hubs_own_network_is_not_asked_from_afar() {
    let operator = FakeProvider::start().await;
    let text = |lines: &str| {
        format!(
            "[[operator]]\nid = \"DE*ABC\"\nurl = \"{}\"\n{lines}\n\n[[provider]]\nid = \"DE-DCB\"\n\n[[contract]]\noperator = \
             \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n",
            operator.url()
        )
    };
    for (lines, code) in [("allow_private = false", "310"), ("allow_private = true", "000")] {
        let hub = HubProcess::builder(BIN).partners(&text(lines)).with_tls().start().await;
        let provider = hub.provider("DE-DCB");
        let answer = provider.ask(RemoteService::Start, messages::remote_start(messages::EVCO)).await;
        assert_eq!(answer.code(), code, "{lines}: {answer:?}");
        // Nothing has begun: there is no session to stop.
        assert_eq!(answer.json()["SessionID"].is_null(), code == "310", "{answer:?}");
    }
    assert_eq!(operator.received().len(), 1);
}

#[tokio::test]
async fn a_webhook_in_the_hubs_own_network_is_not_called_either() {
    let (partners_own, hubs_own) = (FakeWebhook::start(SECRET).await, FakeWebhook::start(SECRET).await);
    // A provider whose certificate for its calls expires soon: its people are to hear of it.
    let folder = Folder::with_authority().await;
    folder.pki(&["server", "--name", "127.0.0.1", "--days", "3"]).await;
    let notify =
        |more: &str| format!("{{ webhook = \"{}\", secret = \"{SECRET}\"{more} }}", partners_own.url());
    let start = async |allowed: bool| {
        let more = if allowed { ", allow_private = true" } else { "" };
        let text = format!(
            "[[provider]]\nid = \"DE-DCB\"\nurl = \"http://127.0.0.1:1\"\nservices = [\"notifications\"]\nnotify = {}\n",
            notify(more)
        );
        let settings = format!(
            "[notify]\nwebhook = \"{}\"\nsecret = \"{SECRET}\"\nallow_private = {allowed}\nafter = \"100ms\"\nlook_every = \
             \"50ms\"\n[tls]\ncertificate = {:?}\nkey = {:?}\n",
            hubs_own.url(),
            folder.kept("server.pem"),
            folder.kept("server-key.pem")
        );
        let file = folder.path("roamhub.toml");
        std::fs::write(&file, settings).unwrap();
        HubProcess::builder(BIN).partners(&text).env("ROAMHUB_CONFIG", file).start().await
    };
    let hub = start(false).await;
    hub.wait_for_log("a certificate expires soon", SOON).await;
    hub.wait_for_log("not called", SOON).await;
    assert!(hubs_own.messages().is_empty());
    drop(hub);
    let _hub = start(true).await;
    let told = hubs_own.wait_for(1, SOON + Duration::from_secs(1)).await.remove(0);
    assert_eq!(told["kind"], "certificate-expiring", "{told:#}");
    assert_eq!(told["facts"]["certificates"][0]["use"], "serving", "{told:#}");
    assert!(partners_own.messages().is_empty(), "it is the hub's own trouble");
}
