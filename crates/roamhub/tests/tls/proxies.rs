//! Behind a proxy that ends TLS: its header says who calls, if it comes from the proxy and can be read in one way.

use std::process::Stdio;

use roamhub_testkit::{
    Answer, ClientTls, FakeOperator, FakeProvider, HubProcess, TestCa, authorize_start_path, messages,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::stage::{BIN, HOST, SOON, assert_unauthorised, in_hours};

/// A hub that believes this range of addresses, and its partners' certificates.
struct Behind {
    hub: HubProcess,
    partner: ClientTls,
    other: ClientTls,
    expired: ClientTls,
    _provider: FakeProvider,
}

impl Behind {
    async fn new(trusted: &str, format: &str) -> Self {
        let ca = TestCa::new();
        let (partner, other) = (ca.client("abc", HOST), ca.client("qqq", HOST));
        let expired = ca.client_maker("old").valid(in_hours(-9), in_hours(-1)).build(HOST);
        let provider = FakeProvider::start().await;
        let partners = format!(
            r#"[[operator]]
id = "DE*ABC"
certificates = ["{}", "{}"]

[[operator]]
id = "DE*QQQ"
certificates = ["{}"]

[[provider]]
id = "DE-DCB"
url = "{}"
services = ["authorization", "notifications"]
allow_private = true

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
"#,
            partner.fingerprint(),
            expired.fingerprint(),
            other.fingerprint(),
            provider.url()
        );
        let hub = HubProcess::builder(BIN)
            .partners(&partners)
            .arg("--trusted-proxy")
            .arg(trusted)
            .arg("--proxy-format")
            .arg(format)
            .start()
            .await;
        Self { hub, partner, other, expired, _provider: provider }
    }

    /// `DE*ABC` asks, and these are the headers that arrive.
    async fn asks(&self, headers: &[(&str, &str)]) -> Answer {
        let body = messages::authorize_start_rfid(messages::UID).to_string();
        let operator = FakeOperator::new("DE*ABC", self.hub.oicp());
        operator.post(&authorize_start_path("DE*ABC"), headers, body).await
    }
}

/// Percent-encoded, but for letters, digits and these.
fn encoded(text: &str, but: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || but.contains(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) }).collect()
}

#[tokio::test]
async fn the_partner_is_whose_certificate_the_trusted_proxy_saw() {
    let behind = Behind::new("127.0.0.0/8", "nginx").await;
    let nginx = |tls: &ClientTls| encoded(tls.pem(), "-_.~");
    let header = "x-ssl-client-cert";
    for _ in 0..2 {
        let answer = behind.asks(&[(header, &nginx(&behind.partner))]).await;
        assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{answer:?}");
    }
    let message = assert_unauthorised(&behind.asks(&[(header, &nginx(&behind.other))]).await);
    assert!(message.contains("stands for operator DE*QQQ"), "{message}");
    let message = assert_unauthorised(&behind.asks(&[(header, &nginx(&behind.expired))]).await);
    assert!(message.contains("has expired"), "{message}");
    let stranger = TestCa::new().client("somebody", HOST);
    let answer = behind.asks(&[(header, &nginx(&stranger))]).await;
    assert!(assert_unauthorised(&answer).contains(&stranger.fingerprint()));
    assert_ne!(answer.header("connection"), Some("close"), "the connection is the proxy's: {answer:?}");
    let message = assert_unauthorised(&behind.asks(&[]).await);
    assert!(message.contains("no client certificate was presented"), "{message}");
}

#[tokio::test]
async fn what_is_there_twice_or_odd_is_nobody() {
    let behind = Behind::new("127.0.0.1", "nginx").await;
    let (header, pem) = ("x-ssl-client-cert", behind.partner.pem());
    let fine = encoded(pem, "-_.~");
    let other = encoded(behind.other.pem(), "-_.~");
    let two = format!("{fine}{other}");
    for headers in [
        vec![(header, fine.as_str()), (header, fine.as_str())],
        vec![(header, fine.as_str()), ("X-SSL-Client-Cert", other.as_str())],
        vec![(header, two.as_str())],
        vec![(header, "%")],
        vec![(header, "none")],
        vec![(header, "-----BEGIN%20CERTIFICATE-----%0AMIIB%0A-----END%20CERTIFICATE-----%0A")],
        // Another proxy's header counts nothing here.
        vec![("x-forwarded-client-cert", fine.as_str())],
        vec![("x-amzn-mtls-clientcert", fine.as_str())],
    ] {
        let answer = behind.asks(&headers).await;
        assert_unauthorised(&answer);
    }
}

