//! Receipts: what became of a message, told to the partners it is about, and signed so that it can be shown to others.
//!
//! A receipt needs the message's digest, never its bytes, so it can be given also when these are erased. What is signed
//! is the very text of the facts.
//!
//! * [`document`]: the facts as JSON;
//! * [`jws`]: the compact form around them (RFC 7515, RFC 8037);
//! * [`keys`]: Ed25519 keys, their ids and the set of public ones.

pub mod document;
pub mod jws;
pub mod keys;

use std::fmt;
use std::sync::Arc;

use oicp::{OperatorId, ProviderId};
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use roamhub_core::receipt::ReceiptFacts;
use roamhub_core::{ProcessId, SessionKey};

use document::Document;
use keys::{KeySet, SigningKey};

/// How many messages of a session are told about at once.
pub const MOST_OF_A_SESSION: usize = 200;

/// Who vouches for receipts: a name, the key that signs, and all public keys that were ever used.
#[derive(Debug)]
pub struct Seal {
    /// The hub's name in its receipts.
    pub issuer: String,
    /// What signs.
    pub key: SigningKey,
    /// The public keys, older ones included.
    pub public: KeySet,
}

/// A partner that may ask about messages that are its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// The operator that sent them.
    Operator(OperatorId),
    /// The provider they are meant for.
    Provider(ProviderId),
}

/// A receipt in both forms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedReceipt {
    /// The facts (JSON); exactly what is signed.
    pub facts: String,
    /// The same as a compact JWS.
    pub jws: String,
}

/// The receipts of a session's messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionReceipts {
    /// In order of arrival.
    pub receipts: Vec<SignedReceipt>,
    /// Whether there are more messages than are told about.
    pub more: bool,
}

/// Gives receipts. Cheap to clone.
#[derive(Clone)]
pub struct Receipts {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    seal: Arc<Seal>,
}

impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipts").field("seal", &self.seal).finish_non_exhaustive()
    }
}

impl Receipts {
    /// Receipts from this ledger under this seal.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, seal: Seal) -> Self {
        Self { ledger, clock, seal: Arc::new(seal) }
    }

    /// The public keys, as a JWK set (RFC 7517).
    #[must_use]
    pub fn keys(&self) -> String {
        self.seal.public.to_json()
    }

    /// The receipt of one message; `None` if there is no such message of this partner.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read.
    pub async fn of_message(
        &self,
        asker: Asker,
        process: ProcessId,
    ) -> Result<Option<SignedReceipt>, LedgerError> {
        let facts = self.ledger.receipt(process).await?;
        Ok(facts.filter(|facts| asker.owns(facts)).map(|facts| self.sign(&facts)))
    }

    /// The receipts of a session's messages; `None` if there is no such session of this partner.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read.
    pub async fn of_session(
        &self,
        asker: Asker,
        session: SessionKey,
    ) -> Result<Option<SessionReceipts>, LedgerError> {
        let Some(record) = self.ledger.session(session).await? else { return Ok(None) };
        let own = match asker {
            Asker::Operator(id) => record.operator == id,
            Asker::Provider(id) => record.provider == Some(id),
        };
        if !own {
            return Ok(None);
        }
        let mut all = self.ledger.receipts_of(session, MOST_OF_A_SESSION + 1).await?;
        let more = all.len() > MOST_OF_A_SESSION;
        all.truncate(MOST_OF_A_SESSION);
        let own = all.iter().filter(|facts| asker.owns(facts));
        Ok(Some(SessionReceipts { receipts: own.map(|facts| self.sign(facts)).collect(), more }))
    }

    fn sign(&self, facts: &ReceiptFacts) -> SignedReceipt {
        sign(&self.seal, facts, self.clock.now())
    }
}

/// A receipt of these facts, issued at this instant.
#[must_use]
pub fn sign(seal: &Seal, facts: &ReceiptFacts, now: jiff::Timestamp) -> SignedReceipt {
    let facts = Document::new(facts, &seal.issuer, now).to_json();
    let jws = jws::sign(&seal.key, facts.as_bytes());
    SignedReceipt { facts, jws }
}

impl SignedReceipt {
    /// The facts with the signed form as one more member, `jws`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let open = self.facts.strip_suffix('}').unwrap_or(&self.facts);
        format!(r#"{open},"jws":"{}"}}"#, self.jws)
    }
}

impl Asker {
    fn owns(&self, facts: &ReceiptFacts) -> bool {
        match self {
            Self::Operator(id) => facts.operator == *id,
            Self::Provider(id) => facts.provider == *id,
        }
    }
}
