//! Records of refused requests have a place of their own: whoever sends what is refused, however fast, takes no place of a
//! message. So many wait at most; what comes on top is dropped and counted. One job writes all that wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roamhub_core::ports::{LoadPort, Waiting};
use roamhub_core::records::Refusal;

use super::writer::Writer;
use super::{Sqlite, records};

/// How many may wait.
const MOST: usize = 1024;

/// Refusals that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    waiting: Mutex<Vec<Refusal>>,
    dropped: AtomicU64,
}

impl Refusals {
    /// Keeps one, and has it written with the others that wait.
    pub(super) fn note(self: &Arc<Self>, refusal: Refusal, writer: &Writer) {
        let first = {
            let mut waiting = self.lock();
            if waiting.len() >= MOST {
                self.drop_some(1);
                return;
            }
            waiting.push(refusal);
            waiting.len() == 1
        };
        // Whoever was first has queued the job that takes the others along.
        if first && !self.queue(writer) {
            let lost = std::mem::take(&mut *self.lock()).len();
            self.drop_some(lost);
        }
    }

    fn queue(self: &Arc<Self>, writer: &Writer) -> bool {
        let refusals = self.clone();
        // Taken when the job first runs; it may run again.
        let taken = Mutex::new(None);
        writer.write_unheard(move |connection| {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = taken.get_or_insert_with(|| std::mem::take(&mut *refusals.lock()));
            taken.iter().try_for_each(|refusal| records::note_refusal(connection, refusal))
        })
    }

    fn drop_some(&self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if self.dropped.fetch_add(number, Ordering::Relaxed) == 0 {
            tracing::warn!("refused requests come faster than they are written down; some are only counted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Refusal>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadPort for Sqlite {
    fn waiting(&self) -> Waiting {
        let (jobs, places) = self.writer.waiting();
        Waiting { jobs, places, refusals_dropped: self.refusals.dropped.load(Ordering::Relaxed) }
    }
}
