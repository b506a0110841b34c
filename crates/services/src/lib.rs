//! What the hub does with each message: authorise, notify, charge detail records, remote requests, receipts, the providers'
//! feeds (more services follow); and who watches over sessions and tells people.
//!
//! A service takes the received bytes and who sent them, and returns a [`Reply`]: what came of it, in the hub's own
//! terms. Only the ingress turns that into HTTP. Partners are seen through one immutable snapshot per call.

pub mod accounts;
mod allowances;
mod asked_once;
pub mod authorise;
mod authorise_ask;
mod authorise_stop;
mod caller;
mod callers;
mod cdr;
pub mod cdr_fetch;
pub mod certificate_list;
mod certificates;
pub mod differences;
pub mod erasure;
pub mod feed;
pub mod ghosts;
pub mod hub;
pub mod identity;
pub mod lanes;
mod large;
pub mod load;
pub mod mandates;
mod medium;
pub mod metrics;
pub mod notify;
pub mod partners;
mod partners_certificates;
mod partners_client;
mod partners_contact;
pub mod partners_file;
mod partners_headers;
mod partners_lanes;
pub mod partners_limits;
mod partners_mandate;
mod partners_remote;
pub mod people;
pub mod people_metrics;
mod people_text;
mod people_troubles;
mod pins;
pub mod receipts;
pub mod remote;
pub mod reply;
pub mod retention;
pub mod secret_text;
mod session_cache;
mod shared_answers;
pub mod tls;
pub mod upload;
mod upload_turns;
mod upload_verdict;
mod uploaded;
pub mod watch_metrics;
pub mod watchdog;

pub use accounts::{Accounts, Visitor};
pub use callers::Callers;
pub use cdr_fetch::Records;
pub use certificate_list::CertificateList;
pub use differences::Comparing;
pub use feed::Feed;
pub use hub::Hub;
pub use identity::Identity;
pub use lanes::{LaneError, LaneRecord};
pub use load::{Load, LoadBounds};
pub use partners::Partners;
pub use people::People;
pub use receipts::Receipts;
pub use remote::RemoteVerdict;
pub use reply::{Reply, Verdict};
pub use retention::Retention;
pub use watchdog::Watchdog;
