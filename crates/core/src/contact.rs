//! How people are reached: a partner's own, or those who run the hub.

use std::fmt;
use std::path::PathBuf;

use crate::address::Reach;

/// A secret that never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whoever has to use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A URL that takes messages for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Where to: the whole URL.
    pub url: String,
    /// Signs what is sent there.
    pub secret: Secret,
    /// Extra trust for its certificate (PEM file).
    pub ca: Option<PathBuf>,
    /// Which addresses it may have.
    pub reach: Reach,
}

/// The ways to reach people; both, one or none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Contact {
    /// Their webhook.
    pub webhook: Option<Webhook>,
    /// Their mail address.
    pub mail: Option<String>,
}

/// Whether a text can be a mail address: one `@` between two parts without blanks. The mail server has the last word.
#[must_use]
pub fn is_mail_address(text: &str) -> bool {
    let fine = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    let mut parts = text.split('@');
    matches!((parts.next(), parts.next(), parts.next()), (Some(name), Some(host), None) if fine(name) && fine(host))
        && !text.contains(['<', '>', ',', ';', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let webhook = Webhook {
            url: "https://a".into(),
            secret: Secret::new("hush".into()),
            ca: None,
            reach: Reach::Public,
        };
        assert!(!format!("{webhook:?}").contains("hush"));
        assert_eq!(webhook.secret.expose(), "hush");
    }

    #[test]
    fn mail_addresses() {
        for good in ["ops@emp.example", "a.b+c@localhost", "ü@müller.example"] {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in ["", "ops", "@", "ops@", "@emp", "a b@c", "a@b@c", "A <a@b>", "a@b,c@d", "a@b\r\nBcc: x"] {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }
}
