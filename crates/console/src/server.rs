//! The console's listener: plain HTTP or TLS, a bounded number of connections, each with a bounded handshake and a bounded
//! head, so that nobody who only holds connections open keeps people out for long.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Open at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 512;
/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the head of a request, and for an idle connection.
const IDLE: Duration = Duration::from_secs(30);
/// How long requests under way may take once the hub is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves these routes until it is told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    routes: Router,
    stop: CancellationToken,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, from)) => {
                let (routes, acceptor, stop) = (routes.clone(), acceptor.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, from, acceptor, routes, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::error!(%error, "the console could not accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, all).await.is_err() {
        tracing::warn!("requests of the console were still under way when the time to stop was over");
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    routes: Router,
    stop: CancellationToken,
) {
    // Answers are small and waited for. Failing to say so is no reason to hang up.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else { return exchange(stream, from, routes, stop).await };
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE, acceptor.accept(stream)) => shaken,
        () = stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => exchange(stream, from, routes, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the console failed"),
        Err(_) => tracing::debug!("a TLS handshake with the console took too long"),
    }
}

async fn exchange<S>(stream: S, from: SocketAddr, routes: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        let routes = routes.clone();
        async move {
            Ok::<_, Infallible>(routes.oneshot(request.map(Body::new)).await.unwrap_or_else(|e| match e {}))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
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
        tracing::debug!(%error, "a connection to the console ended");
    }
}
