//! The watchdog over sessions and the messages to people: the real program, real sockets, a webhook and a mail server
//! that keep what they get. Limits are milliseconds here; what is awaited is awaited with a bound.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod blocked;
mod certificates;
mod endpoints;
mod ghosts;
mod mails;
mod stage;
mod undecided;
mod webhooks;
