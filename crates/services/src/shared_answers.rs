//! Identical requests within half a minute, and as long as the first is under way, share one answer: a station whose back
//! end resends at once must not open two sessions for one card, nor an app two for one tap.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oicp::service::Service;
use roamhub_core::Partner;
use tokio::sync::watch;

use crate::reply::Reply;

/// How long identical requests are the same request.
const WINDOW: Duration = Duration::from_secs(30);

/// What makes two requests the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Asking {
    /// Who asks.
    pub(crate) by: Partner,
    /// For what.
    pub(crate) service: Service,
    /// SHA-256 of the body.
    pub(crate) digest: [u8; 32],
}

#[derive(Debug)]
struct Shared {
    since: Instant,
    answer: watch::Receiver<Option<Reply>>,
}

#[derive(Debug, Default)]
struct Recent {
    answers: HashMap<Asking, Shared>,
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
    pub(crate) fn place(&self, asking: Asking) -> Place {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.tidy();
        if let Some(shared) = recent.answers.get(&asking).filter(|shared| shared.is_valid()) {
            return Place::Later(shared.answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        recent.answers.insert(asking, Shared { since: Instant::now(), answer });
        Place::First(sender)
    }

    /// Forgets an answer that must not be shared: the next identical request is asked anew.
    pub(crate) fn forget(&self, asking: &Asking) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).answers.remove(asking);
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
        if self.answer.borrow().is_some() {
            return self.since.elapsed() < WINDOW;
        }
        // Under way, unless it ended without an answer (it panicked): that shares nothing.
        self.answer.has_changed().is_ok()
    }
}
