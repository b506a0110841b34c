//! A few reading connections, each on a thread of its own. Their transactions are single statements or a handful of
//! them: a long one would pin the log.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use roamhub_core::ports::LedgerError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Alarm, StoreError};

/// Connections of one set.
const READERS: usize = 2;
const QUEUE: usize = 4096;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections and starts the threads, which get this name; they end when this is dropped.
    pub(super) fn start(
        database: &Path,
        name: &str,
        alarm: impl Fn() -> Alarm,
    ) -> Result<Self, super::OpenError> {
        let (queue, reads) = sync_channel::<Read>(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        let mut threads = Vec::with_capacity(READERS);
        for number in 0..READERS {
            let connection = super::connect(database)?;
            connection.pragma_update(None, "query_only", true)?;
            let reads = reads.clone();
            let thread = std::thread::Builder::new().name(format!("ledger-{name}-{number}"));
            let alarm = alarm();
            threads.push(thread.spawn(move || {
                let _alarm = alarm;
                while let Some(read) = next(&reads) {
                    read(&connection);
                }
            })?);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Reads on one of the connections.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            let _ = reply.send(work(connection));
        });
        let queue = self.queue.as_ref().ok_or(LedgerError::Unavailable)?;
        queue.try_send(read).map_err(|error| match error {
            TrySendError::Full(_) => LedgerError::Busy,
            TrySendError::Disconnected(_) => LedgerError::Unavailable,
        })?;
        match answer.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(%error, "the ledger could not be read");
                Err(match error {
                    StoreError::Sqlite(_) => LedgerError::Unavailable,
                    StoreError::Contradiction(_) => LedgerError::Contradiction,
                })
            }
            Err(_) => Err(LedgerError::Unavailable),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        self.threads.drain(..).for_each(|thread| super::join(Some(thread)));
    }
}

fn next(reads: &Mutex<Receiver<Read>>) -> Option<Read> {
    // A poisoned lock only means that another reader's work panicked; the receiver is as good as before.
    reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv().ok()
}
