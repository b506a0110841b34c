//! The delivery engine: record, forward, relay.
//!
//! A message is made durable before a byte of it leaves, is handed on under one deadline, and its outcome decides what
//! the sender hears and whether it is tried again. The engine knows no hub: where a message goes it is told
//! ([`roamhub_core::route::Routes`]), and what to say to the sender is for its caller to put into words.
//!
//! * [`relay`]: the live path, from intake to outcome;
//! * [`submitted`]: what its sender is told;
//! * [`redelivery`]: what is owed from before, also from before a restart;
//! * [`replay`]: what a person asked to be sent once more;
//! * [`lanes`]: how much may be under way towards one provider;
//! * [`courier`]: the exchange itself, over HTTP and HTTPS.

mod attempt;
mod bell;
pub mod courier;
mod joins;
pub mod lanes;
pub mod metrics;
pub mod redelivery;
pub mod relay;
pub mod replay;
pub mod submitted;

pub use courier::HttpCourier;
pub use relay::{Relay, Tuning};
pub use submitted::{Outcome, Submitted, Why};
