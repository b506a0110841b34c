//! What people do with lanes: pause one, resume it, look at all of them.
//!
//! A paused lane takes messages in and sends nothing, not even a probe; their operators are told so (310). A pause is kept
//! in the ledger, so it outlives the process, and every node that reads the ledger keeps it within a second. Whether a
//! driver may charge is still asked: who must not open new sessions is locked, not paused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::breaker::BreakerState;
use roamhub_core::ports::{LedgerError, Pause};

use crate::hub::Hub;

/// Why a lane was neither paused nor resumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LaneError {
    /// Neither registered nor owed anything.
    #[error("no provider {0} is registered, and nothing is owed to it")]
    UnknownProvider(ProviderId),
    /// It could not be written or read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A lane as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneRecord {
    /// Whose lane.
    pub provider: ProviderId,
    /// Is the provider registered (still)?
    pub registered: bool,
    /// Who paused it, since when, and why; if somebody did.
    pub pause: Option<Pause>,
    /// The breaker of End and Error, in this process.
    pub breaker: BreakerState,
    /// The breaker of Start and Progress, in this process.
    pub breaker_of_the_usual: BreakerState,
    /// The breaker of charge detail records, in this process.
    pub breaker_of_records: BreakerState,
    /// The breaker of its authorisation service, in this process.
    pub authorisation_breaker: BreakerState,
    /// First attempts under way in this process.
    pub live: usize,
    /// Attempts from the ledger under way in this process.
    pub backlog: usize,
    /// Deliveries that wait for their next attempt.
    pub waiting: u64,
    /// When the first of them was or will be due. Its age is how far the lane is behind.
    pub due_since: Option<Timestamp>,
}

impl Hub {
    /// Pauses a provider's lane from now on; `by` and `why` are kept, and shown to people only. Returns whether it was
    /// not paused yet: one that is keeps its first reason.
    ///
    /// # Errors
    /// [`LaneError`]
    pub async fn pause(&self, provider: ProviderId, by: &str, why: &str) -> Result<bool, LaneError> {
        self.known(provider).await?;
        Ok(self.pause_these([provider].into(), by, why).await? > 0)
    }

    /// Pauses the lanes of all providers that are registered or owed something. Returns how many were not paused yet.
    /// Before [`roamhub_relay::Relay::redeliver`] runs and a listener is open, this keeps everything where it is.
    ///
    /// # Errors
    /// [`LaneError::Ledger`]
    pub async fn pause_all(&self, by: &str, why: &str) -> Result<usize, LaneError> {
        let providers = self.lanes_known().await?;
        self.pause_these(providers, by, why).await
    }

    /// Resumes a provider's lane: what waited is drained at the provider's own rate, first attempts before retries.
    /// Returns whether it was paused.
    ///
    /// # Errors
    /// [`LaneError`]
    pub async fn resume(&self, provider: ProviderId, by: &str) -> Result<bool, LaneError> {
        let resumed = self.resume_these(vec![provider], by).await? > 0;
        if !resumed {
            self.known(provider).await?;
        }
        Ok(resumed)
    }

    /// Resumes all lanes that are paused; their number.
    ///
    /// # Errors
    /// [`LaneError::Ledger`]
    pub async fn resume_all(&self, by: &str) -> Result<usize, LaneError> {
        let paused = self.inner.ledger.pauses().await?;
        self.resume_these(paused.into_iter().map(|pause| pause.provider).collect(), by).await
    }

    /// The lanes of all providers that are registered, paused or owed something, by id. Reads an index of what waits: some
    /// tens of milliseconds with a million deliveries, so not for every call of a partner.
    ///
    /// # Errors
    /// [`LaneError::Ledger`]
    pub async fn lanes(&self) -> Result<Vec<LaneRecord>, LaneError> {
        let inner = &self.inner;
        let directory = inner.partners.directory();
        let mut pauses: BTreeMap<_, _> =
            inner.ledger.pauses().await?.into_iter().map(|pause| (pause.provider, pause)).collect();
        let mut queues: BTreeMap<_, _> =
            inner.ledger.queues().await?.into_iter().map(|queue| (queue.provider, queue)).collect();
        let registered = directory.providers().map(|provider| provider.id);
        let all: BTreeSet<_> =
            registered.chain(pauses.keys().copied()).chain(queues.keys().copied()).collect();
        let record = |provider| {
            let load = inner.relay.load_of(&provider);
            let queue = queues.remove(&provider);
            LaneRecord {
                provider,
                registered: directory.provider(&provider).is_some(),
                pause: pauses.remove(&provider),
                breaker: load.breaker,
                breaker_of_the_usual: load.breaker_of_the_usual,
                breaker_of_records: load.breaker_of_records,
                authorisation_breaker: inner.authorisation_breakers.of(&provider).state(),
                live: load.live,
                backlog: load.backlog,
                waiting: queue.as_ref().map_or(0, |queue| queue.waiting),
                due_since: queue.and_then(|queue| queue.due_since),
            }
        };
        Ok(all.into_iter().map(record).collect())
    }

    async fn lanes_known(&self) -> Result<BTreeSet<ProviderId>, LaneError> {
        let owed = self.inner.ledger.backlog().await?;
        let directory = self.inner.partners.directory();
        let registered = directory.providers().map(|provider| provider.id);
        Ok(registered.chain(owed.into_iter().map(|(provider, _)| provider)).collect())
    }

    async fn known(&self, provider: ProviderId) -> Result<(), LaneError> {
        let registered = self.inner.partners.directory().provider(&provider).is_some();
        match registered || self.lanes_known().await?.contains(&provider) {
            true => Ok(()),
            false => Err(LaneError::UnknownProvider(provider)),
        }
    }

    async fn pause_these(
        &self,
        providers: BTreeSet<ProviderId>,
        by: &str,
        why: &str,
    ) -> Result<usize, LaneError> {
        let at = self.inner.clock.now();
        let pause = |provider| Pause { provider, at, by: by.to_owned(), why: why.to_owned() };
        let paused = self.inner.ledger.pause(providers.into_iter().map(pause).collect()).await?;
        self.inner.relay.read_pauses().await?;
        Ok(paused)
    }

    async fn resume_these(&self, providers: Vec<ProviderId>, by: &str) -> Result<usize, LaneError> {
        let resumed = self.inner.ledger.resume(providers, self.inner.clock.now(), by.to_owned()).await?;
        self.inner.relay.read_pauses().await?;
        Ok(resumed)
    }
}
