//! How busy the hub is, and who is turned away when it is too busy: at once, before any work is done for the call.
//!
//! What is bounded: calls under way, bytes of bodies that are held for them, and the jobs that wait for the ledger's writer.
//! Each bound is filled in the order of [`Rank`]: Progress is turned away first, an End last of all. Large bodies have a
//! half of the bytes to themselves: however many come and stall, there is room for the small ones, and an End is small.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roamhub_core::ports::Ledger;
use roamhub_core::rank::Rank;

/// A body up to this size is a small one.
const SMALL: usize = 64 * 1024;

/// The bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadBounds {
    /// Calls under way.
    pub calls: usize,
    /// Bytes of bodies held for them; half of them for small bodies, half for large ones.
    pub bytes: usize,
}

impl Default for LoadBounds {
    fn default() -> Self {
        Self { calls: 8_192, bytes: 256 << 20 }
    }
}

/// The hub is too busy for this call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the hub is too busy")]
pub struct TooBusy;

/// What is under way.
pub struct Load {
    ledger: Arc<dyn Ledger>,
    bounds: LoadBounds,
    calls: AtomicUsize,
    small: AtomicUsize,
    large: AtomicUsize,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl Load {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, bounds: LoadBounds) -> Arc<Self> {
        let none = AtomicUsize::default;
        Arc::new(Self { ledger, bounds, calls: none(), small: none(), large: none() })
    }

    /// Begins a call of this rank, which lasts until what this returns is dropped.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub fn begin(self: &Arc<Self>, rank: Rank) -> Result<UnderWay, TooBusy> {
        let call = UnderWay { load: self.clone(), bytes: 0 };
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.takes(rank).then_some(call).ok_or(TooBusy)
    }

    /// Whether the hub is not too busy for a call of this rank, which is under way already.
    pub(crate) fn takes(&self, rank: Rank) -> bool {
        let waiting = self.ledger.waiting();
        self.calls.load(Ordering::Relaxed) <= rank.share_of(self.bounds.calls)
            && self.small.load(Ordering::Relaxed) <= rank.share_of(self.bounds.bytes / 2)
            && waiting.jobs < rank.share_of(waiting.places)
    }

    /// Calls under way, and bytes of bodies held for them.
    #[must_use]
    pub fn under_way(&self) -> (usize, usize) {
        let bytes = self.small.load(Ordering::Relaxed).saturating_add(self.large.load(Ordering::Relaxed));
        (self.calls.load(Ordering::Relaxed), bytes)
    }

    /// What waits for the ledger's writer, and how many records of refused requests were dropped.
    #[must_use]
    pub fn ledger(&self) -> roamhub_core::ports::Waiting {
        self.ledger.waiting()
    }

    fn share(&self, bytes: usize) -> &AtomicUsize {
        if bytes > SMALL { &self.large } else { &self.small }
    }
}

/// A call under way. Dropping it makes room.
#[derive(Debug)]
pub struct UnderWay {
    load: Arc<Load>,
    bytes: usize,
}

impl UnderWay {
    /// The call's body is `bytes` long by now.
    ///
    /// # Errors
    /// [`TooBusy`] if there is no room for so much; then the body is to be let go.
    pub fn holds(&mut self, bytes: usize) -> Result<(), TooBusy> {
        let (before, now) = (self.load.share(self.bytes), self.load.share(bytes));
        before.fetch_sub(self.bytes, Ordering::Relaxed);
        let others = now.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        if others.saturating_add(bytes) > self.load.bounds.bytes / 2 { Err(TooBusy) } else { Ok(()) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.load.share(self.bytes).fetch_sub(self.bytes, Ordering::Relaxed);
        self.load.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
