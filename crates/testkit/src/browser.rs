//! A person's browser in front of the console: it keeps the cookie, knows the form's token from the pages it was shown,
//! follows nothing by itself, and shows exactly what came back.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use crate::ca::ClientTls;
use crate::operator::{Answer, Client, Request};

/// A browser, or whatever else calls the console.
pub struct Browser {
    client: Client,
    cookie: Mutex<Option<String>>,
}

impl Browser {
    /// In front of the console at this address.
    #[must_use]
    pub fn new(console: SocketAddr) -> Self {
        Self { client: Client::new(console), cookie: Mutex::default() }
    }

    /// The same over TLS.
    #[must_use]
    pub fn with_tls(self, tls: ClientTls) -> Self {
        Self { client: self.client.with_tls(tls), ..self }
    }

    /// The cookie it has, as it is sent.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has this cookie from now on, or none.
    pub fn set_cookie(&self, cookie: Option<String>) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = cookie;
    }

    /// One request with exactly these headers, beside the cookie.
    ///
    /// # Panics
    /// When there is no whole answer in time.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookie = self.cookie();
        let mut headers = headers.to_vec();
        if let Some(cookie) = &cookie {
            headers.push(("cookie", cookie));
        }
        let request = Request { method, path, headers: &headers, body: body.to_owned().into() };
        let answer = match self.client.exchange(&request).await {
            Ok(answer) => answer,
            Err(error) => panic!("awaited an answer of the console to {method} {path}: {error}"),
        };
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            self.set_cookie(
                pair.split_once('=').filter(|(_, value)| !value.is_empty()).map(|_| pair.to_owned()),
            );
        }
        answer
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    /// Sends a form as a page of the console would.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        self.call("POST", path, &headers, &form(fields)).await
    }

    /// Logs in.
    pub async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.submit("/login", &[("name", name), ("password", password)]).await
    }

    /// The token that this log-in's changes have to carry.
    ///
    /// # Panics
    /// When nobody is logged in.
    pub async fn form_token(&self) -> String {
        let me = self.get("/api/v1/me").await;
        match me.json()["formToken"].as_str() {
            Some(token) => token.to_owned(),
            None => panic!("expected a form token, got {me:?}"),
        }
    }
}

/// Fields as a form carries them.
#[must_use]
pub fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    encoded.push(char::from(byte))
                }
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
            encoded
        })
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}
