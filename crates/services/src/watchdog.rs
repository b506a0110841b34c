//! The watchdog: follows what happens behind the writer, looks at the sessions that are due for it, and says which of
//! them look like ghosts. The rules are in `roamhub_core::watchdog`.
//!
//! Invariants: nobody waits for it; it judges only once it knows everything that has come so far; what it cannot do now
//! it does the next time, and it ends only when it is told to.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oicp::OperatorId;
use roamhub_core::ports::watch::{Followed, GhostChange};
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use roamhub_core::watchdog::{GhostKind, Limits, judge};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::mandates::Mandates;
use crate::metrics::ServiceMetrics;
use crate::partners::Partners;
use crate::watch_metrics::WatchMetrics;

/// So much is done in one transaction, so that no message waits long behind it.
const BATCH: usize = 200;
/// The pause between two batches, for those who serve partners.
const BREATH: Duration = Duration::from_millis(5);
/// Once in so many rounds it looks for what is undecided or too old to be listed.
const TIDY_EVERY: u32 = 8;

/// Watches over the sessions of one ledger.
pub struct Watchdog {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    every: Duration,
    metrics: WatchMetrics,
    partners: Arc<Partners>,
    mandates: Mandates,
    /// What the gauge has shown.
    shown: Vec<(OperatorId, GhostKind)>,
}

impl std::fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watchdog").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Watchdog {
    /// A watchdog that makes its round so often.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        every: Duration,
        partners: Arc<Partners>,
        metrics: &ServiceMetrics,
    ) -> Self {
        let mandates = Mandates::new(ledger.clone(), metrics.mandates.clone(), clock.now());
        let metrics = metrics.watch.clone();
        Self { ledger, clock, limits, every, metrics, partners, mandates, shown: Vec::new() }
    }

    /// Voids, or calls unconfirmed, what a crash left undecided. To be called before partners are served: nothing can be under way then.
    pub async fn clear_up(&self) {
        if let Err(error) = self.void_undecided(Timestamp::MAX).await {
            tracing::warn!(%error, "sessions that a crash left undecided are voided later");
        }
    }

    /// Makes its rounds until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut rounds: u32 = 0;
        while !stop.is_cancelled() {
            let tidy = rounds.is_multiple_of(TIDY_EVERY);
            if let Err(error) = self.round(tidy, &stop).await {
                tracing::warn!(%error, "the watchdog could not make its round; it tries again");
            }
            rounds = rounds.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(self.every) => {}
            }
        }
    }

    async fn round(&mut self, tidy: bool, stop: &CancellationToken) -> Result<(), LedgerError> {
        self.mandates.compare_clocks(self.clock.now());
        loop {
            let followed = self.ledger.follow(BATCH, self.soonest()).await?;
            self.count_followed(&followed);
            self.metrics.behind(followed.behind);
            if stop.is_cancelled() {
                return Ok(());
            }
            if !followed.behind {
                break;
            }
            sleep(BREATH).await;
        }
        while self.look().await? && !stop.is_cancelled() {
            sleep(BREATH).await;
        }
        let directory = self.partners.directory();
        let ended = self.mandates.end_late_yeses(&directory, self.clock.now()).await?;
        ended.iter().for_each(|change| self.tell(change));
        if tidy {
            let now = self.clock.now();
            self.void_undecided(before(now, self.limits.undecided)).await?;
            let forgotten = self.ledger.forget(before(now, self.limits.forget_after)).await?;
            forgotten.iter().for_each(|change| self.tell(change));
        }
        let counts = self.ledger.ghost_counts().await?;
        self.metrics.show(&counts, &mut self.shown);
        self.mandates.show().await
    }

    /// The shortest time in which anything can have to be done about a session.
    fn soonest(&self) -> Duration {
        let directory = self.partners.directory();
        let mandates = directory.operators().filter_map(|operator| operator.preauthorisation_expires);
        mandates.fold(self.limits.soonest(), Duration::min)
    }

    /// Looks at some sessions; whether there may be more.
    async fn look(&self) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        let due = self.ledger.due_for_a_look(now, BATCH).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let more = due.len() == BATCH;
        let directory = self.partners.directory();
        let mut judged = Vec::with_capacity(due.len());
        for watched in due {
            let judgement = judge(&watched, &self.limits, now);
            judged.push((watched, self.mandates.keep(&directory, &watched, judgement, now).await?));
        }
        let changes = self.ledger.note_judgements(judged).await?;
        changes.iter().for_each(|change| self.tell(change));
        Ok(more)
    }

    async fn void_undecided(&self, opened_before: Timestamp) -> Result<(), LedgerError> {
        loop {
            let voided = self.ledger.void_undecided(opened_before, BATCH).await?;
            for (session, operator) in &voided {
                self.tell(&GhostChange::Found(*session, *operator, GhostKind::Undecided));
            }
            if voided.len() < BATCH {
                return Ok(());
            }
        }
    }

    fn count_followed(&self, followed: &Followed) {
        for (operator, kind) in &followed.cleared {
            self.metrics.cleared(operator, *kind);
        }
        followed.suspended.iter().for_each(|suspension| self.mandates.tell(suspension));
        for blocked in &followed.blocked {
            self.metrics.blocked(&blocked.caused_by);
            tracing::info!(
                caused_by = %blocked.caused_by,
                earlier = %blocked.earlier.to_session_id(),
                operator = %blocked.operator,
                "an authorisation was refused while an earlier session of the same medium stood open"
            );
        }
    }

    fn tell(&self, change: &GhostChange) {
        match change {
            GhostChange::Found(session, operator, kind) => {
                self.metrics.found(operator, *kind);
                let (session, kind) = (session.to_session_id(), kind.as_str());
                tracing::info!(%session, %operator, kind, "a session looks like a ghost");
            }
            GhostChange::Cleared(session, operator, kind) => {
                self.metrics.cleared(operator, *kind);
                let (session, kind) = (session.to_session_id(), kind.as_str());
                tracing::info!(%session, %operator, kind, "a ghost is none any more");
            }
            GhostChange::Forgotten(session, operator, kind) => {
                let (session, kind) = (session.to_session_id(), kind.as_str());
                tracing::info!(%session, %operator, kind, "a ghost is too old to be listed any longer");
            }
        }
    }
}

/// `now - pause`, or the beginning of time where that does not exist.
fn before(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.checked_sub(pause).ok())
        .unwrap_or(Timestamp::MIN)
}
