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
use oicp::status::Code;
use roamhub_core::authorisation::{self, NobodyToAsk};
use roamhub_core::directory::{Directory, Operator};
use roamhub_core::ports::LedgerError;
use roamhub_core::session::{AuthorisationOutcome, PendingSession, SessionFacts};
use roamhub_core::watchdog::GhostKind;
use roamhub_core::{ProcessId, SessionKey};
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::authorise_ask::{Asked, Consent, Question};
use crate::hub::{Hub, Inner};
use crate::metrics::AuthorisationLabels;
use crate::reply::{CallerIds, Reply, Verdict};
use crate::shared_answers::{Given, Place};

/// From the call's arrival to its answer, whatever the ledger does.
const PATIENCE: Duration = Duration::from_millis(7_800);
/// How often shared answers are looked through for those whose time is over.
const FORGET_EVERY: Duration = Duration::from_secs(5);

impl Hub {
    /// Decides whether a driver may charge. `path_id` is the OperatorID in the request's path.
    pub async fn authorise_start(&self, path_id: &str, body: Bytes, arrived: Instant) -> Reply {
        let process = ProcessId::new();
        let request = match AuthorizeStart::parse(body) {
            Ok(request) => request,
            Err(rejected) => {
                let ids = CallerIds::of_rejected(&rejected);
                return Reply { process, verdict: Verdict::Rejected(Box::new(rejected)), ids };
            }
        };
        let ids = CallerIds {
            operator: Some(request.operator_id()),
            session: None,
            cpo_partner_session: request.cpo_partner_session_id().map(str::to_owned),
            emp_partner_session: request.emp_partner_session_id().map(str::to_owned),
        };
        let refused = |verdict| Reply { process, verdict, ids: ids.clone() };
        let directory = self.inner.partners.directory();
        let operator = match caller(path_id, &request, &directory) {
            Ok(operator) => operator,
            Err(verdict) => return refused(*verdict),
        };
        self.once(process, request, operator, directory, ids, arrived).await
    }

    /// Identical requests share one answer. The work goes on in a task of its own if the caller goes.
    async fn once(
        &self,
        process: ProcessId,
        request: AuthorizeStart,
        operator: Arc<Operator>,
        directory: Arc<Directory>,
        ids: CallerIds,
        arrived: Instant,
    ) -> Reply {
        let digest: [u8; 32] = Sha256::digest(request.body()).into();
        let mut answer = match self.inner.authorisations.place(digest, Instant::now()) {
            Place::Answered(given) => return given.to(ids),
            Place::Later(answer) => answer,
            Place::First(giver) => {
                let (inner, answer) = (self.inner.clone(), giver.subscribe());
                self.inner.tasks.spawn(async move {
                    let verdict = inner.decide(process, &request, &operator, &directory, arrived).await;
                    let verdict = verdict.unwrap_or_else(Verdict::Ledger);
                    inner.count(&operator.id, &verdict);
                    match verdict {
                        Verdict::Ledger(_) => {
                            inner.authorisations.give_once(giver, Given::new(process, verdict));
                        }
                        _ => inner.authorisations.give(giver, Given::new(process, verdict)),
                    }
                });
                answer
            }
        };
        let deadline = tokio::time::Instant::from_std(arrived + PATIENCE);
        let given = match timeout_at(deadline, answer.wait_for(Option::is_some)).await {
            Ok(Ok(given)) => given.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        match given {
            Some(given) => given.to(ids),
            None => Reply { process, verdict: Verdict::Ledger(LedgerError::Unknown), ids },
        }
    }

    /// Forgets shared answers whose time is over, until it is told to stop: where many were given and then nobody asks
    /// any more, their memory comes back.
    pub async fn forget_answers(self, stop: CancellationToken) {
        while stop.run_until_cancelled(sleep(FORGET_EVERY)).await.is_some() {
            self.inner.authorisations.expire(Instant::now());
        }
    }
}

fn caller(
    path_id: &str,
    request: &AuthorizeStart,
    directory: &Directory,
) -> Result<Arc<Operator>, Box<Verdict>> {
    let body = request.operator_id();
    if OperatorId::parse(path_id).ok() != Some(body) {
        return Err(Box::new(Verdict::IdMismatch { path: path_id.to_owned(), body }));
    }
    let operator = directory.operator(&body).ok_or_else(|| Box::new(Verdict::UnknownOperator(body)))?;
    if operator.locked { Err(Box::new(Verdict::Locked(operator.id))) } else { Ok(operator.clone()) }
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
        let candidates = match authorisation::candidates(request, operator, directory, remembered) {
            Ok(candidates) => candidates,
            Err(NobodyToAsk::NoContract) => return Ok(Verdict::NoContract),
            Err(NobodyToAsk::UnknownProvider(id)) => return Ok(Verdict::UnknownProvider(id)),
            Err(NobodyToAsk::NotOffered) => return Ok(Verdict::ProviderNotAsked),
        };
        let key = SessionKey::new();
        let pending = self.pending(key, process, request, operator, medium);
        self.ledger.open_pending(pending).await?;
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
        self.conclude(key, medium, request, operator, asked).await
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
                self.ledger.decide(outcome).await.inspect_err(|_| {
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
