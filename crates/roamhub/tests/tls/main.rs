//! Only the right partner gets in: mutual TLS through the real program, real sockets and real certificates.
#![expect(clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod certificates;
mod identity;
mod named;
mod reloading;
mod sessions;
mod stage;
