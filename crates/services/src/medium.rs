//! Cards and contracts are looked up by a keyed hash of their id, never by the id itself.

use hmac::{Hmac, KeyInit, Mac};
use oicp::identification::Identification;
use sha2::Sha256;

/// The key, made once with the ledger.
#[derive(Clone)]
pub(crate) struct MediumKey(Hmac<Sha256>);

impl MediumKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    /// The hash under which a medium is remembered.
    pub(crate) fn hash(&self, identification: &Identification) -> [u8; 32] {
        self.hash_text(&identification.medium_text())
    }

    /// The hash of a text that names something in the same way.
    pub(crate) fn hash_text(&self, text: &str) -> [u8; 32] {
        let mut hash = self.0.clone();
        hash.update(text.as_bytes());
        hash.finalize().into_bytes().into()
    }
}
