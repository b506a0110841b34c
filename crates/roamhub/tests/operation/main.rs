//! Operating a hub: the program's commands, the admin API behind its socket, replay, erasure, restore; through the
//! real binary, with and without a running hub.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod admin_api;
mod erasure;
mod lanes;
mod looking;
mod replay;
mod replay_crashes;
mod stage;
