//! Test doubles that use real sockets: a provider that can misbehave byte by byte, an operator that reports exactly
//! what it was told, the hub's real binary as a child process, and a certificate authority for tests.
//!
//! The kit panics, with a text that says what was awaited and what was seen, because a panic is how a test fails.
#![forbid(unsafe_code)]
#![expect(clippy::panic, reason = "a test double reports a broken expectation by failing the test")]

pub mod browser;
pub mod ca;
pub mod client_maker;
pub mod hub;
pub mod load;
pub mod mail;
pub mod messages;
pub mod mount;
pub mod operator;
pub mod oracle;
pub mod program;
pub mod provider;
pub mod published;
pub mod remote;
mod skip;
pub mod webhook;
mod wire;

pub use browser::Browser;
pub use ca::{ClientTls, ServerTls, TestCa};
pub use client_maker::ClientMaker;
pub use hub::{HubProcess, partners_toml};
pub use mail::FakeMailServer;
pub use operator::{Answer, FakeOperator, gzipped};
pub use provider::{FakeProvider, Received, Reply, SessionGuard};
pub use remote::{CallingProvider, RemoteService};
pub use skip::skip;
pub use webhook::FakeWebhook;

/// The path of charging notifications, at the hub and at a provider alike.
pub const NOTIFICATIONS_PATH: &str = "/api/oicp/notificationmgmt/v11/charging-notifications";

/// The path on which an operator sends charge detail records.
#[must_use]
pub fn cdr_path(operator: &str) -> String {
    format!("/api/oicp/cdrmgmt/v22/operators/{operator}/charge-detail-record")
}

/// The path on which a provider fetches charge detail records.
#[must_use]
pub fn get_cdrs_path(provider: &str) -> String {
    format!("/api/oicp/cdrmgmt/v22/providers/{provider}/get-charge-detail-records-request")
}

/// The path on which an operator asks for the authorisation of a start.
#[must_use]
pub fn authorize_start_path(operator: &str) -> String {
    format!("/api/oicp/charging/v21/operators/{operator}/authorize/start")
}
