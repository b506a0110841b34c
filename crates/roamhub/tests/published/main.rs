//! What the hub sends to partners, and what it answers with HTTP 200, held against the published OpenAPI documents. They
//! are not part of this repository: without `OICP_OPENAPI_DIR` the tests skip, saying so.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails says so")]

mod bill;
mod card;
mod remote;
mod stage;

/// The schema of most answers.
const ACKNOWLEDGEMENT: &str = "eRoamingAcknowledgment";
