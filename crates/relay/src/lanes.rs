//! A lane is a provider's queue: places for first attempts and for the backlog, breakers, a pause, a pace.
//!
//! First attempts and redeliveries each have a share of their own, so after an outage neither starves the other, and a
//! slow provider holds up nobody else's messages. While all is well a live message costs here one look-up, two atomic
//! reads and one short lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oicp::ProviderId;
use roamhub_core::breaker::BreakerState;
use roamhub_core::lane::{IN_PROBATION, LaneSettings, Pace, Urgency};
use roamhub_core::outcome::AttemptOutcome;
use roamhub_core::ports::rates::LaneRate;
use tokio::sync::oneshot;

use crate::breakers::{Gate, Pass, Reached};
use crate::metrics::{BreakerMetrics, LaneLabels, RelayMetrics};
use crate::places::{Place, Places};
use crate::submitted::Why;

/// How long a message waits for what comes of a probe that is under way.
const WAIT_FOR_PROBE: Duration = Duration::from_millis(500);

/// One provider's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    paused: AtomicBool,
    urgent: Kind,
    usual: Kind,
    record: Kind,
    live: Arc<Places>,
    backlog: Arc<Places>,
    /// Beside those of notifications: a charge detail record may take its time and holds up no End.
    records: Arc<Places>,
    pace: Mutex<Pace>,
    /// Deliveries per second that somebody has set; the partners file is the bound.
    rate: AtomicU32,
    origin: Instant,
    draining: AtomicBool,
    draining_records: AtomicBool,
}

/// What a lane drains by itself, each with a task, places and endpoint of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Queue {
    /// Notifications.
    Notifications,
    /// Charge detail records.
    Records,
}

impl Queue {
    pub(crate) const ALL: [Self; 2] = [Self::Notifications, Self::Records];

    /// The urgencies in it, the most urgent one first.
    fn urgencies(self) -> &'static [Urgency] {
        match self {
            Self::Notifications => &Urgency::OF_NOTIFICATIONS,
            Self::Records => &[Urgency::Record],
        }
    }
}

/// What each urgency has of its own.
#[derive(Debug)]
struct Kind {
    gate: Arc<Gate>,
    /// The few places in probation.
    few_live: Arc<Places>,
    few_backlog: Arc<Places>,
}

/// The places that an exchange takes, until it is over.
#[derive(Debug)]
pub(crate) struct Held {
    _few: Option<Place>,
    _place: Place,
}

impl Held {
    pub(crate) fn new(few: Option<Place>, place: Place) -> Self {
        Self { _few: few, _place: place }
    }
}

/// What may be claimed in one go.
#[derive(Debug)]
pub(crate) enum Step {
    /// A single one, with its right and its place among the few: a probe, or in probation.
    One(Urgency, Pass, Option<Place>),
    /// As many as there are places.
    Many(Option<Urgency>),
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
    /// Where the breaker of End and Error stands.
    pub breaker: BreakerState,
    /// Where the breaker of Start and Progress stands.
    pub breaker_of_the_usual: BreakerState,
    /// Where the breaker of charge detail records stands.
    pub breaker_of_records: BreakerState,
    /// First attempts under way.
    pub live: usize,
    /// Attempts from the ledger under way.
    pub backlog: usize,
}

impl Kind {
    fn new(provider: ProviderId, urgency: Urgency, metrics: BreakerMetrics) -> Self {
        Self {
            gate: Arc::new(Gate::new(provider, urgency.as_str(), metrics)),
            few_live: Arc::default(),
            few_backlog: Arc::default(),
        }
    }
}

impl Lane {
    fn new(provider: ProviderId, metrics: &BreakerMetrics) -> Self {
        Self {
            paused: AtomicBool::new(false),
            urgent: Kind::new(provider, Urgency::Urgent, metrics.clone()),
            usual: Kind::new(provider, Urgency::Usual, metrics.clone()),
            record: Kind::new(provider, Urgency::Record, metrics.clone()),
            live: Arc::default(),
            backlog: Arc::default(),
            records: Arc::default(),
            pace: Mutex::default(),
            rate: AtomicU32::new(u32::MAX),
            origin: Instant::now(),
            draining: AtomicBool::new(false),
            draining_records: AtomicBool::new(false),
        }
    }

