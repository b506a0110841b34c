//! The provider's side over real sockets: the hub's real binary between a fake operator and fake providers that
//! answer, judge, stumble and misbehave.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports a broken expectation by failing")]

mod authorise_broadcast;
mod authorise_direct;
mod authorise_repeats;
mod breaker;
mod crashes;
mod draining;
mod encryption;
mod lanes;
mod misbehaviour;
mod misbehaviour_at_once;
mod order;
mod outcomes_answered;
mod outcomes_failed;
mod pauses;
mod pins;
mod redelivery;
mod release;
mod requests;
mod small_disk;
mod stage;
