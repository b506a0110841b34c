//! One attempt: a lease and a message in, an outcome out; and its record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oicp::OperatorId;
use oicp::service::Service;
use roamhub_core::delivery::{FinalState, Lease, Tries};
use roamhub_core::mandate::{self, Origin};
use roamhub_core::outcome::{self, AttemptOutcome, Next, Situation};
use roamhub_core::ports::{AttemptRecord, Fate, LedgerError, Letter, Settled};
use roamhub_core::route::Route;
use roamhub_core::{MessageKind, ProcessId, SessionKey};

use crate::metrics::AttemptLabels;
use crate::relay::Inner;

/// Why a message is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occasion {
    /// It is owed.
    Owed,
    /// A person asked for it once more.
    Replay,
}

/// Everything an attempt needs.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) lease: Lease,
    pub(crate) occasion: Occasion,
    pub(crate) process: ProcessId,
    pub(crate) session: SessionKey,
    pub(crate) kind: MessageKind,
    pub(crate) operator: OperatorId,
    pub(crate) body: bytes::Bytes,
    pub(crate) received_at: Timestamp,
    pub(crate) gives_up_at: Timestamp,
    pub(crate) tries: Tries,
    pub(crate) origin: Origin,
    pub(crate) route: Arc<Route>,
}

/// An outcome and what it takes to record it.
pub(crate) struct Done {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) record: AttemptRecord,
    pub(crate) fate: Fate,
}

impl Inner {
    /// Posts the received bytes and judges what comes back.
    pub(crate) async fn exchange(&self, attempt: &Attempt, budget: Duration) -> Box<Done> {
        let started_at = self.clock.now();
        let started = Instant::now();
        let exchange = self.courier.carry(&attempt.route.endpoint, letter(attempt, budget)).await;
        let took = started.elapsed();
        let outcome = outcome::judge(&exchange, attempt.kind, &attempt.route.faults);
        self.count(attempt, &outcome, took);
        let next = outcome::next(
            &outcome,
            &Situation {
                kind: attempt.kind,
                process: &attempt.process,
                gives_up_at: attempt.gives_up_at,
                now: self.clock.now(),
                tries: attempt.tries,
                schedule: &attempt.route.retry,
            },
        );
        let record = AttemptRecord {
            started_at,
            took,
            outcome: outcome.as_str(),
            http_status: exchange.ok().map(|answer| answer.status),
            acknowledgement: outcome.acknowledgement().map(|ack| ack.to_json().into()),
            detail: outcome.describe(),
            finding: match &outcome {
                AttemptOutcome::Delivered { finding, .. } => finding.clone(),
                _ => None,
            },
        };
        let fate = match next {
            Next::Final { state, reason } => Fate::Final { state, reason },
            Next::Retry { due_at } => Fate::Retry {
                due_at,
                faulted: matches!(outcome, AttemptOutcome::Faulted(_)),
                unusable: matches!(outcome, AttemptOutcome::Unusable { .. }),
            },
        };
        Box::new(Done { outcome, record, fate })
    }

    /// Writes the outcome. If the ledger does not take it, the lease runs out and the provider sees a repeat.
    pub(crate) async fn record(&self, attempt: &Attempt, done: Box<Done>) {
        let Done { record, fate, .. } = *done;
        let retried = self.count_fate(attempt, &fate);
        let settled = self.ledger.settle(attempt.lease, self.clock.now(), record, fate).await;
        self.recorded(attempt, settled, retried);
    }

    /// The same where nobody waits for it.
    pub(crate) fn record_behind(self: &Arc<Self>, attempt: Box<Attempt>, done: Box<Done>) {
        let Done { record, fate, .. } = *done;
        let retried = self.count_fate(&attempt, &fate);
        let (lease, inner, under_way) = (attempt.lease, self.clone(), self.tasks.token());
        let told = move |settled| {
            inner.recorded(&attempt, settled, retried);
            drop(under_way);
        };
        self.ledger.settle_and_tell(lease, self.clock.now(), record, fate, Box::new(told));
    }

    /// Counts what is given up; whether there is another attempt.
    fn count_fate(&self, attempt: &Attempt, fate: &Fate) -> bool {
        if let Fate::Final { state: state @ (FinalState::Exhausted | FinalState::Expired), reason } = *fate {
            let reason = reason.unwrap_or("too-old");
            self.metrics.given_up(&attempt.route.provider, state.as_str(), reason).inc();
        }
        matches!(fate, Fate::Retry { .. })
    }

    fn recorded(&self, attempt: &Attempt, settled: Result<Settled, LedgerError>, retried: bool) {
        match settled {
            Ok(Settled::Recorded) => {}
            Ok(Settled::Late) => {
                tracing::warn!(process = %attempt.process, "the outcome came after the lease was lost")
            }
            Err(error) => {
                self.metrics.unrecorded.inc();
                tracing::error!(process = %attempt.process, %error, "the outcome could not be recorded");
            }
        }
        self.bells.ring(attempt.session);
        self.joins.close(attempt.process);
        if retried {
            self.wake.notify_one();
        }
    }

    fn count(&self, attempt: &Attempt, outcome: &AttemptOutcome, took: Duration) {
        self.metrics.exchange.observe(took.as_secs_f64());
        let labels =
            AttemptLabels { provider: attempt.route.provider, kind: attempt.kind, outcome: outcome.as_str() };
        self.metrics.attempts.get_or_create(&labels).inc();
        if !matches!(outcome, AttemptOutcome::Delivered { .. }) {
            tracing::warn!(
                process = %attempt.process,
                provider = %attempt.route.provider,
                r#type = attempt.kind.as_str(),
                attempt = attempt.lease.token,
                outcome = outcome.as_str(),
                took_ms = took.as_millis(),
                "{}", outcome.describe()
            );
        }
    }
}

fn letter(attempt: &Attempt, budget: Duration) -> Letter {
    let mut headers = vec![
        ("process-id", attempt.process.to_string()),
        ("hub-attempt", attempt.lease.token.to_string()),
        // The ledger keeps microseconds: every attempt, also one after a restart, says the same.
        ("hub-received-at", format!("{:.6}", attempt.received_at)),
    ];
    if attempt.occasion == Occasion::Replay {
        headers.push(("hub-replay", "1".to_owned()));
    }
    if let Some(word) = attempt.origin.word() {
        headers.push((mandate::HEADER, word.to_owned()));
    }
    let base_url = &attempt.route.endpoint.base_url;
    let url = match attempt.kind {
        MessageKind::ChargeDetailRecord => {
            Service::ChargeDetailRecord.join(base_url, Some(&attempt.operator.to_string()))
        }
        _ => Service::ChargingNotifications.join(base_url, None),
    };
    Letter { url, headers, body: attempt.body.clone(), budget }
}
