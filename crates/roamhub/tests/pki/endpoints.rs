//! `roamhub partners test`: each thing that can be wrong with an endpoint is named, with what to do about it, and nothing
//! that a service could take for a message is sent.

use std::net::TcpListener;

use roamhub_testkit::program::Ended;
use roamhub_testkit::{FakeProvider, Received, Reply, TestCa};
use serde_json::Value;

use crate::stage::Folder;

/// What `partners test` said.
struct Tested {
    ended: Ended,
    said: Value,
}

impl Tested {
    /// Of the first partner; what was found at a check.
    #[track_caller]
    fn check(&self, name: &str) -> (&str, &str, &str) {
        let checks = self.said["partners"][0]["checks"].as_array().unwrap();
        let Some(check) = checks.iter().find(|check| check["check"] == name) else {
            panic!("no check {name:?}: {:#}", self.said);
        };
        let text = |member: &str| check[member].as_str().unwrap_or_default();
        (text("result"), text("said"), text("next"))
    }

    #[track_caller]
    fn assert(&self, name: &str, result: &str, words: &[&str]) {
        let (mark, said, next) = self.check(name);
        assert_eq!(mark, result, "{name}: {:#}", self.said);
        for word in words {
            assert!(said.contains(word) || next.contains(word), "{name}: {word}: {:#}", self.said);
        }
        assert!(result == "ok" || !next.is_empty(), "{name}: what to do is said: {:#}", self.said);
        let fails = self.said.to_string().contains("\"result\":\"fail\"");
        assert_eq!(self.ended.code, Some(i32::from(fails)), "{:#}", self.said);
    }
}

fn entry(url: &str, lines: &str) -> String {
    format!(
        "[[operator]]\nid = \"DE*ABC\"\n\n[[provider]]\nid = \"DE-DCB\"\nurl = \"{url}\"\ntimeout = \"1s\"\n{lines}\n{}",
        if lines.contains("services") { "" } else { "services = [\"notifications\"]\n" }
    )
}

async fn run(folder: &Folder, partners: &str, settings: &str, id: &str) -> Ended {
    std::fs::write(folder.path("partners.toml"), partners).unwrap();
    std::fs::write(folder.path("roamhub.toml"), settings).unwrap();
    let (partners, config) = (folder.path("partners.toml"), folder.path("roamhub.toml"));
    let (partners, config) = (partners.to_str().unwrap(), config.to_str().unwrap());
    folder.run(&["partners", "test", id, "--json", "--partners", partners, "--config", config]).await
}

async fn test_with(folder: &Folder, partners: &str, settings: &str) -> Tested {
    let ended = run(folder, partners, settings, "DE-DCB").await;
    let said = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    Tested { ended, said }
}

async fn test(folder: &Folder, partners: &str) -> Tested {
    test_with(folder, partners, "").await
}

fn of_http(status: u16, body: &str) -> Reply {
    Reply::Raw { status, content_type: None, body: body.to_owned().into() }
}

#[tokio::test]
async fn an_endpoint_that_is_fine_is_fine_and_was_sent_no_message() {
    let (folder, ca) = (Folder::with_authority().await, TestCa::new());
    folder.pki(&["partner", "DE-DCB"]).await;
    let fingerprint = folder.shown(&folder.kept("partners/DE-DCB.pem")).await["fingerprint"].clone();
    folder.write_ca("ca.pem", &ca);
    let provider = FakeProvider::builder().tls(ca.server("localhost")).start().await;
    let refuses = "{\"Result\":false,\"StatusCode\":{\"Code\":\"022\"}}";
    provider.set_script(move |_: &Received| of_http(400, refuses));
    let url = format!("https://localhost:{}", provider.port());
    let lines = format!(
        "ca = \"ca.pem\"\nservices = [\"authorization\", \"notifications\", \"cdr\"]\ncertificates = [{fingerprint}]\n\
         headers = {{ X-Api-Key = \"secret\" }}"
    );
    let tested = test(&folder, &entry(&url, &lines)).await;
    tested.assert("settings", "ok", &["authorization, notifications, cdr"]);
    tested.assert("name", "ok", &["localhost is", "127.0.0.1"]);
    tested.assert("address", "ok", &["loopback"]);
    tested.assert("connection", "ok", &["127.0.0.1"]);
    tested.assert("tls", "ok", &["TLSv1 3", "CN=localhost"]);
    tested.assert("client certificate", "ok", &["not asked for"]);
    for service in ["authorization", "notifications", "cdr"] {
        tested.assert(service, "ok", &["as OICP does", "HTTP 400", "022"]);
    }
    tested.assert("pinned certificates", "ok", &["CN=DE-DCB", "in 729 days"]);
    assert_eq!(tested.said["partners"][0]["result"], "ok");
    assert_eq!(tested.said["partners"][0]["partner"], "provider DE-DCB");
    let received = provider.received();
    assert_eq!(received.len(), 3, "one for each service");
    for request in received {
        assert_eq!((request.method.as_str(), request.body.len()), ("POST", 0), "{request:?}");
        assert_eq!(request.header("hub-test"), Some("1"));
        assert_eq!(request.header("x-api-key"), Some("secret"), "as messages come");
        assert_eq!(request.header("process-id"), None);
    }
}

