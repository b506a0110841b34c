//! Connections: accepted up to a bound, served over HTTP/1.1, drained on shutdown.
//!
//! A connection that is idle lives longer than any client we know waits between two calls. When the hub stops, the
//! listener closes, calls under way are finished, and their answers say `Connection: close`.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::deadlines::{Deadlines, Paced};
use crate::metrics::IngressMetrics;
use crate::routes::Routes;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open at a time; more wait in the listener's queue.
    pub connections: usize,
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
    routes: Arc<Routes>,
    limits: Limits,
    metrics: IngressMetrics,
}

impl Server {
    /// Serves these routes on this listener.
    #[must_use]
    pub fn new(listener: TcpListener, routes: Routes, limits: Limits, metrics: IngressMetrics) -> Self {
        Self { listener, routes: Arc::new(routes), limits, metrics }
    }

    /// Runs until it is told to stop, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let mut connections = JoinSet::new();
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
                    let connection = self.connection(stream, stop.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => self.wait_after(&error).await,
            }
        }
        drop(self.listener);
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(self.limits.drain, all).await.is_err() {
            tracing::warn!("calls were still under way when the time to stop was over");
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let routes = self.routes.clone();
        let Limits { idle, deadlines, head_size, .. } = self.limits;
        let open = self.metrics.connections.clone();
        async move {
            open.inc();
            // Answers are small and waited for. Failing to say so is no reason to hang up.
            let _ = stream.set_nodelay(true);
            let (stream, phase) = Paced::new(stream, deadlines);
            let service = service_fn(move |request| {
                let (routes, phase) = (routes.clone(), phase.clone());
                phase.begins();
                async move {
                    let answer = routes.answer(request).await;
                    phase.ends();
                    Ok::<_, Infallible>(answer)
                }
            });
            let connection = http1::Builder::new()
                // A caller that has sent its message and closed has sent its message: it is taken in all the same.
                .half_close(true)
                // Head and body in one piece: answers are small.
                .writev(false)
                .timer(TokioTimer::new())
                .header_read_timeout(idle)
                .max_buf_size(head_size)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            open.dec();
        }
    }

    /// Out of file descriptors and the like: the next try may work, but not at once.
    async fn wait_after(&self, error: &io::Error) {
        tracing::error!(%error, "no connection could be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
