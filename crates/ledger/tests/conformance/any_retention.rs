//! Whatever comes in, is sent, fetched, repeated and ended, on whatever day passes are made and however often the hub is
//! restarted in between: nothing goes that is owed, waits in a feed, or is of a session that is not over; and what the
//! model has, the ledger has.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::MessageKind::{ChargeDetailRecord, End, Error, Start};
use roamhub_core::delivery::{FinalState, Lease};
use roamhub_core::ports::cdr::{CdrPlan, CdrTaken};
use roamhub_core::ports::{Intake, Ledger, Repeated, Taken};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{MessageKind, ProcessId, SessionKey};

use crate::Place;
use crate::retention::{DAY, ages, catch_up, pass, record_on};
use crate::scene::*;

const CASES: u32 = 48;
/// The ages of the stories, in days: of bodies, records, messages, and of what nobody fetches.
const BODIES: i64 = 10;
const RECORDS: i64 = 20;
const MESSAGES: i64 = 30;
const UNCONFIRMED: i64 = 100;
/// A session in which nobody says a word for so long is over.
const SILENT: i64 = 90;

#[derive(Clone, Debug)]
enum Step {
    /// Days pass.
    Days(i64),
    /// A session is authorised.
    Open,
    /// Something is said in a session, to be sent or only kept.
    Say {
        session: Index,
        kind: MessageKind,
        held: bool,
    },
    /// A record closes a session.
    Record {
        session: Index,
        held: bool,
    },
    /// What is under way arrives, fails, or is refused.
    Settle {
        pick: Index,
        how: u8,
    },
    /// What is due is sent again, and arrives.
    Redeliver,
    /// Something is sent in once more.
    Repeat {
        pick: Index,
    },
    /// The provider confirms its feed up to somewhere.
    Confirm {
        pick: Index,
    },
    /// A pass.
    Retain,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let kind = prop_oneof![Just(Start), Just(End), Just(Error)];
    prop_oneof![
        4 => (1..40_i64).prop_map(Step::Days),
        4 => Just(Step::Open),
        8 => (index(), kind, prop::bool::weighted(0.2)).prop_map(|(session, kind, held)| Step::Say { session, kind, held }),
        2 => (index(), any::<bool>()).prop_map(|(session, held)| Step::Record { session, held }),
        6 => (index(), 0..3_u8).prop_map(|(pick, how)| Step::Settle { pick, how }),
        1 => Just(Step::Redeliver),
        2 => index().prop_map(|pick| Step::Repeat { pick }),
        2 => index().prop_map(|pick| Step::Confirm { pick }),
        5 => Just(Step::Retain),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    UnderWay(Lease),
    Deferred,
    Ended(FinalState),
}

struct Message {
    intake: Intake,
    day: i64,
    state: State,
    /// Its place in the feed, from 1 on.
    position: Option<i64>,
    blank: bool,
}

struct Session {
    key: SessionKey,
    spoken: i64,
    ended: Option<i64>,
    record: Option<i64>,
}

struct Model<'a> {
    place: &'a dyn Place,
    ledger: Option<Arc<dyn Ledger>>,
    day: i64,
    sessions: Vec<Session>,
    messages: BTreeMap<usize, Message>,
    next: usize,
    positions: i64,
    confirmed: i64,
}

