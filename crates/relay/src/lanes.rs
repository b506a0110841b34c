//! A lane is a provider's queue: places for first attempts and for the backlog, a breaker, a pause, a pace.
//!
//! First attempts and redeliveries each have a share of their own, so after an outage neither starves the other, and a
//! slow provider holds up nobody else's messages. While all is well a live message costs here one look-up, two atomic
//! reads and one short lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oicp::{NotificationType, ProviderId};
use roamhub_core::breaker::BreakerState;
use roamhub_core::lane::{LaneSettings, Pace};
use roamhub_core::outcome::AttemptOutcome;

use crate::breakers::{Gate, Pass, Reached};
use crate::metrics::{BreakerMetrics, LaneLabels, RelayMetrics};
use crate::places::{Place, Places, Urgency};
use crate::submitted::Why;

/// One provider's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) gate: Arc<Gate>,
    paused: AtomicBool,
    live: Arc<Places>,
    backlog: Arc<Places>,
    pace: Mutex<Pace>,
    origin: Instant,
    draining: AtomicBool,
}

/// Why a lane lets nothing through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shut {
    /// A person has paused it.
    Paused,
    /// The provider is not reached; for so long nothing goes.
    Open(Duration),
}

impl From<Shut> for Why {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::Paused => Self::Paused,
            Shut::Open(_) => Self::NotReached,
        }
    }
}

/// What is under way in a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneLoad {
    /// Where its breaker stands.
    pub breaker: BreakerState,
    /// First attempts under way.
    pub live: usize,
    /// Attempts from the ledger under way.
    pub backlog: usize,
}

impl Lane {
    fn new(provider: ProviderId, metrics: BreakerMetrics) -> Self {
        Self {
            gate: Arc::new(Gate::new(provider, "notifications", metrics)),
            paused: AtomicBool::new(false),
            live: Arc::default(),
            backlog: Arc::default(),
            pace: Mutex::default(),
            origin: Instant::now(),
            draining: AtomicBool::new(false),
        }
    }

    /// Why nothing goes at the moment; `None` if something may.
    pub(crate) fn shut(&self) -> Option<Shut> {
        if self.paused.load(Ordering::Acquire) {
            return Some(Shut::Paused);
        }
        self.gate.shut_for().map(Shut::Open)
    }

    /// The right to one exchange.
    pub(crate) fn pass(&self) -> Result<Pass, Shut> {
        if self.paused.load(Ordering::Acquire) {
            return Err(Shut::Paused);
        }
        self.gate.pass().ok_or_else(|| Shut::Open(self.gate.shut_for().unwrap_or_default()))
    }

    /// The same for what cannot wait for a breaker's pause; a person's pause holds for it too.
    pub(crate) fn pass_out_of_turn(&self) -> Option<Pass> {
        if self.paused.load(Ordering::Acquire) { None } else { self.gate.pass_out_of_turn() }
    }

    /// A place for a first attempt, as soon as there is one: End and Error before Start and Progress.
    pub(crate) async fn live_place(&self, settings: &LaneSettings, kind: NotificationType) -> Place {
        let urgency = match kind {
            NotificationType::End | NotificationType::Error => Urgency::Urgent,
            NotificationType::Start | NotificationType::Progress => Urgency::Usual,
        };
        self.live.take(self.width(settings.live_share()), urgency).await
    }

    /// A place for the backlog, as soon as there is one, and up to `wanted` if more are free.
    pub(crate) async fn backlog_places(&self, settings: &LaneSettings) -> Vec<Place> {
        let width = self.width(settings.backlog_share());
        let mut places = vec![self.backlog.take(width, Urgency::Usual).await];
        while let Some(place) = self.backlog.try_take(width) {
            places.push(place);
        }
        places
    }

    fn width(&self, share: usize) -> usize {
        match self.gate.is_calm() || self.gate.state() == BreakerState::Closed {
            true => share,
            false => LaneSettings::narrowed(share),
        }
    }

    /// How many of `wanted` may begin now, or how long to wait for the first.
    pub(crate) fn may_begin(&self, per_second: u32, wanted: usize) -> Result<usize, Duration> {
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.grant(self.origin.elapsed(), per_second, wanted)
    }

    /// So many have begun.
    pub(crate) fn begun(&self, per_second: u32, number: usize) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.spend(self.origin.elapsed(), per_second, number);
    }

    /// The right to drain this lane, for one at a time.
    pub(crate) fn begin_draining(self: &Arc<Self>) -> Option<Draining> {
        let was = self.draining.swap(true, Ordering::AcqRel);
        (!was).then(|| Draining { lane: self.clone() })
    }

    pub(crate) fn load(&self) -> LaneLoad {
        LaneLoad { breaker: self.gate.state(), live: self.live.taken(), backlog: self.backlog.taken() }
    }
}

/// A lane that is being drained, until this is dropped.
#[derive(Debug)]
pub(crate) struct Draining {
    pub(crate) lane: Arc<Lane>,
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.lane.draining.store(false, Ordering::Release);
    }
}

/// What an outcome says about whether the provider is there: a refusal, a wrong address and an unusable answer come from
/// somebody.
pub(crate) fn reached(outcome: &AttemptOutcome) -> Reached {
    match outcome {
        AttemptOutcome::Unreachable { .. } => Reached::No,
        AttemptOutcome::Delivered { .. }
        | AttemptOutcome::Refused(_)
        | AttemptOutcome::Faulted(_)
        | AttemptOutcome::Unusable { .. }
        | AttemptOutcome::Misconfigured { .. } => Reached::Yes,
    }
}

/// All lanes, made on first use.
#[derive(Debug)]
pub(crate) struct Lanes {
    metrics: RelayMetrics,
    lanes: Mutex<HashMap<ProviderId, Arc<Lane>>>,
}

impl Lanes {
    pub(crate) fn new(metrics: RelayMetrics) -> Self {
        Self { metrics, lanes: Mutex::default() }
    }

    pub(crate) fn of(&self, provider: &ProviderId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Lane::new(*provider, self.metrics.breakers.clone()));
        lanes.entry(*provider).or_insert_with(made).clone()
    }

    /// Exactly these are paused.
    pub(crate) fn pause_exactly(&self, paused: &[ProviderId]) {
        for provider in paused {
            self.of(provider);
        }
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for (provider, lane) in lanes.iter() {
            let pause = paused.contains(provider);
            if lane.paused.swap(pause, Ordering::AcqRel) != pause {
                let labels = LaneLabels { provider: provider.to_string() };
                self.metrics.paused.get_or_create(&labels).set(pause.into());
                tracing::warn!(%provider, "{}", if pause { "the lane is paused" } else { "the lane is resumed" });
            }
        }
    }
}
