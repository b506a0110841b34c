//! The providers' feeds: the loop that gives positions, and what readers ask for.
//!
//! The loop runs behind the live path: it is woken after a message for a feed was stored, and looks by itself twice a
//! second, because what is held for a provider without an endpoint belongs into a feed too. Whoever waits for a feed
//! to grow is woken by it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oicp::ProviderId;
use roamhub_core::ProcessId;
use roamhub_core::feed::{Confirmed, FeedEnds, FeedEntry, Position};
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metrics::{FeedLabels, FeedMetrics};
use crate::partners::Partners;

/// How many messages one pass looks at.
const LOOK: u32 = 4096;
/// The longest rest between two passes.
const POLL: Duration = Duration::from_millis(500);
/// The shortest: what comes in meanwhile shares a pass.
const PACE: Duration = Duration::from_millis(10);
/// How many positions are confirmed in one transaction: no live message waits long for it.
const CONFIRMED_AT_ONCE: u32 = 100;
/// How many streams one provider may have open.
const STREAMS: usize = 16;
/// How many passes somebody waits for who wants a message to be in the feed; more than any backlog of a running hub.
const CATCH_UP: usize = 1000;

/// The feeds. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    partners: Arc<Partners>,
    metrics: FeedMetrics,
    /// Wakes the loop.
    wake: Notify,
    readers: Mutex<HashMap<ProviderId, Readers>>,
}

/// Who follows a provider's feed.
#[derive(Default)]
struct Readers {
    grown: watch::Sender<()>,
    streams: usize,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

/// A provider's place among those who follow its feed; given up on drop.
pub struct Seat {
    feed: Feed,
    provider: ProviderId,
    grown: watch::Receiver<()>,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Feed {
    /// Feeds of this ledger.
    pub(crate) fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        partners: Arc<Partners>,
        metrics: FeedMetrics,
    ) -> Self {
        let inner =
            Inner { ledger, clock, partners, metrics, wake: Notify::new(), readers: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// A message for a feed was stored.
    pub(crate) fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// Gives positions until it is told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let passes = async {
            loop {
                match self.pass().await {
                    Ok(0) => {
                        // A timeout is the poll.
                        let _ = timeout(POLL, self.inner.wake.notified()).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        self.inner.metrics.failures.inc();
                        tracing::error!(%error, "feeds could not be brought up to date; tried again");
                        sleep(POLL).await;
                    }
                }
                sleep(PACE).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = passes => {}
        }
    }

    /// One pass; how many messages it has not looked at.
    async fn pass(&self) -> Result<u64, LedgerError> {
        let directory = self.inner.partners.directory();
        let readers: BTreeSet<_> =
            directory.providers().filter(|provider| provider.feed).map(|provider| provider.id).collect();
        let sequenced = self.inner.ledger.sequence(Arc::new(readers), LOOK).await?;
        self.inner.metrics.behind.set(i64::try_from(sequenced.behind).unwrap_or(i64::MAX));
        for (provider, count) in sequenced.grown {
            self.inner.metrics.positions.get_or_create(&labels(&provider)).inc_by(count);
            self.tell(&provider);
        }
        Ok(sequenced.behind)
    }

    /// Sees to it that a message which will not be sent waits in the feed.
    pub(crate) async fn hold(&self, process: ProcessId) -> Result<(), LedgerError> {
        // What came in before it is to stand before it.
        for _ in 0..CATCH_UP {
            if self.pass().await? == 0 {
                break;
            }
        }
        self.inner.ledger.hold_in_feed(process, self.inner.clock.now()).await?;
        self.readers().values().for_each(|readers| readers.grown.send_replace(()));
        Ok(())
    }

    /// Where a feed ends, and up to where it is confirmed.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read.
    pub async fn ends(&self, provider: ProviderId) -> Result<FeedEnds, LedgerError> {
        self.inner.ledger.feed_ends(provider).await
    }

    /// The messages after a position: at most `limit`, and no more than `bytes` of bodies except for the first.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read.
    pub async fn read(
        &self,
        provider: ProviderId,
        after: Position,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<FeedEntry>, LedgerError> {
        self.inner.ledger.read_feed(provider, after, limit, bytes).await
    }

    /// Confirms everything up to a cursor, in several transactions if there is much.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be written; what was confirmed until then stays confirmed.
    pub async fn confirm(&self, provider: ProviderId, cursor: Position) -> Result<Confirmed, LedgerError> {
        let (mut all_closed, mut all_under_way) = (0, 0);
        loop {
            let now = self.inner.clock.now();
            match self.inner.ledger.confirm_feed(provider, cursor, now, CONFIRMED_AT_ONCE).await? {
                Confirmed::UpTo { position, closed, under_way } => {
                    self.inner.metrics.fetched.get_or_create(&labels(&provider)).inc_by(closed);
                    all_closed += closed;
                    all_under_way += under_way;
                    if position >= cursor {
                        let (closed, under_way) = (all_closed, all_under_way);
                        return Ok(Confirmed::UpTo { position, closed, under_way });
                    }
                }
                beyond @ Confirmed::Beyond { .. } => return Ok(beyond),
            }
        }
    }

    /// Takes a place among those who follow a provider's feed; `None` if it has as many as it may have.
    #[must_use]
    pub fn follow(&self, provider: ProviderId) -> Option<Seat> {
        let mut all = self.readers();
        let readers = all.entry(provider).or_default();
        if readers.streams >= STREAMS {
            return None;
        }
        readers.streams += 1;
        let grown = readers.grown.subscribe();
        drop(all);
        self.inner.metrics.streams.get_or_create(&labels(&provider)).inc();
        Some(Seat { feed: self.clone(), provider, grown })
    }

    fn tell(&self, provider: &ProviderId) {
        if let Some(readers) = self.readers().get(provider) {
            readers.grown.send_replace(());
        }
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<ProviderId, Readers>> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whose feed it is.
    #[must_use]
    pub fn provider(&self) -> ProviderId {
        self.provider
    }

    /// The feeds.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Resolves once the feed has grown since the last time this resolved.
    pub async fn grown(&mut self) {
        if self.grown.changed().await.is_err() {
            // Nobody is left who could tell: only at the end of the hub.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.feed.readers();
        if let Some(readers) = all.get_mut(&self.provider) {
            readers.streams = readers.streams.saturating_sub(1);
            if readers.streams == 0 {
                all.remove(&self.provider);
            }
        }
        drop(all);
        self.feed.inner.metrics.streams.get_or_create(&labels(&self.provider)).dec();
    }
}

fn labels(provider: &ProviderId) -> FeedLabels {
    FeedLabels { provider: provider.to_string() }
}
