//! The question "may this driver charge here?" and its answer (OICP 2.3, eRoamingAuthorizeStart and
//! eRoamingAuthorizationStart).

mod answer;
mod start;

pub use answer::{AuthorizationReading, AuthorizationStart, UnreadableAnswer};
pub use start::AuthorizeStart;
