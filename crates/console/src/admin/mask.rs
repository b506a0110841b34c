//! What people see of texts that partners have written: without the card, the contract and the PIN that the message is
//! about, and without whatever is written like a card number or a contract id.

use bytes::Bytes;
use oicp::personal::{personal_ids, pins, starred, without};
use roamhub_core::records::{MessageRecord, StoredFinding};
use serde_json::{Value, json};

/// What is starred out of texts about one message.
#[derive(Debug)]
pub struct Mask(Vec<String>);

impl Mask {
    /// For texts about this message.
    #[must_use]
    pub fn of(message: &MessageRecord) -> Self {
        let mut values = personal_ids(&message.body);
        values.extend(pins(&message.body));
        Self(values)
    }

    /// The text as people may see it.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        starred(&without(&self.0, text))
    }

    /// What an answer said, as people may see it.
    #[must_use]
    pub fn json(&self, bytes: &Bytes) -> Option<Value> {
        serde_json::from_slice(bytes).ok().map(|value| self.value(value))
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            other => other,
        }
    }

    /// A finding as people may see it.
    #[must_use]
    pub fn finding(&self, finding: &StoredFinding) -> Value {
        json!({
            "code": finding.code,
            "pointer": self.text(&finding.pointer),
            "text": self.text(&finding.text),
        })
    }
}
