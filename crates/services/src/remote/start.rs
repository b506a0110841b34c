//! A provider begins a session from afar (OICP 2.3, eRoamingAuthorizeRemoteStart, eRoamingAuthorizeRemoteReservationStart).
//!
//! Invariants: the session is durable before the operator is asked; what the operator receives carries the hub's
//! SessionID; a session is void only if nothing has begun for certain, otherwise it is kept, or energy that flows
//! already could never be accounted for.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oicp::remote::RemoteStart;
use oicp::status::Code;
use oicp::{OperatorId, ProviderId};
use roamhub_core::allowance::Limited;
use roamhub_core::directory::{Directory, Provider};
use roamhub_core::ports::remote::{RemoteAnswer, RemoteOpening, RemoteOutcome};
use roamhub_core::remote::{self, Addressee, Heard, NotAdmitted};
use roamhub_core::session::{SessionFacts, SessionKind};
use roamhub_core::{ProcessId, SessionKey};

use super::ask::Request;
use super::{GRACE, RemoteCall, RemoteVerdict, beginning, caller_ids};
use crate::asked_once::Asking;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::reply::{CallerIds, Reply, Verdict};

/// A request that may be carried out.
struct Beginning {
    process: ProcessId,
    kind: SessionKind,
    provider: ProviderId,
    addressee: Addressee,
    request: RemoteStart,
    ids: CallerIds,
}

impl Hub {
    /// Has an operator begin a session. `path_id` is the ProviderID in the request's path.
    pub async fn remote_start(
        &self,
        who: &Identity,
        kind: SessionKind,
        path_id: &str,
        body: Bytes,
        arrived: Instant,
    ) -> Reply {
        let process = ProcessId::new();
        let parse = match kind {
            SessionKind::Charging => RemoteStart::parse,
            SessionKind::Reservation => RemoteStart::parse_reservation,
        };
        let request = match parsed(body, parse).await {
            Err(error) => {
                let (verdict, ids) = (Verdict::Ledger(error), CallerIds::default());
                return Reply { process, verdict, ids };
            }
            Ok(Ok(request)) => request,
            Ok(Err(rejected)) => {
                let ids = CallerIds::of_rejected(&rejected);
                return Reply { process, verdict: *caller::rejected(who, rejected, &self.directory()), ids };
            }
        };
        let (cpo, emp) = (request.cpo_partner_session_id(), request.emp_partner_session_id());
        let ids = caller_ids(request.provider_id(), cpo, emp);
        let directory = self.inner.partners.directory();
        let (ticket, provider, addressee) = match addressee(who, kind, path_id, &request, &directory) {
            Ok((provider, addressee)) => {
                let ticket = self.inner.ticket(&*provider, Limited::Operation(beginning(kind)), arrived);
                (ticket, provider.id, addressee)
            }
            Err(verdict) => return Reply { process, verdict: *verdict, ids },
        };
        let call = RemoteCall {
            asking: Asking {
                process,
                service: beginning(kind),
                body: request.body().clone(),
                ids: ids.clone(),
                ticket,
            },
            arrived,
            timeout: addressee.endpoint.timeout,
        };
        let beginning = Beginning { process, kind, provider, addressee, request, ids };
        self.carry_out(call, |inner| async move { inner.begin(beginning).await }).await
    }
}

/// Who asks, and who is asked.
fn addressee(
    who: &Identity,
    kind: SessionKind,
    path_id: &str,
    request: &RemoteStart,
    directory: &Directory,
) -> Result<(Arc<Provider>, Addressee), Box<Verdict>> {
    let provider = caller::provider(who, path_id, request.provider_id(), directory)?;
    let addressee = remote::admit(kind, &request.evse_id(), &provider, directory).map_err(|reason| {
        Box::new(match reason {
            NotAdmitted::Locked(partner) => Verdict::Locked(partner),
            NotAdmitted::UnknownOperator(id) => Verdict::Remote(RemoteVerdict::UnknownOperator(id)),
            NotAdmitted::NoContract(id) => Verdict::Remote(RemoteVerdict::NoContract(id, kind)),
            NotAdmitted::NotOffered(id) => Verdict::Remote(RemoteVerdict::NotOffered(id, kind)),
        })
    })?;
    Ok((provider, addressee))
}

