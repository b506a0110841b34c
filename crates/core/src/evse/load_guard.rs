//! A full load that would remove much is held until somebody confirms it.
//!
//! An empty full load legally erases an operator, and some programs send one as a ping. So a full load that leaves
//! nothing of what there was, or removes more than a share of it, changes nothing at first. Confirmed is one request,
//! known by its digest, for a time; each operator has at most one that is held.

use std::time::Duration;

use jiff::Timestamp;
use oicp::OperatorId;

/// When a full load is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadGuard {
    /// The share of its records, in percent, that an operator's full load may remove.
    pub percent: u8,
    /// That many may always be removed, as long as some are left.
    pub least: u64,
    /// How long a held load can be confirmed, and sent again after that.
    pub confirmable: Duration,
}

impl Default for LoadGuard {
    fn default() -> Self {
        Self { percent: 20, least: 10, confirmable: Duration::from_secs(24 * 60 * 60) }
    }
}

/// What the guard says to a full load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be carried out.
    Pass,
    /// It is held.
    Hold {
        /// Records that it would remove.
        would_remove: u64,
        /// Records that there are.
        of: u64,
    },
}

impl LoadGuard {
    /// Judges a full load that would remove so many of the operator's records, and leave or bring so many.
    #[must_use]
    pub fn judge(&self, would_remove: u64, of: u64, left: u64) -> Verdict {
        let empties = left == 0 && would_remove > 0;
        let share = u128::from(would_remove) * 100 > u128::from(of) * u128::from(self.percent);
        if empties || (share && would_remove > self.least) {
            Verdict::Hold { would_remove, of }
        } else {
            Verdict::Pass
        }
    }
}

/// A full load that is held, or was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldLoad {
    /// Whose.
    pub operator: OperatorId,
    /// SHA-256 of the request's body.
    pub digest: [u8; 32],
    /// When it came first.
    pub first_at: Timestamp,
    /// Until then it can be confirmed, and be sent again once it is.
    pub until: Timestamp,
    /// How often it came.
    pub times: u64,
    /// Records that it would have removed.
    pub would_remove: u64,
    /// Records that there were.
    pub of: u64,
    /// Since when it is confirmed: sent once more, it is carried out.
    pub confirmed_at: Option<Timestamp>,
}

/// What became of a confirmation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmation {
    /// The same request, sent again, is carried out.
    Confirmed(HeldLoad),
    /// The operator has no such load held, or not any more.
    NotHeld,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(would_remove: u64, of: u64, left: u64) -> Verdict {
        LoadGuard::default().judge(would_remove, of, left)
    }

    #[test]
    fn a_load_that_leaves_nothing_is_held_from_the_first_record() {
        assert_eq!(judged(1, 1, 0), Verdict::Hold { would_remove: 1, of: 1 });
        assert_eq!(judged(100_000, 100_000, 0), Verdict::Hold { would_remove: 100_000, of: 100_000 });
        assert_eq!(judged(0, 0, 0), Verdict::Pass, "who has nothing loses nothing");
    }

    #[test]
    fn a_share_counts_from_a_least_number_on() {
        assert_eq!(judged(10, 12, 2), Verdict::Pass, "small operators change");
        assert_eq!(judged(11, 12, 1), Verdict::Hold { would_remove: 11, of: 12 });
        assert_eq!(judged(200, 1_000, 800), Verdict::Pass, "exactly the share");
        assert_eq!(judged(201, 1_000, 799), Verdict::Hold { would_remove: 201, of: 1_000 });
        assert_eq!(
            judged(1_000, 1_000, 1_000),
            Verdict::Hold { would_remove: 1_000, of: 1_000 },
            "all replaced"
        );
    }

    #[test]
    fn no_number_is_too_large() {
        assert_eq!(judged(u64::MAX, u64::MAX, 1), Verdict::Hold { would_remove: u64::MAX, of: u64::MAX });
    }
}