impl Model<'_> {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_deref().expect("it is open between two steps")
    }

    fn now(&self) -> i64 {
        self.day * DAY
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::Days(days) => self.day += days,
            Step::Open => self.open().await,
            Step::Say { session, kind, held } => self.say(session, *kind, *held).await,
            Step::Record { session, held } => self.record(session, *held).await,
            Step::Settle { pick, how } => self.settle(pick, *how).await,
            Step::Redeliver => self.redeliver().await,
            Step::Repeat { pick } => self.repeat(pick).await,
            Step::Confirm { pick } => self.confirm(pick).await,
            Step::Retain => self.retain().await,
            Step::Restart => {
                self.ledger = None;
                self.ledger = Some(self.place.open(at(self.now())).await);
                for message in self.messages.values_mut() {
                    if let State::UnderWay(_) = message.state {
                        message.state = State::Deferred;
                    }
                }
            }
        }
    }

    async fn open(&mut self) {
        let key = SessionKey::new();
        let opened_at = at(self.now());
        self.ledger().open_pending(PendingSession { opened_at, ..pending(key) }).await.unwrap();
        let decided = AuthorisationOutcome { decided_at: opened_at, ..decision(key, Some(provider())) };
        self.ledger().decide(decided).await.unwrap();
        self.sessions.push(Session { key, spoken: self.day, ended: None, record: None });
    }

    /// One of the sessions that are still open for messages.
    fn pick(&self, pick: &Index) -> Option<usize> {
        let open: Vec<_> =
            (0..self.sessions.len()).filter(|no| self.sessions[*no].record.is_none()).collect();
        (!open.is_empty()).then(|| open[pick.index(open.len())])
    }

    async fn say(&mut self, pick: &Index, kind: MessageKind, held: bool) {
        let Some(no) = self.pick(pick) else { return };
        // What waits in a session decides about what comes later in it: that is another story.
        let key = self.sessions[no].key;
        let busy =
            |message: &Message| message.intake.session == key && !matches!(message.state, State::Ended(_));
        if self.messages.values().any(busy) {
            return;
        }
        let intake = notice(key, kind, self.now());
        let (state, position) = if held {
            hold(self.ledger(), intake.clone()).await;
            (State::Ended(FinalState::Held), Some(0))
        } else {
            (State::UnderWay(going(self.ledger(), intake.clone()).await), None)
        };
        self.add(intake, state, position);
        let day = self.day;
        let session = &mut self.sessions[no];
        if session.ended.is_none() {
            session.spoken = day;
            session.ended = (kind == End).then_some(day);
        }
    }

    fn add(&mut self, intake: Intake, state: State, position: Option<i64>) {
        let position = position.map(|_| {
            self.positions += 1;
            self.positions
        });
        let day = self.day;
        self.messages.insert(self.next, Message { intake, day, state, position, blank: false });
        self.next += 1;
    }

    async fn record(&mut self, pick: &Index, held: bool) {
        let Some(no) = self.pick(pick) else { return };
        let key = self.sessions[no].key;
        let plan = if held { CdrPlan::Hold } else { CdrPlan::Owe { by: at(self.now()) } };
        let record = record_on(key, self.day, plan);
        assert_eq!(self.ledger().take_in_cdr(record.clone().into()).await.unwrap(), CdrTaken::Stored);
        let intake = Intake {
            process: record.process,
            kind: ChargeDetailRecord,
            ..with_body(key, ChargeDetailRecord, self.now(), record.body)
        };
        // Nobody sends records in this story: they are owed, or held.
        let state = if held { State::Ended(FinalState::Held) } else { State::Deferred };
        self.add(intake, state, None);
        let day = self.day;
        let session = &mut self.sessions[no];
        session.record = Some(day);
        session.ended = session.ended.or(Some(day));
    }

    async fn settle(&mut self, pick: &Index, how: u8) {
        let under_way: Vec<(usize, Lease)> = self
            .messages
            .iter()
            .filter_map(|(no, message)| match message.state {
                State::UnderWay(lease) => Some((*no, lease)),
                _ => None,
            })
            .collect();
        if under_way.is_empty() {
            return;
        }
        let (no, lease) = under_way[pick.index(under_way.len())];
        let now = self.now();
        let state = match how {
            0 => {
                fail(self.ledger(), lease, now, now).await;
                State::Deferred
            }
            1 => {
                refuse(self.ledger(), lease, now).await;
                State::Ended(FinalState::Refused)
            }
            _ => {
                deliver(self.ledger(), lease, now).await;
                State::Ended(FinalState::Delivered)
            }
        };
        self.messages.get_mut(&no).unwrap().state = state;
    }

    async fn redeliver(&mut self) {
        let now = self.now();
        let claimed = claim(self.ledger(), now).await;
        for owed in &claimed {
            deliver(self.ledger(), owed.lease, now).await;
        }
        // What was too old has been given up by the claim.
        for message in self.messages.values_mut() {
            if message.state != State::Deferred || message.intake.kind == ChargeDetailRecord {
                continue;
            }
            let sent = claimed.iter().any(|owed| owed.process == message.intake.process);
            message.state = State::Ended(match (sent, message.intake.kind) {
                (true, _) => FinalState::Delivered,
                (false, Start) => FinalState::Expired,
                (false, _) => FinalState::Exhausted,
            });
        }
    }

    async fn repeat(&mut self, pick: &Index) {
        let busy: Vec<_> = self
            .messages
            .values()
            .filter(|message| !matches!(message.state, State::Ended(_)))
            .map(|message| message.intake.session)
            .collect();
        let whole = |message: &&mut Message| {
            let sent = matches!(message.state, State::Ended(FinalState::Refused | FinalState::Delivered));
            sent && message.intake.kind != ChargeDetailRecord && !busy.contains(&message.intake.session)
        };
        let (now, ledger) = (self.now(), self.ledger.clone().expect("it is open"));
        let mut known: Vec<_> = self.messages.values_mut().filter(whole).collect();
        if known.is_empty() {
            return;
        }
        let no = pick.index(known.len());
        let message = &mut *known[no];
        match take_in(&*ledger, again(&message.intake, now)).await {
            Taken::Repeat { first, standing: Repeated::Reopened(sending), .. } => {
                assert_eq!(first, message.intake.process);
                assert_eq!(message.state, State::Ended(FinalState::Refused));
                message.state = State::UnderWay(sending.lease);
            }
            Taken::Repeat { first, standing: Repeated::Delivered { .. }, .. } => {
                assert_eq!(first, message.intake.process);
            }
            other => panic!("a repeat finds its first as long as the model has it: {other:?}"),
        }
    }

    async fn confirm(&mut self, pick: &Index) {
        sequence(self.ledger(), &[]).await;
        let cursor = i64::try_from(pick.index(usize::try_from(self.positions).unwrap() + 1)).unwrap();
        if cursor <= self.confirmed {
            return;
        }
        confirm(self.ledger(), cursor, self.now()).await;
        self.confirmed = cursor;
        for message in self.messages.values_mut() {
            if message.position.is_some_and(|position| position <= cursor) {
                message.state = State::Ended(FinalState::Fetched);
            }
        }
    }

    async fn retain(&mut self) {
        catch_up(self.ledger(), self.now()).await;
        pass(self.ledger(), ages(), at(self.now())).await;
        let blanked: Vec<usize> =
            self.messages.iter().filter(|(_, message)| self.is_blanked(message)).map(|(no, _)| *no).collect();
        for no in blanked {
            self.messages.get_mut(&no).unwrap().blank = true;
        }
        while let Some((no, message)) = self.messages.first_key_value() {
            if !self.leaves(*no, message) {
                break;
            }
            let key = message.intake.session;
            let no = *no;
            self.messages.remove(&no);
            self.sessions.retain(|session| session.key != key);
        }
        // Sessions of which nobody ever spoke, in the order in which they were opened.
        let mut gone = 0;
        let newest = self.sessions.last().map(|session| session.key);
        let heard = |model: &Self, key| model.messages.values().any(|message| message.intake.session == key);
        for session in &self.sessions {
            let over = self.over_since(session).is_some_and(|since| since + MESSAGES <= self.day);
            if Some(session.key) == newest || heard(self, session.key) || !over {
                break;
            }
            gone += 1;
        }
        self.sessions.drain(..gone);
    }

    /// Since when a session is over, if it is.
    fn over_since(&self, session: &Session) -> Option<i64> {
        let owed = self.messages.values().any(|message| {
            message.intake.session == session.key && !matches!(message.state, State::Ended(_))
        });
        let silent = (session.spoken + SILENT <= self.day).then_some(session.spoken);
        let since = session.record.max(session.ended).or(silent);
        since.filter(|_| !owed)
    }

    fn session_of(&self, message: &Message) -> Option<&Session> {
        self.sessions.iter().find(|session| session.key == message.intake.session)
    }

    fn is_finished(&self, message: &Message) -> bool {
        let waits = message.state == State::Ended(FinalState::Held)
            || message.position.is_some_and(|position| position > self.confirmed);
        matches!(message.state, State::Ended(_)) && (!waits || message.day + UNCONFIRMED <= self.day)
    }

    fn is_blanked(&self, message: &Message) -> bool {
        if message.intake.kind == ChargeDetailRecord {
            return message.blank || (self.is_finished(message) && message.day + RECORDS <= self.day);
        }
        let over = self.session_of(message).is_none_or(|session| self.over_since(session).is_some());
        message.blank || (self.is_finished(message) && over && message.day + BODIES <= self.day)
    }

    fn leaves(&self, no: usize, message: &Message) -> bool {
        let over =
            |session: &Session| self.over_since(session).is_some_and(|since| since + MESSAGES <= self.day);
        no + 1 < self.next
            && message.day + MESSAGES <= self.day
            && self.is_finished(message)
            && (message.intake.kind != ChargeDetailRecord || message.blank)
            && self.session_of(message).is_none_or(over)
    }

    /// The ledger has what the model has, and nothing else.
    async fn check(&self, all: &[ProcessId]) {
        for process in all {
            let kept = self.messages.values().find(|message| message.intake.process == *process);
            let stored = self.ledger().message(*process).await.unwrap();
            assert_eq!(stored.is_some(), kept.is_some(), "{process} on day {}", self.day);
            let (Some(stored), Some(kept)) = (stored, kept) else { continue };
            assert_eq!(stored.body.is_empty(), kept.blank, "{process} {:?} on day {}", kept.state, self.day);
            let last = stored.deliveries.last().map(|delivery| delivery.state.as_str());
            let expected = match kept.state {
                State::UnderWay(_) => "leased",
                State::Deferred => "deferred",
                State::Ended(state) => state.as_str(),
            };
            assert_eq!(last, Some(expected), "{process} on day {}", self.day);
        }
        for session in &self.sessions {
            assert!(self.ledger().session(session.key).await.unwrap().is_some());
            let stored = self.ledger().messages_of(session.key).await.unwrap();
            let of_session = |message: &&Message| message.intake.session == session.key;
            let expected: Vec<_> =
                self.messages.values().filter(of_session).map(|message| message.intake.process).collect();
            assert_eq!(stored.iter().map(|message| message.process).collect::<Vec<_>>(), expected);
        }
        for message in self.messages.values().filter(|message| self.session_of(message).is_none()) {
            assert!(self.ledger().session(message.intake.session).await.unwrap().is_none());
        }
    }
}

pub(crate) fn retention_removes_what_the_model_removes<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let steps = proptest::collection::vec(step(), 10..70);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut model = Model {
                place: &place,
                ledger: Some(begin(&place).await),
                day: 0,
                sessions: Vec::new(),
                messages: BTreeMap::new(),
                next: 0,
                positions: 0,
                confirmed: 0,
            };
            let mut all = Vec::new();
            for step in &steps {
                model.apply(step).await;
                for message in model.messages.values() {
                    if !all.contains(&message.intake.process) {
                        all.push(message.intake.process);
                    }
                }
                if matches!(step, Step::Retain | Step::Restart) {
                    model.check(&all).await;
                }
            }
            model.apply(&Step::Retain).await;
            model.check(&all).await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
