//! Who may do what with whom, over real HTTP: partners that bundle others, contracts, locks, services that are switched
//! off; many providers that are asked at once; and the driver whom a lost End would have blocked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod blocked_driver;
mod broadcast;
mod contracts;
mod identities;
mod locks;
mod stage;
