//! Any sequence of operations over a few sessions keeps the promises: one message of a session under way at a time,
//! a final state is never left, an End is neither superseded nor expired, Ends go out in order of arrival, nobody who
//! waits is forgotten, and in the end everything has an end.
//!
//! The model holds only what callers were told: who may send now, and who went first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::MessageKind::{self, End};
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery};
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{Fate, Intake, Ledger, Plan, Repeated, Sending, Settled, Taken, TurnNow};

use crate::Place;
use crate::scene::*;

const CASES: u32 = 100;
const SESSIONS: usize = 2;
/// How long a lease lasts, in seconds.
const LEASE: i64 = 30;

/// One operation; what is picked depends on what there is by then.
#[derive(Clone, Debug)]
enum Step {
    TakeIn { session: usize, kind: MessageKind },
    Repeat(Index),
    TakeTurn(Index),
    Settle(Index, Outcome),
    Defer(Index, i64),
    Claim(usize, Option<Urgency>),
    ClaimEnds(usize),
    File,
    Sweep,
    Pass(i64),
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Ends(FinalState),
    Retry(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        2 => Just(Outcome::Ends(FinalState::Delivered)),
        1 => select(vec![FinalState::Refused, FinalState::Exhausted]).prop_map(Outcome::Ends),
        4 => (1..40_i64).prop_map(Outcome::Retry),
    ];
    prop_oneof![
        6 => (0..SESSIONS, select(vec![MessageKind::Start, MessageKind::Progress, End, End, MessageKind::Error]))
            .prop_map(|(session, kind)| Step::TakeIn { session, kind }),
        1 => any::<Index>().prop_map(Step::Repeat),
        4 => any::<Index>().prop_map(Step::TakeTurn),
        5 => (any::<Index>(), outcome).prop_map(|(pick, outcome)| Step::Settle(pick, outcome)),
        1 => (any::<Index>(), 1..40_i64).prop_map(|(pick, pause)| Step::Defer(pick, pause)),
        5 => (1..4_usize, select(vec![None, None, Some(Urgency::Urgent), Some(Urgency::Usual)]))
            .prop_map(|(limit, only)| Step::Claim(limit, only)),
        1 => (1..4_usize).prop_map(Step::ClaimEnds),
        1 => Just(Step::File),
        1 => Just(Step::Sweep),
        4 => prop_oneof![9 => 1..40_i64, 1 => 900..1_000_i64].prop_map(Step::Pass),
    ]
}

/// A lease that somebody was given.
#[derive(Clone, Copy)]
struct Given {
    lease: Lease,
    session: usize,
    kind: MessageKind,
    until: i64,
    /// Whether it was ever allowed to send under it.
    went: bool,
}

struct Model {
    ledger: Arc<dyn Ledger>,
    sessions: Vec<SessionKey>,
    now: i64,
    messages: Vec<Intake>,
    given: Vec<Given>,
    /// Who is allowed to send in each session.
    sending: Vec<Option<Given>>,
    /// The Ends of each session in the order in which they first went out.
    ends: Vec<Vec<DeliveryNo>>,
    finals: HashMap<(ProcessId, usize), (String, Option<Timestamp>)>,
}