#[tokio::test]
async fn what_people_read_is_a_line_per_check_with_a_next_step() {
    let folder = Folder::new();
    let partners = folder.path("partners.toml");
    std::fs::write(&partners, entry("http://127.0.0.1:1", "")).unwrap();
    let ended = folder.run(&["partners", "test", "DE-DCB", "--partners", partners.to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.starts_with("provider DE-DCB  http://127.0.0.1:1\n  ok    settings "),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("\n  FAIL  connection "), "{}", ended.stdout);
    assert!(ended.stdout.contains(" → Is the service running"), "{}", ended.stdout);
}

#[tokio::test]
async fn mistakes_in_the_settings_are_said_before_anything_is_called() {
    let folder = Folder::new();
    let tested = test(&folder, &entry("https://emp.example/a b", "")).await;
    tested.assert("settings", "fail", &["line 6", "blank in the URL"]);
    // The ledger keeps what was right once; what it holds is read by the same rules.
    for (partners, id, word) in [
        (entry("https://emp.example", ""), "DE-XYZ", "no operator and no provider"),
        (entry("https://emp.example", ""), "hub.example", "neither an OperatorID"),
    ] {
        let ended = run(&folder, &partners, "", id).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(word), "{ended:?}");
    }
    let nothing = folder.run(&["partners", "test", "DE-DCB"]).await;
    assert_eq!(nothing.code, Some(2), "neither file nor ledger: {nothing:?}");
}

