//! Removes what is too old, in passes: a slice, a pause that is a multiple of what the slice took, the next slice. So the
//! writer gives retention a small part of its time at most, and an End never waits for more than one slice.
//!
//! Invariants: nobody waits for it; what it cannot do now it does in the next pass; it ends only when it is told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use roamhub_core::retention::{Ages, Counts, Kind, Outlook, Pass, Slice};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The least pause between two slices.
const BREATH: Duration = Duration::from_millis(5);
/// The pause after a slice, in multiples of what it took.
const SHARE: u32 = 9;
/// The longest pause: a writer that is very busy is asked again after it.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The first pass begins so long after the start of the hub, when those who read messages in order have caught up.
const FIRST: Duration = Duration::from_secs(5);
/// How often that is tried after a failure.
const TRIES: u32 = 5;

/// Labels of what retention counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// What retention counts.
#[derive(Clone, Debug, Default)]
pub struct RetentionMetrics {
    removed: Family<KindLabel, Counter>,
    oldest: Family<KindLabel, Gauge>,
    last: Gauge,
    held_up: Gauge,
}

impl RetentionMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "roamhub_retention_removed",
            "Bodies overwritten and rows removed because of their age, by kind",
            metrics.removed.clone(),
        );
        registry.register(
            "roamhub_retention_oldest_timestamp_seconds",
            "When the oldest came in that is still kept whole, by kind",
            metrics.oldest.clone(),
        );
        registry.register(
            "roamhub_retention_last_pass_timestamp_seconds",
            "When the last pass was through; 0 before the first",
            metrics.last.clone(),
        );
        registry.register(
            "roamhub_retention_held_up",
            "1 while the oldest message is old enough and has to stay all the same",
            metrics.held_up.clone(),
        );
        metrics
    }

    fn removed(&self, kind: Kind, count: u64) {
        self.removed.get_or_create(&KindLabel { kind: kind.as_str() }).inc_by(count);
    }

    fn show(&self, outlook: &Outlook) {
        if let Some(last) = &outlook.last {
            self.last.set(last.ended_at.as_second());
        }
        self.oldest.clear();
        for (kind, at) in &outlook.oldest {
            self.oldest.get_or_create(&KindLabel { kind: kind.as_str() }).set(at.as_second());
        }
        self.held_up.set(i64::from(outlook.held_up.is_some()));
    }
}

/// How retention works.
#[derive(Clone, Copy, Debug)]
pub struct RetentionSettings {
    /// How long what is kept.
    pub ages: Ages,
    /// The pause between two passes.
    pub every: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { ages: Ages::default(), every: Duration::from_secs(6 * 60 * 60) }
    }
}

/// Removes what is too old from one ledger.
pub struct Retention {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    settings: RetentionSettings,
    metrics: RetentionMetrics,
}

impl std::fmt::Debug for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retention").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Retention {
    /// Retention of this ledger.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        settings: RetentionSettings,
        metrics: RetentionMetrics,
    ) -> Self {
        Self { ledger, clock, settings, metrics }
    }

    /// Makes its passes until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST.min(self.settings.every);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = self.settings.every;
            match self.pass(&stop).await {
                Ok(Some(pass)) => tell(&pass),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "retention stopped early; it goes on with its next pass")
                }
            }
            match self.ledger.outlook(self.settings.ages, self.clock.now()).await {
                Ok(outlook) => {
                    self.metrics.show(&outlook);
                    if let Some(held_up) = &outlook.held_up {
                        tracing::info!(since = %held_up.since, why = held_up.why, "old messages stay for now");
                    }
                }
                Err(error) => tracing::debug!(%error, "where retention stands was not read"),
            }
        }
    }

    /// One pass over everything; nothing if the hub stops meanwhile.
    async fn pass(&self, stop: &CancellationToken) -> Result<Option<Pass>, LedgerError> {
        let began_at = self.clock.now();
        let mut removed = Counts::new();
        for kind in Kind::ALL {
            let mut from = Some(0);
            while let Some(behind) = from {
                let slice_began = Instant::now();
                let slice = self.slice(kind, behind, began_at).await?;
                if slice.removed > 0 {
                    *removed.entry(kind).or_default() += slice.removed;
                    self.metrics.removed(kind, slice.removed);
                }
                from = slice.next;
                let pause = (slice_began.elapsed() * SHARE).clamp(BREATH, LONGEST_PAUSE);
                tokio::select! {
                    () = stop.cancelled() => return Ok(None),
                    () = sleep(pause) => {}
                }
            }
        }
        let pass = Pass { began_at, ended_at: self.clock.now(), removed };
        self.ledger.end_pass(pass.clone()).await?;
        Ok(Some(pass))
    }

    /// A slice; a busy ledger is asked again.
    async fn slice(&self, kind: Kind, from: i64, now: jiff::Timestamp) -> Result<Slice, LedgerError> {
        for _ in 1..TRIES {
            match self.ledger.retain(kind, self.settings.ages, from, now).await {
                Err(LedgerError::Busy) => sleep(LONGEST_PAUSE).await,
                done => return done,
            }
        }
        self.ledger.retain(kind, self.settings.ages, from, now).await
    }
}

fn tell(pass: &Pass) {
    let removed: BTreeMap<&str, u64> =
        pass.removed.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    if removed.is_empty() {
        tracing::debug!("retention: nothing was old enough");
    } else {
        let took = pass.ended_at.duration_since(pass.began_at);
        tracing::info!(?removed, took_s = took.as_secs(), "retention: what was old enough is gone");
    }
}
