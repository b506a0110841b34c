//! Only the right partner gets in: mutual TLS through the real program, real sockets and real certificates.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod certificates;
mod connections;
mod http2;
mod identity;
mod named;
mod proxies;
mod reloading;
mod routes;
mod sessions;
mod stage;
