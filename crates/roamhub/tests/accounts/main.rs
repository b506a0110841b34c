//! Who is there, and what they may do: users, log-ins, tokens, roles, the audit trail; through real HTTP against the real
//! binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod audit;
mod encryption;
mod first_user;
mod forgery;
mod guessing;
mod log_ins;
mod people;
mod rates;
mod routes;
mod secrets;
mod stage;
mod tokens;
