//! Certificates that come to their end, on the hub's side: what it shows when it is called and when it calls, and what
//! partners show when they call it.

use roamhub_testkit::{ClientTls, FakeOperator, FakeWebhook, HubProcess, messages};
use serde_json::Value;

use crate::stage::{BIN, Folder, SOON};

const SECRET: &str = "a secret of the night shift";

/// A hub with certificates of `roamhub pki`, for the operator `DE*ABC`.
struct Scene {
    folder: Folder,
    hub: HubProcess,
    hubs: FakeWebhook,
    operators: FakeWebhook,
}

impl Scene {
    /// Certificates that last so many days: server, outgoing, operator.
    async fn new(server: u32, outgoing: u32, operator: u32) -> Self {
        let folder = Folder::with_authority().await;
        let days = |days: u32| days.to_string();
        folder.pki(&["server", "--name", "127.0.0.1", "--days", &days(server)]).await;
        folder.pki(&["outgoing", "--name", "hub.example", "--days", &days(outgoing)]).await;
        folder.pki(&["partner", "DE*ABC", "--days", &days(operator)]).await;
        let (hubs, operators) = (FakeWebhook::start(SECRET).await, FakeWebhook::start(SECRET).await);
        let fingerprint = folder.shown(&folder.kept("partners/DE_ABC.pem")).await["fingerprint"].clone();
        let partners = format!(
            "[[operator]]\nid = \"DE*ABC\"\ncertificates = [{fingerprint}]\nnotify = {{ webhook = \"{}\", secret = \"{SECRET}\", \
             allow_private = true }}\n",
            operators.url()
        );
        let settings = format!(
            "[notify]\nwebhook = \"{}\"\nsecret = \"{SECRET}\"\nallow_private = true\nafter = \"100ms\"\nlook_every = \
             \"50ms\"\n[tls]\ncertificate = {:?}\nkey = {:?}\n[outgoing]\ncertificate = {:?}\nkey = {:?}\n",
            hubs.url(),
            folder.kept("server.pem"),
            folder.kept("server-key.pem"),
            folder.kept("outgoing.pem"),
            folder.kept("outgoing-key.pem"),
        );
        let file = folder.path("roamhub.toml");
        std::fs::write(&file, settings).unwrap();
        let hub = HubProcess::builder(BIN).partners(&partners).env("ROAMHUB_CONFIG", file).start().await;
        Self { folder, hub, hubs, operators }
    }

    /// Any call of the operator, with the certificate in these files.
    async fn call(&self, pair: &str) {
        let (certificate, key) =
            (self.folder.kept(&format!("{pair}.pem")), self.folder.kept(&format!("{pair}-key.pem")));
        let tls = ClientTls::from_files(&self.folder.kept("ca.pem"), &certificate, &key, "127.0.0.1");
        let operator = FakeOperator::new("DE*ABC", self.hub.oicp()).with_tls(tls);
        let answer = operator.authorize_start(messages::authorize_start_rfid("04D3E0000000A1")).await;
        assert_ne!(answer.status, 401, "{answer:?}");
    }
}

fn is(message: &Value, state: &str) -> bool {
    message["kind"] == "certificate-expiring" && message["state"] == state
}

#[tokio::test]
async fn what_the_hub_shows_is_told_to_its_people_once_and_cleared_when_it_is_renewed() {
    let scene = Scene::new(5, 700, 700).await;
    let told = scene.hubs.wait_for(1, SOON).await.remove(0);
    assert!(is(&told, "trouble"), "{told:#}");
    assert_eq!(told["about"], serde_json::json!({}), "{told:#}");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains("The certificate in server.pem, which the hub shows when it is called, expires on"),
        "{text}"
    );
    // Renewed while the hub runs.
    scene.folder.pki(&["server", "--name", "127.0.0.1", "--force"]).await;
    let all = scene.hubs.wait_until(SOON, |all| all.iter().any(|one| is(one, "all-clear"))).await;
    assert_eq!(all.len(), 2, "each once: {all:#?}");
    assert!(scene.operators.messages().is_empty(), "it is nobody else's trouble");
}

#[tokio::test]
async fn what_it_shows_when_it_calls_is_watched_before_it_calls() {
    let scene = Scene::new(300, 5, 700).await;
    let told = scene.hubs.wait_for(1, SOON).await.remove(0);
    assert!(is(&told, "trouble"), "{told:#}");
    assert_eq!(told["facts"]["certificates"][0]["file"], "outgoing.pem", "{told:#}");
    assert_eq!(told["facts"]["certificates"][0]["use"], "calling", "{told:#}");
    scene.folder.pki(&["outgoing", "--name", "hub.example", "--force"]).await;
    scene.hubs.wait_until(SOON, |all| all.iter().any(|one| is(one, "all-clear"))).await;
}

#[tokio::test]
async fn a_partners_certificate_is_learned_when_it_calls_and_told_to_its_people() {
    let mut scene = Scene::new(300, 700, 5).await;
    assert!(scene.operators.messages().is_empty());
    scene.call("partners/DE_ABC").await;
    let told = scene.operators.wait_for(1, SOON).await.remove(0);
    assert!(is(&told, "trouble"), "{told:#}");
    assert_eq!(told["about"]["operator"], "DE*ABC", "{told:#}");
    let old = scene.folder.shown(&scene.folder.kept("partners/DE_ABC.pem")).await["fingerprint"].clone();
    assert_eq!(told["facts"]["certificates"][0]["fingerprint"], old, "{told:#}");
    assert_eq!(scene.hubs.wait_for(1, SOON).await[0], told, "the hub's own people hear the same");
    // A hub that has not heard of it since its start does not take that for an all-clear.
    scene.hub.restart().await;
    // The next one is pinned beside it, and used.
    scene.folder.pki(&["partner", "DE*ABC"]).await;
    let new = scene.folder.shown(&scene.folder.kept("partners/DE_ABC-2.pem")).await["fingerprint"].clone();
    let text = std::fs::read_to_string(scene.hub.partners_file()).unwrap();
    std::fs::write(scene.hub.partners_file(), text.replace(&old.to_string(), &format!("{old}, {new}")))
        .unwrap();
    scene.hub.reload();
    scene.hub.wait_for_log("partners read again", SOON).await;
    scene.call("partners/DE_ABC").await;
    scene.call("partners/DE_ABC-2").await;
    let all = scene.operators.wait_until(SOON, |all| all.iter().any(|one| is(one, "all-clear"))).await;
    assert_eq!(all.len(), 2, "{all:#?}");
}
