//! Asking providers whether a driver may charge: one of them, or all at once with the first "yes" winning.
//!
//! In a broadcast nobody is cancelled: the losers run on to their time budget. One that says yes after another has is a
//! conflict; it is counted and said aloud, because that provider now believes in a session that does not exist.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::OperatorId;
use oicp::authorize::{AuthorizationReading, AuthorizationStart};
use oicp::service::Service;
use oicp::status::{Code, Status};
use roamhub_core::authorisation::Candidates;
use roamhub_core::directory::{OfferedService, Provider};
use roamhub_core::outcome::{Exchange, ExchangeFailure};
use roamhub_core::ports::{Letter, OwedEnd};
use roamhub_core::watchdog::GhostKind;
use roamhub_core::{ProcessId, SessionKey};
use roamhub_relay::Reached;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::hub::Inner;
use crate::partners::route;

/// From the call's arrival to the last moment a provider may answer.
const BUDGET: Duration = Duration::from_millis(6_500);
/// How long the provider that knew the card last has before the others are asked as well.
const HEAD_START: Duration = Duration::from_secs(2);

/// What providers are asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) session: SessionKey,
    pub(crate) process: ProcessId,
    /// The request with the hub's SessionID in it.
    pub(crate) body: Bytes,
    /// Who asks; its id also stands in the path.
    pub(crate) operator: OperatorId,
    pub(crate) arrived: Instant,
    /// The keyed hash of its card or contract.
    pub(crate) medium: [u8; 32],
    /// The Ends still owed for it: the provider hears of them first.
    pub(crate) owed: Arc<[OwedEnd]>,
}

/// A provider that said yes, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) provider: Arc<Provider>,
    pub(crate) answer: AuthorizationReading,
}

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Asked {
    Authorised(Consent),
    Refused(Status),
}

impl Question {
    fn deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.arrived + BUDGET)
    }
}

impl Inner {
    pub(crate) async fn ask(self: &Arc<Self>, question: Question, candidates: Candidates) -> Asked {
        let (remembered, others) = match candidates {
            Candidates::Direct(provider) => return self.ask_one(&question, provider, Code::NO_ANSWER).await,
            Candidates::Broadcast { remembered, others } => (remembered, others),
        };
        match (remembered, others.as_slice()) {
            // There is nobody else to ask, so this one's reason is the reason.
            (Some(only), []) => self.ask_one(&question, only, Code::NO_POSITIVE_ANSWER).await,
            (None, [only]) => self.ask_one(&question, only.clone(), Code::NO_POSITIVE_ANSWER).await,
            (remembered, _) => self.broadcast(question, remembered, others).await,
        }
    }

    /// Passes the one provider's decision through; `silent` is the code for none.
    async fn ask_one(&self, question: &Question, provider: Arc<Provider>, silent: Code) -> Asked {
        match self.exchange(question, &provider).await {
            Ok(answer) if answer.authorized => Asked::Authorised(Consent { provider, answer }),
            Ok(answer) => Asked::Refused(answer.status),
            Err(silence) => Asked::Refused(Status::new(silent).with_info(match silence {
                Silence::NoAnswer => format!("{} did not answer in time", provider.id),
                Silence::NotAsked => {
                    format!("{} was not reached lately; it is asked again in a moment", provider.id)
                }
            })),
        }
    }

    /// Asks the one that is remembered, and all others if it does not say yes soon. The first yes wins.
    async fn broadcast(
        self: &Arc<Self>,
        question: Question,
        remembered: Option<Arc<Provider>>,
        others: Vec<Arc<Provider>>,
    ) -> Asked {
        let deadline = question.deadline();
        let (won, winner) = oneshot::channel();
        let inner = self.clone();
        self.tasks.spawn(async move { inner.collect(question, remembered, others, won).await });
        match timeout_at(deadline, winner).await {
            Ok(Ok(consent)) => Asked::Authorised(consent),
            Ok(Err(_)) | Err(_) => Asked::Refused(
                Status::new(Code::NO_POSITIVE_ANSWER).with_info("no provider authorised this identification"),
            ),
        }
    }

