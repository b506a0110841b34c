//! Partners that are known by issuer and subject: then the issuer's signature is verified against the hub's own file.

use roamhub_testkit::{ClientTls, FakeOperator, FakeProvider, HubProcess, TestCa, messages};

use crate::stage::{BIN, HOST, SOON, assert_unauthorised, in_hours};

struct Named {
    hub: HubProcess,
    authority: TestCa,
    folder: tempfile::TempDir,
    _provider: FakeProvider,
}

impl Named {
    async fn new() -> Self {
        let (authority, folder) = (TestCa::new(), tempfile::tempdir().unwrap());
        authority.write_pem(folder.path().join("clients.pem"));
        let provider = FakeProvider::start().await;
        let partners = format!(
            r#"[[operator]]
id = "DE*ABC"
certificates = [{{ issuer = "CN=roamhub test authority", subject = "CN=abc" }}]

[[provider]]
id = "DE-DCB"
url = "{}"
services = ["authorization", "notifications"]

[[contract]]
operator = "*"
provider = "*"
services = ["authorization"]
"#,
            provider.url()
        );
        let hub = HubProcess::builder(BIN)
            .partners(&partners)
            .with_tls()
            .arg("--tls-client-ca")
            .arg(folder.path().join("clients.pem"))
            .start()
            .await;
        Self { hub, authority, folder, _provider: provider }
    }

    /// A client with a certificate of this authority.
    fn client(&self, authority: &TestCa, subject: &str) -> ClientTls {
        authority.client_maker(subject).trusting(self.hub.tls().ca()).build(HOST)
    }

    fn operator(&self, tls: ClientTls) -> FakeOperator {
        FakeOperator::new("DE*ABC", self.hub.oicp()).with_tls(tls)
    }

    async fn refuses(&self, tls: ClientTls) {
        let body = messages::authorize_start_rfid(messages::UID);
        let message = assert_unauthorised(&self.operator(tls).authorize_start(body).await);
        assert!(message.contains("stands for no partner"), "{message}");
    }
}

#[tokio::test]
async fn whoever_the_authority_has_signed_under_that_name_is_the_partner() {
    let named = Named::new().await;
    named.operator(named.client(&named.authority, "abc")).open_session().await;
    // Another name of the same authority; the same names of another authority.
    named.refuses(named.client(&named.authority, "abd")).await;
    named.refuses(named.client(&TestCa::new(), "abc")).await;
    named.refuses(named.client(named.hub.tls().ca(), "abc")).await;
    let expired = named
        .authority
        .client_maker("abc")
        .trusting(named.hub.tls().ca())
        .valid(in_hours(-9), in_hours(-1))
        .build(HOST);
    let body = messages::authorize_start_rfid(messages::UID);
    let message = assert_unauthorised(&named.operator(expired).authorize_start(body).await);
    assert!(message.contains("has expired"), "{message}");
}

#[tokio::test]
async fn another_authority_counts_at_once_also_on_open_connections() {
    let named = Named::new().await;
    let client = named.operator(named.client(&named.authority, "abc"));
    let session = client.open_session().await;
    let next = TestCa::new();
    next.write_pem(named.folder.path().join("clients.pem"));
    named.hub.wait_for_log("the hub's certificate was read again", SOON).await;
    // The hub may have closed the idle connection already; then the next one is no better.
    let answer = match client.try_notify(messages::end(&session)).await {
        Ok(answer) => answer,
        Err(_closed) => client.notify(messages::end(&session)).await,
    };
    assert_unauthorised(&answer);
    named.operator(named.client(&next, "abc")).open_session().await;
}