#[tokio::test]
async fn partners_in_the_ledger_are_tested_too_and_an_id_of_both_sides_is_tested_as_both() {
    let folder = Folder::new();
    let provider = FakeProvider::start().await;
    let partners = folder.path("partners.toml");
    let text = format!(
        "[[operator]]\nid = \"DE*DCB\"\nurl = \"{0}\"\n\n[[provider]]\nid = \"DE-DCB\"\nurl = \"{0}\"\nservices = \
         [\"notifications\"]\n",
        provider.url()
    );
    std::fs::write(&partners, text).unwrap();
    let applied = folder.run(&["partners", "apply", partners.to_str().unwrap()]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let ended = folder.run(&["partners", "test", "DE*DCB", "--json"]).await;
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    let who: Vec<_> = said["partners"].as_array().unwrap().iter().map(|one| one["partner"].clone()).collect();
    assert_eq!(who, ["operator DE*DCB", "provider DE-DCB"], "{said:#}");
    let paths: Vec<_> = provider.received().iter().map(|request| request.path.clone()).collect();
    // Operators are asked where nothing can begin.
    assert!(paths.iter().any(|path| path.ends_with("/authorize-remote/stop")), "{paths:?}");
    assert!(!paths.iter().any(|path| path.ends_with("/start")), "{paths:?}");
}

#[tokio::test]
async fn names_addresses_and_ports_that_lead_nowhere() {
    let folder = Folder::new();
    let tested = test(&folder, &entry("https://emp.invalid", "")).await;
    tested.assert("name", "fail", &["emp.invalid", "DNS"]);
    let tested = test(&folder, &entry("http://169.254.169.254", "allow_private = true")).await;
    tested.assert("address", "fail", &["metadata", "allow_private"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tested = test(&folder, &entry(&format!("http://127.0.0.1:{port}"), "")).await;
    tested.assert("connection", "fail", &["refused", "firewalls"]);
}

#[tokio::test]
async fn server_certificates_that_are_not_trusted() {
    let (folder, ca) = (Folder::new(), TestCa::new());
    folder.write_ca("ca.pem", &ca);
    for (server, lines, words) in [
        (ca.server("127.0.0.1"), "", ["no authority that the hub trusts", "ca = \"FILE\""]),
        (
            ca.server("emp.example"),
            "ca = \"ca.pem\"",
            ["not for 127.0.0.1 but for: emp.example", "in the url"],
        ),
        (ca.expired_server("127.0.0.1"), "ca = \"ca.pem\"", ["EXPIRED", "renew"]),
        (ca.server("127.0.0.1"), "ca = \"nothing.pem\"", ["nothing.pem", "cannot be used"]),
    ] {
        let provider = FakeProvider::builder().tls(server).start().await;
        let tested = test(&folder, &entry(&provider.url(), lines)).await;
        tested.assert("tls", "fail", &words);
        assert!(provider.received().is_empty(), "nothing is sent there");
    }
    let plain = FakeProvider::start().await;
    let tested = test(&folder, &entry(&plain.url().replace("http:", "https:"), "")).await;
    assert_eq!(tested.check("tls").0, "fail", "{:#}", tested.said);
}

#[tokio::test]
async fn a_server_that_speaks_tls_where_the_url_says_http() {
    let (folder, ca) = (Folder::new(), TestCa::new());
    let provider = FakeProvider::builder().tls(ca.server("127.0.0.1")).start().await;
    let tested = test(&folder, &entry(&provider.url().replace("https:", "http:"), "")).await;
    tested.assert("notifications", "fail", &["https://"]);
    tested.assert("tls", "warn", &["nothing is encrypted"]);
}

#[tokio::test]
async fn whether_the_hubs_certificate_is_wanted_and_accepted() {
    let (folder, ca, clients, strangers) = (Folder::new(), TestCa::new(), TestCa::new(), TestCa::new());
    folder.write_ca("ca.pem", &ca);
    let outgoing = |files: (std::path::PathBuf, std::path::PathBuf)| {
        format!("[outgoing]\ncertificate = {:?}\nkey = {:?}\n", files.0, files.1)
    };
    let (right, wrong) = (
        outgoing(folder.write_client("right", &clients)),
        outgoing(folder.write_client("wrong", &strangers)),
    );
    let server = ca.server("127.0.0.1");
    for (tls, settings, result, words) in [
        (
            server.for_clients_of(&clients),
            right.as_str(),
            "ok",
            ["asked for, shown, and not refused", "CN=hub.example"],
        ),
        (server.for_clients_of(&clients), wrong.as_str(), "fail", ["refused", "sha256:"]),
        (server.for_clients_of(&clients), "", "fail", ["the hub has none", "roamhub pki outgoing"]),
        (server.for_clients_of_by_tls12(&clients), right.as_str(), "ok", ["asked for", "CN=hub.example"]),
        (server.for_clients_of_by_tls12(&clients), wrong.as_str(), "fail", ["refused", "sha256:"]),
        (server.for_clients_of_by_tls12(&clients), "", "fail", ["the hub has none", "roamhub pki outgoing"]),
        (server.asking_clients_of(&clients), "", "warn", ["the hub has none", "all the same"]),
        (server.clone(), right.as_str(), "ok", ["not asked for", "CN=hub.example"]),
    ] {
        let provider = FakeProvider::builder().tls(tls).start().await;
        let tested = test_with(&folder, &entry(&provider.url(), "ca = \"ca.pem\""), settings).await;
        tested.assert("client certificate", result, &words);
        assert_eq!(provider.received().is_empty(), result == "fail", "{:#}", tested.said);
    }
}

#[tokio::test]
async fn what_answers_at_the_path_is_judged() {
    let folder = Folder::new();
    let provider = FakeProvider::start().await;
    for (status, body, result, words) in [
        (200, r#"{"Result":false,"StatusCode":{"Code":"022"}}"#, "ok", ["as OICP does", "022"]),
        (
            400,
            r#"{"AuthorizationStatus":"NotAuthorized","StatusCode":{"Code":"022"}}"#,
            "ok",
            ["as OICP does", "022"],
        ),
        (400, r#"{"title":"Bad Request"}"#, "ok", ["HTTP 400", "as it should"]),
        (401, "", "fail", ["does not let the hub in", "API key"]),
        (404, "<html>", "fail", ["nothing at", "base URL"]),
        (405, "", "fail", ["takes no POST", "base URL"]),
        (302, "", "fail", ["elsewhere", "entry"]),
        (502, "<html>", "fail", ["gateway", "behind"]),
        (500, "", "warn", ["breaks on a request without a body", "Send a message"]),
        (200, "<html>", "fail", ["web page", "base URL"]),
        (204, "", "warn", ["without an acknowledgement", "counts as delivered"]),
    ] {
        provider.set_script(move |_: &Received| of_http(status, body));
        let tested = test(&folder, &entry(&provider.url(), "")).await;
        tested.assert("notifications", result, &words);
    }
    provider.set_script(|_: &Received| Reply::Hang);
    let tested = test(&folder, &entry(&provider.url(), "")).await;
    tested.assert("notifications", "fail", &["no answer in time"]);
}

#[tokio::test]
async fn a_partner_that_is_not_called_and_one_without_services() {
    let folder = Folder::new();
    let tested = test(&folder, "[[provider]]\nid = \"DE-DCB\"\nfeed = true\n").await;
    tested.assert("settings", "ok", &["no url", "feed"]);
    tested.assert("pinned certificates", "warn", &["none", "roamhub pki sign"]);
    let tested = test(&folder, &entry("https://emp.example", "services = []")).await;
    tested.assert("settings", "warn", &["no services"]);
}

#[tokio::test]
async fn pinned_certificates_that_end_are_said_where_the_hub_issued_them() {
    let folder = Folder::with_authority().await;
    folder.pki(&["partner", "DE-DCB", "--days", "5"]).await;
    let own = folder.shown(&folder.kept("partners/DE-DCB.pem")).await["fingerprint"].clone();
    let elsewhere = format!("sha256:{}", "ab".repeat(32));
    let lines = |one: &str| format!("[[provider]]\nid = \"DE-DCB\"\ncertificates = [\"{one}\"]\n");
    let tested = test(&folder, &lines(own.as_str().unwrap())).await;
    tested.assert("pinned certificates", "warn", &["CN=DE-DCB", "in 4 days", "pin both"]);
    let tested = test(&folder, &lines(&elsewhere)).await;
    tested.assert("pinned certificates", "ok", &["issued elsewhere"]);
}
