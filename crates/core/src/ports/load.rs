//! How busy the ledger is.

/// How much the ledger has before it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Waiting {
    /// Jobs that wait for the writer.
    pub jobs: usize,
    /// How many may.
    pub places: usize,
    /// Records of refused requests that were not kept because too many came at once, since the start.
    pub refusals_dropped: u64,
}

/// How busy the ledger is. Asked for each call: it costs next to nothing.
pub trait LoadPort: Send + Sync {
    /// What waits now.
    fn waiting(&self) -> Waiting;
}
