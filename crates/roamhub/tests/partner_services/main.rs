//! The hub's own services for partners, as they meet them: receipts, the provider's feed, keys. The real program, real
//! sockets, and kills in between.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod feed;
mod feed_refusals;
mod feed_with_endpoint;
mod keys;
mod kills;
mod receipts;
mod stage;
mod stream;
mod verify;
