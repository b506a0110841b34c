//! A lane is a provider's queue. First attempts and redeliveries each have a share of their own, so after an outage
//! neither starves the other, and a slow provider holds up nobody else's messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oicp::ProviderId;
use tokio::sync::Semaphore;

/// How many exchanges with one provider may be under way at a time.
#[derive(Clone, Copy, Debug)]
pub struct LaneWidth {
    /// First attempts, with somebody waiting for the answer.
    pub live: usize,
    /// Attempts from the ledger.
    pub redelivery: usize,
}

impl Default for LaneWidth {
    fn default() -> Self {
        Self { live: 256, redelivery: 16 }
    }
}

/// One provider's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) live: Arc<Semaphore>,
    pub(crate) redelivery: Arc<Semaphore>,
}

/// All lanes, made on first use.
#[derive(Debug)]
pub(crate) struct Lanes {
    width: LaneWidth,
    lanes: Mutex<HashMap<ProviderId, Arc<Lane>>>,
}

impl Lanes {
    pub(crate) fn new(width: LaneWidth) -> Self {
        Self { width, lanes: Mutex::default() }
    }

    pub(crate) fn of(&self, provider: &ProviderId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(*provider).or_insert_with(|| {
            Arc::new(Lane {
                live: Arc::new(Semaphore::new(self.width.live)),
                redelivery: Arc::new(Semaphore::new(self.width.redelivery)),
            })
        });
        lane.clone()
    }
}
