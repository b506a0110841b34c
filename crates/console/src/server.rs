//! The console's connections: bounded in number and in time, so that nobody who can reach it takes the hub's open files, or
//! its memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Open at a time; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// For the head of a request, and for an idle connection.
const HEAD: Duration = Duration::from_secs(30);
/// For a whole call: who sends a body byte by byte has that long.
const CALL: Duration = Duration::from_secs(300);
/// The longest head, in bytes.
const HEAD_SIZE: usize = 32 * 1024;
/// The longest body, in bytes.
const BODY: usize = 1024 * 1024;
/// How long calls under way may take once the hub is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves these routes until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) {
    let routes = routes.layer(DefaultBodyLimit::max(BODY));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, accepted)) = stop.run_until_cancelled(next).await else { break };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, routes.clone(), stop.clone());
                connections.spawn(async move {
                    connection.await;
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
    // Whoever takes longer is cut off: nothing of a session hangs on it.
    let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(stream: TcpStream, routes: Router, stop: CancellationToken) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answered = routes.clone().oneshot(request.map(Body::new));
        async move {
            timeout(CALL, answered)
                .await
                .map(|answer| answer.unwrap_or_else(|never: Infallible| match never {}))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
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
        tracing::debug!(%error, "a connection of the console ended");
    }
}
