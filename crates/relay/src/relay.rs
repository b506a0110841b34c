//! The live path: a message comes in, is made durable, goes out when it is its turn, and its sender hears what came of
//! it. Within one budget; and a sender that hangs up changes nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oicp::ack::Acknowledgement;
use roamhub_core::ProcessId;
use roamhub_core::delivery::Tries;
use roamhub_core::lane::Urgency;
use roamhub_core::mandate::Origin;
use roamhub_core::ports::{Clock, Courier, Intake, Ledger, LedgerError, Repeated, Sending, Taken, TurnNow};
use roamhub_core::retry;
use roamhub_core::route::{Route, Routes};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::{Attempt, Done, Occasion};
use crate::bell::Bells;
use crate::breakers::Breakers;
use crate::carried_on::CarriedOn;
use crate::joins::Joins;
use crate::lanes::{Lanes, Shut, reached};
use crate::metrics::{DeferralLabels, RelayMetrics};
use crate::right_now::RightClock;
use crate::submitted::{Outcome, Submitted, Why};

/// How long the ledger may hold up an answer beyond the budget.
const GRACE: Duration = Duration::from_millis(300);

/// The engine's times and widths.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// From the call's arrival to its answer, everything included.
    pub budget: Duration,
    /// What must be left of the budget for an attempt to begin.
    pub least_for_attempt: Duration,
    /// How long a message waits for a place in its lane.
    pub wait_for_lane: Duration,
    /// How much longer than the budget a live lease lasts.
    pub lease_margin: Duration,
    /// How often somebody who waits for a turn asks again without having been called.
    pub turn_poll: Duration,
    /// How often leases that ran out are looked for.
    pub sweep_every: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            budget: Duration::from_millis(7_500),
            least_for_attempt: Duration::from_secs(2),
            wait_for_lane: Duration::from_secs(1),
            lease_margin: Duration::from_secs(10),
            turn_poll: Duration::from_millis(250),
            sweep_every: Duration::from_secs(5),
        }
    }
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) routes: Arc<dyn Routes>,
    pub(crate) metrics: RelayMetrics,
    pub(crate) tuning: Tuning,
    pub(crate) lanes: Lanes,
    pub(crate) right_clock: RightClock,
    /// Pauses are read one at a time.
    pub(crate) reading_pauses: tokio::sync::Mutex<()>,
    pub(crate) bells: Bells,
    pub(crate) joins: Joins,
    /// Wakes the redelivery loop.
    pub(crate) wake: Notify,
    /// Everything under way.
    pub(crate) tasks: TaskTracker,
    /// No new redeliveries from here on.
    pub(crate) closing: CancellationToken,
}

impl Relay {
    /// Puts the engine together. Start [`Relay::redeliver`] beside it.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        courier: Arc<dyn Courier>,
        clock: Arc<dyn Clock>,
        routes: Arc<dyn Routes>,
        metrics: RelayMetrics,
        tuning: Tuning,
    ) -> Self {
        let right_clock = RightClock::new(clock.as_ref());
        let inner = Inner {
            ledger,
            courier,
            clock,
            routes,
            lanes: Lanes::new(metrics.clone()),
            metrics,
            tuning,
            right_clock,
            reading_pauses: tokio::sync::Mutex::default(),
            bells: Bells::default(),
            joins: Joins::default(),
            wake: Notify::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Breakers for another service of the same providers, counted with the engine's own.
    #[must_use]
    pub fn breakers(&self, service: &'static str) -> Breakers {
        Breakers::new(service, self.inner.metrics.breakers.clone())
    }

    /// Until when a live lease lasts that begins now.
    #[must_use]
    pub fn lease_until(&self) -> jiff::Timestamp {
        retry::later(self.inner.clock.now(), self.inner.tuning.budget + self.inner.tuning.lease_margin)
    }

    /// Records the message, sends it if it may go now, and says what came of it. The work goes on if the caller goes.
    ///
    /// # Errors
    /// [`LedgerError`]: not stored, or not known to be.
    pub async fn submit(
        &self,
        intake: Arc<Intake>,
        arrived: std::time::Instant,
    ) -> Result<Submitted, LedgerError> {
        let deadline = Instant::from_std(arrived) + self.inner.tuning.budget;
        let answer = self.inner.clone().answer(intake, deadline);
        let answer = CarriedOn::new(self.inner.tasks.track_future(answer));
        // Nothing in there waits longer than the budget but the ledger; and work that panicked answers nothing. In
        // both cases nobody knows what is stored.
        timeout_at(deadline + GRACE, answer).await.ok().flatten().unwrap_or(Err(LedgerError::Unknown))
    }

    /// Something was stored that is due at once and that nobody sends: the redelivery looks for it.
    pub fn look_what_is_due(&self) {
        self.inner.wake.notify_one();
    }

    /// No new redeliveries from here on; [`Relay::redeliver`] ends.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }

    /// Finishes what is under way; `false` if the deadline came first. Call [`Relay::close`] before.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.inner.tasks.close();
        timeout(deadline, self.inner.tasks.wait()).await.is_ok()
    }
}

