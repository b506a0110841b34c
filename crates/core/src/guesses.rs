//! How often a PIN may be guessed. Wrong ones are counted per contract and per operator; after a few, each further one
//! costs twice the pause of the one before. What lies back is forgiven, one by one.

use jiff::{SignedDuration, Timestamp};

/// Wrong PINs in a row, as counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guesses {
    /// How many.
    pub wrong: u32,
    /// When the last one was.
    pub last: Timestamp,
}

/// How many are free and what the others cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuessLimits {
    /// So many wrong PINs cost nothing.
    pub free: u32,
    /// The pause after the first one that is not free.
    pub first_pause: SignedDuration,
    /// No pause is longer.
    pub longest_pause: SignedDuration,
    /// One is forgiven for each time this long without a wrong one.
    pub forgiven_after: SignedDuration,
}

impl GuessLimits {
    /// Of one contract: four are free, then a minute, two, four, up to a day.
    pub const OF_CONTRACT: Self = Self {
        free: 4,
        first_pause: SignedDuration::from_mins(1),
        longest_pause: SignedDuration::from_hours(24),
        forgiven_after: SignedDuration::from_hours(24),
    };
    /// Of one operator, whose drivers are many: fifty are free, then ten seconds, twenty, up to an hour.
    pub const OF_OPERATOR: Self = Self {
        free: 50,
        first_pause: SignedDuration::from_secs(10),
        longest_pause: SignedDuration::from_hours(1),
        forgiven_after: SignedDuration::from_mins(1),
    };
}

impl Guesses {
    /// How many count now.
    fn counting(self, limits: GuessLimits, now: Timestamp) -> u32 {
        // A clock that was set back forgives nothing.
        let since = now.duration_since(self.last).as_secs().max(0);
        let forgiven = since.checked_div(limits.forgiven_after.as_secs()).unwrap_or_default();
        self.wrong.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// One more.
    #[must_use]
    pub fn and_one(before: Option<Self>, limits: GuessLimits, now: Timestamp) -> Self {
        let before = before.map_or(0, |guesses| guesses.counting(limits, now));
        Self { wrong: before.saturating_add(1), last: now }
    }

    /// Whether the next guess has to wait.
    #[must_use]
    pub fn must_wait(self, limits: GuessLimits, now: Timestamp) -> bool {
        let Some(beyond) = self.counting(limits, now).checked_sub(limits.free.saturating_add(1)) else {
            return false;
        };
        let doubled = limits
            .first_pause
            .as_secs()
            .saturating_mul(1_i64.checked_shl(beyond.min(62)).unwrap_or(i64::MAX));
        let pause = SignedDuration::from_secs(doubled).min(limits.longest_pause);
        // A clock that was set back does not lock anybody out for longer than the pause.
        now.duration_since(self.last).abs() < pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn wrong(times: u32, limits: GuessLimits) -> Guesses {
        (0..times).fold(None, |before, _| Some(Guesses::and_one(before, limits, at(0)))).unwrap()
    }

    #[test]
    fn a_few_are_free_and_then_pauses_double_up_to_the_longest() {
        let limits = GuessLimits::OF_CONTRACT;
        assert!(!wrong(4, limits).must_wait(limits, at(0)));
        for (times, minutes) in [(5, 1), (6, 2), (7, 4), (10, 32), (15, 1024)] {
            let guesses = wrong(times, limits);
            assert!(guesses.must_wait(limits, at(minutes * 60 - 1)), "{times}");
            assert!(!guesses.must_wait(limits, at(minutes * 60)), "{times}");
        }
        for times in [16, 60, 64, 65, 1000] {
            assert!(wrong(times, limits).must_wait(limits, at(24 * 3600 - 1)), "{times}");
            assert!(!wrong(times, limits).must_wait(limits, at(24 * 3600)), "{times}");
        }
    }

    #[test]
    fn what_lies_back_is_forgiven_one_by_one() {
        let limits = GuessLimits::OF_CONTRACT;
        let guesses = wrong(6, limits);
        assert_eq!(Guesses::and_one(Some(guesses), limits, at(2 * 24 * 3600)).wrong, 5);
        assert_eq!(Guesses::and_one(Some(guesses), limits, at(60 * 24 * 3600)).wrong, 1);
    }

    #[test]
    fn a_clock_that_was_set_back_forgives_nothing_and_locks_nobody_out_for_long() {
        let limits = GuessLimits::OF_CONTRACT;
        let guesses = wrong(5, limits);
        assert_eq!(Guesses::and_one(Some(guesses), limits, at(-1_000_000)).wrong, 6);
        assert!(!guesses.must_wait(limits, at(-61)));
    }
}
