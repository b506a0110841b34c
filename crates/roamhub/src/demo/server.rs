//! What the demo's partners share: an HTTP server on loopback, with TLS if that is wished, and the answers they give.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers every request that comes in.
pub(crate) async fn accept<F, A>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, tls) = (answer.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, answer).await,
                // Who fails here is not the hub.
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, answer).await,
                    Err(error) => tracing::debug!(%error, "a caller was not let in"),
                },
            }
        });
    }
}

async fn serve<S, F, A>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    // The hub hears of a broken connection; the demo need not.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The message in a request; `null` if there is none.
pub(crate) async fn message(request: Request<Incoming>) -> Value {
    let Ok(body) = request.into_body().collect().await else { return Value::Null };
    serde_json::from_slice(&body.to_bytes()).unwrap_or_default()
}

/// An eRoamingAcknowledgement.
pub(crate) fn acknowledgement(result: bool, code: &str, text: &str) -> Response<Full<Bytes>> {
    let status = json!({"Code": code, "Description": text, "AdditionalInfo": text});
    json_response(StatusCode::OK, &json!({"Result": result, "StatusCode": status}))
}

/// Any JSON.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
