//! Claiming ahead: what a provider will have room for by the time the ledger has answered.
//!
//! A claim is durable before anything of it is sent, and that takes some milliseconds in which a fast provider would have
//! nothing to do. So a claim brings more than there are places for: as much as was sent lately in [`AHEAD`]. It stands
//! in the line for places with its leases, in the order in which it was claimed, and those who ask for it find it under
//! way. When half of it has got its places the next is claimed.
//!
//! Invariants: within a queue nothing claimed later goes first; for a slow provider nothing is claimed ahead, so that
//! nobody's turn waits for it; what waits longer than [`LONGEST_WAIT`], or finds its lane paused, its breaker not closed
//! or the hub closing when it gets a place, is given back untried.

use std::sync::Arc;
use std::time::Duration;

use roamhub_core::lane::{LaneSettings, Urgency};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::attempt::Attempt;
use crate::lanes::{Held, Lane, Queue};
use crate::places::Place;
use crate::relay::Inner;

/// For so long what is claimed ahead keeps the provider busy: a few commits.
const AHEAD: Duration = Duration::from_millis(30);
/// The most that is claimed ahead.
const MOST: usize = 512;
/// The longest that something claimed waits for a place; much less than a lease lasts beyond the provider's timeout.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How a queue of a lane is being drained.
#[derive(Debug)]
pub(crate) struct Tempo {
    queue: Queue,
    /// When the last claim was asked for, and what it brought.
    last: Option<(Instant, usize)>,
    /// Stands in the line behind the first half of what was claimed ahead.
    halfway: Option<oneshot::Receiver<Place>>,
}

impl Tempo {
    /// Nothing is known of it yet.
    pub(crate) fn of(queue: Queue) -> Self {
        Self { queue, last: None, halfway: None }
    }

    /// The queue that is drained.
    pub(crate) fn queue(&self) -> Queue {
        self.queue
    }

    /// As many as are sent in [`AHEAD`], if this goes on.
    pub(crate) fn ahead(&self, now: Instant) -> usize {
        let Some((asked, claimed)) = self.last else { return 0 };
        let took = now.saturating_duration_since(asked).max(Duration::from_micros(1));
        let ahead = AHEAD.as_micros().saturating_mul(claimed as u128) / took.as_micros();
        usize::try_from(ahead).unwrap_or(MOST).min(MOST)
    }

    /// The places to claim for: when half of what was claimed ahead has got its own, those that are free then, which may
    /// be none; otherwise at least one.
    pub(crate) async fn places(&mut self, lane: &Lane, settings: &LaneSettings) -> Vec<Place> {
        let Some(halfway) = &mut self.halfway else { return lane.backlog_places(settings, self.queue).await };
        // Dropped at once, it goes to the next in the line.
        drop(halfway.await);
        self.halfway = None;
        lane.free_backlog_places(settings, self.queue)
    }

    /// What was asked for at `asked` brought so many.
    pub(crate) fn claimed(&mut self, asked: Instant, claimed: usize) {
        self.last = Some((asked, claimed));
    }
}

impl Inner {
    /// Has all of these wait for their places, in this order.
    pub(crate) fn line_up(self: &Arc<Self>, lane: &Arc<Lane>, claimed: Vec<Attempt>, tempo: &mut Tempo) {
        let half = claimed.len() / 2;
        for (number, attempt) in claimed.into_iter().enumerate() {
            if number == half {
                tempo.halfway = Some(lane.line_up(&attempt.route.lane, tempo.queue));
            }
            self.joins.open(attempt.process);
            let place = lane.line_up(&attempt.route.lane, tempo.queue);
            self.tasks.spawn(self.clone().redeliver_when_there_is_room(attempt, lane.clone(), place));
        }
    }

    /// Waits for the place and sends what was claimed ahead, or gives it back.
    async fn redeliver_when_there_is_room(
        self: Arc<Self>,
        attempt: Attempt,
        lane: Arc<Lane>,
        place: oneshot::Receiver<Place>,
    ) {
        let patience = LONGEST_WAIT.min(self.tuning.lease_margin / 2);
        let place = timeout(patience, place).await;
        let shut = self.closing.is_cancelled();
        let pass = if shut { None } else { lane.pass_while_closed(Urgency::of(attempt.kind)) };
        match (place, pass) {
            (Ok(Ok(place)), Some(pass)) => self.redeliver_one(attempt, pass, Held::new(None, place)).await,
            _ => {
                self.give_up_claim(&attempt).await;
                // Whoever has joined it asks the ledger again.
                self.joins.close(attempt.process);
                self.bells.ring(attempt.session);
                self.wake.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_claimed_ahead_as_a_provider_takes_in_thirty_milliseconds() {
        let begin = Instant::now();
        let later = |millis| begin + Duration::from_millis(millis);
        let mut tempo = Tempo::of(Queue::Notifications);
        assert_eq!(tempo.ahead(later(5)), 0, "nothing is known of it yet");
        tempo.claimed(begin, 64);
        assert_eq!(tempo.ahead(later(5)), 384);
        assert_eq!(tempo.ahead(later(30)), 64);
        assert_eq!(tempo.ahead(later(1_920)), 1);
        assert_eq!(tempo.ahead(later(6_000)), 0, "a slow one");
        assert_eq!(tempo.ahead(begin), MOST);
    }
}