    fn kind(&self, urgency: Urgency) -> &Kind {
        match urgency {
            Urgency::Urgent => &self.urgent,
            Urgency::Usual => &self.usual,
            Urgency::Record => &self.record,
        }
    }

    /// Why nothing so urgent goes at the moment; `None` if something may.
    pub(crate) fn shut(&self, urgency: Urgency) -> Option<Shut> {
        if self.paused.load(Ordering::Acquire) {
            return Some(Shut::Paused);
        }
        self.kind(urgency).gate.shut_for().map(Shut::Open)
    }

    /// Why nothing at all of the queue goes at the moment.
    pub(crate) fn shut_altogether(&self, queue: Queue) -> Option<Shut> {
        let mut soonest: Option<Duration> = None;
        for urgency in queue.urgencies() {
            match self.shut(*urgency)? {
                Shut::Paused => return Some(Shut::Paused),
                Shut::Open(pause) => soonest = Some(soonest.map_or(pause, |other| other.min(pause))),
            }
        }
        soonest.map(Shut::Open)
    }

    /// When the queue's first breaker that is open lets something through again.
    pub(crate) fn opens_in(&self, queue: Queue) -> Option<Duration> {
        queue.urgencies().iter().filter_map(|urgency| self.kind(*urgency).gate.shut_for()).min()
    }

    /// As [`Lane::shut`], but somebody who comes while a probe is under way waits a moment for what comes of it.
    pub(crate) async fn shut_now(&self, urgency: Urgency) -> Option<Shut> {
        let shut = self.shut(urgency)?;
        if let Shut::Open(_) = shut {
            self.kind(urgency).gate.await_probe(WAIT_FOR_PROBE).await;
        }
        self.shut(urgency)
    }

    /// The right to one exchange.
    pub(crate) fn pass(&self, urgency: Urgency) -> Result<Pass, Shut> {
        if self.paused.load(Ordering::Acquire) {
            return Err(Shut::Paused);
        }
        let gate = &self.kind(urgency).gate;
        gate.pass().ok_or_else(|| Shut::Open(gate.shut_for().unwrap_or_default()))
    }

    /// The right to one exchange, as long as nothing is amiss.
    pub(crate) fn pass_while_closed(&self, urgency: Urgency) -> Option<Pass> {
        let closed = self.kind(urgency).gate.state() == BreakerState::Closed;
        if closed { self.pass(urgency).ok() } else { None }
    }

    /// The same for an End that cannot wait for a breaker's pause; a person's pause holds for it too.
    pub(crate) fn pass_out_of_turn(&self) -> Option<Pass> {
        if self.paused.load(Ordering::Acquire) { None } else { self.urgent.gate.pass_out_of_turn() }
    }

    /// A place for a first attempt, as soon as there is one: End and Error before Start and Progress.
    pub(crate) async fn live_place(&self, settings: &LaneSettings, urgency: Urgency) -> Held {
        let kind = self.kind(urgency);
        let few = match kind.gate.is_in_probation() {
            true => Some(kind.few_live.take(IN_PROBATION, urgency).await),
            false => None,
        };
        Held { _few: few, _place: self.live.take(settings.live_share(), urgency).await }
    }

    /// A place for the backlog (its order is decided where it is claimed), as soon as there is one, and all others that are free.
    pub(crate) async fn backlog_places(&self, settings: &LaneSettings, queue: Queue) -> Vec<Place> {
        let mut places = vec![self.places(queue).take(settings.backlog_share(), Urgency::Urgent).await];
        places.extend(self.free_backlog_places(settings, queue));
        places
    }

    /// The places for the backlog that are free now and that nobody waits for.
    pub(crate) fn free_backlog_places(&self, settings: &LaneSettings, queue: Queue) -> Vec<Place> {
        let width = settings.backlog_share();
        std::iter::from_fn(|| self.places(queue).try_take(width, Urgency::Urgent)).collect()
    }

