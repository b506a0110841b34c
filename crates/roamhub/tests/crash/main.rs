//! The promise under force: the real binary is killed, watched at its system calls, and its clock is set wrong, under a
//! real operator and in front of a provider that fails.
//!
//! What is shown here is shown for the process: SIGKILL at any moment. What a machine that loses power does to its disk
//! is not shown; that the hub syncs before it promises is (`system_calls`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod clock_jumps;
mod kills;
mod operators;
mod provider;
mod stage;
mod system_calls;
