//! Noticing that the clock on the wall was set. Deliveries wait for instants on that clock, also across restarts; while
//! the hub runs, a monotonic clock beside it shows when it jumps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Less than this is no step: clocks are trimmed, and two clocks are not read at the same moment.
pub const LEAST_STEP: Duration = Duration::from_secs(2);

/// The last look at both clocks.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    wall: Timestamp,
    steady: Duration,
}

impl ClockWatch {
    /// Both clocks as they stand; `steady` counts from any origin and never jumps.
    #[must_use]
    pub fn new(wall: Timestamp, steady: Duration) -> Self {
        Self { wall, steady }
    }

    /// By how much the clock on the wall was set since then: positive is forwards. `None` if it was not.
    #[must_use]
    pub fn step(&self, wall: Timestamp, steady: Duration) -> Option<SignedDuration> {
        let passed =
            SignedDuration::try_from(steady.saturating_sub(self.steady)).unwrap_or(SignedDuration::MAX);
        let step = wall.duration_since(self.wall).saturating_sub(passed);
        (step.unsigned_abs() >= LEAST_STEP).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_clock_that_runs_is_not_set_and_one_that_is_trimmed_neither() {
        let watch = ClockWatch::new(second(0), Duration::from_secs(100));
        assert_eq!(watch.step(second(50), Duration::from_secs(150)), None);
        assert_eq!(watch.step(second(51), Duration::from_secs(150)), None);
        assert_eq!(watch.step(second(49), Duration::from_secs(150)), None);
    }

    #[test]
    fn a_step_is_what_the_monotonic_clock_does_not_explain() {
        let watch = ClockWatch::new(second(0), Duration::from_secs(100));
        let hour = 3_600;
        for step in [hour, -hour, 2, -2] {
            let seen = watch.step(second(10 + step), Duration::from_secs(110));
            assert_eq!(seen, Some(SignedDuration::from_secs(step)));
        }
        let widest = ClockWatch::new(Timestamp::MIN, Duration::ZERO).step(Timestamp::MAX, Duration::MAX);
        assert!(widest.is_some_and(|step| step.is_negative()), "no input is too wide: {widest:?}");
    }
}
