//! A charging notification (OICP 2.3, eRoamingChargingNotifications): Start, Progress, End, Error.
//!
//! The order of checks is the project's delivery document: structure, partner, session, findings, then the ledger
//! decides on repeats, the session's state and the distance between two Progress in one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::{ChargingNotification, Finding, SessionId};
use roamhub_core::allowance::Limited;
use roamhub_core::directory::{Directory, Operator, WhenUnreachable};
use roamhub_core::plausibility::{self, EVSE_CHANGED, EVSE_OUTSIDE_BUNDLE};
use roamhub_core::ports::{Declined, Intake, LedgerError, Plan};
use roamhub_core::rank::Rank;
use roamhub_core::session::SessionFacts;
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use roamhub_relay::{Outcome, Submitted, Why};
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use crate::allowances::counted;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::metrics::FindingLabels;
use crate::reply::{CallerIds, Later, Reply, Verdict};

/// From the call's arrival to the end of looking its session up, whatever the ledger does. The relay's own patience is
/// no longer.
const PATIENCE: Duration = Duration::from_millis(7_900);

/// The least distance between two Progress notifications of one session: five minutes, less some tolerance.
const PROGRESS_GAP: Duration = Duration::from_secs(295);

impl Hub {
    /// Takes a notification in and says what came of it. `odd` is what was odd about how it was sent; `arrived` is when
    /// the call began: the budget counts from there.
    pub async fn notify(&self, who: &Identity, body: Bytes, odd: Option<Finding>, arrived: Instant) -> Reply {
        let process = ProcessId::new();
        let notification = match parsed(body, ChargingNotification::parse).await {
            Err(error) => {
                let (verdict, ids) = (Verdict::Ledger(error), CallerIds::default());
                return Reply { process, verdict, ids };
            }
            Ok(Ok(notification)) => notification,
            Ok(Err(rejected)) => {
                let ids = CallerIds::of_rejected(&rejected);
                return Reply { process, verdict: *caller::rejected(who, rejected, &self.directory()), ids };
            }
        };
        let mut ids = CallerIds::of(&notification);
        // Whether it can come later is known from here on.
        if !self.inner.load.takes(Rank::of(notification.kind().into())) {
            return Reply { process, verdict: Verdict::TooBusy, ids };
        }
        let noted = self.inner.notify(who, process, notification, odd, arrived, &mut ids).await;
        let (process, verdict) = match noted {
            Ok(Noted { process, verdict }) => (process, verdict),
            Err(error) => (process, Verdict::Ledger(error)),
        };
        Reply { process, verdict, ids }
    }
}

/// A verdict and the id it is under: a repeat is answered under the first's.
struct Noted {
    process: ProcessId,
    verdict: Verdict,
}

impl Inner {
    async fn notify(
        &self,
        who: &Identity,
        process: ProcessId,
        notification: ChargingNotification,
        odd: Option<Finding>,
        arrived: Instant,
        ids: &mut CallerIds,
    ) -> Result<Noted, LedgerError> {
        let refused = |verdict| Ok(Noted { process, verdict });
        let directory = self.partners.directory();
        let operator = match caller::operator_of_body(who, notification.operator_id(), &directory) {
            Ok(operator) => operator,
            Err(verdict) => return refused(*verdict),
        };
        let kind = MessageKind::from(notification.kind());
        let ticket =
            Limited::notification(kind).and_then(|limited| self.ticket(&**operator, limited, arrived));
        let session = timeout_at(
            tokio::time::Instant::from_std(arrived + PATIENCE),
            self.session_of(notification.session_id(), operator),
        );
        let Some(session) = session.await.unwrap_or(Err(LedgerError::Unknown))? else {
            return refused(counted(ticket.as_ref(), Verdict::SessionInvalid));
        };
        if ids.emp_partner_session.is_none() {
            ids.emp_partner_session.clone_from(&session.emp_partner_session_id);
        }
        let findings = match self.findings(&notification, odd, &session, operator, &directory) {
            Ok(findings) => findings,
            Err(verdict) => return refused(counted(ticket.as_ref(), *verdict)),
        };
        let provider = directory.provider(&session.provider);
        let hears = provider.is_some_and(|provider| provider.hears(notification.kind()));
        let plan = if hears { Plan::Send { lease_until: self.relay.lease_until() } } else { Plan::Hold };
        let intake = Intake { ticket, ..self.intake(process, &notification, &session, findings, plan) };
        let submitted = self.relay.submit(Arc::new(intake), arrived).await?;
        if let Outcome::Held = submitted.outcome
            && submitted.process != process
        {
            // The first may have ended otherwise long ago: before its sender hears that it is kept for the feed, it is.
            self.feed.hold(submitted.process).await?;
        } else if !hears || provider.is_some_and(|provider| provider.feed) {
            self.feed.wake();
        }
        Ok(self.noted(submitted, kind, &session, &directory))
    }

