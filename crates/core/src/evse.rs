//! Charging spots as the hub keeps them: what operators have pushed about them, who may pull it, and what is forbidden
//! in between.
//!
//! The hub keeps the received bytes of a record and a few facts read from them ([`EvseFacts`]), by which it is found.
//! Nothing here is about a person.
//!
//! Invariants:
//! * every push that was carried out makes a new [`change::Version`], stamped when it was committed, later than all
//!   before it;
//! * what a [`pull::Listing`] names stays what it is, whatever is pushed while its pages are read;
//! * an EvseID is held by one operator at a time.

pub mod change;
pub mod load_guard;
pub mod numbers;
pub mod price;
pub mod pull;
pub mod status;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::OperatorId;
use oicp::evse::EvseFacts;

/// A record as an operator pushes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvseRecord {
    /// What it is found by, the EvseID among it.
    pub facts: EvseFacts,
    /// The received bytes of the record, one JSON object.
    pub body: Bytes,
}

impl From<&oicp::evse::EvseRecord> for EvseRecord {
    /// The bytes stay a part of those of the whole push, which live as long as this does.
    fn from(record: &oicp::evse::EvseRecord) -> Self {
        Self { facts: *record.facts(), body: record.bytes().clone() }
    }
}

/// What the hub knows of a spot now, without the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownEvse {
    /// The registered operator that pushed it.
    pub operator: OperatorId,
    /// What it is found by; the EvseID without separators.
    pub facts: EvseFacts,
    /// When it was last changed.
    pub last_update: Timestamp,
}
