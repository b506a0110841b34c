//! The hub: all services over one ledger, one delivery engine, one set of partners.

use std::sync::Arc;
use std::time::Duration;

use oicp::personal::{shapes_only, starred};
use roamhub_core::directory::Directory;
use roamhub_core::ports::{Clock, Courier, Ledger, LedgerError};
use roamhub_core::records::Refusal;
use roamhub_relay::{Breakers, Relay};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::feed::Feed;
use crate::load::Load;
use crate::medium::MediumKey;
use crate::metrics::ServiceMetrics;
use crate::partners::Partners;
use crate::pins::Pins;
use crate::remote::CallsUnderWay;
use crate::session_cache::SessionCache;
use crate::shared_answers::SharedAnswers;
use crate::upload_turns::UploadTurns;
use crate::uploaded::NewestUploads;

/// The services. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) relay: Relay,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) partners: Arc<Partners>,
    pub(crate) metrics: ServiceMetrics,
    pub(crate) load: Arc<Load>,
    pub(crate) sessions: SessionCache,
    pub(crate) answers: SharedAnswers,
    pub(crate) remote_calls: CallsUnderWay,
    pub(crate) pins: Pins,
    pub(crate) uploads: NewestUploads,
    pub(crate) upload_turns: UploadTurns,
    pub(crate) authorisation_breakers: Breakers,
    pub(crate) feed: Feed,
    pub(crate) medium_key: MediumKey,
    /// Authorisations and remote requests under way, also those whose caller has gone.
    pub(crate) tasks: TaskTracker,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    /// Puts the services together.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be asked for its secret and the paused lanes.
    pub async fn new(
        ledger: Arc<dyn Ledger>,
        relay: Relay,
        courier: Arc<dyn Courier>,
        clock: Arc<dyn Clock>,
        partners: Arc<Partners>,
        metrics: ServiceMetrics,
        load: Arc<Load>,
    ) -> Result<Self, LedgerError> {
        let medium_key = MediumKey::new(&ledger.medium_key().await?);
        // Before the first message: what is paused stays paused.
        relay.read_pauses().await?;
        let authorisation_breakers = relay.breakers("authorization");
        let feed = Feed::new(ledger.clone(), clock.clone(), partners.clone(), metrics.feed.clone());
        let pins = Pins::new(ledger.guesses().await?);
        let uploads = NewestUploads::new(ledger.newest_uploads().await?);
        let uploading = ledger.uploading_providers().await?;
        let inner = Inner {
            ledger,
            relay,
            courier,
            clock,
            partners,
            metrics,
            load,
            sessions: SessionCache::default(),
            answers: SharedAnswers::default(),
            remote_calls: CallsUnderWay::default(),
            pins,
            uploads,
            upload_turns: UploadTurns::default(),
            authorisation_breakers,
            feed,
            medium_key,
            tasks: TaskTracker::new(),
        };
        let inner = Arc::new(inner);
        inner.tidy_all_uploads(uploading);
        Ok(Self { inner })
    }

    /// Finishes the authorisations and remote requests under way; `false` if the deadline came first.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.inner.tasks.close();
        timeout(deadline, self.inner.tasks.wait()).await.is_ok()
    }

    /// The clock on the wall.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The partners as of now.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.partners.directory()
    }

    /// Changes whenever the partners do.
    #[must_use]
    pub fn partner_changes(&self) -> watch::Receiver<u64> {
        self.inner.partners.changes()
    }

    /// The providers' feeds.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.inner.feed
    }

    /// Keeps a record of a refused request, without waiting for it.
    pub fn note_refusal(&self, refusal: Refusal) {
        // The caller hears what it has sent; who looks at refusals does not.
        let reason = starred(&shapes_only(&refusal.reason));
        self.inner.ledger.note_refusal(Refusal { reason, ..refusal });
    }
}
