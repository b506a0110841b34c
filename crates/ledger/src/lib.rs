//! The durable record of the hub: sessions, notifications, what is owed to whom, attempts, refusals, partners.
//!
//! The queue *is* the table: a notification and its delivery are written in one transaction, and there is no second
//! store that could disagree. [`sqlite`] is the embedded default.

pub mod sqlite;

pub use sqlite::{EvseFile, OpenError, Sqlite};
