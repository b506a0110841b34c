//! What the hub shows when it calls: its own certificate, or another one per partner; files that change are taken up by a
//! running hub, those that are broken are not.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use roamhub_testkit::{
    Answer, CallingProvider, FakeOperator, FakeProvider, HubProcess, RemoteService, ServerTls, TestCa,
    messages,
};

use crate::stage::{BIN, Folder, SOON};

/// A provider that asks who calls it, before a hub that may have an answer.
struct Scene {
    folder: Folder,
    /// Of the provider's server.
    servers: TestCa,
    provider: FakeProvider,
    hub: HubProcess,
    asked: AtomicU32,
}

impl Scene {
    /// The provider's server, made by its authority; lines of its entry; settings of the hub.
    async fn new(
        folder: Folder,
        server: impl Fn(ServerTls) -> ServerTls,
        lines: &str,
        settings: &[(&str, &Path)],
    ) -> Self {
        let servers = TestCa::new();
        folder.write_ca("emp-ca.pem", &servers);
        let provider = FakeProvider::builder().tls(server(servers.server("127.0.0.1"))).start().await;
        let partners = partners(&folder, &provider.url(), lines);
        let mut hub = HubProcess::builder(BIN).partners(&partners);
        for (name, value) in settings {
            hub = hub.env(format!("ROAMHUB_{name}"), *value);
        }
        let hub = hub.start().await;
        Self { folder, servers, provider, hub, asked: AtomicU32::new(0) }
    }

    async fn end(&self) -> Answer {
        let operator = FakeOperator::new("DE*ABC", self.hub.oicp());
        let session = operator.open_session().await;
        operator.notify(messages::end(&session)).await
    }

    /// Whether the provider authorises a driver: it was reached.
    async fn reaches(&self) -> bool {
        let operator = FakeOperator::new("DE*ABC", self.hub.oicp());
        // Never the same one twice: the hub would give the same answer again.
        let mut question = messages::authorize_start_evco("DE-DCB-C12345678-X");
        question["CPOPartnerSessionID"] = self.asked.fetch_add(1, Ordering::Relaxed).to_string().into();
        let answer = operator.authorize_start(question).await;
        match answer.code().as_str() {
            "000" => true,
            "310" => false,
            _ => panic!("{answer:?}"),
        }
    }

    async fn reaches_in_the_end(&self, expected: bool) {
        let reached = async {
            let mut looks = tokio::time::interval(std::time::Duration::from_millis(100));
            while self.reaches().await != expected {
                looks.tick().await;
            }
        };
        assert!(
            tokio::time::timeout(SOON, reached).await.is_ok(),
            "not so in time; the hub said:\n{}",
            self.hub.log()
        );
    }
}

fn partners(folder: &Folder, url: &str, lines: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"

[[provider]]
id = "DE-DCB"
url = "{url}"
services = ["authorization", "notifications"]
timeout = "2s"
retry = ["200ms"]
breaker = {{ failures = 1000, pause = "50ms", longest_pause = "50ms" }}
ca = "{}"
{lines}

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
"#,
        folder.path("emp-ca.pem").display()
    )
}

#[tokio::test]
async fn a_provider_that_asks_is_shown_the_hubs_certificate() {
    let folder = Folder::with_authority().await;
    folder.pki(&["outgoing", "--name", "hub.example"]).await;
    let (certificate, key) = (folder.kept("outgoing.pem"), folder.kept("outgoing-key.pem"));
    // Who asks trusts the hub's own authority: what `roamhub pki` made is good enough for others.
    let asks = std::fs::read_to_string(folder.kept("ca.pem")).unwrap();
    let settings = [("OUTGOING_CERTIFICATE", certificate.as_path()), ("OUTGOING_KEY", key.as_path())];
    let scene = Scene::new(folder, |server| server.for_clients_of_pem(&asks), "", &settings).await;
    let answer = scene.end().await;
    assert_eq!(answer.code(), "000", "{answer:?}\n{}", scene.hub.log());
    assert_eq!(scene.provider.connections(), 1, "kept and used again");
}

#[tokio::test]
async fn without_one_it_is_not_reached() {
    let clients = TestCa::new();
    let scene = Scene::new(Folder::new(), |server| server.for_clients_of(&clients), "", &[]).await;
    assert!(!scene.reaches().await);
}

