//! What providers ask of charge points over real sockets: the hub's real binary between a provider that calls and an
//! operator that is called.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod crashes;
mod erasure;
mod ids;
mod outcomes;
mod repeats;
mod reservations;
mod settings;
mod stage;
mod start;
mod stop;
