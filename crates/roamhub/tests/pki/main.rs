//! Certificates: what `roamhub pki` makes, what the hub shows and whom it calls, and `roamhub partners test`. The real
//! program, real files, real TLS.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod commands;
mod endpoints;
mod outgoing;
mod stage;
