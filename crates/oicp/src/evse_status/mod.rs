//! EVSE status: whether charging spots are free, as operators upload it and providers ask for it (OICP 2.3,
//! eRoamingPushEvseStatus, eRoamingPullEvseStatus and its two relatives).
//!
//! This is the most frequent upload and the longest answer of all. Records are two short strings: they are read in place,
//! and answers are written one record after the other.

mod answer;
mod pull;
mod push;

use crate::words::words;

pub use crate::action::ActionType;
pub use crate::repeated::Repeated;
pub use answer::{StatusAnswer, StatusByIdAnswer};
pub use pull::{MOST_IDS, PullEvseStatus, Wanted};
pub use push::{EvseStatusRecord, PushEvseStatus};

words! {
    /// The state of a spot (OICP 2.3, EvseStatusType).
    pub EvseStatus {
        /// Free.
        Available = "Available",
        /// Reserved.
        Reserved = "Reserved",
        /// Somebody charges, or stands there.
        Occupied = "Occupied",
        /// Not to be used.
        OutOfService = "OutOfService",
        /// The hub does not know the spot: only in answers.
        EvseNotFound = "EvseNotFound",
        /// The operator does not say.
        Unknown = "Unknown",
    }
}
