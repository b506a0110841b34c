//! The circuit breaker of one provider (and one service): after some failures in a row the hub stops asking and probes
//! instead. A pure state machine; time is an argument, counted from any fixed instant.
//!
//! ```text
//!            failures in a row              pause over: one probe
//!   Closed ───────────────────▶ Open ◀───────────────┐
//!     ▲                          │ probe reached it   │ a failure: longer pause
//!     └──── successes ◀── Probation ──────────────────┘
//! ```
//!
//! Food is only "not reached" (connection, time, 5xx and their like): a refusal, a wrong address or an unusable answer
//! comes from somebody who is there. Invariants:
//! * nobody is ever disabled: an open breaker lets a probe through again and again, at most one at a time;
//! * the pause grows with every opening and has an upper bound;
//! * what was asked before a change of state says nothing about the state after it.

use std::time::Duration;

/// When a breaker opens, and how it closes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// The pause before the first probe; it doubles with every further opening.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Successes in probation that close it.
    pub successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
            successes: 3,
        }
    }
}

impl BreakerSettings {
    /// The pause after so many openings in a row (counted from 1).
    #[must_use]
    pub fn pause_after(&self, openings: u32) -> Duration {
        let doubled = 1_u32.checked_shl(openings.saturating_sub(1)).unwrap_or(u32::MAX);
        self.pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BreakerState {
    /// Everything goes.
    Closed,
    /// Reached again lately: few at a time.
    Probation,
    /// Not reached: nothing goes but a probe now and then.
    Open,
}

impl BreakerState {
    /// The word for metrics, logs and people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Probation => "probation",
            Self::Open => "open",
        }
    }
}

/// The right to one exchange. Its result, or that there was none, goes back to the breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    era: u32,
    probe: Option<Probe>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Probe {
    /// The pause was over.
    InTurn,
    /// Somebody could not wait for that: its failure is no reason to wait longer.
    OutOfTurn,
}

impl Ticket {
    /// A ticket of a closed breaker in this era.
    #[must_use]
    pub fn of_closed(era: u32) -> Self {
        Self { era, probe: None }
    }

    /// Whether this is the one exchange that an open breaker lets through.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration, probing: bool },
    Probation { successes: u32 },
}

/// The breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: State,
    /// Counts the changes of state.
    era: u32,
    /// Openings since it was last closed.
    openings: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 }, era: 0, openings: 0 }
    }
}

impl Breaker {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probation { .. } => BreakerState::Probation,
        }
    }

    /// The era in which everything goes and nothing has failed lately; `None` while there is something to watch.
    #[must_use]
    pub fn calm_era(&self) -> Option<u32> {
        (self.state == State::Closed { failures: 0 }).then_some(self.era)
    }

    /// How long nothing would be let through, asked at `now`; `None` if something would be. A probe under way has no
    /// end that is known: then it is the shortest time after which asking again makes sense.
    #[must_use]
    pub fn shut_for(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } if until > now => Some(until.saturating_sub(now)),
            State::Open { probing: true, .. } => Some(Duration::from_millis(100)),
            State::Open { .. } | State::Closed { .. } | State::Probation { .. } => None,
        }
    }

    /// A probe is under way.
    #[must_use]
    pub fn is_probed(&self) -> bool {
        matches!(self.state, State::Open { probing: true, .. })
    }

    /// Asks for one exchange at `now`.
    pub fn admit(&mut self, now: Duration) -> Option<Ticket> {
        match &mut self.state {
            State::Closed { .. } | State::Probation { .. } => Some(Ticket { era: self.era, probe: None }),
            State::Open { until, probing } if *until <= now && !*probing => {
                *probing = true;
                Some(Ticket { era: self.era, probe: Some(Probe::InTurn) })
            }
            State::Open { .. } => None,
        }
    }

    /// Asks for one exchange that cannot wait for the pause to be over; refused only while a probe is under way.
    pub fn admit_out_of_turn(&mut self, now: Duration) -> Option<Ticket> {
        if let Some(ticket) = self.admit(now) {
            return Some(ticket);
        }
        match &mut self.state {
            State::Open { probing, .. } if !*probing => {
                *probing = true;
                Some(Ticket { era: self.era, probe: Some(Probe::OutOfTurn) })
            }
            _ => None,
        }
    }

    /// The provider was reached, whatever it said.
    pub fn reached(&mut self, ticket: Ticket, settings: &BreakerSettings) {
        if ticket.era != self.era {
            return;
        }
        match self.state {
            State::Closed { .. } => self.state = State::Closed { failures: 0 },
            State::Open { .. } if ticket.is_probe() => self.turn_to(State::Probation { successes: 0 }),
            State::Open { .. } => {}
            State::Probation { successes } if successes + 1 >= settings.successes => {
                self.openings = 0;
                self.turn_to(State::Closed { failures: 0 });
            }
            State::Probation { successes } => {
                self.state = State::Probation { successes: successes + 1 };
            }
        }
    }

    /// The provider was not reached.
    pub fn failed(&mut self, ticket: Ticket, now: Duration, settings: &BreakerSettings) {
        if ticket.era != self.era {
            return;
        }
        match (self.state, ticket.probe) {
            (State::Closed { failures }, _) if failures.saturating_add(1) < settings.failures => {
                self.state = State::Closed { failures: failures + 1 };
            }
            (State::Open { .. }, Some(Probe::OutOfTurn)) => self.given_back(ticket),
            (State::Open { .. }, None) => {}
            (State::Closed { .. } | State::Probation { .. }, _)
            | (State::Open { .. }, Some(Probe::InTurn)) => {
                self.openings = self.openings.saturating_add(1);
                let until = now.saturating_add(settings.pause_after(self.openings));
                self.turn_to(State::Open { until, probing: false });
            }
        }
    }

    /// No exchange was made: a probe is for somebody else.
    pub fn given_back(&mut self, ticket: Ticket) {
        if let State::Open { probing, .. } = &mut self.state
            && ticket.era == self.era
            && ticket.is_probe()
        {
            *probing = false;
        }
    }

    fn turn_to(&mut self, state: State) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
