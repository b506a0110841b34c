//! What partners talk to: the accept loop, the OICP routes, the bounds on what is read, and the one table that turns
//! what came of a call into HTTP status and OICP code.
//!
//! A partner is who its certificate says. Without certificates (plain mode) it is who it claims to be; that is for a
//! laptop and for tests.
//!
//! * [`server`]: connections, shutdown; [`door`]: TLS and what a connection proves; [`open`]: the connections that are open;
//! * [`peer`]: who is at the other end; [`proxy`]: as a proxy that ends TLS says, if it is one of the [`addresses`] trusted;
//! * [`routes`]: from a request to a service and back;
//! * [`deadlines`]: who is too slow is cut off;
//! * [`request`]: a bounded, decoded body;
//! * [`table`]: outcome to HTTP status and OICP code, exhaustively;
//! * [`answer`]: the bodies;
//! * [`records`]: pages of charge detail records, piece by piece;
//! * [`partner`]: the hub's own services for partners, receipts and feeds.

pub mod addresses;
pub mod answer;
mod connection;
pub mod deadlines;
pub mod door;
mod gzip;
pub mod metrics;
pub mod open;
pub mod partner;
pub mod peer;
pub mod proxy;
pub mod records;
mod remote;
pub mod request;
pub mod routes;
#[doc(hidden)]
pub mod seams;
pub mod server;
pub mod table;
mod upload;

pub use door::Door;
pub use server::{Limits, Server};
