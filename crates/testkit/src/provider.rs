//! A scriptable provider behind a real socket: it acknowledges what it is sent, keeps every byte, and can misbehave in
//! all the ways in which providers do. An operator's server, which is sent remote requests, does the same.

mod connection;
mod guard;
mod received;
mod reply;
mod state;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use guard::SessionGuard;
pub use received::Received;
pub use reply::Reply;
pub(crate) use reply::gzip;

use crate::ca::ServerTls;
use crate::wire::Socket;
use state::{Script, State};

/// A fake provider, running until it is stopped or dropped.
pub struct FakeProvider {
    state: Arc<State>,
    address: SocketAddr,
    tls: Mutex<Option<ServerTls>>,
    running: Mutex<Option<Running>>,
    /// Holds the port while the provider is stopped: bound, never listening, so that connecting is refused.
    _reservation: TcpSocket,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Settings of a fake provider that is to be started.
pub struct Builder {
    provider_id: String,
    port: u16,
    tls: Option<ServerTls>,
    script: Script,
}

impl Builder {
    /// The ProviderID in positive authorisations; `DE-DCB` unless told.
    #[must_use]
    pub fn provider_id(self, id: &str) -> Self {
        Self { provider_id: id.to_owned(), ..self }
    }

    /// The port; any free one unless told.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Speaks TLS.
    #[must_use]
    pub fn tls(self, tls: ServerTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// What to do with each request.
    #[must_use]
    pub fn script(self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), ..self }
    }

    /// Starts the provider on 127.0.0.1.
    #[expect(clippy::unused_async, reason = "needs a runtime, and says so")]
    pub async fn start(self) -> FakeProvider {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let reservation = bound(wanted);
        let address = reservation.local_addr().expect("a bound socket has an address");
        let provider = FakeProvider {
            state: Arc::new(State::new(self.provider_id, self.script)),
            address,
            tls: Mutex::new(self.tls),
            running: Mutex::default(),
            _reservation: reservation,
        };
        provider.listen();
        provider
    }
}

impl FakeProvider {
    /// A provider `DE-DCB` on a free port of 127.0.0.1 that says yes to everything.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A provider with other settings.
    #[must_use]
    pub fn builder() -> Builder {
        let script = Arc::new(|_: &Received| Reply::Acknowledge);
        Builder { provider_id: "DE-DCB".to_owned(), port: 0, tls: None, script }
    }

    /// The base address, such as `http://127.0.0.1:4711`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls().is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The ProviderID.
    #[must_use]
    pub fn provider_id(&self) -> &str {
        self.state.provider_id()
    }

    /// Everything received so far, also before restarts.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received()
    }

    /// The charging notifications received so far.
    #[must_use]
    pub fn notifications(&self) -> Vec<Received> {
        notifications(&self.state.received())
    }

    /// Forgets what was received; numbers go on counting.
    pub fn forget(&self) {
        self.state.forget();
    }

    /// How many TCP connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections()
    }

    /// Replaces the behaviour, from the next request on.
    pub fn set_script(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.state.set_script(Arc::new(script));
    }

    /// Waits until at least `n` charging notifications have arrived and returns all there are.
    ///
    /// # Panics
    /// When they do not arrive in time, with what did.
    #[track_caller]
    pub fn wait_for(&self, n: usize, bound: Duration) -> impl Future<Output = Vec<Received>> {
        let by = Location::caller();
        async move {
            let enough = |seen: &[Received]| seen.iter().filter(|seen| seen.is_notification()).count() >= n;
            let awaited = format!("{n} charging notifications");
            notifications(&self.state.wait_until(bound, &awaited, by, enough).await)
        }
    }

    /// Waits until everything received so far satisfies the condition, and returns it.
    ///
    /// # Panics
    /// When that does not happen in time, with what was received.
    #[track_caller]
    pub fn wait_until(
        &self,
        bound: Duration,
        condition: impl Fn(&[Received]) -> bool,
    ) -> impl Future<Output = Vec<Received>> {
        let by = Location::caller();
        async move { self.state.wait_until(bound, "a condition", by, condition).await }
    }

    /// Closes the listener and all connections at once. From then on connecting is refused.
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { stop, task }) = running {
            let _ended_already = stop.send(());
            task.await.expect("the accept loop does not panic");
        }
    }

    /// Listens on the same port again, keeping what was received. Stops first, if it is running.
    pub async fn restart(&self) {
        self.stop().await;
        self.listen();
    }

    /// Listens with another certificate on the same port. Stops first, if it is running.
    pub async fn renew(&self, tls: ServerTls) {
        self.stop().await;
        *self.tls() = Some(tls);
        self.listen();
    }

    fn tls(&self) -> MutexGuard<'_, Option<ServerTls>> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self) {
        let listener = bound(self.address).listen(1024).expect("the port is reserved for this provider");
        let (stop, stopped) = oneshot::channel();
        let tls = self.tls().as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&self.state), stopped));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { stop, task });
    }
}

/// A socket on this address that may share it with one that does not listen.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a TCP socket can be opened");
    socket.set_reuseaddr(true).expect("a TCP socket takes SO_REUSEADDR");
    match socket.bind(address) {
        Ok(()) => socket,
        Err(error) => panic!("cannot bind {address}: {error}"),
    }
}

fn notifications(received: &[Received]) -> Vec<Received> {
    received.iter().filter(|request| request.is_notification()).cloned().collect()
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                // What fails here is the peer's connection (or a passing shortage), never the listener.
                if let Ok((socket, _)) = accepted {
                    connections.spawn(welcome(socket, tls.clone(), Arc::clone(&state)));
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn welcome(socket: TcpStream, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let number = state.connected();
    let _only_slower = socket.set_nodelay(true);
    let socket: Box<dyn Socket> = match tls {
        None => Box::new(socket),
        Some(tls) => match tls.accept(socket).await {
            Ok(socket) => Box::new(socket),
            Err(_) => return,
        },
    };
    connection::serve(socket, number, state).await;
}
