//! A person's webhook behind a real socket: it keeps what it is sent and checks the signatures.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::provider::{FakeProvider, Received, Reply};

/// Takes messages for people.
pub struct FakeWebhook {
    server: FakeProvider,
    secret: String,
}

impl FakeWebhook {
    /// A webhook that answers 204 to everything that is signed with this secret.
    pub async fn start(secret: &str) -> Self {
        let webhook = Self { server: FakeProvider::start().await, secret: secret.to_owned() };
        webhook.answer(|_| Reply::NoContent);
        webhook
    }

    /// Its URL, with a query, as many have one.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/alerts?team=night", self.server.url())
    }

    /// From now on it answers so.
    pub fn answer(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.server.set_script(script);
    }

    /// All messages so far, in order.
    ///
    /// # Panics
    /// When one is not signed with its secret, or is no JSON.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.server.received().iter().map(|request| self.message(request)).collect()
    }

    /// Waits until there are at least so many messages.
    pub async fn wait_for(&self, count: usize, bound: Duration) -> Vec<Value> {
        self.server.wait_until(bound, |received| received.len() >= count).await;
        self.messages()
    }

    /// Waits until the messages satisfy a condition.
    pub async fn wait_until(&self, bound: Duration, condition: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let messages = |received: &[Received]| -> Vec<Value> {
            received.iter().map(|request| self.message(request)).collect()
        };
        self.server.wait_until(bound, |received| condition(&messages(received))).await;
        self.messages()
    }

    /// Stops listening: from then on connecting is refused.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    fn message(&self, request: &Received) -> Value {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/alerts?team=night"));
        assert_eq!(request.header("content-type"), Some("application/json"), "{request}");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("a key of any length");
        mac.update(&request.body);
        let digest = mac.finalize().into_bytes();
        let expected = digest.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(request.header("hub-signature"), Some(expected.as_str()), "{request}");
        serde_json::from_slice(&request.body).expect("a message is JSON")
    }
}
