//! The ledger as simple as it can be: a list of messages in memory, and the rules as the documents put them
//! (`docs/delivery.md`, `docs/decisions/0001`). Written without the program's own rules, so that the two can disagree.

use std::collections::BTreeSet;

use roamhub_core::MessageKind::{self, ChargeDetailRecord, End, Error, Progress, Start};
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::TurnNow;

/// How long a Start or Progress, and how long an End or Error is tried, in seconds.
const EXPIRES: i64 = 15 * 60;
const GIVES_UP: i64 = 72 * 3_600;
/// The least distance between two Progress of a session.
const GAP: i64 = 295;
/// How often a claim looks again when what it found was too old or had to wait.
const LOOKS: usize = 64;

/// Where a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    Leased {
        until: i64,
    },
    Due(i64),
    /// Behind another one.
    Parked,
    Ended(FinalState),
}

/// A delivery of the model: they are numbered in the order in which they were made.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub(crate) message: usize,
    pub(crate) at: At,
    pub(crate) token: u32,
    pub(crate) gives_up: i64,
    /// Numbers of recorded attempts, and whether they came late.
    pub(crate) attempts: BTreeSet<(u32, bool)>,
}

/// A message of the model.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) session: usize,
    pub(crate) provider: usize,
    pub(crate) kind: MessageKind,
}

/// What taking a message in comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    Stored { delivery: usize, turn: TurnNow },
    Held,
    TooSoon,
    UnderWay,
    Deferred,
    Delivered,
    Superseded,
}

/// The whole ledger.
#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) messages: Vec<Message>,
    pub(crate) owed: Vec<Owed>,
    last_progress: Vec<Option<i64>>,
}

impl Model {
    pub(crate) fn new(sessions: usize) -> Self {
        Self { last_progress: vec![None; sessions], ..Self::default() }
    }

    /// A new message; `until` is the end of its lease, nothing if there is no endpoint for it.
    pub(crate) fn take_in(&mut self, message: Message, now: i64, until: Option<i64>) -> Taken {
        let Message { session, kind, .. } = message;
        if kind == Progress {
            if self.last_progress[session].is_some_and(|last| (0..GAP).contains(&(now - last))) {
                return Taken::TooSoon;
            }
            self.last_progress[session] = Some(now);
        }
        self.messages.push(message);
        self.owe(self.messages.len() - 1, 1, now, until)
    }

    /// The same bytes again.
    pub(crate) fn repeat(&mut self, message: usize, now: i64, until: Option<i64>) -> Taken {
        let last = self.owed.iter().rfind(|owed| owed.message == message).expect("a message has a delivery");
        match last.at {
            At::Leased { .. } => Taken::UnderWay,
            At::Due(_) | At::Parked => Taken::Deferred,
            At::Ended(FinalState::Delivered) => Taken::Delivered,
            At::Ended(FinalState::Superseded) => Taken::Superseded,
            At::Ended(_) if until.is_none() => Taken::Held,
            At::Ended(_) => {
                let recorded = last.attempts.iter().map(|(number, _)| *number).max().unwrap_or_default();
                self.owe(message, recorded + 1, now, until)
            }
        }
    }

    fn owe(&mut self, message: usize, token: u32, now: i64, until: Option<i64>) -> Taken {
        let age = if matches!(self.messages[message].kind, Start | Progress) { EXPIRES } else { GIVES_UP };
        let at = until.map_or(At::Ended(FinalState::Held), |until| At::Leased { until });
        self.owed.push(Owed { message, at, token, gives_up: now + age, attempts: BTreeSet::new() });
        let delivery = self.owed.len() - 1;
        match until {
            None => Taken::Held,
            Some(_) => Taken::Stored { delivery, turn: self.take_turn(delivery, token, now) },
        }
    }

    pub(crate) fn holds(&self, delivery: usize, token: u32) -> bool {
        let owed = &self.owed[delivery];
        owed.token == token && matches!(owed.at, At::Leased { .. })
    }

    pub(crate) fn take_turn(&mut self, delivery: usize, token: u32, now: i64) -> TurnNow {
        if !self.holds(delivery, token) {
            return TurnNow::Lost;
        }
        // Who holds a lease waits for nobody behind it.
        let turn = self.turn(delivery, |other| other < delivery);
        match turn {
            TurnNow::Go => self.overtake(delivery),
            TurnNow::Behind => self.park(delivery, now),
            TurnNow::Wait | TurnNow::Lost => {}
        }
        turn
    }

    /// Ends or puts off what a lease was for; `false` if the lease was lost.
    pub(crate) fn give_back(&mut self, delivery: usize, token: u32, now: i64, at: At) -> bool {
        if !self.holds(delivery, token) {
            return false;
        }
        self.owed[delivery].at = at;
        self.promote(self.session(delivery), now);
        true
    }

