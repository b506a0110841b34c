//! The domain of an e-roaming hub, free of I/O: what a session is, to whom a notification is owed, when it may be
//! sent, what an exchange with a provider means and what follows from it.
//!
//! Everything here is a plain value or a pure function; the world outside is reached through the traits in
//! [`ports`]. Invariants:
//! * nothing in this crate reads a socket or a file, nor a clock but for the time inside the ids it makes;
//! * time is a parameter, so every rule can be tested at any instant;
//! * an exchange that failed is data ([`outcome::AttemptOutcome`]), not an error.

pub mod access;
pub mod account;
pub mod address;
pub mod allowance;
pub mod authorisation;
pub mod breaker;
pub mod certificate;
pub mod clock_step;
pub mod contact;
pub mod delivery;
pub mod directory;
pub mod erasure;
pub mod evse;
pub mod expiry;
pub mod feed;
pub mod guesses;
pub mod lane;
pub mod mandate;
pub mod media;
pub mod message;
pub mod order;
pub mod outcome;
pub mod partner;
pub mod plausibility;
pub mod ports;
pub mod process;
pub mod rank;
pub mod receipt;
pub mod reconcile;
pub mod records;
pub mod remote;
pub mod replay;
pub mod retention;
pub mod retry;
pub mod room;
pub mod route;
pub mod session;
pub mod trouble;
pub mod watchdog;

pub use message::MessageKind;
pub use partner::Partner;
pub use process::ProcessId;
pub use session::SessionKey;
