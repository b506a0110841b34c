//! The delivery engine: record, forward, relay.
//!
//! A message is made durable before a byte of it leaves, is handed on under one deadline, and its outcome decides what
//! the sender hears and whether it is tried again. The engine knows no hub: where a message goes it is told
//! ([`roamhub_core::route::Routes`]), and what to say to the sender is for its caller to put into words.
//!
//! * [`relay`]: the live path, from intake to outcome;
//! * [`submitted`]: what its sender is told;
//! * [`redelivery`]: what is owed from before, also from before a restart;
//! * `drain`: one lane's backlog;
//! * [`lanes`]: how much may be under way towards one provider, and whether anything may;
//! * [`breakers`]: who is not asked for a while;
//! * [`release`]: what goes out before a card starts anew;
//! * [`replay`]: what a person asked to be sent once more;
//! * [`courier`]: the exchange itself, over HTTP and HTTPS.

mod ahead;
mod attempt;
mod bell;
pub mod breakers;
mod carried_on;
pub mod courier;
mod drain;
mod joins;
pub mod lanes;
pub mod metrics;
mod pauses;
mod places;
pub mod redelivery;
pub mod relay;
pub mod release;
pub mod replay;
mod right_now;
pub mod submitted;

pub use breakers::{Breakers, Pass, Reached};
pub use courier::HttpCourier;
pub use courier::certificates::SeenCertificates;
pub use courier::terms::Outgoing;
pub use lanes::LaneLoad;
pub use relay::{Relay, Tuning};
pub use submitted::{Outcome, Submitted, Why};
