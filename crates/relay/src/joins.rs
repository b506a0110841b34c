//! Repeats that arrive while the first is under way join it and get its answer.
//!
//! An entry lives until the first's outcome is *committed*, not merely known: only then does the ledger answer repeats
//! by itself, and there is no moment in between at which neither does.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use roamhub_core::ProcessId;
use tokio::sync::oneshot;

use crate::submitted::Submitted;

#[derive(Debug)]
enum UnderWay {
    /// Not answered yet; those who wait.
    Waiting(Vec<oneshot::Sender<Submitted>>),
    /// Answered, not committed yet.
    Answered(Submitted),
}

/// What is under way in this process, by `Process-ID`.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    open: Mutex<HashMap<ProcessId, UnderWay>>,
}

impl Joins {
    /// Announces that this process works on the message.
    pub(crate) fn open(&self, process: ProcessId) {
        self.lock().entry(process).or_insert(UnderWay::Waiting(Vec::new()));
    }

    /// Tells everybody who joined, and those who still will.
    pub(crate) fn tell(&self, process: ProcessId, submitted: &Submitted) {
        let before = match self.lock().get_mut(&process) {
            Some(under_way) => std::mem::replace(under_way, UnderWay::Answered(submitted.clone())),
            None => return,
        };
        if let UnderWay::Waiting(waiting) = before {
            for joined in waiting {
                // Whoever joined may have run out of time.
                let _ = joined.send(submitted.clone());
            }
        }
    }

    /// The outcome is committed, or will never be: from now on the ledger answers.
    pub(crate) fn close(&self, process: ProcessId) {
        self.lock().remove(&process);
    }

    /// Waits for the first's answer; `None` if nothing is under way here (any more).
    pub(crate) async fn join(&self, process: ProcessId) -> Option<Submitted> {
        let told = match self.lock().get_mut(&process)? {
            UnderWay::Answered(submitted) => return Some(submitted.clone()),
            UnderWay::Waiting(waiting) => {
                let (joined, told) = oneshot::channel();
                waiting.push(joined);
                told
            }
        };
        told.await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProcessId, UnderWay>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
