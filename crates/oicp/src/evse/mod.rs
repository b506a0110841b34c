//! EVSE data: what operators upload about their charging spots, and what providers download (OICP 2.3,
//! eRoamingPushEvseData, eRoamingPullEvseData).
//!
//! A push may hold a hundred thousand records. They are read in place, one after the other, each of them in full, so that an
//! operator hears of everything that is wrong at once. What a record says to the hub is an [`EvseFacts`]; everything else,
//! unknown members included, stays in the received bytes, because these are what a provider downloads: [`Pulled`] writes them
//! with only those members changed that are the hub's.

mod facts;
mod parts;
mod pull;
mod pulled;
mod push;
mod record;
mod words;

pub use crate::action::ActionType;
pub use crate::page::Page as EvsePage;
pub use crate::repeated::Repeated;
pub use facts::{CountryCode, EvseFacts, EvseRecord};
pub use pull::{PullEvseData, Selection};
pub use pulled::{DeltaType, NoRecord, Pulled};
pub use push::PushEvseData;
pub use words::{Accessibility, AuthenticationMode, CalibrationLawDataAvailability, DynamicInfoAvailable};

pub(crate) use parts::{currency, opening_times};
pub(crate) use pulled::respell_into;
