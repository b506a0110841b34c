//! Cards and contracts over real sockets: stopping with them, uploading them, and authorising by what was uploaded. The
//! hub's real binary, fake operators in front of it, fake providers behind it and in front of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod crashes;
mod erasure;
mod large;
mod pins;
mod push;
mod push_refusals;
mod stage;
mod start_by_uploads;
mod stop;
mod stop_by_uploads;