/// A handled message: the answer, and the attempt whose outcome is still to be recorded.
struct Handled {
    submitted: Submitted,
    done: Option<(Box<Attempt>, Box<Done>)>,
}

impl Inner {
    /// Handles a message to its answer. That does not wait for the record of the outcome: a crash in between costs a
    /// repeat, never a loss.
    async fn answer(
        self: Arc<Self>,
        intake: Arc<Intake>,
        deadline: Instant,
    ) -> Result<Submitted, LedgerError> {
        let process = intake.process;
        self.joins.open(process);
        let handled = self.handle(&intake, deadline).await;
        let Ok(Handled { submitted, done: Some((attempt, done)) }) = handled else {
            self.joins.close(process);
            return handled.map(|handled| handled.submitted);
        };
        if attempt.process != process {
            self.joins.close(process);
        }
        self.record_behind(attempt, done);
        Ok(submitted)
    }

    async fn handle(&self, intake: &Arc<Intake>, deadline: Instant) -> Result<Handled, LedgerError> {
        let mut again = 2;
        loop {
            let (process, outcome) = match self.ledger.take_in(intake.clone()).await? {
                Taken::Stored(sending) => {
                    let attempt = self.attempt(intake, intake.process, intake.received_at, sending);
                    return self.send(attempt, intake.process, sending, deadline).await;
                }
                Taken::Held => (intake.process, Outcome::Held),
                Taken::Declined(declined) => (intake.process, Outcome::Declined(declined)),
                Taken::Repeat { first, standing: Repeated::UnderWay, .. } => {
                    match timeout_at(deadline, self.joins.join(first)).await {
                        Ok(Some(Submitted { process, outcome })) => (process, outcome),
                        // It ended between the ledger's answer and now: ask the ledger again.
                        Ok(None) if again > 0 => {
                            again -= 1;
                            continue;
                        }
                        Ok(None) | Err(_) => (first, Outcome::Deferred(Why::Earlier)),
                    }
                }
                Taken::Repeat { first, received_at, standing: Repeated::Reopened(sending) } => {
                    self.joins.open(first);
                    let attempt = self.attempt(intake, first, received_at, sending);
                    return self.send(attempt, first, sending, deadline).await;
                }
                Taken::Repeat { first, standing: Repeated::Deferred, .. } => {
                    (first, Outcome::Deferred(Why::Earlier))
                }
                Taken::Repeat { first, standing: Repeated::Held, .. } => (first, Outcome::Held),
                Taken::Repeat { first, standing: Repeated::Fetched, .. } => (first, Outcome::Fetched),
                Taken::Repeat { first, standing: Repeated::Superseded, .. } => (first, Outcome::Superseded),
                Taken::Repeat { first, standing: Repeated::Delivered { acknowledgement }, .. } => {
                    (first, stored_answer(&acknowledgement)?)
                }
            };
            return Ok(Handled { submitted: Submitted { process, outcome }, done: None });
        }
    }

    fn attempt(
        &self,
        intake: &Intake,
        process: ProcessId,
        received_at: jiff::Timestamp,
        sending: Sending,
    ) -> Option<Box<Attempt>> {
        let route: Arc<Route> = self.routes.route(&intake.provider)?;
        Some(Box::new(Attempt {
            lease: sending.lease,
            occasion: Occasion::Owed,
            process,
            session: intake.session,
            kind: intake.kind,
            operator: intake.operator,
            body: intake.body.clone(),
            received_at,
            // A message that is sent in again is as young as its repeat.
            gives_up_at: retry::gives_up_at(intake.kind, intake.received_at),
            tries: Tries::default(),
            origin: Origin::Sender,
            route,
        }))
    }

    /// Sends a stored message when it is its turn, or defers it, and tells those who joined it.
    async fn send(
        &self,
        attempt: Option<Box<Attempt>>,
        process: ProcessId,
        sending: Sending,
        deadline: Instant,
    ) -> Result<Handled, LedgerError> {
        let tried = match &attempt {
            Some(attempt) => self.try_now(attempt, sending, deadline).await,
            // The provider lost its address between the decision and now; the redelivery looks again.
            None => {
                let due_at = retry::later(self.clock.now(), retry::SLOW_STEP);
                self.give_back(sending, due_at).await.map(|()| Err(Why::NoRoute))
            }
        };
        let tried = tried.inspect_err(|_| self.joins.close(process))?;
        let (outcome, done) = match tried {
            Ok(done) => (Outcome::of(&done), Some(done)),
            Err(why) => (Outcome::Deferred(why), None),
        };
        if let (Outcome::Deferred(why), Some(attempt)) = (&outcome, &attempt) {
            let provider = attempt.route.provider.to_string();
            let labels = DeferralLabels { provider, reason: why.as_str() };
            self.metrics.deferrals.get_or_create(&labels).inc();
        }
        let done = attempt.zip(done);
        let submitted = Submitted { process, outcome };
        self.joins.tell(process, &submitted);
        if done.is_none() {
            self.joins.close(process);
        }
        Ok(Handled { submitted, done })
    }