#[tokio::test]
async fn envoy_and_the_load_balancer_of_aws_tell_it_in_their_way() {
    let envoy = Behind::new("127.0.0.1", "envoy").await;
    let header = "x-forwarded-client-cert";
    let cert = |tls: &ClientTls| encoded(tls.pem(), "-_.~");
    let hash = |tls: &ClientTls| tls.fingerprint().replace("sha256:", "");
    let (own, other) = (&envoy.partner, &envoy.other);
    let written = |hashed: &ClientTls, shown: &ClientTls| {
        format!("By=spiffe://hub;Hash={};Cert=\"{}\";Subject=\"CN=a;b\"", hash(hashed), cert(shown))
    };
    assert_eq!(envoy.asks(&[(header, &written(own, own))]).await.status, 200);
    assert_eq!(envoy.asks(&[(header, &format!("Cert=\"{}\"", cert(own)))]).await.status, 200);
    for odd in [
        written(own, other),
        written(other, own),
        format!("Hash={}", hash(own)),
        format!("{},{}", written(other, other), written(own, own)),
    ] {
        assert_unauthorised(&envoy.asks(&[(header, &odd)]).await);
    }

    let alb = Behind::new("127.0.0.1", "alb").await;
    let chain = format!("{}{}", alb.partner.pem(), alb.other.pem());
    let header = "x-amzn-mtls-clientcert";
    // Its encoding leaves +, = and / as they are.
    assert_eq!(alb.asks(&[(header, &encoded(&chain, "-_.~+=/"))]).await.status, 200);
    assert_unauthorised(&alb.asks(&[(header, &encoded(alb.other.pem(), "-_.~+=/"))]).await);
}

#[tokio::test]
async fn who_does_not_come_from_the_proxy_is_refused_whatever_it_sends() {
    let behind = Behind::new("10.0.0.0/8,192.0.2.1", "nginx").await;
    let fine = encoded(behind.partner.pem(), "-_.~");
    for headers in [vec![], vec![("x-ssl-client-cert", fine.as_str())]] {
        let answer = behind.asks(&headers).await;
        assert!(assert_unauthorised(&answer).contains("reached through its proxy"), "{answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    }
    let keys = FakeOperator::new("DE*ABC", behind.hub.oicp()).get("/api/hub/v1/keys").await;
    assert_unauthorised(&keys);
}

#[tokio::test]
async fn behind_proxies_the_hub_may_listen_in_plain_http_beyond_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(BIN);
    command.args(["serve", "--listen", "0.0.0.0:0", "--console", "127.0.0.1:0", "--data"]).arg(folder.path());
    command.args(["--trusted-proxy", "10.0.0.0/8", "--proxy-format", "alb"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(SOON, lines.next_line()).await.expect("it starts").unwrap().unwrap_or_default();
    assert!(line.starts_with("listening oicp http://0.0.0.0:"), "{line}");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn half_of_the_settings_is_refused_with_what_is_missing() {
    for (arguments, says) in [
        (&["--trusted-proxy", "10.0.0.0/8"][..], "--proxy-format"),
        (&["--proxy-format", "nginx"], "--trusted-proxy"),
        (&["--trusted-proxy", "proxy.example", "--proxy-format", "nginx"], "no range of addresses"),
        (&["--tls-certificate", "hub.pem"], "--tls-key"),
        (&["--tls-key", "hub-key.pem"], "--tls-certificate"),
        (&["--tls-client-ca", "clients.pem"], "--tls-certificate"),
        (&["--tls-certificate", "/nowhere.pem", "--tls-key", "/nowhere.pem"], "/nowhere.pem cannot be used"),
    ] {
        let mut hub = HubProcess::builder(BIN);
        for argument in arguments {
            hub = hub.arg(argument);
        }
        let failure = hub.try_start().await.err().expect("it refuses to start");
        assert!(failure.log.contains(says), "{arguments:?}: {failure}");
    }
}
