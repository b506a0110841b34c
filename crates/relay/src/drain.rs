//! Draining a lane: what is due is claimed as places get free and the pace allows, sent, recorded.
//!
//! Every lane with something due is drained by a task of its own, so one provider's claims and waiting hold up nobody
//! else's. The task ends when nothing more is due, or when the lane is shut; `redelivery` starts it again.

use std::sync::Arc;

use oicp::ProviderId;
use roamhub_core::delivery::OwedDelivery;
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{Claimed, LedgerError};
use roamhub_core::retry;
use roamhub_core::route::Route;
use tokio::time::{Instant, sleep};

use crate::ahead::Tempo;
use crate::attempt::{Attempt, Occasion};
use crate::breakers::Pass;
use crate::lanes::{Draining, Held, Lane, Queue, Step, reached};
use crate::places::Place;
use crate::relay::Inner;
use crate::submitted::{Outcome, Submitted};

/// What a round begins with.
struct Ready {
    route: Arc<Route>,
    places: Vec<Place>,
    /// How many may be claimed beyond the places.
    ahead: usize,
}

/// Whether there may be more.
#[derive(PartialEq, Eq)]
enum Round {
    Again,
    Over,
}

impl Inner {
    /// Drains the lane, or its charge detail records, until nothing more is due or it is shut.
    pub(crate) async fn drain(self: Arc<Self>, provider: ProviderId, draining: Draining) {
        let mut tempo = Tempo::of(draining.queue);
        loop {
            let ready = tokio::select! {
                () = self.closing.cancelled() => return,
                ready = self.begin_round(&provider, &draining.lane, &mut tempo) => ready,
            };
            let Some(ready) = ready else { return };
            match self.send_round(&draining.lane, ready, &mut tempo).await {
                Ok(Round::Again) => {}
                Ok(Round::Over) => return,
                Err(error) => {
                    tracing::error!(%provider, %error, "what is due could not be claimed; tried again");
                    return;
                }
            }
        }
    }

    /// Waits until the pace allows something and there are places for it. `None` if the lane is shut.
    async fn begin_round(&self, provider: &ProviderId, lane: &Lane, tempo: &mut Tempo) -> Option<Ready> {
        let queue = tempo.queue();
        loop {
            // Without an address nothing can be sent; it stays due until there is one.
            let route = match queue {
                Queue::Notifications => self.routes.route(provider)?,
                Queue::Records => self.routes.record_route(provider)?,
            };
            if lane.shut_altogether(queue).is_some() {
                return None;
            }
            if let Err(wait) = lane.may_begin(route.lane.drain_rate, 1) {
                sleep(wait).await;
                continue;
            }
            let mut places = tempo.places(lane, &route.lane).await;
            let wanted = places.len() + tempo.ahead(Instant::now());
            if wanted == 0 {
                continue;
            }
            if let Ok(granted) = lane.may_begin(route.lane.drain_rate, wanted) {
                places.truncate(granted);
                return Some(Ready { ahead: granted - places.len(), route, places });
            }
        }
    }

    async fn send_round(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        Ready { route, mut places, ahead }: Ready,
        tempo: &mut Tempo,
    ) -> Result<Round, LedgerError> {
        let mut round = Round::Over;
        for step in lane.steps(tempo.queue()) {
            let (only, mut right, limit) = match step {
                Step::One(urgency, pass, few) => (Some(urgency), Some((pass, few)), 1.min(places.len())),
                Step::Many(only) => (only, None, places.len() + ahead),
            };
            if limit == 0 {
                continue;
            }
            let asked = Instant::now();
            let claimed = self.claim(lane, &route, only, limit).await?;
            tempo.claimed(asked, claimed.len());
            if claimed.len() == limit {
                round = Round::Again;
            }
            let mut beyond = Vec::new();
            for owed in claimed {
                let attempt = Attempt::of(owed, route.clone());
                let Some(place) = places.pop() else {
                    beyond.push(attempt);
                    continue;
                };
                let (pass, few) = match right.take() {
                    Some(right) => right,
                    // Refused only if the provider was lost since the steps were planned.
                    None => match lane.pass(Urgency::of(attempt.kind)) {
                        Ok(pass) => (pass, None),
                        Err(_) => {
                            self.give_up_claim(&attempt).await;
                            continue;
                        }
                    },
                };
                self.joins.open(attempt.process);
                self.tasks.spawn(self.clone().redeliver_one(attempt, pass, Held::new(few, place)));
            }
            self.line_up(lane, beyond, tempo);
        }
        Ok(round)
    }

    /// If the ledger does not take it back, the lease runs out.
    pub(crate) async fn give_up_claim(&self, attempt: &Attempt) {
        let now = self.clock.now();
        if let Err(error) = self.ledger.defer(attempt.lease, now, now).await {
            tracing::error!(process = %attempt.process, %error, "a delivery could not be put back");
        }
    }

    async fn claim(
        &self,
        lane: &Lane,
        route: &Route,
        only: Option<Urgency>,
        limit: usize,
    ) -> Result<Vec<OwedDelivery>, LedgerError> {
        let now = self.right_now().await?;
        let lease_until = retry::later(now, route.endpoint.timeout + self.tuning.lease_margin);
        let asked = Instant::now();
        let claimed = self.ledger.claim_due(route.provider, only, now, lease_until, limit).await?;
        self.count_given_up(route, &claimed);
        lane.begun(route.lane.drain_rate, claimed.owed.len());
        if asked.elapsed() >= self.tuning.lease_margin {
            // The ledger took so long that the leases may be somebody else's by now: the sweeper returns them.
            tracing::warn!(provider = %route.provider, claimed = claimed.owed.len(), "claimed too late to send");
            return Ok(Vec::new());
        }
        Ok(claimed.owed)
    }

    /// One attempt at something owed, and its record.
    pub(crate) async fn redeliver_one(self: Arc<Self>, attempt: Attempt, pass: Pass, held: Held) {
        let done = self.exchange(&attempt, attempt.route.endpoint.timeout).await;
        pass.heard(reached(&done.outcome), &attempt.route.lane.breaker);
        // The provider has room for the next one; what waits for the record is the hub's own business.
        drop(held);
        self.joins
            .tell(attempt.process, &Submitted { process: attempt.process, outcome: Outcome::of(&done) });
        self.record(&attempt, done).await;
        // What waited behind it in its session may be due now.
        self.wake.notify_one();
    }

    fn count_given_up(&self, route: &Route, claimed: &Claimed) {
        for (state, reason, number) in
            [("expired", "too-old", claimed.expired), ("exhausted", "too-old", claimed.exhausted)]
        {
            if number > 0 {
                self.metrics.given_up(&route.provider, state, reason).inc_by(number);
                tracing::warn!(provider = %route.provider, state, reason, number, "given up");
            }
        }
    }
}

impl Attempt {
    pub(crate) fn of(owed: OwedDelivery, route: Arc<Route>) -> Self {
        Self {
            lease: owed.lease,
            occasion: Occasion::Owed,
            process: owed.process,
            session: owed.session,
            kind: owed.kind,
            operator: owed.operator,
            body: owed.body,
            received_at: owed.received_at,
            gives_up_at: owed.gives_up_at,
            tries: owed.tries,
            origin: owed.origin,
            route,
        }
    }
}
