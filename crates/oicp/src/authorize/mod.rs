//! The questions "may this driver charge here?" and "may this driver stop here?" and their answers (OICP 2.3,
//! eRoamingAuthorizeStart, eRoamingAuthorizeStop and what answers them).

mod answer;
mod start;
mod stop;

pub use answer::{AuthorizationReading, AuthorizationStart, AuthorizationStop, UnreadableAnswer};
pub use start::AuthorizeStart;
pub use stop::AuthorizeStop;