    /// Stands in the line for a place for the backlog from now on.
    pub(crate) fn line_up(&self, settings: &LaneSettings, queue: Queue) -> oneshot::Receiver<Place> {
        self.places(queue).line_up(settings.backlog_share(), Urgency::Urgent)
    }

    /// The places for the backlog of a queue.
    fn places(&self, queue: Queue) -> &Arc<Places> {
        match queue {
            Queue::Notifications => &self.backlog,
            Queue::Records => &self.records,
        }
    }

    /// What may be claimed now, what is single first: nothing if the lane is shut.
    pub(crate) fn steps(&self, queue: Queue) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut free = Vec::new();
        for urgency in queue.urgencies().iter().copied() {
            let kind = self.kind(urgency);
            if self.shut(urgency).is_some() {
                continue;
            }
            let few = match kind.gate.state() {
                BreakerState::Closed => {
                    free.push(urgency);
                    continue;
                }
                BreakerState::Open => None,
                BreakerState::Probation => match kind.few_backlog.try_take(IN_PROBATION, urgency) {
                    Some(few) => Some(few),
                    None => continue,
                },
            };
            steps.extend(self.pass(urgency).ok().map(|pass| Step::One(urgency, pass, few)));
        }
        match free.as_slice() {
            [] => {}
            [only] => steps.push(Step::Many(Some(*only))),
            _ => steps.push(Step::Many(None)),
        }
        steps
    }

    /// How many of `wanted` may begin now, or how long to wait for the first. `most` per second, or what somebody has set
    /// below that.
    pub(crate) fn may_begin(&self, most: u32, wanted: usize) -> Result<usize, Duration> {
        let per_second = self.per_second(most);
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.grant(self.origin.elapsed(), per_second, wanted)
    }

    /// So many have begun.
    pub(crate) fn begun(&self, most: u32, number: usize) {
        let per_second = self.per_second(most);
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.spend(self.origin.elapsed(), per_second, number);
    }

    fn per_second(&self, most: u32) -> u32 {
        self.rate.load(Ordering::Relaxed).min(most)
    }

    /// The right to drain a queue of this lane, for one at a time.
    pub(crate) fn begin_draining(self: &Arc<Self>, queue: Queue) -> Option<Draining> {
        let was = self.drained(queue).swap(true, Ordering::AcqRel);
        (!was).then(|| Draining { lane: self.clone(), queue })
    }

    fn drained(&self, queue: Queue) -> &AtomicBool {
        match queue {
            Queue::Notifications => &self.draining,
            Queue::Records => &self.draining_records,
        }
    }

    pub(crate) fn load(&self) -> LaneLoad {
        LaneLoad {
            breaker: self.urgent.gate.state(),
            breaker_of_the_usual: self.usual.gate.state(),
            breaker_of_records: self.record.gate.state(),
            live: self.live.taken(),
            backlog: self.backlog.taken() + self.records.taken(),
        }
    }
}

/// A queue of a lane that is being drained, until this is dropped.
#[derive(Debug)]
pub(crate) struct Draining {
    pub(crate) lane: Arc<Lane>,
    pub(crate) queue: Queue,
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.lane.drained(self.queue).store(false, Ordering::Release);
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
        let made = || Arc::new(Lane::new(*provider, &self.metrics.breakers));
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

    /// Exactly these rates are set.
    pub(crate) fn set_rates(&self, rates: &[LaneRate]) {
        for rate in rates {
            self.of(&rate.provider);
        }
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for (provider, lane) in lanes.iter() {
            let set = rates.iter().find(|rate| rate.provider == *provider);
            let rate = set.map_or(u32::MAX, |rate| rate.per_second.max(1));
            if lane.rate.swap(rate, Ordering::Relaxed) != rate {
                match set {
                    Some(set) => {
                        tracing::info!(%provider, per_second = set.per_second, "the drain rate is set")
                    }
                    None => tracing::info!(%provider, "the drain rate is the partners file's again"),
                }
            }
        }
    }
}
