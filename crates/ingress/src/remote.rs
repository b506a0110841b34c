//! The services that providers call to reach a charge point from afar, and what is said where the operator's own
//! acknowledgement cannot be passed on.

use std::time::Instant;

use bytes::Bytes;
use oicp::service::Service;
use roamhub_core::session::SessionKind;
use roamhub_services::remote::InvalidSession;
use roamhub_services::{Hub, Identity, RemoteVerdict, Reply};

/// A service that providers call to reach a charge point.
#[derive(Clone, Copy)]
pub(crate) enum Remote {
    /// Begins a session of this kind.
    Begin(SessionKind),
    /// Ends one.
    End(SessionKind),
}

impl Remote {
    /// If the service is one of these.
    pub(crate) fn of(service: Service) -> Option<Self> {
        match service {
            Service::RemoteStart => Some(Self::Begin(SessionKind::Charging)),
            Service::RemoteStop => Some(Self::End(SessionKind::Charging)),
            Service::ReservationStart => Some(Self::Begin(SessionKind::Reservation)),
            Service::ReservationStop => Some(Self::End(SessionKind::Reservation)),
            _ => None,
        }
    }

    /// Hands a call on; `id` is the ProviderID in the path.
    pub(crate) async fn serve(
        self,
        hub: &Hub,
        who: &Identity,
        id: &str,
        body: Bytes,
        arrived: Instant,
    ) -> Reply {
        match self {
            Self::Begin(kind) => hub.remote_start(who, kind, id, body, arrived).await,
            Self::End(kind) => hub.remote_stop(who, kind, id, body, arrived).await,
        }
    }
}

/// Why the operator's acknowledgement cannot be passed on.
pub(crate) fn in_words(verdict: &RemoteVerdict) -> String {
    match verdict {
        RemoteVerdict::UnknownOperator(id) => {
            format!("the EvseID begins with {id}, which is no operator registered at this hub")
        }
        RemoteVerdict::NoContract(operator, kind) => {
            format!("no contract for {} with {operator}", contracted(*kind))
        }
        RemoteVerdict::NotOffered(operator, kind) => {
            format!("{operator} does not offer {} from afar", offered(*kind))
        }
        RemoteVerdict::Busy(operator) => {
            format!("too many requests to {operator} are under way; try again in a moment")
        }
        RemoteVerdict::NotReached(why) => format!("{why}; nothing has changed, try again"),
        RemoteVerdict::Unconfirmed(why) => {
            format!("{why}; it may have begun all the same: the session is kept, and can be stopped")
        }
        RemoteVerdict::MayBeStopped(why) => {
            format!("{why}; it may have been stopped all the same, try again")
        }
        RemoteVerdict::SessionInvalid(InvalidSession::Unknown) => {
            "no open session with this SessionID belongs to this provider; use the SessionID that the hub gave or sent"
                .to_owned()
        }
        RemoteVerdict::SessionInvalid(InvalidSession::Closed) => {
            "the session is closed: its charge detail record has been received".to_owned()
        }
        RemoteVerdict::SessionInvalid(InvalidSession::IsA(SessionKind::Charging)) => {
            "this is a charging session: it is stopped with eRoamingAuthorizeRemoteStop".to_owned()
        }
        RemoteVerdict::SessionInvalid(InvalidSession::IsA(SessionKind::Reservation)) => {
            "this is a reservation: it is given up with eRoamingAuthorizeRemoteReservationStop".to_owned()
        }
    }
}

fn contracted(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Charging => "authorization",
        SessionKind::Reservation => "reservation",
    }
}

fn offered(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Charging => "to start and stop charging",
        SessionKind::Reservation => "reservations",
    }
}
