//! The messages of late, for the watchdog: what the writer has just taken in need not be read from the ledger again.
//!
//! Invariants:
//! * only committed messages are here, in the order of their numbers and without a gap: all there are after a mark;
//! * they leave once what was made of them is committed, or when there are too many: those are then read from the ledger,
//!   as are those from before it was opened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use roamhub_core::{MessageKind, SessionKey};

/// So many are kept: about a megabyte. Who follows is rarely that far behind.
const MOST: usize = 16_384;

/// A message, as far as the watchdog is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Late {
    pub(super) no: i64,
    pub(super) session: SessionKey,
    pub(super) kind: MessageKind,
    pub(super) at: Timestamp,
}

/// From which message on everything is kept, and up to which: readable from other threads.
#[derive(Debug)]
pub(super) struct Marks {
    after: AtomicI64,
    last: AtomicI64,
}

impl Marks {
    /// Whether all messages after this one are kept.
    pub(super) fn has_all_after(&self, no: i64) -> bool {
        no >= self.after.load(Ordering::Acquire)
    }

    /// Whether there are messages after this one.
    pub(super) fn has_any_after(&self, no: i64) -> bool {
        no < self.last.load(Ordering::Acquire)
    }
}

/// The messages of late.
#[derive(Debug)]
pub(super) struct Lately {
    marks: Arc<Marks>,
    /// Committed, from the one after the mark on.
    kept: VecDeque<Late>,
    /// Of this batch, not committed yet.
    fresh: Vec<Late>,
    /// Followed up to here, by this batch.
    followed: Option<i64>,
    /// Sessions may have been ended by mandate.
    mandates: bool,
}

impl Lately {
    /// Nothing is kept of the messages up to this one. Whether sessions have been ended by mandate so far.
    pub(super) fn after(no: i64, mandates: bool) -> Self {
        let marks = Arc::new(Marks { after: AtomicI64::new(no), last: AtomicI64::new(no) });
        Self { marks, kept: VecDeque::new(), fresh: Vec::new(), followed: None, mandates }
    }

    pub(super) fn marks(&self) -> Arc<Marks> {
        self.marks.clone()
    }

    /// A message that the transaction under way stores.
    pub(super) fn add(&mut self, message: Late) {
        self.fresh.push(message);
    }

    /// A session is ended by mandate.
    pub(super) fn note_mandate(&mut self) {
        self.mandates = true;
    }

    /// Whether it is worth asking if a session was ended by mandate.
    pub(super) fn knows_mandates(&self) -> bool {
        self.mandates
    }

    /// At most `limit` committed messages after this one, and whether there are more; nothing if not all are kept.
    pub(super) fn since(&self, no: i64, limit: usize) -> Option<(Vec<Late>, bool)> {
        let skipped = no.checked_sub(self.marks.after.load(Ordering::Acquire))?;
        let skipped = usize::try_from(skipped).ok()?.min(self.kept.len());
        let left = self.kept.len() - skipped;
        Some((self.kept.iter().skip(skipped).take(limit).copied().collect(), left > limit))
    }

    /// The transaction under way notes everything up to this message.
    pub(super) fn followed(&mut self, upto: i64) {
        self.followed = Some(upto);
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        let mut after = self.marks.after.load(Ordering::Acquire);
        let mut last = self.marks.last.load(Ordering::Acquire);
        for message in self.fresh.drain(..) {
            if message.no != last + 1 {
                // Somebody else has stored one: whoever wants it finds it in the ledger.
                self.kept.clear();
                after = message.no - 1;
            }
            last = message.no;
            self.kept.push_back(message);
        }
        let followed = self.followed.take().unwrap_or(after);
        while let Some(first) = self.kept.front()
            && (first.no <= followed || self.kept.len() > MOST)
        {
            after = first.no;
            self.kept.pop_front();
        }
        self.marks.after.store(after, Ordering::Release);
        self.marks.last.store(last, Ordering::Release);
    }

    /// The transaction was rolled back.
    pub(super) fn rolled_back(&mut self) {
        self.fresh.clear();
        self.followed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(no: i64) -> Late {
        Late {
            no,
            session: SessionKey::from_bytes([7; 16]),
            kind: MessageKind::End,
            at: Timestamp::from_microsecond(no).unwrap(),
        }
    }

    fn numbers(lately: &Lately, no: i64, limit: usize) -> Option<(Vec<i64>, bool)> {
        lately.since(no, limit).map(|(late, more)| (late.iter().map(|late| late.no).collect(), more))
    }

    fn with(numbers: impl IntoIterator<Item = i64>) -> Lately {
        let mut lately = Lately::after(10, false);
        numbers.into_iter().for_each(|no| lately.add(late(no)));
        lately.committed();
        lately
    }

    #[test]
    fn only_what_is_committed_is_seen() {
        let mut lately = with(11..=13);
        lately.add(late(14));
        assert_eq!(numbers(&lately, 10, 9), Some((vec![11, 12, 13], false)));
        lately.rolled_back();
        lately.add(late(14));
        lately.committed();
        assert_eq!(numbers(&lately, 12, 9), Some((vec![13, 14], false)));
        assert_eq!(numbers(&lately, 10, 3), Some((vec![11, 12, 13], true)));
        assert_eq!(numbers(&lately, 14, 9), Some((vec![], false)));
        assert_eq!(numbers(&lately, 9, 9), None);
    }

    #[test]
    fn what_was_followed_leaves_when_that_is_committed() {
        let mut lately = with(11..=14);
        let marks = lately.marks();
        lately.followed(12);
        lately.rolled_back();
        lately.committed();
        assert_eq!(numbers(&lately, 10, 9), Some((vec![11, 12, 13, 14], false)));
        lately.followed(12);
        lately.committed();
        assert_eq!(numbers(&lately, 12, 9), Some((vec![13, 14], false)));
        assert!(!marks.has_all_after(11) && marks.has_all_after(12));
        assert!(marks.has_any_after(13) && !marks.has_any_after(14));
    }

    #[test]
    fn a_gap_and_too_many_are_left_to_the_ledger() {
        let mut lately = with([11, 12, 14]);
        assert_eq!(numbers(&lately, 12, 9), None);
        assert_eq!(numbers(&lately, 13, 9), Some((vec![14], false)));
        (15..).take(MOST).for_each(|no| lately.add(late(no)));
        lately.committed();
        assert_eq!(numbers(&lately, 13, 9), None);
        assert_eq!(numbers(&lately, 14, 1), Some((vec![15], true)));
    }
}
