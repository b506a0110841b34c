//! Repeats that arrive while the first is under way join it and get its answer.
//!
//! An entry lives until the first's outcome is *committed*, not merely known: only then does the ledger answer repeats
//! by itself, and there is no moment in between at which neither does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use roamhub_core::ProcessId;
use tokio::sync::watch;

use crate::relay::Submitted;

/// What is under way in this process, by `Process-ID`.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    open: Mutex<HashMap<ProcessId, watch::Sender<Option<Submitted>>>>,
}

impl Joins {
    /// Announces that this process works on the message.
    pub(crate) fn open(&self, process: ProcessId) {
        self.lock().entry(process).or_insert_with(|| watch::Sender::new(None));
    }

    /// Tells everybody who joined.
    pub(crate) fn tell(&self, process: ProcessId, submitted: &Submitted) {
        if let Some(told) = self.lock().get(&process) {
            told.send_replace(Some(submitted.clone()));
        }
    }

    /// The outcome is committed, or will never be: from now on the ledger answers.
    pub(crate) fn close(&self, process: ProcessId) {
        self.lock().remove(&process);
    }

    /// Waits for the first's answer; `None` if nothing is under way here (any more).
    pub(crate) async fn join(&self, process: ProcessId) -> Option<Submitted> {
        let mut told = self.lock().get(&process)?.subscribe();
        let submitted = told.wait_for(Option::is_some).await.ok()?;
        submitted.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProcessId, watch::Sender<Option<Submitted>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
