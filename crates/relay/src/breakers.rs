//! The breakers of all providers for one service, in this process. The rules are the domain's ([`Breaker`]); here they
//! meet the clock, the log and the metrics.
//!
//! Asking costs one atomic read while all is well. A change of state is logged once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oicp::ProviderId;
use roamhub_core::breaker::{Breaker, BreakerSettings, BreakerState, Ticket};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::metrics::{BreakerChange, BreakerLabels, BreakerMetrics};

/// The breakers of one service, made on first use.
#[derive(Debug)]
pub struct Breakers {
    service: &'static str,
    metrics: BreakerMetrics,
    gates: Mutex<HashMap<ProviderId, Arc<Gate>>>,
}

/// One provider's breaker for one service.
#[derive(Debug)]
pub struct Gate {
    provider: ProviderId,
    service: &'static str,
    metrics: BreakerMetrics,
    /// What time is counted from.
    origin: Instant,
    /// The era shifted by one, and a last bit that is set while there is nothing to watch.
    calm: AtomicU64,
    breaker: Mutex<Breaker>,
    /// Rung at every change of state.
    bell: Notify,
}

/// The right to one exchange; say what came of it with [`Pass::heard`]. Dropped unheard, it was not used.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    ticket: Option<Ticket>,
}

/// Whether a provider was reached, whatever it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// It answered.
    Yes,
    /// It could not be reached, did not answer in time, or asked for patience.
    No,
}

impl Breakers {
    pub(crate) fn new(service: &'static str, metrics: BreakerMetrics) -> Self {
        Self { service, metrics, gates: Mutex::default() }
    }

    /// The provider's breaker.
    pub fn of(&self, provider: &ProviderId) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Gate::new(*provider, self.service, self.metrics.clone()));
        gates.entry(*provider).or_insert_with(made).clone()
    }
}

const CALM: u64 = 1;

impl Gate {
    pub(crate) fn new(provider: ProviderId, service: &'static str, metrics: BreakerMetrics) -> Self {
        // Shown from the beginning: a gauge that is not there cannot be told from one that is not scraped.
        metrics.state.get_or_create(&BreakerLabels { provider: provider.to_string(), service }).set(0);
        Self {
            provider,
            service,
            metrics,
            origin: Instant::now(),
            calm: AtomicU64::new(CALM),
            breaker: Mutex::default(),
            bell: Notify::new(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.lock().state()
    }

    /// How long nothing would be let through; `None` if something would be.
    #[must_use]
    pub fn shut_for(&self) -> Option<Duration> {
        if self.calm_era().is_some() {
            return None;
        }
        self.lock().shut_for(self.now())
    }

    /// The right to one exchange, if there is one now.
    pub fn pass(self: &Arc<Self>) -> Option<Pass> {
        let ticket = match self.calm_era() {
            Some(era) => Ticket::of_closed(era),
            None => self.lock().admit(self.now())?,
        };
        Some(Pass { gate: self.clone(), ticket: Some(ticket) })
    }

    /// The same for what cannot wait for a pause to end.
    pub fn pass_out_of_turn(self: &Arc<Self>) -> Option<Pass> {
        let ticket = self.lock().admit_out_of_turn(self.now())?;
        Some(Pass { gate: self.clone(), ticket: Some(ticket) })
    }

    /// While a probe is under way: waits for what comes of it, at most `patience`.
    pub(crate) async fn await_probe(&self, patience: Duration) {
        let changed = self.bell.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if self.lock().is_probed() {
            let _ = timeout(patience, changed).await;
        }
    }

    /// Closed, and nothing has failed lately.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm_era().is_some()
    }

    /// Reached again lately.
    pub(crate) fn is_in_probation(&self) -> bool {
        !self.is_calm() && self.state() == BreakerState::Probation
    }

    fn calm_era(&self) -> Option<u32> {
        let word = self.calm.load(Ordering::Acquire);
        (word & CALM == CALM).then(|| u32::try_from(word >> 1).unwrap_or_default())
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn change(&self, step: impl FnOnce(&mut Breaker)) {
        let (before, after) = {
            let mut breaker = self.lock();
            let before = breaker.state();
            step(&mut breaker);
            let word = breaker.calm_era().map_or(0, |era| (u64::from(era) << 1) | CALM);
            self.calm.store(word, Ordering::Release);
            (before, breaker.state())
        };
        if before != after {
            self.tell(before, after);
        }
        self.bell.notify_waiters();
    }

    fn tell(&self, before: BreakerState, after: BreakerState) {
        let provider = self.provider.to_string();
        let labels = BreakerLabels { provider: provider.clone(), service: self.service };
        self.metrics.state.get_or_create(&labels).set(match after {
            BreakerState::Closed => 0,
            BreakerState::Probation => 1,
            BreakerState::Open => 2,
        });
        let change = BreakerChange { provider, service: self.service, to: after.as_str() };
        self.metrics.changes.get_or_create(&change).inc();
        let (from, to, provider) = (before.as_str(), after.as_str(), &self.provider);
        match after {
            BreakerState::Open => {
                tracing::warn!(%provider, service = self.service, from, to, "the provider is not reached; it is probed");
            }
            BreakerState::Probation | BreakerState::Closed => {
                tracing::info!(%provider, service = self.service, from, to, "the provider is reached again");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Whether this is the one exchange that an open breaker lets through.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.is_some_and(|ticket| ticket.is_probe())
    }

    /// What came of the exchange.
    pub fn heard(mut self, reached: Reached, settings: &BreakerSettings) {
        let Some(ticket) = self.ticket.take() else { return };
        match reached {
            Reached::Yes if self.gate.calm_era().is_some() => {}
            Reached::Yes => self.gate.change(|breaker| breaker.reached(ticket, settings)),
            Reached::No => {
                let now = self.gate.now();
                self.gate.change(|breaker| breaker.failed(ticket, now, settings));
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take().filter(Ticket::is_probe) {
            self.gate.change(|breaker| breaker.given_back(ticket));
        }
    }
}
