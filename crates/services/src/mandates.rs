//! Ends on operators' behalf: the watchdog finds who should get one, the ledger decides, and here is what is done and said
//! about it. The rules are in `roamhub_core::mandate`.
//!
//! Invariants: where operator and provider have not both agreed, nothing is asked of the ledger; time in which the hub could
//! hear nothing, or a clock that was set, expires no session.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use roamhub_core::clock_step::ClockWatch;
use roamhub_core::directory::Directory;
use roamhub_core::mandate::{Ground, Hearing, Issue, LateYes, MandatedEnd, Suspension, agreed, expires_at};
use roamhub_core::ports::watch::GhostChange;
use roamhub_core::ports::{Ledger, LedgerError};
use roamhub_core::retry::later;
use roamhub_core::watchdog::{GhostKind, Judgement, LOOK_AGAIN, Watched};
use roamhub_core::{ProcessId, SessionKey};

/// So many late yeses of an operator are looked at in a round.
const LATE_AT_ONCE: usize = 100;

/// What is counted about mandates.
#[derive(Clone, Debug, Default)]
pub struct MandateMetrics {
    issued: Family<IssuedLabels, Counter>,
    passed_over: Family<OperatorLabel, Counter>,
    suspended: Family<OperatorLabel, Gauge>,
}

/// Labels of Ends that the hub has issued.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct IssuedLabels {
    operator: String,
    ground: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OperatorLabel {
    operator: String,
}

impl OperatorLabel {
    fn of(operator: &OperatorId) -> Self {
        Self { operator: operator.to_string() }
    }
}

impl MandateMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "roamhub_mandated_ends",
            "Ends issued by the hub on an operator's behalf",
            metrics.issued.clone(),
        );
        registry.register(
            "roamhub_mandated_ends_passed_over",
            "Sessions that would have got one, had anybody known their EVSE",
            metrics.passed_over.clone(),
        );
        registry.register(
            "roamhub_mandate_suspended",
            "1 while an operator has lost its mandate",
            metrics.suspended.clone(),
        );
        metrics
    }
}

/// Keeps operators' mandates.
pub(crate) struct Mandates {
    ledger: Arc<dyn Ledger>,
    metrics: MandateMetrics,
    /// Which suspensions the gauge has shown.
    shown: BTreeSet<OperatorId>,
    origin: Instant,
    clocks: ClockWatch,
    /// Sessions expire as if none had been authorised before: the hub's start, or the last time its clock was set.
    counted_from: Timestamp,
}

