//! What is wrong with a message's structure: reasons to refuse it.
//!
//! All of them are reported in one answer, so that a partner can mend everything at once; but no more than
//! [`Violations::MOST`], so that a hostile body cannot make the answer larger than itself.

use std::slice;

/// One reason to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the place, such as `/MeterValueInBetween/meterValues/3`; empty for the whole body.
    pub pointer: String,
    /// The member's name, such as `EvseID`; empty for the whole body.
    pub field: String,
    /// What is wrong and what is expected. Never holds a UID, an EvcoID or a PIN.
    pub message: String,
}

/// The violations of one message; an empty one allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    truncated: usize,
}

impl Violations {
    /// At most so many are kept; the rest is only counted.
    pub const MOST: usize = 100;

    /// No violations.
    #[must_use]
    pub const fn new() -> Self {
        Self { kept: Vec::new(), truncated: 0 }
    }

    /// Adds one, or counts it when there are too many.
    pub fn push(&mut self, violation: Violation) {
        if self.kept.len() < Self::MOST {
            self.kept.push(violation);
        } else {
            self.truncated += 1;
        }
    }

    /// Whether further ones are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= Self::MOST
    }

    /// Counts one that is not kept.
    pub(crate) fn count_one(&mut self) {
        self.truncated += 1;
    }

    /// Those that were kept, in the order in which they were found.
    pub fn iter(&self) -> slice::Iter<'_, Violation> {
        self.kept.iter()
    }

    /// How many were kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many were found beyond those kept.
    #[must_use]
    pub fn truncated(&self) -> usize {
        self.truncated
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        let mut all = Self::new();
        violations.into_iter().for_each(|violation| all.push(violation));
        all
    }
}
