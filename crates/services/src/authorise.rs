//! A driver at a charge point asks to start (OICP 2.3, eRoamingAuthorizeStart): the hub finds the provider, opens a
//! session and relays the decision.
//!
//! Invariants: the session is durable before any provider is asked; what providers receive carries the hub's SessionID;
//! a refusal leaves no session behind; the operator hears of a positive answer only once it is durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::OperatorId;
use oicp::authorize::AuthorizeStart;
use oicp::identification::Identification;
use oicp::service::Service;
use oicp::status::Code;
use roamhub_core::allowance::Limited;
use roamhub_core::authorisation::{self, NobodyToAsk};
use roamhub_core::directory::{Directory, Operator};
use roamhub_core::media::{Form, Grounds};
use roamhub_core::ports::LedgerError;
use roamhub_core::session::{AuthorisationOutcome, PendingSession, SessionFacts};
use roamhub_core::watchdog::GhostKind;
use roamhub_core::{ProcessId, SessionKey};

use crate::asked_once::Asking;
use crate::authorise_ask::{Asked, Consent, Question};
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::metrics::AuthorisationLabels;
use crate::reply::{CallerIds, Reply, Verdict};
use crate::uploaded::Said;

/// From the call's arrival to its answer, whatever the ledger does.
const PATIENCE: Duration = Duration::from_millis(7_800);

impl Hub {
    /// Decides whether a driver may charge. `path_id` is the OperatorID in the request's path.
    pub async fn authorise_start(
        &self,
        who: &Identity,
        path_id: &str,
        body: Bytes,
        arrived: Instant,
    ) -> Reply {
        let process = ProcessId::new();
        let request = match parsed(body, AuthorizeStart::parse).await {
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
        let ids = CallerIds {
            partner: Some(request.operator_id().into()),
            session: None,
            cpo_partner_session: request.cpo_partner_session_id().map(str::to_owned),
            emp_partner_session: request.emp_partner_session_id().map(str::to_owned),
        };
        let refused = |verdict| Reply { process, verdict, ids: ids.clone() };
        let directory = self.inner.partners.directory();
        let operator = match caller::operator(who, path_id, request.operator_id(), &directory) {
            Ok(operator) if operator.locked => return refused(Verdict::Locked(operator.id.into())),
            Ok(operator) => operator,
            Err(verdict) => return refused(*verdict),
        };
        self.once(process, request, operator, directory, ids, arrived).await
    }

    /// Identical requests share one answer.
    async fn once(
        &self,
        process: ProcessId,
        request: AuthorizeStart,
        operator: Arc<Operator>,
        directory: Arc<Directory>,
        ids: CallerIds,
        arrived: Instant,
    ) -> Reply {
        let asking = Asking {
            process,
            service: Service::AuthorizeStart,
            body: request.body().clone(),
            ids: ids.clone(),
            ticket: self.inner.ticket(&*operator, Limited::Operation(Service::AuthorizeStart), arrived),
        };
        let lasting = |verdict: &Verdict| !matches!(verdict, Verdict::Ledger(_));
        self.asked_once(asking, arrived + PATIENCE, lasting, |inner| async move {
            let verdict = inner.decide(process, &request, &operator, &directory, arrived).await;
            let verdict = verdict.unwrap_or_else(Verdict::Ledger);
            inner.count(&operator.id, &verdict);
            Reply { process, verdict, ids }
        })
        .await
    }
}

impl Inner {
    async fn decide(
        self: &Arc<Self>,
        process: ProcessId,
        request: &AuthorizeStart,
        operator: &Operator,
        directory: &Directory,
        arrived: Instant,
    ) -> Result<Verdict, LedgerError> {
        let medium = self.medium_key.hash(request.identification());
        let remembered = match request.identification().evco() {
            Some(_) => None,
            None => self.ledger.remembered_provider(medium).await?,
        };
        let identification = request.identification();
        let candidates = match authorisation::candidates(request, operator, directory, remembered) {
            Ok(candidates) => Some(candidates),
            Err(NobodyToAsk::NoContract) => return Ok(Verdict::NoContract),
            Err(NobodyToAsk::UnknownProvider(id)) => return Ok(Verdict::UnknownProvider(id)),
            Err(NobodyToAsk::NotOffered) => {
                if authorisation::uploaders(identification, operator, directory).is_empty() {
                    return Ok(Verdict::ProviderNotAsked);
                }
                // Uploaded records decide alone.
                None
            }
        };
        let said = self.said_by_uploads(identification, medium, operator, directory, arrived).await?;
        let key = SessionKey::new();
        let pending = self.pending(key, process, request, operator, medium);
        self.ledger.open_pending(pending).await?;
        let candidates = match (said, candidates) {
            (Said::Yes(consent), _) => {
                let grounds = Some(Grounds::Uploaded(Form::of(identification)));
                return self
                    .conclude(key, medium, request, operator, Asked::Authorised(consent), grounds)
                    .await;
            }
            (Said::No(status), None) => {
                return self.conclude(key, medium, request, operator, Asked::Refused(status), None).await;
            }
            (Said::No(_), Some(candidates)) => candidates,
        };
        // Looked up after that commit: the outcome of an End that its operator has just heard of is in it or before it.
        let owed = self.relay.owed_ends(medium).await;
        let question = Question {
            session: key,
            process,
            body: request.forwarded(&key.to_session_id()),
            operator: operator.id,
            arrived,
            medium,
            owed: owed.into(),
        };
        let asked = self.ask(question, candidates).await;
        let grounds = self.grounds(&asked);
        self.conclude(key, medium, request, operator, asked, grounds).await
    }

