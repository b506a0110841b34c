//! The status of charging spots: one value per EVSE, the last one that its operator pushed. There is no history.

use std::sync::Arc;

use jiff::Timestamp;
use oicp::{EvseId, OperatorId};

use super::area::Area;
use super::change::Change;

/// What a spot is doing (OICP 2.3, EvseStatusType). The number is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum EvseStatus {
    /// Free.
    Available = 0,
    /// Kept for somebody.
    Reserved = 1,
    /// In use.
    Occupied = 2,
    /// Not usable.
    OutOfService = 3,
    /// The hub does not know it: an answer rather than a status.
    EvseNotFound = 4,
    /// Nobody knows.
    Unknown = 5,
}

impl EvseStatus {
    /// All values.
    pub const ALL: [Self; 6] = [
        Self::Available,
        Self::Reserved,
        Self::Occupied,
        Self::OutOfService,
        Self::EvseNotFound,
        Self::Unknown,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Reserved => "Reserved",
            Self::Occupied => "Occupied",
            Self::OutOfService => "OutOfService",
            Self::EvseNotFound => "EvseNotFound",
            Self::Unknown => "Unknown",
        }
    }

    /// Reads the word on the wire.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A spot and its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusRecord {
    /// The spot, as its operator spells it.
    pub evse: EvseId,
    /// Its status.
    pub status: EvseStatus,
}

/// A push of status records (OICP 2.3, eRoamingPushEvseStatus), judged. Insert and update do the same: both set the
/// status whether there was one or not. The last of several records of one spot counts.
#[derive(Clone, Debug)]
pub struct StatusPush {
    /// The registered operator whose spots these are.
    pub operator: OperatorId,
    /// When it came in.
    pub received_at: Timestamp,
    /// What is to change.
    pub change: Change<StatusRecord, EvseId>,
}

/// A status as it is pulled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownStatus {
    /// The registered operator that pushed it.
    pub operator: OperatorId,
    /// Spot and status.
    pub record: StatusRecord,
    /// When the operator last said so.
    pub at: Timestamp,
}

/// Which statuses are asked for; nothing and an empty list let all pass.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct StatusQuery {
    /// Of these operators, whether they push themselves or are named by the EvseID.
    pub operators: Vec<OperatorId>,
    /// With this value.
    pub status: Option<EvseStatus>,
    /// Of spots in this area. Only spots with a pushed record have a place.
    pub area: Option<Area>,
}

/// How far a list of statuses has been read. What changes meanwhile is seen or not; no spot comes twice.
#[derive(Clone, Default, Debug)]
pub enum StatusPlace {
    /// Nothing yet.
    #[default]
    Start,
    /// Up to this operator (its number in the store) and EvseID (its key).
    After(i64, String),
    /// So many of the spots in an area: operator and record, by their numbers in the store.
    Near(Arc<Vec<(i64, i64)>>, usize),
}

/// Some of the statuses, those of one operator behind each other.
#[derive(Clone, Default, Debug)]
pub struct StatusPart {
    /// The statuses; maybe none though more follow.
    pub statuses: Vec<KnownStatus>,
    /// Where to read on; nothing if that was all.
    pub next: Option<StatusPlace>,
}