    /// As the ledger hands out what is due: oldest first, what is too old ends on the way, what must wait is put aside.
    pub(crate) fn claim(&mut self, provider: usize, now: i64, until: i64, limit: usize) -> Vec<usize> {
        let mut claimed = Vec::new();
        for _ in 0..LOOKS {
            let wanted = limit - claimed.len();
            let mut due: Vec<_> = (0..self.owed.len())
                .filter(|at| self.messages[self.owed[*at].message].provider == provider)
                .filter_map(|at| match self.owed[at].at {
                    At::Due(due) if due <= now => Some((self.rank(at), due, at)),
                    _ => None,
                })
                .collect();
            due.sort_unstable();
            due.truncate(wanted);
            let looked_at = due.len();
            for (_, _, delivery) in due {
                if matches!(self.owed[delivery].at, At::Due(_) | At::Parked)
                    && self.claim_one(delivery, now, until)
                {
                    claimed.push(delivery);
                }
            }
            if looked_at < wanted || claimed.len() >= limit {
                break;
            }
        }
        claimed
    }

    /// End and Error before Start and Progress, first attempts before retries.
    fn rank(&self, delivery: usize) -> u8 {
        let owed = &self.owed[delivery];
        let retried = owed.attempts.iter().any(|(_, late)| !late);
        let usual = matches!(self.messages[owed.message].kind, Start | Progress);
        u8::from(usual) * 2 + u8::from(retried)
    }

    fn claim_one(&mut self, delivery: usize, now: i64, until: i64) -> bool {
        // No End or Error is given up without having been tried.
        if self.owed[delivery].gives_up <= now && self.rank(delivery) != 0 {
            let kind = self.messages[self.owed[delivery].message].kind;
            let end =
                if matches!(kind, Start | Progress) { FinalState::Expired } else { FinalState::Exhausted };
            self.owed[delivery].at = At::Ended(end);
            self.promote(self.session(delivery), now);
            return false;
        }
        if self.turn(delivery, |_| true) != TurnNow::Go {
            self.park(delivery, now);
            return false;
        }
        self.overtake(delivery);
        self.owed[delivery].at = At::Leased { until };
        self.owed[delivery].token += 1;
        true
    }

    /// Leases that ran out come back, then what waits for nothing any more; how many.
    pub(crate) fn sweep(&mut self, now: i64) -> usize {
        let mut returned = 0;
        for owed in &mut self.owed {
            if matches!(owed.at, At::Leased { until } if until < now) {
                owed.at = At::Due(now);
                returned += 1;
            }
        }
        let sessions = 0..self.last_progress.len();
        returned + sessions.map(|session| self.promote(session, now)).sum::<usize>()
    }

    /// Whoever held a lease is no more.
    pub(crate) fn reopen(&mut self, now: i64) {
        for owed in self.owed.iter_mut().filter(|owed| matches!(owed.at, At::Leased { .. })) {
            owed.at = At::Due(now);
        }
    }

    /// The clock was set.
    pub(crate) fn clock_stepped(&mut self, by: i64) {
        for owed in &mut self.owed {
            let kept = matches!(self.messages[owed.message].kind, End | Error);
            match &mut owed.at {
                At::Due(due) if by < 0 => *due += by,
                At::Leased { .. } | At::Due(_) | At::Parked if by > 0 && kept => owed.gives_up += by,
                _ => {}
            }
        }
    }

    fn session(&self, delivery: usize) -> usize {
        self.messages[self.owed[delivery].message].session
    }

    fn kind(&self, delivery: usize) -> MessageKind {
        self.messages[self.owed[delivery].message].kind
    }

    /// The other open deliveries of its session.
    fn others(&self, delivery: usize) -> impl Iterator<Item = usize> {
        (0..self.owed.len()).filter(move |other| {
            *other != delivery
                && self.session(*other) == self.session(delivery)
                && !matches!(self.owed[*other].at, At::Ended(_))
        })
    }

    /// One under way at a time; nobody overtakes a deferred End but an Error; a Start overtakes nothing but an Error.
    fn turn(&self, delivery: usize, matters: impl Fn(usize) -> bool) -> TurnNow {
        let mut others = self.others(delivery).filter(|other| matters(*other));
        if others.any(|other| matches!(self.owed[other].at, At::Leased { .. })) {
            return TurnNow::Wait;
        }
        let kind = self.kind(delivery);
        let held_up = |other: usize| match self.kind(other) {
            End => kind != Error,
            Start | Progress => kind == Start,
            Error | ChargeDetailRecord => false,
        };
        let behind = self.others(delivery).any(|other| other < delivery && held_up(other));
        if behind { TurnNow::Behind } else { TurnNow::Go }
    }

    /// A Progress or End that goes out ends the deferred Start and Progress before it.
    fn overtake(&mut self, delivery: usize) {
        if !matches!(self.kind(delivery), Progress | End) {
            return;
        }
        let overtaken: Vec<_> = self
            .others(delivery)
            .filter(|other| *other < delivery && matches!(self.kind(*other), Start | Progress))
            .collect();
        for other in overtaken {
            self.owed[other].at = At::Ended(FinalState::Superseded);
        }
    }

    fn park(&mut self, delivery: usize, now: i64) {
        self.owed[delivery].at = At::Parked;
        self.promote(self.session(delivery), now);
    }

    /// What waits for nothing any more is due.
    fn promote(&mut self, session: usize, now: i64) -> usize {
        let free: Vec<_> = (0..self.owed.len())
            .filter(|at| self.owed[*at].at == At::Parked && self.session(*at) == session)
            .filter(|at| self.turn(*at, |_| true) == TurnNow::Go)
            .collect();
        for at in &free {
            self.owed[*at].at = At::Due(now);
        }
        free.len()
    }
}