impl Mandates {
    /// The hub can hear messages from now on.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, metrics: MandateMetrics, now: Timestamp) -> Self {
        Self {
            ledger,
            metrics,
            shown: BTreeSet::new(),
            origin: Instant::now(),
            clocks: ClockWatch::new(now, Duration::ZERO),
            counted_from: now,
        }
    }

    /// Before each round: a clock that was set makes no session older.
    pub(crate) fn compare_clocks(&mut self, now: Timestamp) {
        let steady = self.origin.elapsed();
        if self.clocks.step(now, steady).is_some() {
            tracing::warn!("the clock was set; mandates count their time anew");
            self.counted_from = now;
        }
        self.clocks = ClockWatch::new(now, steady);
    }

    /// The judgement on a session, once its mandate is kept: it is over if it has been ended; otherwise it is looked at
    /// again when the mandate says so, if not before.
    pub(crate) async fn keep(
        &self,
        directory: &Directory,
        watched: &Watched,
        judgement: Judgement,
        now: Timestamp,
    ) -> Result<Judgement, LedgerError> {
        if judgement == Judgement::Forgotten {
            return Ok(judgement);
        }
        let Some((expires, hearing)) = agreed(directory, &watched.operator, &watched.provider) else {
            return Ok(judgement);
        };
        let Some(expires_at) = expires_at(watched, expires, self.counted_from) else { return Ok(judgement) };
        if now < expires_at {
            return Ok(sooner(judgement, expires_at));
        }
        let Watched { session, operator, provider, .. } = *watched;
        let end = mandated(session, operator, provider, Ground::Expired, hearing, now);
        Ok(match self.issue(end).await? {
            Issue::Issued | Issue::Before => Judgement::Over,
            Issue::NoGround | Issue::WithoutEvse { .. } | Issue::Suspended => {
                sooner(judgement, later(now, LOOK_AGAIN))
            }
        })
    }

    /// Ends the sessions that providers believe in though they are not theirs; those that are no ghosts any more.
    pub(crate) async fn end_late_yeses(
        &self,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Vec<GhostChange>, LedgerError> {
        let mut changes = Vec::new();
        let givers: Vec<_> =
            directory.operators().filter(|one| one.preauthorisation_expires.is_some()).collect();
        if givers.is_empty() {
            return Ok(changes);
        }
        let suspended = self.ledger.suspensions().await?;
        for operator in givers {
            if suspended.iter().any(|one| one.operator == operator.id) {
                continue;
            }
            for LateYes { session, provider } in self.ledger.late_yeses(operator.id, LATE_AT_ONCE).await? {
                let Some((_, hearing)) = agreed(directory, &operator.id, &provider) else { continue };
                let end = mandated(session, operator.id, provider, Ground::LateYes, hearing, now);
                if self.issue(end).await? == Issue::Issued {
                    changes.push(GhostChange::Cleared(session, operator.id, GhostKind::LateYes));
                }
            }
        }
        Ok(changes)
    }

    async fn issue(&self, end: MandatedEnd) -> Result<Issue, LedgerError> {
        let issue = match self.ledger.issue(end).await {
            Ok(issue) => issue,
            // The others must not wait for it; the log says where a contradiction is, and readiness that the disk is full.
            Err(LedgerError::Contradiction | LedgerError::Full) => return Ok(Issue::NoGround),
            Err(error) => return Err(error),
        };
        let MandatedEnd { session, operator, provider, ground, process, .. } = end;
        let (session, ground) = (session.to_session_id(), ground.as_str());
        match issue {
            Issue::Issued => {
                let labels = IssuedLabels { operator: operator.to_string(), ground };
                self.metrics.issued.get_or_create(&labels).inc();
                tracing::info!(%session, %operator, %provider, ground, %process, "an End was issued on the operator's behalf");
            }
            Issue::WithoutEvse { first: true } => {
                self.metrics.passed_over.get_or_create(&OperatorLabel::of(&operator)).inc();
                tracing::warn!(%session, %operator, %provider, ground, "no End can be issued: nobody knows the session's EVSE");
            }
            Issue::Before | Issue::NoGround | Issue::WithoutEvse { first: false } | Issue::Suspended => {}
        }
        Ok(issue)
    }

    /// Says that an operator has lost its mandate.
    pub(crate) fn tell(&self, suspension: &Suspension) {
        tracing::error!(
            operator = %suspension.operator,
            session = %suspension.session.to_session_id(),
            shown_by = %suspension.shown_by,
            "a session that was ended on the operator's behalf went on: no more Ends are issued for this operator until \
             `roamhub mandates restore` gives the mandate back"
        );
    }

    /// Shows who has lost its mandate; who has it back shows as 0.
    pub(crate) async fn show(&mut self) -> Result<(), LedgerError> {
        let suspended: BTreeSet<_> =
            self.ledger.suspensions().await?.into_iter().map(|one| one.operator).collect();
        self.shown.extend(&suspended);
        for operator in &self.shown {
            let gauge = self.metrics.suspended.get_or_create(&OperatorLabel::of(operator));
            gauge.set(i64::from(suspended.contains(operator)));
        }
        Ok(())
    }
}

fn mandated(
    session: SessionKey,
    operator: OperatorId,
    provider: ProviderId,
    ground: Ground,
    hearing: Hearing,
    at: Timestamp,
) -> MandatedEnd {
    let (process, aside) = (ProcessId::new(), SessionKey::new());
    MandatedEnd { process, at, session, operator, provider, ground, hearing, aside }
}

/// The same judgement, looked at again no later than this.
fn sooner(judgement: Judgement, at: Timestamp) -> Judgement {
    match judgement {
        Judgement::Fine { look_at } => Judgement::Fine { look_at: look_at.min(at) },
        Judgement::Ghost { kind, since, look_at } => {
            Judgement::Ghost { kind, since, look_at: look_at.min(at) }
        }
        Judgement::Over | Judgement::Forgotten => judgement,
    }
}
