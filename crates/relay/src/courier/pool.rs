//! Connections that are kept for the next message: a stack per address, so that the warmest is used first and the
//! others grow old and go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;

use super::connection::Connection;

/// How many idle connections are kept per address.
const MOST_IDLE: usize = 256;
/// Older ones are not worth a try: most servers close theirs before.
const LONGEST_IDLE: Duration = Duration::from_secs(60);
/// So often connections are made anew, however busy they are: a server that has renewed its certificate, or moved to
/// another address, may keep the old ones open for ever.
const ANEW_EVERY: Duration = Duration::from_secs(60 * 60);

/// What a connection is to: connections of different trust are never mixed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Address {
    /// Over TLS?
    pub(super) tls: bool,
    /// Name or address of the host, without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Extra trust anchors.
    pub(super) ca: Option<PathBuf>,
}

impl Address {
    /// From a URL; `None` unless it is `http://` or `https://` with a host.
    pub(super) fn of(uri: &Uri, ca: Option<&Path>) -> Option<Self> {
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Some(Self { tls, host, port, ca: ca.filter(|_| tls).map(Path::to_owned) })
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
        Self { kept: Mutex::new(Kept { idle: Vec::new(), began: Instant::now() }) }
    }
}

impl Stack {
    /// A kept connection that is still open, if there is one.
    pub(super) async fn take(&self) -> Option<Connection> {
        loop {
            let mut idle = self.kept().idle.pop()?;
            if idle.since.elapsed() < LONGEST_IDLE && idle.connection.is_open().await {
                return Some(idle.connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn put(&self, connection: Connection) {
        let now = Instant::now();
        let mut kept = self.kept();
        if kept.is_over(now) {
            kept.idle.clear();
            return;
        }
        let idle = &mut kept.idle;
        let old = idle.iter().take_while(|idle| now.duration_since(idle.since) >= LONGEST_IDLE).count();
        let surplus = (idle.len() + 1).saturating_sub(MOST_IDLE);
        idle.drain(..old.max(surplus));
        idle.push(Idle { connection, since: now });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Option<Address> {
        Address::of(&url.parse().unwrap(), None)
    }

    #[test]
    fn addresses_come_from_urls() {
        let plain = address("http://emp.example/base").unwrap();
        assert_eq!((plain.tls, plain.host.as_str(), plain.port), (false, "emp.example", 80));
        let secure = address("https://[::1]:8443/").unwrap();
        assert_eq!((secure.tls, secure.host.as_str(), secure.port), (true, "::1", 8443));
        assert_eq!(address("ftp://emp.example/"), None);
        assert_eq!(address("/only/a/path"), None);
    }

    #[test]
    fn once_an_hour_connections_are_made_anew() {
        let stack = Stack::default();
        let mut kept = stack.kept();
        let began = kept.began;
        assert!(!kept.is_over(began + ANEW_EVERY / 2));
        assert!(kept.is_over(began + ANEW_EVERY));
        assert!(!kept.is_over(began + ANEW_EVERY), "only once");
        assert!(kept.is_over(began + 2 * ANEW_EVERY));
    }
}