    /// The media that the provider named as ones that may stop the session; those of codes not, only the provider knows
    /// their PINs.
    fn grounds(&self, asked: &Asked) -> Option<Grounds> {
        let Asked::Authorised(consent) = asked else { return None };
        let media = consent.answer.stop_media();
        let decides = |medium: &&Identification| matches!(Form::of(medium), Form::Card | Form::Contract);
        let media: Vec<_> = media.iter().filter(decides).map(|medium| self.medium_key.hash(medium)).collect();
        (!media.is_empty()).then_some(Grounds::Named(media))
    }

    fn pending(
        &self,
        key: SessionKey,
        process: ProcessId,
        request: &AuthorizeStart,
        operator: &Operator,
        medium: [u8; 32],
    ) -> PendingSession {
        PendingSession {
            key,
            process,
            opened_at: self.clock.now(),
            operator: operator.id,
            evse: request.evse_id(),
            cpo_partner_session_id: request.cpo_partner_session_id().map(str::to_owned),
            medium,
            request: request.stored(),
        }
    }

    /// Makes the decision durable, then turns it into an answer.
    async fn conclude(
        &self,
        key: SessionKey,
        medium: [u8; 32],
        request: &AuthorizeStart,
        operator: &Operator,
        asked: Asked,
        grounds: Option<Grounds>,
    ) -> Result<Verdict, LedgerError> {
        let mut outcome = AuthorisationOutcome {
            key,
            medium,
            decided_at: self.clock.now(),
            authorised_by: None,
            emp_partner_session_id: None,
            code: 0,
        };
        match asked {
            Asked::Authorised(consent) => {
                outcome.authorised_by = Some(consent.provider.id);
                outcome.emp_partner_session_id.clone_from(&consent.answer.emp_partner_session_id);
                outcome.code = Code::SUCCESS.number();
                let by = consent.provider.id;
                let was_asked = !matches!(grounds, Some(Grounds::Uploaded(_)));
                let keep = async {
                    match grounds {
                        Some(grounds) => self.ledger.keep_grounds(key, grounds).await,
                        None => Ok(()),
                    }
                };
                // Queued in this order: nobody hears of a session without what may stop it.
                tokio::try_join!(keep, self.ledger.decide(outcome)).inspect_err(|_| {
                    if !was_asked {
                        return;
                    }
                    // The operator hears no yes, but the provider has given one.
                    self.ledger.note_conflict(key, operator.id, by, self.clock.now());
                    self.metrics.watch.found(&operator.id, GhostKind::LateYes);
                })?;
                self.sessions.put(SessionFacts {
                    key,
                    operator: operator.id,
                    provider: consent.provider.id,
                    evse: request.evse_id(),
                    emp_partner_session_id: consent.answer.emp_partner_session_id.clone(),
                });
                Ok(Verdict::Authorised(answer(key, request, consent)))
            }
            Asked::Refused(status) => {
                outcome.code = status.code.number();
                self.ledger.decide(outcome).await?;
                Ok(Verdict::NotAuthorised(status))
            }
        }
    }

    fn count(&self, operator: &OperatorId, verdict: &Verdict) {
        let code = match verdict {
            Verdict::Authorised(_) => Code::SUCCESS,
            Verdict::NotAuthorised(status) => status.code,
            Verdict::NoContract => Code::NO_CONTRACT,
            Verdict::UnknownProvider(_) => Code::PARTNER_NOT_FOUND,
            Verdict::ProviderNotAsked => Code::SERVICE_NOT_AVAILABLE,
            _ => Code::DATABASE_ERROR,
        };
        let labels = AuthorisationLabels { operator: operator.to_string(), code: code.to_string() };
        self.metrics.authorisations.get_or_create(&labels).inc();
    }
}

/// The consolidated answer: the provider's, with the hub's SessionID and the caller's own ids.
fn answer(
    key: SessionKey,
    request: &AuthorizeStart,
    consent: Consent,
) -> oicp::authorize::AuthorizationStart {
    let Consent { provider, answer } = consent;
    oicp::authorize::AuthorizationStart {
        session_id: Some(key.to_session_id()),
        cpo_partner_session_id: request.cpo_partner_session_id().map(str::to_owned),
        emp_partner_session_id: answer
            .emp_partner_session_id
            .or_else(|| request.emp_partner_session_id().map(str::to_owned)),
        // A sub-provider may speak through the one that bundles it.
        provider_id: Some(answer.provider_id.unwrap_or(provider.id)),
        authorized: true,
        status: answer.status,
        stop_identifications: answer.stop_identifications,
    }
}
