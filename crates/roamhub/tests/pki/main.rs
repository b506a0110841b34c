//! Certificates: what `roamhub pki` makes, what the hub shows and whom it calls, and `roamhub partners test`. The real
//! program, real files, real TLS.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod addresses;
mod commands;
mod demo;
mod endpoints;
mod outgoing;
mod radar;
mod stage;