    /// One attempt within the budget, or why there is none now.
    async fn try_now(
        &self,
        attempt: &Attempt,
        sending: Sending,
        deadline: Instant,
    ) -> Result<Result<Box<Done>, Why>, LedgerError> {
        let last_start = deadline - self.tuning.least_for_attempt;
        let lane = self.lanes.of(&attempt.route.provider);
        let urgency = Urgency::of(attempt.kind);
        if let TurnNow::Go | TurnNow::Wait = sending.turn
            && let Some(shut) = lane.shut_now(urgency).await
        {
            return self.set_aside(attempt, sending, shut).await;
        }
        match self.await_turn(attempt, sending, last_start).await? {
            TurnNow::Go => {}
            TurnNow::Behind => return Ok(Err(Why::Behind)),
            // Swept away from under a request that was held up: somebody else sends it.
            TurnNow::Lost => return Ok(Err(Why::OutOfTime)),
            TurnNow::Wait => {
                // Due at once: whoever settles the message in front lets it go.
                self.defer(attempt, sending, self.clock.now()).await?;
                return Ok(Err(Why::TurnTooLate));
            }
        }
        let patience = last_start.min(Instant::now() + self.tuning.wait_for_lane);
        let place = timeout_at(patience, lane.live_place(&attempt.route.lane, urgency)).await;
        if place.is_err() || Instant::now() > last_start {
            let pause = attempt.route.retry.pause_after(1, &attempt.process);
            self.defer(attempt, sending, retry::later(self.clock.now(), pause)).await?;
            return Ok(Err(if place.is_err() { Why::LaneFull } else { Why::OutOfTime }));
        }
        let pass = match lane.pass(urgency) {
            Ok(pass) => pass,
            Err(shut) => return self.set_aside(attempt, sending, shut).await,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let done = self.exchange(attempt, attempt.route.endpoint.timeout.min(left)).await;
        pass.heard(reached(&done.outcome), &attempt.route.lane.breaker);
        Ok(Ok(done))
    }

    /// Defers what its lane lets through no more: due at once, for the lane decides when it goes on. Nobody is woken for
    /// it.
    async fn set_aside(
        &self,
        attempt: &Attempt,
        sending: Sending,
        shut: Shut,
    ) -> Result<Result<Box<Done>, Why>, LedgerError> {
        let now = self.clock.now();
        self.ledger.defer(sending.lease, now, now).await?;
        self.bells.ring(attempt.session);
        Ok(Err(shut.into()))
    }

    async fn await_turn(
        &self,
        attempt: &Attempt,
        sending: Sending,
        until: Instant,
    ) -> Result<TurnNow, LedgerError> {
        if sending.turn != TurnNow::Wait {
            return Ok(sending.turn);
        }
        let seat = self.bells.sit(attempt.session);
        loop {
            let rung = seat.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            let turn = self.ledger.take_turn(sending.lease, self.clock.now()).await?;
            if turn != TurnNow::Wait || Instant::now() >= until {
                return Ok(turn);
            }
            // A timeout here is the poll: another node may have settled what is in front.
            let _ = timeout_at(until.min(Instant::now() + self.tuning.turn_poll), rung).await;
        }
    }

    async fn defer(
        &self,
        attempt: &Attempt,
        sending: Sending,
        due_at: jiff::Timestamp,
    ) -> Result<(), LedgerError> {
        self.give_back(sending, due_at).await?;
        self.bells.ring(attempt.session);
        Ok(())
    }

    async fn give_back(&self, sending: Sending, due_at: jiff::Timestamp) -> Result<(), LedgerError> {
        self.ledger.defer(sending.lease, self.clock.now(), due_at).await?;
        self.wake.notify_one();
        Ok(())
    }
}

fn stored_answer(acknowledgement: &[u8]) -> Result<Outcome, LedgerError> {
    match Acknowledgement::read(acknowledgement) {
        oicp::ack::Reading::Acknowledged { ack, .. } => Ok(Outcome::Answered(ack)),
        oicp::ack::Reading::NoResult | oicp::ack::Reading::NotJson => {
            tracing::error!("a stored acknowledgement cannot be read");
            Err(LedgerError::Contradiction)
        }
    }
}
