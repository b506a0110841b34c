//! A driver at a charge point asks to stop (OICP 2.3, eRoamingAuthorizeStop): may this medium stop this session?
//!
//! Invariants: what the hub authorised, it lets end: neither a lock nor an ended contract is in the way. A session that
//! uploaded records authorised is stopped by what started it and by nothing else; any other one by a medium that its
//! provider named, or as the provider decides. A stop does not end the session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::OperatorId;
use oicp::authorize::{AuthorizationReading, AuthorizationStop, AuthorizeStop};
use oicp::identification::Identification;
use oicp::service::Service;
use oicp::status::{Code, Status};
use roamhub_core::allowance::{Limited, Ticket};
use roamhub_core::directory::{Directory, OfferedService};
use roamhub_core::media::{Form, StopQuestion};
use roamhub_core::ports::{LedgerError, Letter};
use roamhub_core::session::SessionFacts;
use roamhub_core::session::machine::{Answer, By, Sign, What, step};
use roamhub_core::{ProcessId, SessionKey};

use crate::asked_once::Asking;
use crate::authorise_ask::reached;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::metrics::AuthorisationLabels;
use crate::partners::route;
use crate::pins::{self, Guess};
use crate::reply::{CallerIds, Reply, Verdict};

/// From the call's arrival to its answer, whatever the ledger does.
const PATIENCE: Duration = Duration::from_millis(7_800);
/// From the call's arrival to the last moment the provider may answer.
const BUDGET: Duration = Duration::from_millis(6_500);

/// A stop to be decided.
struct Stop {
    process: ProcessId,
    request: AuthorizeStop,
    facts: Arc<SessionFacts>,
    medium: [u8; 32],
    arrived: Instant,
}

impl Hub {
    /// Decides whether a medium may stop a session. `path_id` is the OperatorID in the request's path.
    pub async fn authorise_stop(
        &self,
        who: &Identity,
        path_id: &str,
        body: Bytes,
        arrived: Instant,
    ) -> Reply {
        let process = ProcessId::new();
        let request = match parsed(body, AuthorizeStop::parse).await {
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
            session: Some(request.session_id().to_string()),
            cpo_partner_session: request.cpo_partner_session_id().map(str::to_owned),
            emp_partner_session: request.emp_partner_session_id().map(str::to_owned),
        };
        let directory = self.inner.partners.directory();
        match caller::operator(who, path_id, request.operator_id(), &directory) {
            Ok(operator) => {
                let limited = Limited::Operation(Service::AuthorizeStop);
                let ticket = self.inner.ticket(&*operator, limited, arrived);
                self.once_stopped(process, request, directory, ids, arrived, ticket).await
            }
            Err(verdict) => Reply { process, verdict: *verdict, ids },
        }
    }

    /// Only a yes lasts: a driver who is refused may try again with the same card.
    async fn once_stopped(
        &self,
        process: ProcessId,
        request: AuthorizeStop,
        directory: Arc<Directory>,
        ids: CallerIds,
        arrived: Instant,
        ticket: Option<Ticket>,
    ) -> Reply {
        let operator = request.operator_id();
        let asking = Asking {
            process,
            service: Service::AuthorizeStop,
            body: request.body().clone(),
            ids: ids.clone(),
            ticket,
        };
        let lasting = |verdict: &Verdict| matches!(verdict, Verdict::Stopped(answer) if answer.authorized);
        self.asked_once(asking, arrived + PATIENCE, lasting, |inner| async move {
            let decided = inner.decide_stop(process, request, &directory, arrived).await;
            let verdict = decided.unwrap_or_else(Verdict::Ledger);
            inner.count_stop(&operator, &verdict);
            Reply { process, verdict, ids }
        })
        .await
    }
}

impl Inner {
    async fn decide_stop(
        self: &Arc<Self>,
        process: ProcessId,
        request: AuthorizeStop,
        directory: &Directory,
        arrived: Instant,
    ) -> Result<Verdict, LedgerError> {
        let Some(key) = SessionKey::of(&request.session_id()) else { return Ok(Verdict::SessionInvalid) };
        let facts = match self.sessions.get(key) {
            Some(facts) => Some(facts),
            None => self.ledger.session_facts(key).await?.map(|facts| self.sessions.put(facts)),
        };
        let Some(facts) = facts.filter(|facts| facts.operator == request.operator_id()) else {
            return Ok(Verdict::SessionInvalid);
        };
        let medium = self.medium_key.hash(request.identification());
        let question = StopQuestion { session: key, medium };
        let Some(known) = self.ledger.stop_facts(question).await? else { return Ok(Verdict::SessionInvalid) };
        let stops = Sign { what: What::AuthorizeStop, by: By::Operator };
        if step(known.life, stops).answer != Answer::Welcome {
            return Ok(Verdict::SessionInvalid);
        }
        let form = Form::of(request.identification());
        let stop = Stop { process, request, facts, medium, arrived };
        let verdict = match known.uploaded {
            Some(started) if known.started_it && started == form => self.stop_as_uploaded(&stop).await?,
            Some(_) => Err(Status::new(form.refusal())
                .with_info("the session was started with another medium; only what started it stops it")),
            // Only the provider knows the PIN of a code.
            None if known.named && form != Form::Code => Ok(None),
            None => self.ask_to_stop(&stop, directory).await,
        };
        Ok(Verdict::Stopped(answer(&stop, verdict)))
    }

