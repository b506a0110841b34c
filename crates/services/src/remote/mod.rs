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
use roamhub_core::ports::LedgerError;
use roamhub_core::session::SessionKind;
use roamhub_core::{Partner, ProcessId};
use tokio::time::timeout_at;

pub(crate) use calls::CallsUnderWay;
pub use verdict::{InvalidSession, RemoteVerdict};

use crate::hub::{Hub, Inner};
use crate::reply::{CallerIds, Reply, Verdict};
use crate::shared_answers::{Asking, Place};

/// How much longer than the operator the hub may take: the ledger is asked before and after.
const GRACE: Duration = Duration::from_secs(5);

/// One request of a provider, ready to be carried out.
struct RemoteCall {
    process: ProcessId,
    asking: Asking,
    ids: CallerIds,
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
        let RemoteCall { process, asking, ids, arrived, timeout } = call;
        let abandoned = Reply { process, verdict: Verdict::Ledger(LedgerError::Unknown), ids };
        let mut answer = match self.inner.remote_answers.place(asking) {
            Place::Later(answer) => answer,
            Place::First(sender) => {
                let (inner, answer) = (self.inner.clone(), sender.subscribe());
                let work = work(inner.clone());
                self.inner.tasks.spawn(async move {
                    let reply = work.await;
                    if !matches!(&reply.verdict, Verdict::Relayed(ack) if ack.result) {
                        inner.remote_answers.forget(&asking);
                    }
                    sender.send_replace(Some(reply));
                });
                answer
            }
        };
        let deadline = tokio::time::Instant::from_std(arrived + timeout + GRACE);
        match timeout_at(deadline, answer.wait_for(Option::is_some)).await {
            Ok(Ok(reply)) => reply.clone().unwrap_or(abandoned),
            Ok(Err(_)) | Err(_) => abandoned,
        }
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
