//! Connections: accepted up to a bound, let in by the door, served, drained on shutdown.
//!
//! A connection that is idle lives longer than any client we know waits between two calls. When the hub stops, the
//! listener closes, calls under way are finished, and their answers say `Connection: close`. The same becomes of a partner's
//! connections when its certificate is taken out or when it is locked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use roamhub_services::Identity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Protocol};
use crate::deadlines::Deadlines;
use crate::door::{Door, TlsDoor};
use crate::metrics::IngressMetrics;
use crate::open::{OpenConnections, Room};
use crate::peer::{Peer, Peers};
use crate::routes::Routes;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open at a time; more wait in the listener's queue.
    pub connections: usize,
    /// Open at a time with certificates of one partner, and as many without one or with unknown ones. The next ones hear
    /// 429; with twice as many they hear nothing.
    pub per_partner: usize,
    /// TLS handshakes under way at a time.
    pub handshakes: usize,
    /// For a TLS handshake, its turn included.
    pub handshake: Duration,
    /// For an idle connection.
    pub idle: Duration,
    /// For the head of a request that has begun, and for taking an answer.
    pub deadlines: Deadlines,
    /// The longest head of a request, in bytes; 8,192 at least. It has 100 header lines at most.
    pub head_size: usize,
    /// How long calls under way may take once the hub is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_partner: 1024,
            handshakes: 2048,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(150),
            deadlines: Deadlines::default(),
            head_size: 32 * 1024,
            drain: Duration::from_secs(10),
        }
    }
}

/// The accept loop.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections have in common.
#[derive(Debug)]
struct Shared {
    door: Door,
    routes: Arc<Routes>,
    open: Arc<OpenConnections>,
    limits: Limits,
    metrics: IngressMetrics,
}

impl Server {
    /// Serves these routes on this listener, to whom the door lets in.
    #[must_use]
    pub fn new(
        listener: TcpListener,
        door: Door,
        routes: Routes,
        limits: Limits,
        metrics: IngressMetrics,
    ) -> Self {
        let (routes, open) = (Arc::new(routes), Arc::default());
        Self { listener, shared: Arc::new(Shared { door, routes, open, limits, metrics }) }
    }

    /// Runs until it is told to stop, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.shared.limits.connections));
        let mut connections = JoinSet::new();
        let looking = tokio::spawn(look_through(self.shared.clone(), stop.clone()));
        loop {
            let place = tokio::select! {
                place = places.clone().acquire_owned() => place,
                () = stop.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let connection = self.connection(stream, &stop);
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => self.wait_after(&error).await,
            }
        }
        drop(self.listener);
        looking.abort();
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(self.shared.limits.drain, all).await.is_err() {
            tracing::warn!("calls were still under way when the time to stop was over");
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let shared = self.shared.clone();
        let closing = stop.child_token();
        async move {
            shared.metrics.connections.inc();
            // Answers are small and waited for. Failing to say so is no reason to hang up.
            let _ = stream.set_nodelay(true);
            shared.serve(stream, closing).await;
            shared.metrics.connections.dec();
        }
    }

    /// Out of file descriptors and the like: the next try may work, but not at once.
    async fn wait_after(&self, error: &io::Error) {
        tracing::error!(%error, "no connection could be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream, closing: CancellationToken) {
        match &self.door {
            Door::Plain => {
                let peer = Peer { identity: Identity::Claimed, surplus: None, closing, shared: false };
                self.speak(stream, Protocol::Http1, Peers::One(Arc::new(peer))).await;
            }
            Door::Tls(door) => {
                if let Some((stream, identity)) = self.opened(door, stream, &closing).await {
                    Box::pin(self.serve_tls(*stream, identity, closing)).await;
                }
            }
            Door::Proxies(proxies, door) => {
                let trusted = stream.peer_addr().is_ok_and(|address| proxies.trusts(address.ip()));
                let peers = match trusted {
                    true => Peers::Behind(proxies.clone(), closing.clone()),
                    false => Peers::beside_the_proxy(closing.clone()),
                };
                match door {
                    None => self.speak(stream, Protocol::Http1, peers).await,
                    Some(door) => {
                        if let Some((stream, _)) = self.opened(door, stream, &closing).await {
                            let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
                            Box::pin(self.speak(*stream, protocol, peers)).await;
                        }
                    }
                }
            }
        }
    }

    async fn opened(
        &self,
        door: &TlsDoor,
        stream: TcpStream,
        closing: &CancellationToken,
    ) -> Option<(Box<TlsStream<TcpStream>>, Identity)> {
        let opened = tokio::select! {
            opened = door.open(stream) => opened,
            () = closing.cancelled() => return None,
        };
        opened
            .inspect_err(|error| {
                self.metrics.handshakes_failed.inc();
                tracing::debug!(%error, "a TLS handshake failed");
            })
            .ok()
    }

    async fn speak<S>(&self, stream: S, protocol: Protocol, peers: Peers)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        connection::serve(stream, protocol, self.routes.clone(), peers, self.limits).await;
    }

    async fn serve_tls(&self, stream: TlsStream<TcpStream>, identity: Identity, closing: CancellationToken) {
        let shown = match &identity {
            Identity::Certificate(shown) => Some(shown.clone()),
            Identity::Claimed | Identity::Nobody(_) => None,
        };
        let most = self.limits.per_partner;
        let place = self.open.enter(shown, self.routes.hub(), most, closing.clone());
        let surplus = match place.room {
            Room::There => None,
            Room::Surplus => Some(most),
            Room::None => return,
        };
        let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
        let peer = Arc::new(Peer { identity, surplus, closing, shared: false });
        self.speak(stream, protocol, Peers::One(peer)).await;
    }
}

/// Looks at the open connections whenever the partners change.
async fn look_through(shared: Arc<Shared>, stop: CancellationToken) {
    let mut changes = shared.routes.hub().partner_changes();
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        shared.open.look_through(shared.routes.hub());
    }
}
