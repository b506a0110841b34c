//! What partners talk to: the accept loop, the OICP routes, the bounds on what is read, and the one table that turns
//! what came of a call into HTTP status and OICP code.
//!
//! Without certificates (plain mode) a partner is who it claims to be; that is for a laptop and for tests.
//!
//! * [`server`]: connections, shutdown;
//! * [`routes`]: from a request to a service and back;
//! * [`deadlines`]: who is too slow is cut off;
//! * [`request`]: a bounded, decoded body;
//! * [`table`]: outcome to HTTP status and OICP code, exhaustively;
//! * [`answer`]: the bodies;
//! * [`records`]: pages of charge detail records, piece by piece;
//! * [`partner`]: the hub's own services for partners, receipts and feeds.

pub mod answer;
pub mod deadlines;
mod gzip;
pub mod metrics;
pub mod partner;
pub mod records;
mod remote;
pub mod request;
pub mod routes;
pub mod server;
pub mod table;
mod upload;

pub use server::{Limits, Server};