    /// Hears everybody out, also after somebody has won.
    async fn collect(
        self: Arc<Self>,
        question: Question,
        remembered: Option<Arc<Provider>>,
        mut waiting: Vec<Arc<Provider>>,
        won: oneshot::Sender<Consent>,
    ) {
        let mut won = Some(won);
        let mut asking = JoinSet::new();
        let head_start = sleep(HEAD_START);
        tokio::pin!(head_start);
        match remembered {
            Some(provider) => self.ask_beside(&mut asking, &question, provider),
            None => waiting.drain(..).for_each(|provider| self.ask_beside(&mut asking, &question, provider)),
        }
        loop {
            let others_now = tokio::select! {
                () = &mut head_start, if !waiting.is_empty() => true,
                heard = asking.join_next() => match heard {
                    None => break,
                    Some(Ok((provider, Ok(answer)))) if answer.authorized => {
                        waiting.clear();
                        self.consented(&question, &mut won, Consent { provider, answer });
                        false
                    }
                    Some(_) => true,
                },
            };
            if others_now {
                waiting.drain(..).for_each(|provider| self.ask_beside(&mut asking, &question, provider));
            }
        }
    }

    fn ask_beside(
        self: &Arc<Self>,
        asking: &mut JoinSet<(Arc<Provider>, Result<AuthorizationReading, Silence>)>,
        question: &Question,
        provider: Arc<Provider>,
    ) {
        let (inner, question) = (self.clone(), question.clone());
        asking.spawn(async move {
            let answer = inner.exchange(&question, &provider).await;
            (provider, answer)
        });
    }

    fn consented(&self, question: &Question, won: &mut Option<oneshot::Sender<Consent>>, consent: Consent) {
        let late = match won.take() {
            // Nobody listens any more once the budget is over.
            Some(won) => won.send(consent).err(),
            None => Some(consent),
        };
        let Some(Consent { provider, .. }) = late else { return };
        self.metrics.conflicts.inc();
        tracing::warn!(
            session = %question.session.to_session_id(),
            provider = %provider.id,
            "a provider said yes after the decision: it believes in a session that is not its own"
        );
        self.ledger.note_conflict(question.session, question.operator, provider.id, self.clock.now());
        self.metrics.watch.found(&question.operator, GhostKind::LateYes);
    }

    /// One provider's answer, or why there is none. An End that it is still owed for the same card goes out first.
    async fn exchange(
        &self,
        question: &Question,
        provider: &Provider,
    ) -> Result<AuthorizationReading, Silence> {
        let route = route(provider, OfferedService::Authorization).ok_or(Silence::NoAnswer)?;
        let breaker = self.authorisation_breakers.of(&provider.id);
        let pass = breaker.pass().ok_or(Silence::NotAsked)?;
        self.relay.release(provider.id, question.medium, &question.owed).await;
        let left = question.deadline().saturating_duration_since(tokio::time::Instant::now());
        let letter = Letter {
            url: Service::AuthorizeStart.join(&route.endpoint.base_url, Some(&question.operator.to_string())),
            headers: vec![("process-id", question.process.to_string())],
            body: question.body.clone(),
            budget: route.endpoint.timeout.min(left),
        };
        let answer = self.courier.carry(&route.endpoint, letter).await;
        let read = answer.as_ref().ok().and_then(|answer| AuthorizationStart::read(&answer.body).ok());
        pass.heard(reached(&answer, read.is_some()), &route.lane.breaker);
        if read.is_none() {
            let what = match &answer {
                Ok(answer) => format!("HTTP {} without an eRoamingAuthorizationStart", answer.status),
                Err(failure) => failure.as_str().to_owned(),
            };
            tracing::warn!(process = %question.process, provider = %provider.id, what, "no usable answer to AuthorizeStart");
        }
        // A ProviderID that is not the answering provider's own business is not passed on.
        let mut answer = read.ok_or(Silence::NoAnswer)?;
        answer.provider_id = answer.provider_id.filter(|id| provider.owns(id));
        Ok(answer)
    }
}

/// Why a provider did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Silence {
    /// Asked, and no answer that can be read came in time.
    NoAnswer,
    /// Not asked, because it was not reached lately.
    NotAsked,
}

/// Whether the provider was there: what feeds its breaker is the same as for notifications.
pub(crate) fn reached(answer: &Exchange, usable: bool) -> Reached {
    match answer {
        Ok(answer) if !usable && matches!(answer.status, 408 | 425 | 429 | 500..) => Reached::No,
        Ok(_) | Err(ExchangeFailure::Address | ExchangeFailure::Forbidden) => Reached::Yes,
        Err(_) => Reached::No,
    }
}