impl Inner {
    async fn begin(self: Arc<Self>, beginning: Beginning) -> Reply {
        let (process, operator) = (beginning.process, beginning.addressee.operator.id);
        let Some(_place) = self.remote_calls.place(operator) else {
            let verdict = Verdict::Remote(RemoteVerdict::Busy(operator));
            return Reply { process, verdict, ids: beginning.ids };
        };
        let key = SessionKey::new();
        if let Err(error) = self.ledger.open_remote(self.opening(key, &beginning)).await {
            return Reply { process, verdict: Verdict::Ledger(error), ids: beginning.ids };
        }
        let heard = self
            .ask_operator(Request {
                service: super::beginning(beginning.kind),
                process,
                operator,
                provider: beginning.provider,
                endpoint: beginning.addressee.endpoint.clone(),
                body: beginning.request.forwarded(&key.to_session_id()),
            })
            .await;
        self.concluded(key, beginning, heard).await
    }

    fn opening(&self, key: SessionKey, beginning: &Beginning) -> RemoteOpening {
        RemoteOpening {
            key,
            process: beginning.process,
            opened_at: self.clock.now(),
            kind: beginning.kind,
            operator: beginning.addressee.operator.id,
            provider: beginning.provider,
            evse: beginning.request.evse_id(),
            emp_partner_session_id: beginning.request.emp_partner_session_id().map(str::to_owned),
            medium: self.medium_key.hash(&beginning.request.identification()),
            request: beginning.request.stored(),
            patience: beginning.addressee.endpoint.timeout + GRACE,
        }
    }

    /// Makes the operator's answer durable and turns it into the provider's.
    async fn concluded(&self, key: SessionKey, beginning: Beginning, heard: Heard) -> Reply {
        let Beginning { process, kind, mut ids, .. } = beginning;
        let operator = beginning.addressee.operator.id;
        let (answer, verdict) = match heard {
            Heard::Answered(mut ack) => {
                let theirs = ack.cpo_partner_session_id.take();
                ids.session = Some(key.to_session_id().to_string());
                ids.cpo_partner_session = theirs.clone().or(ids.cpo_partner_session);
                // The caller knows its own id.
                ack.emp_partner_session_id = None;
                let accepted = RemoteAnswer::Accepted { cpo_partner_session_id: theirs };
                (if ack.result { accepted } else { RemoteAnswer::Void }, Verdict::Relayed(ack))
            }
            Heard::NothingHappened(why) => {
                (RemoteAnswer::Void, Verdict::Remote(RemoteVerdict::NotReached(why)))
            }
            Heard::Unknown(why) => {
                // It may be stopped, so the provider has to know it.
                ids.session = Some(key.to_session_id().to_string());
                (RemoteAnswer::Unknown, Verdict::Remote(RemoteVerdict::Unconfirmed(why)))
            }
        };
        let code = match &verdict {
            Verdict::Relayed(ack) => ack.status.code,
            _ => Code::NO_ANSWER,
        };
        if let RemoteAnswer::Accepted { .. } = answer {
            self.sessions.put(SessionFacts {
                key,
                operator,
                provider: beginning.provider,
                evse: Some(beginning.request.evse_id()),
                emp_partner_session_id: ids.emp_partner_session.clone(),
            });
        }
        self.settle_remote(key, operator, answer, code).await;
        self.metrics.remote.told(super::beginning(kind), &operator, code);
        Reply { process, verdict, ids }
    }

    /// What the operator said is said, whether it can be written or not: a session that stays pending here takes
    /// messages all the same, and the watchdog makes it unconfirmed.
    async fn settle_remote(&self, key: SessionKey, operator: OperatorId, answer: RemoteAnswer, code: Code) {
        let outcome = RemoteOutcome { key, decided_at: self.clock.now(), answer, code: code.number() };
        if let Err(error) = self.ledger.settle_remote(outcome).await {
            let session = key.to_session_id();
            tracing::error!(%session, %operator, %error, "what an operator made of a remote request could not be written");
        }
    }
}
