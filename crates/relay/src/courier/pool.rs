//! Connections that are kept for the next message: a stack per address, so that the warmest is used first and the
//! others grow old and go.
//!
//! Nobody waits for what idle connections might bring. They are looked at when one is to be used, and every few seconds:
//! what was closed by the other side, or said something that nobody had asked for, is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;

use super::connection::Connection;
use super::terms::Terms;

/// How many idle connections are kept per address.
const MOST_IDLE: usize = 256;
/// Older ones are not worth a try: most servers close theirs before.
const LONGEST_IDLE: Duration = Duration::from_secs(60);
/// So often connections are made anew, however busy they are: a server that has renewed its certificate, or moved to
/// another address, may keep the old ones open for ever.
const ANEW_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often idle connections are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// What a connection is to: connections of different terms are never mixed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Address {
    /// Over TLS?
    pub(super) tls: bool,
    /// Name or address of the host, without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// On which terms.
    pub(super) terms: Terms,
}

impl Address {
    /// From a URL; `None` unless it is `http://` or `https://` with a host.
    pub(super) fn of(uri: &Uri, terms: Terms) -> Option<Self> {
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Some(Self { tls, host, port, terms: if tls { terms } else { terms.without_tls() } })
    }
}

/// The stacks of all addresses.
#[derive(Debug, Default)]
pub(super) struct Pool {
    stacks: Mutex<HashMap<Address, Arc<Stack>>>,
}

impl Pool {
    /// The idle connections to an address.
    pub(super) fn to(&self, address: &Address) -> Arc<Stack> {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.entry(address.clone()).or_default().clone()
    }

    /// Lets go of the connections to such addresses. Those that are in use now go when they are done.
    pub(super) fn forget(&self, like: impl Fn(&Address) -> bool) {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.retain(|address, _| !like(address));
    }
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

#[derive(Debug)]
struct Kept {
    /// The oldest at the bottom.
    idle: Vec<Idle>,
    /// Whether somebody looks at them.
    watched: bool,
    /// When all connections were made anew.
    began: Instant,
}

impl Kept {
    /// Whether it is time to make all connections anew; then the next time is an hour later.
    fn is_over(&mut self, now: Instant) -> bool {
        let over = now.saturating_duration_since(self.began) >= ANEW_EVERY;
        if over {
            self.began = now;
        }
        over
    }
}

/// The idle connections to one address.
#[derive(Debug)]
pub(super) struct Stack {
    kept: Mutex<Kept>,
}

impl Default for Stack {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { idle: Vec::new(), watched: false, began: Instant::now() }) }
    }
}

impl Stack {
    /// A kept connection that is still open, if there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        loop {
            let mut idle = self.kept().idle.pop()?;
            if idle.since.elapsed() < LONGEST_IDLE && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn put(self: &Arc<Self>, connection: Connection) {
        let now = Instant::now();
        let mut kept = self.kept();
        if kept.is_over(now) {
            kept.idle.clear();
            return;
        }
        let surplus = (kept.idle.len() + 1).saturating_sub(MOST_IDLE);
        kept.idle.drain(..surplus);
        kept.idle.push(Idle { connection, since: now });
        if !std::mem::replace(&mut kept.watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Drops what is old, closed or out of step; whether anything is left. Who asks is told once that nothing is.
    fn sweep(&self) -> bool {
        let mut kept = self.kept();
        kept.idle.retain_mut(|idle| idle.since.elapsed() < LONGEST_IDLE && idle.connection.is_quiet());
        kept.watched = !kept.idle.is_empty();
        kept.watched
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at idle connections until there are none.
async fn watch(stack: Weak<Stack>) {
    loop {
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        if !stack.upgrade().is_some_and(|stack| stack.sweep()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
