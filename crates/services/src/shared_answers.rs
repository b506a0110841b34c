//! Identical requests within half a minute, and as long as the first is under way, share one answer: a station whose back
//! end resends at once must not open two sessions for one card, nor an app two for one tap.
//!
//! Invariants: what is kept of an answer is what a repeat cannot say itself; answers leave when their time is over,
//! whether anybody asks or not ([`SharedAnswers::expire`]); there is a most that are kept, and beyond it the oldest is
//! forgotten and its request, should it come again, is asked anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use roamhub_core::ProcessId;
use roamhub_core::allowance::{Ticket, TooOften};
use tokio::sync::watch;

use crate::allowances::count;
use crate::reply::{CallerIds, Reply, Verdict};

/// How long identical requests are the same request.
const WINDOW: Duration = Duration::from_secs(30);
/// How many answers are kept at most: 4,000 a second for the whole window. With everything around it, an answer takes
/// some 400 bytes.
const MOST: usize = 120_000;
/// Room that is not given back.
const LEAST_ROOM: usize = 1024;

/// The SHA-256 of the service and a request's body, which names its partner.
type Digest = [u8; 32];

/// What was answered, without what the request says itself.
#[derive(Debug)]
pub(crate) struct Given {
    process: ProcessId,
    verdict: Verdict,
    /// Ids that the answer brought; usually they are the request's own.
    ids: Option<Box<CallerIds>>,
}

/// An answer that waits for its giver, or is given.
#[derive(Debug)]
enum Answer {
    UnderWay(watch::Receiver<Option<Arc<Given>>>),
    Given(Arc<Given>),
    /// Its place in the order is left, and nothing else.
    Forgotten,
}

#[derive(Debug)]
struct Shared {
    since: Instant,
    digest: Digest,
    answer: Answer,
}

/// The answers in the order of their requests; places count from the first there ever was.
#[derive(Debug, Default)]
struct Recent {
    answers: VecDeque<Shared>,
    /// How many have left at the front: the place of the first that is still there.
    left: u64,
    places: HashMap<Digest, u64>,
}

/// The answers given, or under way, within the window.
#[derive(Debug, Default)]
pub(crate) struct SharedAnswers {
    recent: Mutex<Recent>,
}

/// First or not.
pub(crate) enum Place {
    /// Nobody asked this lately: answer, and hand the answer over through this.
    First(Giver),
    /// Somebody did, and their answer will come here.
    Later(watch::Receiver<Option<Arc<Given>>>),
    /// Somebody did: this was their answer.
    Answered(Arc<Given>),
    /// Nobody did, and whoever asks has asked too often.
    TooOften(TooOften),
}

/// Hands over the answer to a request.
#[derive(Debug)]
pub(crate) struct Giver {
    digest: Digest,
    place: u64,
    sender: watch::Sender<Option<Arc<Given>>>,
}

impl Given {
    /// Leaves out what a repeat of the request with these ids says itself.
    pub(crate) fn new(reply: Reply, asked_by: &CallerIds) -> Self {
        let Reply { process, mut verdict, ids } = reply;
        if let Verdict::Authorised(answer) = &mut verdict {
            answer.cpo_partner_session_id = None;
        }
        let ids = (ids != *asked_by).then(|| Box::new(ids));
        Self { process, verdict, ids }
    }

    /// The answer to a request with these ids.
    pub(crate) fn to(&self, ids: CallerIds) -> Reply {
        let mut verdict = self.verdict.clone();
        if let Verdict::Authorised(answer) = &mut verdict {
            answer.cpo_partner_session_id.clone_from(&ids.cpo_partner_session);
        }
        Reply { process: self.process, verdict, ids: self.ids.as_deref().cloned().unwrap_or(ids) }
    }
}

impl Giver {
    /// Where the answer will come for whoever waits.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<Given>>> {
        self.sender.subscribe()
    }
}

