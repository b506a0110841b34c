//! When a failed delivery is tried again: an explicit list of steps per provider, a little jitter so that a restart of
//! the provider is not met by everything at once, and bounds on what the provider itself asks for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{MessageKind, ProcessId};

/// The steps between attempts; the last one repeats until the message is given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetrySchedule {
    steps: Vec<Duration>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// How long an End, an Error or a charge detail record is tried before it is given up (it stays replayable).
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * HOUR);
/// How long a Start or a Progress is of use to anybody.
pub const EXPIRES_AFTER: Duration = Duration::from_secs(15 * MINUTE);
/// How long before it is given up a message is tried for the last time.
pub const LAST_TRY_BEFORE: SignedDuration = SignedDuration::from_secs(30);
/// A provider whose address or credentials are wrong is not asked more often than this.
pub const SLOW_STEP: Duration = Duration::from_secs(5 * MINUTE);
/// The longest `Retry-After` that is honoured.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(HOUR);
/// The shortest `Retry-After` that is honoured.
pub const SHORTEST_RETRY_AFTER: Duration = Duration::from_secs(1);

impl Default for RetrySchedule {
    fn default() -> Self {
        let seconds = [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR];
        Self { steps: seconds.map(Duration::from_secs).to_vec() }
    }
}

impl RetrySchedule {
    /// A schedule of these steps; `None` if there is none.
    #[must_use]
    pub fn new(steps: Vec<Duration>) -> Option<Self> {
        (!steps.is_empty()).then_some(Self { steps })
    }

    /// The pause after the `attempt`th attempt (counted from 1), give or take a tenth. The jitter comes from the
    /// message's id, so the same question has the same answer.
    #[must_use]
    pub fn pause_after(&self, attempt: u32, process: &ProcessId) -> Duration {
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let step = self.steps.get(index).or(self.steps.last()).copied().unwrap_or(SLOW_STEP);
        let noise = process
            .as_bytes()
            .iter()
            .fold(attempt, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        let thousandths = 900 + noise % 201;
        step.saturating_mul(thousandths) / 1000
    }
}

/// Brings a provider's `Retry-After` within bounds.
#[must_use]
pub fn bounded_retry_after(asked: Duration) -> Duration {
    asked.clamp(SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER)
}

/// Until when a message received at `received_at` is tried.
#[must_use]
pub fn gives_up_at(kind: MessageKind, received_at: Timestamp) -> Timestamp {
    later(received_at, if kind.is_passing() { EXPIRES_AFTER } else { GIVE_UP_AFTER })
}

/// When a message that is given up at `gives_up_at` is tried for the last time.
#[must_use]
pub fn last_try_before(gives_up_at: Timestamp) -> Timestamp {
    gives_up_at.checked_sub(LAST_TRY_BEFORE).unwrap_or(gives_up_at)
}

/// `instant + pause`, or the end of time where that does not exist.
#[must_use]
pub fn later(instant: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| instant.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_repeats_and_jitter_stays_within_a_tenth() {
        let schedule = RetrySchedule::new(vec![Duration::from_secs(10), Duration::from_secs(100)]).unwrap();
        for _ in 0..200 {
            let process = ProcessId::new();
            for (attempt, seconds) in [(1, 10.0), (2, 100.0), (3, 100.0), (1000, 100.0)] {
                let pause = schedule.pause_after(attempt, &process).as_secs_f64();
                assert!((seconds * 0.9..=seconds * 1.1).contains(&pause), "attempt {attempt}: {pause}");
            }
        }
    }

    #[test]
    fn jitter_differs_between_messages() {
        let schedule = RetrySchedule::default();
        let pauses: std::collections::HashSet<_> =
            (0..100).map(|_| schedule.pause_after(3, &ProcessId::new())).collect();
        assert!(pauses.len() > 20, "{} different pauses among 100 messages", pauses.len());
    }

    #[test]
    fn a_retry_after_of_a_year_or_of_nothing_is_bounded() {
        assert_eq!(bounded_retry_after(Duration::from_secs(31_536_000)), LONGEST_RETRY_AFTER);
        assert_eq!(bounded_retry_after(Duration::ZERO), SHORTEST_RETRY_AFTER);
        assert_eq!(bounded_retry_after(Duration::from_secs(7)), Duration::from_secs(7));
    }

    #[test]
    fn an_end_outlives_a_progress() {
        let received = Timestamp::from_second(1_700_000_000).unwrap();
        assert!(gives_up_at(MessageKind::End, received) > gives_up_at(MessageKind::Progress, received));
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
    }
}