    /// The session, if it is the caller's own. Whether it is still open is decided in the ledger's transaction.
    pub(crate) async fn session_of(
        &self,
        session: SessionId,
        operator: &Operator,
    ) -> Result<Option<Arc<SessionFacts>>, LedgerError> {
        let Some(key) = SessionKey::of(&session) else { return Ok(None) };
        let facts = match self.sessions.get(key) {
            Some(facts) => Some(facts),
            None => self.ledger.session_facts(key).await?.map(|facts| self.sessions.put(facts)),
        };
        Ok(facts.filter(|facts| facts.operator == operator.id))
    }

    /// What is odd about the message; refused for it only where the operator is set to `strict`.
    fn findings(
        &self,
        notification: &ChargingNotification,
        odd: Option<Finding>,
        session: &SessionFacts,
        operator: &Operator,
        directory: &Directory,
    ) -> Result<Vec<Finding>, Box<Verdict>> {
        let mut findings = notification.findings().to_vec();
        findings.extend(odd);
        findings.extend(notification.findings_at(self.clock.now()));
        let own = findings.len();
        findings.extend(plausibility::against_session(notification.evse_id(), session, operator, directory));
        for finding in &findings {
            let labels = FindingLabels { operator: operator.id, code: finding.code };
            self.metrics.findings.get_or_create(&labels).inc();
        }
        if operator.strict {
            // A lock or an ended contract is not the message's fault: what the hub authorised, it lets end.
            let blamed = |finding: &&Finding| matches!(finding.code, EVSE_OUTSIDE_BUNDLE | EVSE_CHANGED);
            let faults: Vec<_> =
                findings.iter().take(own).chain(findings.iter().skip(own).filter(blamed)).cloned().collect();
            if faults.iter().any(|finding| finding.code == EVSE_OUTSIDE_BUNDLE) {
                return Err(Box::new(Verdict::ForeignEvse(faults)));
            }
            if !faults.is_empty() {
                return Err(Box::new(Verdict::Implausible(faults)));
            }
        }
        Ok(findings)
    }

    fn intake(
        &self,
        process: ProcessId,
        notification: &ChargingNotification,
        session: &SessionFacts,
        findings: Vec<Finding>,
        plan: Plan,
    ) -> Intake {
        Intake {
            process,
            received_at: self.clock.now(),
            session: session.key,
            operator: session.operator,
            provider: session.provider,
            kind: notification.kind().into(),
            body: notification.body().clone(),
            digest: Sha256::digest(notification.body()).into(),
            evse: notification.evse_id(),
            findings,
            has_pin: notification.has_pin(),
            cpo_partner_session_id: notification.cpo_partner_session_id().map(str::to_owned),
            plan,
            progress_gap: PROGRESS_GAP,
            ticket: None,
        }
    }

    fn noted(
        &self,
        submitted: Submitted,
        kind: MessageKind,
        session: &SessionFacts,
        directory: &Directory,
    ) -> Noted {
        let verdict = match submitted.outcome {
            Outcome::Answered(ack) => Verdict::Relayed(ack),
            Outcome::Held => match directory.provider(&session.provider) {
                Some(provider) if provider.feed => Verdict::InFeed(provider.id),
                _ => Verdict::NotOffered(session.provider),
            },
            Outcome::Fetched => Verdict::Fetched(session.provider),
            Outcome::Superseded => Verdict::Superseded,
            Outcome::GivenUp(why) => Verdict::GivenUp(why),
            Outcome::Declined(Declined::SessionInvalid) => Verdict::SessionInvalid,
            Outcome::Declined(Declined::TooSoon { last }) => Verdict::TooSoon { last },
            Outcome::Declined(Declined::TooOften(too_often)) => Verdict::TooOften(too_often),
            Outcome::Deferred(why) => {
                let later = Later { why: in_words(why), may_be_overtaken: kind.is_passing() };
                let policy = directory.provider(&session.provider).map(|provider| provider.when_unreachable);
                match policy.unwrap_or_default() {
                    WhenUnreachable::Defer => Verdict::Deferred(later),
                    WhenUnreachable::Accept => Verdict::AcceptedForLater(later),
                }
            }
        };
        Noted { process: submitted.process, verdict }
    }
}

fn in_words(why: Why) -> String {
    match why {
        Why::Failed(what) => what,
        Why::Behind => "an earlier message of the session is to be delivered first".to_owned(),
        Why::TurnTooLate => "an earlier message of the session is still under way".to_owned(),
        Why::LaneFull => "the provider is busy".to_owned(),
        Why::Earlier => "this message was received before and is being delivered".to_owned(),
        Why::NoRoute => "the provider has no address at the moment".to_owned(),
        Why::OutOfTime => "too little time was left for an attempt".to_owned(),
        Why::NotReached => "the provider was not reached lately and is probed from time to time".to_owned(),
        Why::Paused => "delivery to the provider is paused".to_owned(),
    }
}

impl CallerIds {
    fn of(notification: &ChargingNotification) -> Self {
        Self {
            partner: Some(notification.operator_id().into()),
            session: Some(notification.session_id().to_string()),
            cpo_partner_session: notification.cpo_partner_session_id().map(str::to_owned),
            emp_partner_session: notification.emp_partner_session_id().map(str::to_owned),
        }
    }
}