impl SharedAnswers {
    /// A place for this request; one that was not asked lately counts.
    pub(crate) fn place(&self, digest: Digest, now: Instant, ticket: Option<&Ticket>) -> Place {
        let mut recent = self.lock();
        recent.expire(now);
        match recent.answer(&digest) {
            Some(Answer::Given(given)) => return Place::Answered(given.clone()),
            Some(Answer::UnderWay(answer)) if !is_abandoned(answer) => return Place::Later(answer.clone()),
            Some(Answer::UnderWay(_) | Answer::Forgotten) | None => {}
        }
        if let Err(too_often) = count(ticket) {
            return Place::TooOften(too_often);
        }
        let (sender, answer) = watch::channel(None);
        let place = recent.add(Shared { since: now, digest, answer: Answer::UnderWay(answer) });
        Place::First(Giver { digest, place, sender })
    }

    /// Hands an answer to all who wait, and keeps it for those who come.
    pub(crate) fn give(&self, giver: Giver, given: Given) {
        let given = Arc::new(given);
        self.lock().put(&giver, Answer::Given(given.clone()));
        giver.sender.send_replace(Some(given));
    }

    /// Hands an answer to all who wait, but does not keep it: the next identical request is asked anew.
    pub(crate) fn give_once(&self, giver: Giver, given: Given) {
        self.lock().put(&giver, Answer::Forgotten);
        giver.sender.send_replace(Some(Arc::new(given)));
    }

    /// Forgets the answers whose time is over, and gives back their room.
    pub(crate) fn expire(&self, now: Instant) {
        self.lock().expire(now);
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn answer(&self, digest: &Digest) -> Option<&Answer> {
        let place = self.places.get(digest)?.checked_sub(self.left)?;
        self.answers.get(usize::try_from(place).ok()?).map(|shared| &shared.answer)
    }

    fn add(&mut self, shared: Shared) -> u64 {
        if self.answers.len() >= MOST {
            self.drop_oldest();
        }
        let place = self.left.saturating_add(u64::try_from(self.answers.len()).unwrap_or(u64::MAX));
        self.places.insert(shared.digest, place);
        self.answers.push_back(shared);
        place
    }

    /// Writes an answer into its request's place, if that is still there.
    fn put(&mut self, giver: &Giver, answer: Answer) {
        let at = giver.place.checked_sub(self.left).and_then(|place| usize::try_from(place).ok());
        let Some(shared) = at.and_then(|at| self.answers.get_mut(at)) else { return };
        if matches!(answer, Answer::Forgotten) && self.places.get(&giver.digest) == Some(&giver.place) {
            self.places.remove(&giver.digest);
        }
        shared.answer = answer;
    }

    fn expire(&mut self, now: Instant) {
        while self.answers.front().is_some_and(|first| first.is_over(now)) {
            self.drop_oldest();
        }
        let kept = self.answers.len().max(LEAST_ROOM);
        if self.answers.capacity() > 4 * kept {
            self.answers.shrink_to(2 * kept);
            self.places.shrink_to(2 * kept);
        }
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.answers.pop_front() else { return };
        // A later request of the same bytes may have taken the digest over.
        if self.places.get(&oldest.digest) == Some(&self.left) {
            self.places.remove(&oldest.digest);
        }
        self.left = self.left.saturating_add(1);
    }
}

impl Shared {
    fn is_over(&self, now: Instant) -> bool {
        let under_way = matches!(&self.answer, Answer::UnderWay(answer) if !is_abandoned(answer));
        !under_way && now.saturating_duration_since(self.since) >= WINDOW
    }
}

/// A first that ended without an answer (it panicked) shares nothing.
fn is_abandoned(answer: &watch::Receiver<Option<Arc<Given>>>) -> bool {
    answer.borrow().is_none() && answer.has_changed().is_err()
}

#[cfg(test)]
#[path = "shared_answers_tests.rs"]
mod tests;
