//! What the writer tells, and to whom: those who wait for a job, and whoever asks when something was last committed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roamhub_core::ports::LedgerError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::writer::Job;

/// When the last commit returned, on the monotonic clock.
#[derive(Debug)]
pub(super) struct LastCommit {
    origin: Instant,
    millis: AtomicU64,
}

impl LastCommit {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), millis: AtomicU64::new(0) }
    }

    pub(super) fn note(&self) {
        let millis = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    /// How long ago that was.
    pub(super) fn elapsed(&self) -> Duration {
        self.origin.elapsed().saturating_sub(Duration::from_millis(self.millis.load(Ordering::Relaxed)))
    }
}

/// Tells those who wait, in the runtime they wait in: waking it once for a batch is cheaper than once for each of them.
pub(super) struct Teller(Option<mpsc::UnboundedSender<Told>>);

/// What was committed or not, and what to say. No more of it than the queue has taken.
type Told = (Vec<Box<dyn Job>>, Result<(), LedgerError>);

impl Teller {
    /// In the current runtime, if there is one. It ends with the writer.
    pub(super) fn start() -> Self {
        let Ok(runtime) = Handle::try_current() else { return Self(None) };
        let (told, mut to_tell) = mpsc::unbounded_channel::<Told>();
        runtime.spawn(async move {
            while let Some((batch, result)) = to_tell.recv().await {
                batch.into_iter().for_each(|job| job.finish(result));
            }
        });
        Self(Some(told))
    }

    pub(super) fn tell(&self, batch: Vec<Box<dyn Job>>, result: Result<(), LedgerError>) {
        let untold = match &self.0 {
            Some(told) => told.send((batch, result)).err().map(|error| error.0),
            None => Some((batch, result)),
        };
        // No runtime, or none any more.
        if let Some((batch, result)) = untold {
            batch.into_iter().for_each(|job| job.finish(result));
        }
    }
}
