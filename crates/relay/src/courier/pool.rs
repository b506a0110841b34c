//! Connections that are kept for the next message: a stack per address, so that the warmest is used first and the
//! others grow old and go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;

use super::connection::Connection;

/// How many idle connections are kept per address.
const MOST_IDLE: usize = 256;
/// Older ones are not worth a try: most servers close theirs before.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

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

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// The idle connections.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Arc<Mutex<HashMap<Address, Vec<Idle>>>>,
}

impl Pool {
    /// A kept connection that is still open, if there is one.
    pub(super) async fn take(&self, address: &Address) -> Option<Connection> {
        loop {
            let mut idle = self.pop(address)?;
            if idle.since.elapsed() < LONGEST_IDLE && idle.connection.is_open().await {
                return Some(idle.connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn put(&self, address: Address, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let stack = idle.entry(address).or_default();
        // The oldest are at the bottom.
        let old = stack.iter().take_while(|idle| idle.since.elapsed() >= LONGEST_IDLE).count();
        stack.drain(..old.max((stack.len() + 1).saturating_sub(MOST_IDLE)));
        stack.push(Idle { connection, since: Instant::now() });
    }

    fn pop(&self, address: &Address) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
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
}
