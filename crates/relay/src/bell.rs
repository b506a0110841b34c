//! Wakes those who wait for their turn in a session. A bell may be rung too often, never too seldom; and since another
//! node cannot ring it, waiting is bounded by a poll.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roamhub_core::SessionKey;
use tokio::sync::Notify;

/// The bells of all sessions somebody waits in.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    waiting: Mutex<HashMap<SessionKey, Arc<Notify>>>,
}

/// A place at a session's bell; given up on drop.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    bells: &'a Bells,
    session: SessionKey,
    /// Hears the bell.
    pub(crate) bell: Arc<Notify>,
}

impl Bells {
    /// Takes a seat. Do so before asking for the turn, or a ring in between is missed.
    pub(crate) fn sit(&self, session: SessionKey) -> Seat<'_> {
        let bell = self.lock().entry(session).or_default().clone();
        Seat { bells: self, session, bell }
    }

    /// Something changed in this session.
    pub(crate) fn ring(&self, session: SessionKey) {
        if let Some(bell) = self.lock().get(&session) {
            bell.notify_waiters();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionKey, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut waiting = self.bells.lock();
        // Two owners left: the map and this seat.
        if Arc::strong_count(&self.bell) <= 2 {
            waiting.remove(&self.session);
        }
    }
}
