//! The status of charging spots: one value per EVSE, the last one that its operator pushed. There is no history.

use std::sync::Arc;

use jiff::Timestamp;
use oicp::evse_status::{EvseStatus, EvseStatusRecord};
use oicp::geo::SearchCenter;
use oicp::{EvseId, OperatorId};

use super::change::Change;

/// A push of status records (OICP 2.3, eRoamingPushEvseStatus), judged. Insert and update do the same: both set the
/// status whether there was one or not. The last of several records of one spot counts.
#[derive(Clone, Debug)]
pub struct StatusPush {
    /// The registered operator whose spots these are.
    pub operator: OperatorId,
    /// When it came in.
    pub received_at: Timestamp,
    /// What is to change.
    pub change: Change<EvseStatusRecord, EvseId>,
}

/// A status as it is pulled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownStatus {
    /// The registered operator that pushed it.
    pub operator: OperatorId,
    /// Spot and status.
    pub record: EvseStatusRecord,
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
    pub area: Option<SearchCenter>,
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
