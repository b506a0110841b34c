//! Release before authorise: the Ends still owed for a card are sent before it starts anew, or its provider, believing
//! that the driver is still charging, would say no.

use std::sync::Arc;
use std::time::Duration;

use oicp::ProviderId;
use roamhub_core::lane::Urgency;
use roamhub_core::ports::OwedEnd;
use roamhub_core::retry;
use tokio::time::{Instant, timeout_at};

use crate::attempt::Attempt;
use crate::relay::{Inner, Relay};

/// The longest that an authorisation is held up by it.
pub const LONGEST_RELEASE: Duration = Duration::from_secs(1);

impl Relay {
    /// The Ends owed for this medium, to whomever. Usually none: one short read. If the ledger cannot say, none: the
    /// authorisation goes on without.
    pub async fn owed_ends(&self, medium: [u8; 32]) -> Vec<OwedEnd> {
        self.inner.ledger.owed_ends(medium).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the Ends owed for a card could not be looked up");
            Vec::new()
        })
    }

    /// Sends those of the `owed` Ends that are for this provider, now, and waits until it has answered, at most
    /// [`LONGEST_RELEASE`]. What is under way then goes on. Nothing is sent in a lane that a person has paused.
    pub async fn release(&self, provider: ProviderId, medium: [u8; 32], owed: &[OwedEnd]) {
        let under_way: Vec<_> = owed.iter().filter(|end| end.provider == provider).copied().collect();
        if under_way.is_empty() {
            return;
        }
        let until = Instant::now() + LONGEST_RELEASE;
        let work = self.inner.tasks.spawn(self.inner.clone().release(provider, medium, under_way, until));
        // A claim must not be dropped half way: the work is a task of its own.
        let _ = timeout_at(until, work).await;
    }
}

impl Inner {
    async fn release(
        self: Arc<Self>,
        provider: ProviderId,
        medium: [u8; 32],
        owed: Vec<OwedEnd>,
        until: Instant,
    ) {
        for end in owed.iter().filter(|end| end.under_way) {
            let _ = timeout_at(until, self.joins.join(end.process)).await;
        }
        let lane = self.lanes.of(&provider);
        // One after the other, so that a provider that is not there is asked once. What was under way may have failed
        // meanwhile, and is owed again.
        for _ in &owed {
            let Some(route) = self.routes.route(&provider) else { return };
            let place = timeout_at(until, lane.live_place(&route.lane, Urgency::Urgent)).await;
            let (Ok(place), Some(pass)) = (place, lane.pass_out_of_turn()) else { return };
            if Instant::now() >= until {
                return;
            }
            let now = self.clock.now();
            let lease_until = retry::later(now, route.endpoint.timeout + self.tuning.lease_margin);
            let claimed = match self.ledger.claim_ends(provider, medium, now, lease_until, 1).await {
                Ok(mut claimed) => claimed.pop(),
                Err(error) => {
                    tracing::error!(%provider, %error, "an owed End could not be claimed before an authorisation");
                    return;
                }
            };
            let Some(owed) = claimed else { return };
            let attempt = Attempt::of(owed, route);
            self.joins.open(attempt.process);
            self.metrics.released.inc();
            self.clone().redeliver_one(attempt, pass, place).await;
        }
    }
}
