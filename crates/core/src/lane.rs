//! A lane is a provider's queue: how many exchanges with it may be under way, and how fast what waited is drained.
//!
//! First attempts, with somebody waiting for the answer, and attempts from the ledger each have a share of their own, so
//! that after an outage neither starves the other.

use std::time::Duration;

use crate::MessageKind;
use crate::breaker::BreakerSettings;

/// How urgent a message is. Each urgency has a breaker of its own, for a provider that fails at every Start says nothing
/// about how it takes an End. The first two share a lane's places, the urgent ones first; charge detail records, which go
/// to another endpoint and may take longer, have places of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Urgency {
    /// End and Error: somebody may be waiting for it at the next charger.
    Urgent,
    /// Start and Progress.
    Usual,
    /// Charge detail records: nobody waits, but they must arrive.
    Record,
}

impl Urgency {
    /// All of them, the most urgent one first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Usual, Self::Record];
    /// Those of notifications, the urgent one first.
    pub const OF_NOTIFICATIONS: [Self; 2] = [Self::Urgent, Self::Usual];

    /// Of a message of this kind.
    #[must_use]
    pub fn of(kind: MessageKind) -> Self {
        match kind {
            MessageKind::End | MessageKind::Error => Self::Urgent,
            MessageKind::Start | MessageKind::Progress => Self::Usual,
            MessageKind::ChargeDetailRecord => Self::Record,
        }
    }

    /// The word for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "end-and-error",
            Self::Usual => "start-and-progress",
            Self::Record => "charge-detail-record",
        }
    }
}

/// How a lane is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneSettings {
    /// Exchanges under way at a time, at most; at least two.
    pub concurrency: usize,
    /// Deliveries from the ledger begun per second, at most; at least one.
    pub drain_rate: u32,
    /// When it stops asking.
    pub breaker: BreakerSettings,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self { concurrency: 320, drain_rate: 10_000, breaker: BreakerSettings::default() }
    }
}

/// Exchanges under way at a time while a provider is in probation: so many first attempts, and so many from the backlog.
pub const IN_PROBATION: usize = 2;

impl LaneSettings {
    /// The backlog's share: a fifth.
    #[must_use]
    pub fn backlog_share(&self) -> usize {
        (self.concurrency / 5).max(1)
    }

    /// What is left for first attempts.
    #[must_use]
    pub fn live_share(&self) -> usize {
        self.concurrency.saturating_sub(self.backlog_share()).max(1)
    }
}

/// Keeps to a rate: so many per second, evenly, with a little credit for a time of rest. Time is an argument, counted
/// from any fixed instant.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pace {
    /// When the next one would be due if there were no credit.
    next: Duration,
}

/// How much rest is credited.
const CREDIT: Duration = Duration::from_millis(100);

impl Pace {
    /// How many may begin at `now`: at most `wanted`; or how long to wait for the next one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn grant(&self, now: Duration, per_second: u32, wanted: usize) -> Result<usize, Duration> {
        let step = step(per_second);
        let from = self.begin(now);
        let Some(room) = now.checked_sub(from) else { return Err(from.saturating_sub(now)) };
        let granted = room.as_nanos() / step.as_nanos().max(1) + 1;
        Ok(usize::try_from(granted).unwrap_or(usize::MAX).min(wanted))
    }

    /// So many have begun at `now`.
    pub fn spend(&mut self, now: Duration, per_second: u32, begun: usize) {
        let begun = u32::try_from(begun).unwrap_or(u32::MAX);
        self.next = self.begin(now).saturating_add(step(per_second).saturating_mul(begun));
    }

    fn begin(&self, now: Duration) -> Duration {
        self.next.max(now.saturating_sub(CREDIT))
    }
}

fn step(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_have_a_share_whatever_the_concurrency() {
        for concurrency in [0, 1, 2, 3, 10, 320, usize::MAX] {
            let settings = LaneSettings { concurrency, ..LaneSettings::default() };
            let (live, backlog) = (settings.live_share(), settings.backlog_share());
            assert!(live >= 1 && backlog >= 1, "{concurrency}: {live} and {backlog}");
            assert!(live >= backlog, "{concurrency}");
            if concurrency >= 2 {
                assert_eq!(live + backlog, concurrency);
            }
        }
    }

    #[test]
    fn a_pace_is_kept_over_time_however_much_is_wanted_at_once() {
        for (per_second, wanted) in [(1, 1), (10, 3), (100, 1000), (10_000, 64)] {
            let mut pace = Pace::default();
            let (begin, mut now, mut begun) = (Duration::from_secs(50), Duration::from_secs(50), 0);
            while now < begin + Duration::from_secs(10) {
                match pace.grant(now, per_second, wanted) {
                    Ok(granted) => {
                        assert!((1..=wanted).contains(&granted));
                        pace.spend(now, per_second, granted);
                        begun += granted;
                    }
                    Err(wait) => now += wait,
                }
            }
            let ideal = 10 * usize::try_from(per_second).unwrap();
            assert!((ideal..=ideal + ideal / 50 + 2).contains(&begun), "{per_second}/s: {begun} in 10 s");
        }
    }

    #[test]
    fn what_was_granted_and_not_used_is_not_lost() {
        let mut pace = Pace::default();
        let now = Duration::from_secs(9);
        let granted = pace.grant(now, 100, 5).unwrap();
        pace.spend(now, 100, 0);
        assert_eq!(pace.grant(now, 100, 5), Ok(granted));
    }
}
