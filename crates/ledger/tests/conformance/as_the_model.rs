//! Random operations on the ledger and on the [`Model`]: every answer is the same, and so is every delivery after every
//! step. In the middle the ledger is closed and opened again, leases run out, clocks are set, messages are repeated and
//! grow too old, for two providers.

use std::sync::Arc;

use oicp::ProviderId;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::MessageKind::{self, End, Error, Progress, Start};
use roamhub_core::SessionKey;
use roamhub_core::delivery::{FinalState, Lease};
use roamhub_core::ports::{self, Declined, Fate, Intake, Ledger, Plan, Repeated, Settled};

use crate::Place;
use crate::model::{At, Message, Model, Taken};
use crate::scene::*;

const CASES: u32 = 60;
const SESSIONS: usize = 3;
/// How long a lease lasts, in seconds.
const LEASE: i64 = 30;

#[derive(Clone, Debug)]
enum Step {
    TakeIn { session: usize, kind: MessageKind, endpoint: bool },
    Repeat { message: Index, endpoint: bool },
    TakeTurn(Index),
    Settle(Index, At),
    Defer(Index, i64),
    Claim { provider: usize, limit: usize },
    Sweep,
    Reopen,
    SetClock(i64),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![Start, Progress, End, End, Error];
    let endpoint = || prop::bool::weighted(0.9);
    // Due instants count from the moment of the step.
    let outcome = prop_oneof![
        2 => Just(At::Ended(FinalState::Delivered)),
        1 => select(vec![FinalState::Refused, FinalState::Exhausted]).prop_map(At::Ended),
        4 => (0..60_i64).prop_map(At::Due),
    ];
    let pass = prop_oneof![
        12 => 0..40_i64,
        3 => 290..300_i64,
        1 => 880..1_000_i64,
        1 => 250_000..270_000_i64,
    ];
    prop_oneof![
        7 => (0..SESSIONS, select(kinds), endpoint())
            .prop_map(|(session, kind, endpoint)| Step::TakeIn { session, kind, endpoint }),
        3 => (any::<Index>(), endpoint()).prop_map(|(message, endpoint)| Step::Repeat { message, endpoint }),
        4 => any::<Index>().prop_map(Step::TakeTurn),
        7 => (any::<Index>(), outcome).prop_map(|(lease, at)| Step::Settle(lease, at)),
        2 => (any::<Index>(), 0..60_i64).prop_map(|(lease, pause)| Step::Defer(lease, pause)),
        6 => (0..2_usize, 1..5_usize).prop_map(|(provider, limit)| Step::Claim { provider, limit }),
        2 => Just(Step::Sweep),
        1 => Just(Step::Reopen),
        1 => select(vec![-18_000, -100, 100, 18_000, 300_000]).prop_map(Step::SetClock),
        6 => pass.prop_map(Step::Pass),
    ]
}

/// The ledger and the model, side by side.
struct Pair<'p> {
    place: &'p dyn Place,
    ledger: Option<Arc<dyn Ledger>>,
    model: Model,
    now: i64,
    sessions: Vec<SessionKey>,
    /// The ledger's messages, in the model's order.
    messages: Vec<Intake>,
    /// Every lease that was given: the ledger's, and whose it is in the model.
    leases: Vec<(Lease, usize)>,
}

fn provider_of(session: usize) -> usize {
    session % 2
}

fn named(provider: usize) -> ProviderId {
    provider_named(["DE-DCB", "DE-XYZ"][provider])
}