#[tokio::test]
async fn a_partners_own_certificate_goes_before_that_of_all() {
    let (folder, clients, strangers) = (Folder::new(), TestCa::new(), TestCa::new());
    let (usual, usual_key) = folder.write_client("usual", &strangers);
    let (own, own_key) = folder.write_client("own", &clients);
    let lines = format!("client_certificate = \"{}\"\nclient_key = \"{}\"", own.display(), own_key.display());
    let settings = [("OUTGOING_CERTIFICATE", usual.as_path()), ("OUTGOING_KEY", usual_key.as_path())];
    let mut scene = Scene::new(folder, |server| server.for_clients_of(&clients), &lines, &settings).await;
    assert!(scene.reaches().await);
    // Without it the usual one is shown, and refused; the running hub takes the change up.
    let without = partners(&scene.folder, &scene.provider.url(), "");
    std::fs::write(scene.hub.partners_file(), without).unwrap();
    scene.hub.reload();
    scene.reaches_in_the_end(false).await;
    scene.hub.terminate().await;
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let (folder, old, new) = (Folder::new(), TestCa::new(), TestCa::new());
    let (certificate, key) = folder.write_client("hub", &old);
    let settings = [("OUTGOING_CERTIFICATE", certificate.as_path()), ("OUTGOING_KEY", key.as_path())];
    let scene = Scene::new(folder, |server| server.for_clients_of(&old), "", &settings).await;
    assert!(scene.reaches().await);
    // Half a change, and then nonsense: what was there before stays in use.
    let (other, other_key) = scene.folder.write_client("other", &new);
    std::fs::copy(&other, &certificate).unwrap();
    scene.hub.wait_for_log("is not the private key of", SOON).await;
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----").unwrap();
    scene.hub.wait_for_log("stay as they were", SOON).await;
    scene.provider.renew(scene.servers.server("127.0.0.1").for_clients_of(&old)).await;
    assert!(scene.reaches().await, "{}", scene.hub.log());
    // The whole change; connections from before are not used again.
    std::fs::copy(&other_key, &key).unwrap();
    scene.hub.wait_for_log("read again", SOON).await;
    scene.reaches_in_the_end(false).await;
    scene.provider.renew(scene.servers.server("127.0.0.1").for_clients_of(&new)).await;
    scene.reaches_in_the_end(true).await;
}

#[tokio::test]
async fn a_ca_file_that_is_replaced_needs_no_restart() {
    let scene = Scene::new(Folder::new(), |server| server, "", &[]).await;
    assert!(scene.reaches().await);
    let next = TestCa::new();
    scene.provider.renew(next.server("127.0.0.1")).await;
    scene.reaches_in_the_end(false).await;
    scene.folder.write_ca("emp-ca.pem", &next);
    scene.reaches_in_the_end(true).await;
    // Whom it does not trust any more, it does not go on talking to either.
    scene.folder.write_ca("emp-ca.pem", &TestCa::new());
    scene.reaches_in_the_end(false).await;
}

#[tokio::test]
async fn an_operator_that_asks_is_shown_it_too() {
    let (folder, servers, clients) = (Folder::new(), TestCa::new(), TestCa::new());
    folder.write_ca("cpo-ca.pem", &servers);
    let (certificate, key) = folder.write_client("hub", &clients);
    let tls = servers.server("127.0.0.1").for_clients_of(&clients);
    let operator = FakeProvider::builder().tls(tls).start().await;
    let partners = |lines: &str| {
        format!(
            "[[operator]]\nid = \"DE*ABC\"\nurl = \"{}\"\nca = \"{}\"\n{lines}\n[[provider]]\nid = \"DE-DCB\"\n\n[[contract]]\n\
             operator = \"*\"\nprovider = \"*\"\nservices = [\"authorization\"]\n",
            operator.url(),
            folder.path("cpo-ca.pem").display()
        )
    };
    let lines =
        format!("client_certificate = \"{}\"\nclient_key = \"{}\"", certificate.display(), key.display());
    for (lines, code) in [("", "310"), (lines.as_str(), "000")] {
        let hub = HubProcess::builder(BIN).partners(&partners(lines)).start().await;
        let provider = CallingProvider::new("DE-DCB", hub.oicp());
        let answer = provider.ask(RemoteService::Start, messages::remote_start(messages::EVCO)).await;
        assert_eq!(answer.code(), code, "{lines}: {answer:?}\n{}", hub.log());
    }
}

#[tokio::test]
async fn a_mistake_in_the_hubs_own_certificate_is_said_at_the_start() {
    let (folder, ca) = (Folder::new(), TestCa::new());
    let (one, one_key) = folder.write_client("one", &ca);
    let (_, other_key) = folder.write_client("other", &ca);
    let (one, one_key, other_key) =
        (one.to_str().unwrap(), one_key.to_str().unwrap(), other_key.to_str().unwrap());
    let missing = folder.path("missing.pem");
    let missing = missing.to_str().unwrap();
    for (certificate, key, words) in [
        (missing, one_key, ["missing.pem", "cannot be used"]),
        (one, missing, ["missing.pem", "cannot be used"]),
        (one, other_key, ["other-key.pem is not the private key of", "one.pem"]),
        (one_key, one_key, ["one-key.pem", "holds no certificate"]),
        (one, one, ["one.pem", "no private key"]),
        (one, "", ["outgoing.certificate", "say outgoing.key too"]),
    ] {
        let hub = HubProcess::builder(BIN).env("ROAMHUB_OUTGOING_CERTIFICATE", certificate);
        let Err(failure) = hub.env("ROAMHUB_OUTGOING_KEY", key).try_start().await else {
            panic!("a hub with {certificate} and {key}");
        };
        for word in words {
            assert!(failure.log.contains(word), "{certificate}, {key}: {word}: {}", failure.log);
        }
    }
}
