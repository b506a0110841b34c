//! Erasure of one contract's data: what is overwritten, what stays, and what has to wait.
//!
//! Invariants: an erased body is never sent; a message under way is not erased; digest, times, outcomes and receipts
//! survive.

/// What becomes of a message that is still owed when its body is to be erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undelivered {
    /// It stays, whole, and is counted.
    Keep,
    /// Its delivery ends (exhausted, reason [`REASON`]) and its body goes.
    End,
}

/// Why a delivery ended whose body was erased.
pub const REASON: &str = "erased";

/// What an erasure came to, or would come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ErasureCount {
    /// Sessions looked at.
    pub sessions: u64,
    /// Notifications whose body was erased.
    pub messages: u64,
    /// Authorisation requests whose body was erased.
    pub requests: u64,
    /// Bodies that had been erased before.
    pub erased_before: u64,
    /// Undelivered messages: kept, or, with [`Undelivered::End`], ended and among the erased.
    pub undelivered: u64,
    /// Messages that are being sent right now: kept. Ask again shortly.
    pub under_way: u64,
    /// Memories of which provider knows the medium.
    pub cards: u64,
    /// Records of the medium, or of cards of the contract, that providers had uploaded.
    pub uploads: u64,
}

impl ErasureCount {
    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            messages: self.messages.saturating_add(other.messages),
            requests: self.requests.saturating_add(other.requests),
            erased_before: self.erased_before.saturating_add(other.erased_before),
            undelivered: self.undelivered.saturating_add(other.undelivered),
            under_way: self.under_way.saturating_add(other.under_way),
            cards: self.cards.saturating_add(other.cards),
            uploads: self.uploads.saturating_add(other.uploads),
        }
    }

    /// Whether anything was found at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
