//! A provider ends a session from afar (OICP 2.3, eRoamingAuthorizeRemoteStop, eRoamingAuthorizeRemoteReservationStop).
//!
//! Nothing but the session decides: neither a lock nor a contract nor an EVSE that is gone makes a car unstoppable. How the
//! session began does not matter either, and the stop does not end it: the operator's charge detail record does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::ProviderId;
use oicp::remote::RemoteStop;
use oicp::status::Code;
use roamhub_core::allowance::Limited;
use roamhub_core::ports::LedgerError;
use roamhub_core::ports::remote::Stoppable;
use roamhub_core::remote::Heard;
use roamhub_core::session::machine::{Answer, By, Sign, What, step};
use roamhub_core::session::{SessionKind, SessionState};
use roamhub_core::{ProcessId, SessionKey};
use tokio::time::timeout_at;

use super::ask::Request;
use super::{InvalidSession, RemoteCall, RemoteVerdict, caller_ids, ending};
use crate::allowances::counted;
use crate::asked_once::Asking;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::reply::{CallerIds, Reply, Verdict};

/// From the call's arrival to the end of looking its session up, whatever the ledger does.
const PATIENCE: Duration = Duration::from_millis(7_900);

impl Hub {
    /// Has an operator end a session. `path_id` is the ProviderID in the request's path.
    pub async fn remote_stop(
        &self,
        who: &Identity,
        kind: SessionKind,
        path_id: &str,
        body: Bytes,
        arrived: Instant,
    ) -> Reply {
        let process = ProcessId::new();
        let stop = match parsed(body, RemoteStop::parse).await {
            Err(error) => {
                let (verdict, ids) = (Verdict::Ledger(error), CallerIds::default());
                return Reply { process, verdict, ids };
            }
            Ok(Ok(stop)) => stop,
            Ok(Err(rejected)) => {
                let ids = CallerIds::of_rejected(&rejected);
                return Reply { process, verdict: *caller::rejected(who, rejected, &self.directory()), ids };
            }
        };
        let mut ids = CallerIds {
            session: Some(stop.session_id().to_string()),
            ..caller_ids(stop.provider_id(), stop.cpo_partner_session_id(), stop.emp_partner_session_id())
        };
        let deadline = tokio::time::Instant::from_std(arrived + PATIENCE);
        let directory = self.inner.partners.directory();
        let caller = match caller::provider(who, path_id, stop.provider_id(), &directory) {
            Ok(caller) => caller,
            Err(verdict) => return Reply { process, verdict: *verdict, ids },
        };
        let ticket = self.inner.ticket(&*caller, Limited::Operation(ending(kind)), arrived);
        let looked_up = timeout_at(deadline, self.inner.to_be_stopped(kind, caller.id, &stop)).await;
        let (request, session) =
            match looked_up.unwrap_or(Err(Box::new(Verdict::Ledger(LedgerError::Unknown)))) {
                Ok(session) => (self.inner.request(kind, process, &session, &stop), session),
                Err(verdict) => {
                    let verdict = counted(ticket.as_ref(), *verdict);
                    return Reply { process, verdict, ids };
                }
            };
        ids.emp_partner_session = ids.emp_partner_session.or(session.emp_partner_session_id);
        let Some(request) = request else {
            let verdict = Verdict::Remote(RemoteVerdict::NotOffered(session.operator, kind));
            return Reply { process, verdict, ids };
        };
        let call = RemoteCall {
            asking: Asking {
                process,
                service: ending(kind),
                body: stop.body().clone(),
                ids: ids.clone(),
                ticket,
            },
            arrived,
            timeout: request.endpoint.timeout,
        };
        self.carry_out(call, |inner| async move { inner.stop(request, ids).await }).await
    }
}

impl Inner {
    /// The session, if this provider may stop it by this service.
    async fn to_be_stopped(
        &self,
        kind: SessionKind,
        provider: ProviderId,
        stop: &RemoteStop,
    ) -> Result<Stoppable, Box<Verdict>> {
        let found = match SessionKey::of(&stop.session_id()) {
            Some(key) => {
                self.ledger.stoppable(key).await.map_err(|error| Box::new(Verdict::Ledger(error)))?
            }
            None => None,
        };
        let session = of_provider(found, provider, kind)
            .map_err(|why| Box::new(Verdict::Remote(RemoteVerdict::SessionInvalid(why))))?;
        Ok(session)
    }

    /// The stop as the session's operator gets it; `None` if that has no address.
    fn request(
        &self,
        kind: SessionKind,
        process: ProcessId,
        session: &Stoppable,
        stop: &RemoteStop,
    ) -> Option<Request> {
        let directory = self.partners.directory();
        let operator = directory.operator(&session.operator)?;
        let (session_id, evse) = (stop.session_id(), stop.evse_id());
        if !operator.owns(&evse.operator()) {
            tracing::info!(session = %session_id, operator = %operator.id, %evse, "a stop names an EVSE of somebody else");
        }
        Some(Request {
            service: ending(kind),
            process,
            operator: operator.id,
            provider: session.provider,
            endpoint: operator.endpoint()?,
            body: stop.body().clone(),
        })
    }

    async fn stop(self: Arc<Self>, request: Request, mut ids: CallerIds) -> Reply {
        let (service, process, operator) = (request.service, request.process, request.operator);
        let Some(_place) = self.remote_calls.place(operator) else {
            return Reply { process, verdict: Verdict::Remote(RemoteVerdict::Busy(operator)), ids };
        };
        let (verdict, code) = match self.ask_operator(request).await {
            Heard::Answered(mut ack) => {
                ids.cpo_partner_session = ack.cpo_partner_session_id.take().or(ids.cpo_partner_session);
                ack.emp_partner_session_id = None;
                let code = ack.status.code;
                (Verdict::Relayed(ack), code)
            }
            Heard::NothingHappened(why) => (Verdict::Remote(RemoteVerdict::NotReached(why)), Code::NO_ANSWER),
            Heard::Unknown(why) => (Verdict::Remote(RemoteVerdict::MayBeStopped(why)), Code::NO_ANSWER),
        };
        self.metrics.remote.told(service, &operator, code);
        Reply { process, verdict, ids }
    }
}

/// The session, if it is open, of this kind, and the provider's.
fn of_provider(
    found: Option<Stoppable>,
    provider: ProviderId,
    kind: SessionKind,
) -> Result<Stoppable, InvalidSession> {
    // Of another's session a provider learns nothing, not even that there is one.
    let session = found.filter(|session| session.provider == provider).ok_or(InvalidSession::Unknown)?;
    let what = match kind {
        SessionKind::Charging => What::RemoteStop,
        SessionKind::Reservation => What::ReservationStop,
    };
    match step(session.life, Sign { what, by: By::Provider }).answer {
        Answer::Welcome => Ok(session),
        _ if session.life.state == SessionState::Closed => Err(InvalidSession::Closed),
        _ => Err(InvalidSession::IsA(session.life.kind)),
    }
}