    /// The session was authorised by uploaded records, and this is what started it. A PIN has to be right again, as long
    /// as there is one to compare it with.
    async fn stop_as_uploaded(
        self: &Arc<Self>,
        stop: &Stop,
    ) -> Result<Result<Option<AuthorizationReading>, Status>, LedgerError> {
        let Identification::QrCode { pin: Some(pin), .. } = stop.request.identification() else {
            return Ok(Ok(None));
        };
        let known = self.ledger.uploaded(stop.medium).await?;
        let of_provider = known
            .into_iter()
            .find(|known| known.provider == stop.facts.provider && known.record.form == Form::Code);
        let Some(hash) = of_provider.and_then(|known| known.record.pin) else { return Ok(Ok(None)) };
        let guess = Guess {
            operator: stop.facts.operator,
            medium: stop.medium,
            pin,
            hash,
            verdict: pins::Verdict::Final,
        };
        Ok(match self.check_pin(guess, stop.arrived + BUDGET).await? {
            Ok(()) => Ok(None),
            Err(wrong) => Err(Status::new(Code::QR_REFUSED).with_info(wrong.in_words())),
        })
    }

    /// The provider's decision, or why there is none.
    async fn ask_to_stop(
        &self,
        stop: &Stop,
        directory: &Directory,
    ) -> Result<Option<AuthorizationReading>, Status> {
        let id = stop.facts.provider;
        let provider = directory.provider(&id);
        let way =
            provider.and_then(|provider| Some((provider, route(provider, OfferedService::Authorization)?)));
        let Some((provider, route)) = way else {
            let why = format!("{id} takes no requests to stop; what it has uploaded or named decides alone");
            return Err(Status::new(Code::SERVICE_NOT_AVAILABLE).with_info(why));
        };
        let silent = |why: &str| Err(Status::new(Code::NO_ANSWER).with_info(format!("{id} {why}")));
        let breaker = self.authorisation_breakers.of(&id);
        let Some(pass) = breaker.pass() else {
            return silent("was not reached lately; it is asked again in a moment");
        };
        let left = (stop.arrived + BUDGET).saturating_duration_since(Instant::now());
        let letter = Letter {
            url: Service::AuthorizeStop
                .join(&route.endpoint.base_url, Some(&stop.facts.operator.to_string())),
            headers: vec![("process-id", stop.process.to_string())],
            body: stop.request.forwarded(),
            budget: route.endpoint.timeout.min(left),
        };
        let answer = self.courier.carry(&route.endpoint, letter).await;
        let read = answer.as_ref().ok().and_then(|answer| AuthorizationStop::read(&answer.body).ok());
        pass.heard(reached(&answer, read.is_some()), &route.lane.breaker);
        let Some(mut read) = read else {
            let what = match &answer {
                Ok(answer) => format!("HTTP {} without an eRoamingAuthorizationStop", answer.status),
                Err(failure) => failure.as_str().to_owned(),
            };
            tracing::warn!(process = %stop.process, provider = %id, what, "no usable answer to AuthorizeStop");
            return silent("did not answer in time");
        };
        // A ProviderID that is not the answering provider's own business is not passed on.
        read.provider_id = read.provider_id.filter(|id| provider.owns(id));
        if read.authorized { Ok(Some(read)) } else { Err(read.status) }
    }

    fn count_stop(&self, operator: &OperatorId, verdict: &Verdict) {
        let code = match verdict {
            Verdict::Stopped(answer) => answer.status.code,
            Verdict::SessionInvalid => Code::SESSION_INVALID,
            _ => Code::DATABASE_ERROR,
        };
        let labels = AuthorisationLabels { operator: operator.to_string(), code: code.to_string() };
        self.metrics.stops.get_or_create(&labels).inc();
    }
}

/// The answer with the caller's own ids, whoever decided.
fn answer(stop: &Stop, decided: Result<Option<AuthorizationReading>, Status>) -> AuthorizationStop {
    let (request, facts) = (&stop.request, &stop.facts);
    let (authorized, status, said) = match decided {
        Ok(Some(said)) => (true, said.status.clone(), Some(said)),
        Ok(None) => (true, Status::new(Code::SUCCESS), None),
        Err(status) => (false, status, None),
    };
    let theirs = said.as_ref().and_then(|said| said.emp_partner_session_id.clone());
    let sent = || request.emp_partner_session_id().map(str::to_owned);
    let by = said.and_then(|said| said.provider_id).unwrap_or(facts.provider);
    AuthorizationStop {
        session_id: Some(request.session_id().to_string()),
        cpo_partner_session_id: request.cpo_partner_session_id().map(str::to_owned),
        emp_partner_session_id: theirs.or_else(sent).or_else(|| facts.emp_partner_session_id.clone()),
        provider_id: authorized.then_some(by),
        authorized,
        status,
    }
}