impl Model {
    async fn new(place: &dyn Place) -> Self {
        let ledger = begin(place).await;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(session(&*ledger).await);
        }
        Self {
            ledger,
            sessions,
            now: 0,
            messages: Vec::new(),
            given: Vec::new(),
            sending: vec![None; SESSIONS],
            ends: vec![Vec::new(); SESSIONS],
            finals: HashMap::new(),
        }
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::TakeIn { session, kind } => {
                let intake = Intake {
                    plan: Plan::Send { lease_until: at(self.now + LEASE) },
                    progress_gap: Duration::ZERO,
                    ..notice(self.sessions[*session], *kind, self.now)
                };
                self.messages.push(intake.clone());
                let Taken::Stored(sending) = take_in(&*self.ledger, intake).await else {
                    panic!("not stored")
                };
                self.given_to_bringer(sending, *session, *kind);
            }
            Step::Repeat(pick) if !self.messages.is_empty() => {
                let first = pick.get(&self.messages).clone();
                let plan = Plan::Send { lease_until: at(self.now + LEASE) };
                let (process, standing) =
                    repeat(&*self.ledger, Intake { plan, ..again(&first, self.now) }).await;
                assert_eq!(process, first.process);
                if let Repeated::Reopened(sending) = standing {
                    let session = self.sessions.iter().position(|key| *key == first.session).unwrap();
                    self.given_to_bringer(sending, session, first.kind);
                }
            }
            Step::TakeTurn(pick) if !self.given.is_empty() => {
                let place = pick.index(self.given.len());
                let given = self.given[place];
                let turn = self.ledger.take_turn(given.lease, at(self.now)).await.unwrap();
                if turn == TurnNow::Go {
                    self.goes(place);
                } else {
                    self.assert_not_sending(given.lease, "who may send keeps the turn");
                }
            }
            Step::Settle(pick, outcome) => {
                let went: Vec<_> = self.given.iter().filter(|given| given.went).copied().collect();
                if !went.is_empty() {
                    self.settle(*pick.get(&went), *outcome).await;
                }
            }
            Step::Defer(pick, pause) if !self.given.is_empty() => {
                let given = *pick.get(&self.given);
                let (now, due) = (at(self.now), at(self.now + pause));
                let settled = self.ledger.defer(given.lease, now, due).await.unwrap();
                self.gives_back(given, settled);
            }
            Step::Claim(limit, only) => self.claim(*limit, *only).await,
            Step::ClaimEnds(limit) => self.claim_ends(*limit).await,
            Step::File => {
                self.ledger.file_media(2).await.unwrap();
            }
            Step::Sweep => {
                self.ledger.sweep(at(self.now)).await.unwrap();
                for sending in &mut self.sending {
                    sending.take_if(|given| given.until < self.now);
                }
            }
            Step::Pass(seconds) => self.now += seconds,
            Step::Repeat(_) | Step::TakeTurn(_) | Step::Defer(..) => {}
        }
    }

    fn given_to_bringer(&mut self, sending: Sending, session: usize, kind: MessageKind) {
        let until = self.now + LEASE;
        self.given.push(Given { lease: sending.lease, session, kind, until, went: false });
        if sending.turn == TurnNow::Go {
            self.goes(self.given.len() - 1);
        }
    }

    /// Somebody was told to send now.
    fn goes(&mut self, place: usize) {
        let given = &mut self.given[place];
        given.went = true;
        let (given, session) = (*given, given.session);
        if let Some(other) = self.sending[session].replace(given) {
            assert_eq!(other.lease, given.lease, "two messages of a session under way at once");
        }
        let ends = &mut self.ends[session];
        if given.kind == End && !ends.contains(&given.lease.delivery) {
            assert!(
                ends.last() < Some(&given.lease.delivery),
                "an End overtook another: {ends:?}, {:?}",
                given.lease
            );
            ends.push(given.lease.delivery);
        }
    }

    async fn settle(&mut self, given: Given, outcome: Outcome) {
        let fate = match outcome {
            Outcome::Ends(state) => Fate::Final { state, reason: None },
            Outcome::Retry(pause) => {
                Fate::Retry { due_at: at(self.now + pause), faulted: false, unusable: false }
            }
        };
        let attempt = attempt(self.now, "tried", Some(YES));
        let settled = self.ledger.settle(given.lease, at(self.now), attempt, fate).await.unwrap();
        self.gives_back(given, settled);
    }

    fn gives_back(&mut self, given: Given, settled: Settled) {
        match settled {
            Settled::Recorded => {
                self.sending[given.session].take_if(|sending| sending.lease == given.lease);
            }
            Settled::Late => self.assert_not_sending(given.lease, "the rightful holder's word counts"),
        }
    }

    fn assert_not_sending(&self, lease: Lease, why: &str) {
        assert!(self.sending.iter().flatten().all(|sending| sending.lease != lease), "{why}: {lease:?}");
    }

    async fn claim(&mut self, limit: usize, only: Option<Urgency>) {
        let until = self.now + LEASE;
        let claim = self.ledger.claim_due(provider(), only, at(self.now), at(until), limit).await.unwrap();
        assert!(claim.owed.iter().all(|owed| only.is_none_or(|only| only == Urgency::of(owed.kind))));
        self.claimed(limit, until, claim.owed);
    }

    /// Out of turn, as before an authorisation: all sessions of the story have one card.
    async fn claim_ends(&mut self, limit: usize) {
        let until = self.now + LEASE;
        let owed = self.ledger.claim_ends(provider(), [7; 32], at(self.now), at(until), limit).await.unwrap();
        assert!(owed.iter().all(|owed| owed.kind == End));
        self.claimed(limit, until, owed);
    }

    fn claimed(&mut self, limit: usize, until: i64, owed: Vec<OwedDelivery>) {
        assert!(owed.len() <= limit);
        for owed in owed {
            let session = self.sessions.iter().position(|key| *key == owed.session).unwrap();
            self.given.push(Given { lease: owed.lease, session, kind: owed.kind, until, went: false });
            self.goes(self.given.len() - 1);
        }
    }

    /// Looks at every message of every session.
    async fn check(&mut self) {
        let mut known = 0;
        for session in &self.sessions {
            let (mut waiting, mut moving) = (0, 0);
            for message in self.ledger.messages_of(*session).await.unwrap() {
                known += 1;
                for (number, delivery) in message.deliveries.iter().enumerate() {
                    let now = (delivery.state.clone(), delivery.ended_at);
                    if let Some(before) = self.finals.get(&(message.process, number)) {
                        assert_eq!(before, &now, "a final state was left");
                    }
                    match delivery.state.as_str() {
                        "deferred" if delivery.due_at.is_none() => waiting += 1,
                        "deferred" | "leased" => moving += 1,
                        ended => {
                            let lost = message.kind == "End" && matches!(ended, "superseded" | "expired");
                            assert!(!lost, "an End was {ended}");
                            self.finals.insert((message.process, number), now);
                        }
                    }
                }
            }
            assert!(waiting == 0 || moving > 0, "{waiting} messages wait for nothing");
        }
        assert_eq!(known, self.messages.len());
    }

    /// From here on every provider says yes: everything that is open comes to an end.
    async fn drain(&mut self) {
        for _ in 0..200 {
            if self.ledger.backlog().await.unwrap().is_empty() {
                return;
            }
            self.now += LEASE + 1;
            self.apply(&Step::Sweep).await;
            self.claim(10, None).await;
            for given in self.sending.clone().into_iter().flatten() {
                self.settle(given, Outcome::Ends(FinalState::Delivered)).await;
            }
        }
        panic!("the backlog is not drained: {:?}", self.ledger.backlog().await);
    }
}

pub(crate) fn order_leases_and_final_states_hold<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let steps = proptest::collection::vec(step(), 10..70);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut model = Model::new(&place).await;
            for step in &steps {
                model.apply(step).await;
                model.check().await;
            }
            model.drain().await;
            model.check().await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
