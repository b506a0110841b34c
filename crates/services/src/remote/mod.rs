//! What a provider asks of an operator from afar: start and stop charging, reserve and give up a reservation. The
//! operator is asked once, while the provider waits; its acknowledgement goes back.
//!
//! Invariants: identical requests under way are one request; a caller that hangs up changes nothing; nobody is asked
//! twice.

mod ask;
mod calls;
pub(crate) mod metrics;
mod start;
mod stop;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use oicp::service::Service;
use roamhub_core::Partner;
use roamhub_core::session::SessionKind;

pub(crate) use calls::CallsUnderWay;
pub use verdict::{InvalidSession, RemoteVerdict};

use crate::asked_once::Asking;
use crate::hub::{Hub, Inner};
use crate::reply::{CallerIds, Reply, Verdict};

/// How much longer than the operator the hub may take: the ledger is asked before and after.
const GRACE: Duration = Duration::from_secs(5);

/// One request of a provider, ready to be carried out.
struct RemoteCall {
    asking: Asking,
    arrived: Instant,
    /// What the operator gets.
    timeout: Duration,
}

/// The service that begins a session of this kind.
fn beginning(kind: SessionKind) -> Service {
    match kind {
        SessionKind::Charging => Service::RemoteStart,
        SessionKind::Reservation => Service::ReservationStart,
    }
}

/// The service that ends a session of this kind.
fn ending(kind: SessionKind) -> Service {
    match kind {
        SessionKind::Charging => Service::RemoteStop,
        SessionKind::Reservation => Service::ReservationStop,
    }
}

impl Hub {
    /// Carries a request out in a task of its own, or waits for the one that does so already. A yes is shared with those
    /// who ask the same within half a minute; after anything else they may try again.
    async fn carry_out<F>(&self, call: RemoteCall, work: impl FnOnce(Arc<Inner>) -> F) -> Reply
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let RemoteCall { asking, arrived, timeout } = call;
        let lasting = |verdict: &Verdict| matches!(verdict, Verdict::Relayed(ack) if ack.result);
        self.asked_once(asking, arrived + timeout + GRACE, lasting, work).await
    }
}

/// The ids of a provider's message.
fn caller_ids(provider: impl Into<Partner>, cpo: Option<&str>, emp: Option<&str>) -> CallerIds {
    CallerIds {
        partner: Some(provider.into()),
        session: None,
        cpo_partner_session: cpo.map(str::to_owned),
        emp_partner_session: emp.map(str::to_owned),
    }
}
