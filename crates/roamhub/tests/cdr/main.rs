//! Charge detail records over real sockets: the hub's real binary between a fake operator and a fake provider.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod crashes;
mod fetching;
mod fetching_refused;
mod forwarding;
mod intake;
mod looking;
mod order;
mod stage;
