//! Bad input and too much input cost their sender an error and nobody else anything: allowances, load that is shed, slow
//! clients, sizes. The real program, real sockets.
//!
//! Every test has a hub of its own. Names are sentences; what is awaited is awaited with a bound.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod allowances;
mod operations;
mod shedding;
mod sizes;
mod slow_clients;
mod stage;
mod wire;
