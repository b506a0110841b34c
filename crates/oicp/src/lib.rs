//! OICP 2.3 as it travels on the wire: identifiers, messages, acknowledgements, status codes, checks and paths.
//!
//! Everything here is a pure function of bytes. There is no I/O, no clock and no async, so the crate can be used
//! by a hub, by an operator, by a provider or by a test on its own.
//!
//! Three rules hold throughout:
//!
//! * **Bytes stay as they came.** A parsed message keeps the received bytes; parsing only judges and routes.
//!   See [`notification::ChargingNotification::body`].
//! * **Structure refuses, plausibility reports.** A missing field or a broken grammar is a
//!   [`violation::Violation`]; an End before its Start is a [`finding::Finding`] and the message goes on.
//! * **No input panics**, recurses or allocates beyond what its own length justifies.

#![expect(clippy::result_large_err, reason = "what is returned on success is larger than Rejected")]

pub mod ack;
pub mod action;
pub mod authentication;
pub mod authorize;
pub mod body;
pub mod cdr;
pub mod energy;
pub mod evse;
pub mod evse_status;
pub mod fault;
pub mod finding;
pub mod geo;
pub mod identification;
pub mod ids;
pub mod notification;
pub mod page;
pub mod paging;
pub mod personal;
pub mod pin;
pub mod pricing;
pub mod remote;
pub mod service;
pub mod status;
pub mod time;
pub mod violation;
pub mod words;

mod answer;
mod explain;
mod field;
mod inline;
mod json;
mod meter_values;
mod out_of_place;
mod parts;
mod place;
mod plausible;
mod rejected;
mod repeated;
mod upload;

pub use cdr::ChargeDetailRecord;
pub use finding::Finding;
pub use ids::{EvcoId, EvseId, IdError, OperatorId, ProviderId, SessionId, Uid};
pub use notification::{ChargingNotification, NotificationType};
pub use rejected::Rejected;
