//! Ends that the hub issues on operators' behalf, over real HTTP: for sessions of which nothing ever came and for providers
//! that believe in somebody else's; what happens when that proves wrong; and crashes and races around it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod crashes;
mod issuing;
mod late_yes;
mod proof;
mod races;
mod stage;
