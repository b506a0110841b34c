//! Identical requests within half a minute share one answer: a station whose back end resends at once must not open two
//! sessions for one card.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oicp::OperatorId;
use tokio::sync::watch;

use crate::reply::Reply;

/// How long identical requests are the same request.
const WINDOW: Duration = Duration::from_secs(30);

type Key = (OperatorId, [u8; 32]);

#[derive(Debug)]
struct Shared {
    since: Instant,
    answer: watch::Receiver<Option<Reply>>,
}

#[derive(Debug, Default)]
struct Recent {
    answers: HashMap<Key, Shared>,
    tidied: Option<Instant>,
}

/// The answers given, or under way, within the window.
#[derive(Debug, Default)]
pub(crate) struct SharedAnswers {
    recent: Mutex<Recent>,
}

/// First or not.
pub(crate) enum Place {
    /// Nobody asked this lately: answer, and send the answer here.
    First(watch::Sender<Option<Reply>>),
    /// Somebody did: this is their answer, once there is one.
    Later(watch::Receiver<Option<Reply>>),
}

impl SharedAnswers {
    pub(crate) fn place(&self, operator: OperatorId, digest: [u8; 32]) -> Place {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.tidy();
        if let Some(shared) = recent.answers.get(&(operator, digest)).filter(|shared| shared.is_valid()) {
            return Place::Later(shared.answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        recent.answers.insert((operator, digest), Shared { since: Instant::now(), answer });
        Place::First(sender)
    }

    /// Forgets an answer that must not be shared: the next identical request is asked anew.
    pub(crate) fn forget(&self, operator: OperatorId, digest: [u8; 32]) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).answers.remove(&(operator, digest));
    }
}

impl Recent {
    /// Drops what is past the window, at most once a second.
    fn tidy(&mut self) {
        if self.tidied.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
            self.tidied = Some(Instant::now());
            self.answers.retain(|_, shared| shared.is_valid());
        }
    }
}

impl Shared {
    fn is_valid(&self) -> bool {
        // A first that ended without an answer (it panicked) shares nothing.
        let abandoned = self.answer.borrow().is_none() && self.answer.has_changed().is_err();
        self.since.elapsed() < WINDOW && !abandoned
    }
}
