//! A provider that knows its sessions, as real ones do: a notification of any other session is refused.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::received::Received;
use super::reply::Reply;

/// Remembers the SessionID of every AuthorizeStart and refuses notifications of any other session with
/// `Result:false`, 400.
#[derive(Debug, Default)]
pub struct SessionGuard {
    sessions: Mutex<HashSet<String>>,
}

impl SessionGuard {
    /// A guard that knows no session yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The guard as a script for `FakeProvider`.
    pub fn into_script(self) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
        move |request| self.judge(request)
    }

    /// What the guard does with a request.
    pub fn judge(&self, request: &Received) -> Reply {
        let session = request.session().to_ascii_lowercase();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if request.is_authorize_start() {
            sessions.insert(session);
        } else if request.is_notification() && !sessions.contains(&session) {
            return Reply::ack(false, "400", "this provider does not know the session");
        }
        Reply::Acknowledge
    }
}
