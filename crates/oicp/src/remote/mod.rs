//! What a provider asks of a charge point from afar: start and stop charging, reserve and give up a reservation (OICP 2.3,
//! eRoamingAuthorizeRemoteStart, -Stop, eRoamingAuthorizeRemoteReservationStart, -Stop). All are answered with an
//! eRoamingAcknowledgement.

mod start;
mod stop;

pub use start::RemoteStart;
pub use stop::RemoteStop;

use crate::field::{At, Judge};

/// The provider's own id of the session. The reservation schemas spell its name otherwise than everything else.
fn emp_partner_session_id(judge: &mut Judge<'_>, usual: Option<&str>, alias: Option<&str>) -> Option<String> {
    let as_usual = judge.text(At::member("EMPPartnerSessionID"), usual, 250);
    let as_alias = judge.text(At::member("EMPPartnerSessionId"), alias, 250);
    as_usual.or(as_alias)
}