impl<'p> Pair<'p> {
    async fn new(place: &'p dyn Place) -> Self {
        let ledger = begin(place).await;
        let mut sessions = Vec::new();
        for session in 0..SESSIONS {
            sessions.push(session_with(&*ledger, named(provider_of(session))).await);
        }
        let (model, messages, leases) = (Model::new(SESSIONS), Vec::new(), Vec::new());
        Self { place, ledger: Some(ledger), model, now: 0, sessions, messages, leases }
    }

    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_deref().expect("open between two steps")
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::TakeIn { session, kind, endpoint } => self.take_in(*session, *kind, *endpoint).await,
            Step::Repeat { message, endpoint } if !self.messages.is_empty() => {
                self.repeat(message.index(self.messages.len()), *endpoint).await;
            }
            Step::TakeTurn(pick) if !self.leases.is_empty() => {
                let (lease, delivery) = *pick.get(&self.leases);
                let turn = self.ledger().take_turn(lease, at(self.now)).await.unwrap();
                assert_eq!(turn, self.model.take_turn(delivery, lease.token, self.now), "a turn");
            }
            Step::Settle(pick, outcome) if !self.leases.is_empty() => {
                self.settle(*pick.get(&self.leases), *outcome).await;
            }
            Step::Defer(pick, pause) if !self.leases.is_empty() => {
                let (lease, delivery) = *pick.get(&self.leases);
                let due = self.now + pause;
                let settled = self.ledger().defer(lease, at(self.now), at(due)).await.unwrap();
                let held = self.model.give_back(delivery, lease.token, self.now, At::Due(due));
                assert_eq!(settled == Settled::Recorded, held, "a deferral");
            }
            Step::Claim { provider, limit } => self.claim(*provider, *limit).await,
            Step::Sweep => {
                let swept = self.ledger().sweep(at(self.now)).await.unwrap();
                assert_eq!(swept, self.model.sweep(self.now), "what a sweep returned");
            }
            Step::Reopen => {
                self.ledger = None;
                self.ledger = Some(self.place.open(at(self.now)).await);
                self.model.reopen(self.now);
            }
            Step::SetClock(by) => {
                self.now += by;
                let step = jiff::SignedDuration::from_secs(*by);
                self.ledger().clock_stepped(at(self.now), step).await.unwrap();
                self.model.clock_stepped(*by);
            }
            Step::Pass(seconds) => self.now += seconds,
            Step::Repeat { .. } | Step::TakeTurn(_) | Step::Settle(..) | Step::Defer(..) => {}
        }
    }

    fn plan(&self, endpoint: bool) -> (Plan, Option<i64>) {
        let until = self.now + LEASE;
        if endpoint { (Plan::Send { lease_until: at(until) }, Some(until)) } else { (Plan::Hold, None) }
    }

    async fn take_in(&mut self, session: usize, kind: MessageKind, endpoint: bool) {
        let (plan, until) = self.plan(endpoint);
        let provider = provider_of(session);
        let intake =
            Intake { plan, ..owed_to(named(provider), notice(self.sessions[session], kind, self.now)) };
        let taken = take_in(self.ledger(), intake.clone()).await;
        let expected = self.model.take_in(Message { session, provider, kind }, self.now, until);
        self.assert_taken(taken, expected);
        if expected != Taken::TooSoon {
            self.messages.push(intake);
        }
    }

    async fn repeat(&mut self, message: usize, endpoint: bool) {
        let (plan, until) = self.plan(endpoint);
        let intake = Intake { plan, ..again(&self.messages[message], self.now) };
        let taken = take_in(self.ledger(), intake).await;
        if let ports::Taken::Repeat { first, .. } = &taken {
            assert_eq!(*first, self.messages[message].process, "the id of a repeat");
        }
        let expected = self.model.repeat(message, self.now, until);
        self.assert_taken(taken, expected);
    }

    /// The same answer; a lease is remembered.
    fn assert_taken(&mut self, taken: ports::Taken, expected: Taken) {
        let sending = match (&taken, expected) {
            (ports::Taken::Stored(sending), Taken::Stored { .. }) => *sending,
            (ports::Taken::Repeat { standing: Repeated::Reopened(sending), .. }, Taken::Stored { .. }) => {
                *sending
            }
            (ports::Taken::Held, Taken::Held)
            | (ports::Taken::Declined(Declined::TooSoon { .. }), Taken::TooSoon) => {
                return;
            }
            (ports::Taken::Repeat { standing, .. }, expected) => {
                let same = matches!(
                    (standing, expected),
                    (Repeated::UnderWay, Taken::UnderWay)
                        | (Repeated::Deferred, Taken::Deferred)
                        | (Repeated::Delivered { .. }, Taken::Delivered)
                        | (Repeated::Superseded, Taken::Superseded)
                        | (Repeated::Held, Taken::Held)
                );
                assert!(same, "the ledger says {taken:?}, the model {expected:?}");
                return;
            }
            _ => panic!("the ledger says {taken:?}, the model {expected:?}"),
        };
        let Taken::Stored { delivery, turn } = expected else { return };
        assert_eq!(
            (sending.turn, sending.lease.token),
            (turn, self.model.owed[delivery].token),
            "the right to send"
        );
        self.leases.push((sending.lease, delivery));
    }

    async fn settle(&mut self, (lease, delivery): (Lease, usize), outcome: At) {
        let (fate, then) = match outcome {
            At::Ended(state) => (Fate::Final { state, reason: None }, outcome),
            At::Due(pause) => {
                let due = self.now + pause;
                (Fate::Retry { due_at: at(due), faulted: false, unusable: false }, At::Due(due))
            }
            At::Leased { .. } | At::Parked => return,
        };
        let attempt = attempt(self.now, "tried", Some(YES));
        let settled = self.ledger().settle(lease, at(self.now), attempt, fate).await.unwrap();
        let held = self.model.give_back(delivery, lease.token, self.now, then);
        assert_eq!(settled == Settled::Recorded, held, "a result");
        self.model.owed[delivery].attempts.insert((lease.token, !held));
    }

    async fn claim(&mut self, provider: usize, limit: usize) {
        let until = self.now + LEASE;
        let claimed =
            self.ledger().claim_due(named(provider), None, at(self.now), at(until), limit).await.unwrap();
        let owed = claimed.owed;
        let expected = self.model.claim(provider, self.now, until, limit);
        let process = |delivery: &usize| self.messages[self.model.owed[*delivery].message].process;
        assert_eq!(
            owed.iter().map(|owed| (owed.process, owed.lease.token)).collect::<Vec<_>>(),
            expected.iter().map(|one| (process(one), self.model.owed[*one].token)).collect::<Vec<_>>(),
            "what is claimed, in order"
        );
        for (owed, delivery) in owed.iter().zip(expected) {
            assert_eq!(owed.gives_up_at, at(self.model.owed[delivery].gives_up));
            assert_eq!(owed.body, self.messages[self.model.owed[delivery].message].body);
            self.leases.push((owed.lease, delivery));
        }
    }

    /// Every delivery of every message stands where the model has it.
    async fn compare(&self) {
        let mut open = [0_u64; 2];
        for (session, key) in self.sessions.iter().enumerate() {
            let records = self.ledger().messages_of(*key).await.unwrap();
            let messages = (0..self.messages.len()).filter(|at| self.model.messages[*at].session == session);
            let messages: Vec<_> = messages.collect();
            assert_eq!(
                records.iter().map(|record| record.process).collect::<Vec<_>>(),
                messages.iter().map(|at| self.messages[*at].process).collect::<Vec<_>>(),
                "the messages of a session, in order"
            );
            for (record, message) in records.iter().zip(messages) {
                let owed: Vec<_> = self.model.owed.iter().filter(|owed| owed.message == message).collect();
                open[provider_of(session)] +=
                    owed.iter().filter(|owed| !matches!(owed.at, At::Ended(_))).count() as u64;
                let seen: Vec<_> =
                    record.deliveries.iter().map(|one| (one.state.as_str(), one.due_at)).collect();
                let expected: Vec<_> = owed
                    .iter()
                    .map(|owed| match owed.at {
                        At::Leased { .. } => ("leased", None),
                        At::Due(due) => ("deferred", Some(at(due))),
                        At::Parked => ("deferred", None),
                        At::Ended(state) => (state.as_str(), None),
                    })
                    .collect();
                assert_eq!(seen, expected, "the deliveries of a {}", record.kind);
                for (delivery, owed) in record.deliveries.iter().zip(owed) {
                    let attempts = delivery.attempts.iter().map(|one| (one.number, one.late)).collect();
                    assert_eq!(owed.attempts, attempts, "the attempts of a {}", record.kind);
                }
            }
        }
        let backlog = self.ledger().backlog().await.unwrap();
        for (provider, open) in open.into_iter().enumerate() {
            let counted =
                backlog.iter().find(|(owed, _)| *owed == named(provider)).map_or(0, |(_, count)| *count);
            assert_eq!(counted, open, "the backlog of {}", named(provider));
        }
    }
}

pub(crate) fn every_answer_and_every_delivery_is_the_models<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let steps = proptest::collection::vec(step(), 20..90);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut pair = Pair::new(&place).await;
            for step in &steps {
                pair.apply(step).await;
                pair.compare().await;
            }
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
