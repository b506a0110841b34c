//! One look at an endpoint, for the people who set it up: every step on the way to an answer, on the terms on which
//! messages go there, with what came to light at each. Nothing is verified less than for a message, and what a look sends
//! is none: a POST without a body.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Uri;
use roamhub_core::address::{AddressClass, Reach};
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::route::Endpoint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::HttpCourier;
use super::exchange::exchange;
use super::pool::Address;
use super::request::Request;
use super::target::Target;
use super::trust_files::{Settings, TrustFiles};

/// What resolving, connecting and shaking hands may take, each.
const STEP: Duration = Duration::from_secs(5);
/// The longest wait for an answer: nobody asks a charge point.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a look found, step by step; a step that was not reached is not there.
#[derive(Debug)]
pub struct Look {
    /// The host, as the URL names it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How far the hub may go for this endpoint.
    pub reach: Reach,
    /// How far it may go for this endpoint in particular.
    pub own_reach: Reach,
    /// Its addresses, or why there are none.
    pub resolved: Result<Vec<IpAddr>, String>,
    /// The address that took the connection and how long that took, or why none did.
    pub connected: Option<Result<(IpAddr, Duration), String>>,
    /// The handshake, where the URL is `https://`.
    pub handshake: Option<Handshake>,
    /// What was answered at each URL.
    pub answers: Vec<(String, Result<Seen, Unanswered>)>,
}

/// What a handshake showed.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The version of TLS that was agreed on.
    pub version: Option<String>,
    /// The server's certificate (DER), also one that was refused.
    pub server: Option<Vec<u8>>,
    /// Whether the server asked for a client certificate.
    pub asked: bool,
    /// The client certificate (DER) that the hub has for this endpoint.
    pub client: Option<Vec<u8>>,
    /// What went wrong.
    pub trouble: Option<TlsTrouble>,
}

/// What can go wrong in a handshake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TlsTrouble {
    /// No authority that the hub trusts has signed the server's certificate.
    UnknownIssuer,
    /// It is made out to other names.
    OtherName,
    /// It is not valid any more.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// Something else is wrong with it.
    Certificate(String),
    /// The server ended the handshake with this alert.
    Alert(String),
    /// What answers there does not speak TLS.
    NotTls,
    /// The files with certificates cannot be used.
    Files(String),
    /// It was not finished in time.
    Timeout,
    /// The connection broke.
    Broken(String),
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Why there was no HTTP answer.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// In the courier's words.
    pub failure: ExchangeFailure,
    /// The alert with which a TLS server ended the connection: in TLS 1.3 this is how it refuses a client certificate, or
    /// the lack of one.
    pub alert: Option<String>,
}

impl HttpCourier {
    /// Looks at an endpoint, and posts nothing to each of these URLs of it. At least one is needed.
    ///
    /// # Errors
    /// [`ExchangeFailure::Address`]: the URL, or a header, is none.
    pub async fn look(&self, endpoint: &Endpoint, urls: &[String]) -> Result<Look, ExchangeFailure> {
        let first = urls.first().ok_or(ExchangeFailure::Address)?;
        let uri: Uri = first.parse().map_err(|_| ExchangeFailure::Address)?;
        let address = Address::of(&uri, self.outgoing.terms(endpoint)).ok_or(ExchangeFailure::Address)?;
        let reach = address.terms.reach;
        let resolved = resolve(&address).await;
        let mut look = Look {
            host: address.host.clone(),
            port: address.port,
            reach,
            own_reach: endpoint.reach,
            resolved: resolved.clone(),
            connected: None,
            handshake: None,
            answers: Vec::new(),
        };
        let allowed: Vec<_> = resolved.unwrap_or_default();
        let allowed: Vec<_> =
            allowed.into_iter().filter(|ip| AddressClass::of(*ip).is_within(reach)).collect();
        if allowed.is_empty() {
            return Ok(look);
        }
        for url in urls {
            let began = Instant::now();
            let stream = match connect(&allowed, address.port).await {
                Ok((stream, to)) => {
                    look.connected.get_or_insert(Ok((to, began.elapsed())));
                    stream
                }
                Err(error) => {
                    look.connected.get_or_insert(Err(error));
                    break;
                }
            };
            let target = Target::of(url, endpoint, &self.outgoing, &self.pool)?;
            let request = target.nothing()?;
            let wait = endpoint.timeout.min(LONGEST_WAIT);
            let answer = if address.tls {
                let (handshake, stream) = self.shake_hands(&address, stream).await;
                look.handshake.get_or_insert(handshake);
                let Some(stream) = stream else { break };
                ask(stream, &request, wait).await
            } else {
                ask(stream, &request, wait).await
            };
            look.answers.push((url.clone(), answer));
        }
        Ok(look)
    }

    async fn shake_hands(
        &self,
        address: &Address,
        stream: TcpStream,
    ) -> (Handshake, Option<impl AsyncRead + AsyncWrite + Unpin + use<>>) {
        let failed = |trouble| (Handshake { trouble: Some(trouble), ..Handshake::default() }, None);
        let settings = match self.trust.settings(&TrustFiles::of(&address.terms)).await {
            Ok(settings) => settings,
            Err(error) => return failed(TlsTrouble::Files(error.to_string())),
        };
        let Ok(name) = ServerName::try_from(address.host.clone()) else {
            return failed(TlsTrouble::OtherName);
        };
        let (config, watched) = match Watched::over(&settings) {
            Ok(watched) => watched,
            Err(error) => return failed(TlsTrouble::Files(error.to_string())),
        };
        let done = timeout(STEP, TlsConnector::from(config).connect(name, stream)).await;
        let mut handshake = Handshake {
            version: None,
            server: watched.shown.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            asked: watched.asked.load(Ordering::Relaxed),
            client: settings.client.map(|client| client.to_vec()),
            trouble: None,
        };
        let stream = match done {
            Ok(Ok(stream)) => {
                let version = stream.get_ref().1.protocol_version();
                handshake.version = version.and_then(|version| version.as_str()).map(|v| v.replace('_', " "));
                Some(stream)
            }
            Ok(Err(error)) => {
                handshake.trouble = Some(trouble(&error));
                None
            }
            Err(_) => {
                handshake.trouble = Some(TlsTrouble::Timeout);
                None
            }
        };
        (handshake, stream)
    }
}

async fn resolve(address: &Address) -> Result<Vec<IpAddr>, String> {
    let found = timeout(STEP, lookup_host((address.host.as_str(), address.port))).await;
    let found =
        found.map_err(|_| format!("no answer within {STEP:?}"))?.map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = found.map(|one| one.ip()).collect();
    addresses.dedup();
    Ok(addresses)
}

async fn connect(allowed: &[IpAddr], port: u16) -> Result<(TcpStream, IpAddr), String> {
    let mut why = String::new();
    for ip in allowed {
        match timeout(STEP, TcpStream::connect(SocketAddr::new(*ip, port))).await {
            Ok(Ok(stream)) => return Ok((stream, *ip)),
            Ok(Err(error)) => why = format!("{ip}: {error}"),
            Err(_) => why = format!("{ip}: no answer within {STEP:?}"),
        }
    }
    Err(why)
}

/// Posts and listens, and keeps the alert with which a TLS server hangs up.
async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &Request,
    wait: Duration,
) -> Result<Seen, Unanswered> {
    let mut stream = Noting { stream, alert: None };
    match timeout(wait, exchange(&mut stream, request)).await {
        Ok(Ok(heard)) => Ok(Seen { status: heard.answer.head.status, body: heard.answer.body }),
        Ok(Err(failed)) => Err(Unanswered { failure: failed.failure, alert: stream.alert }),
        Err(_) => Err(Unanswered { failure: ExchangeFailure::Timeout, alert: stream.alert }),
    }
}

fn trouble(error: &io::Error) -> TlsTrouble {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return TlsTrouble::Broken(error.to_string());
    };
    match inner {
        InvalidCertificate(CertificateError::UnknownIssuer) => TlsTrouble::UnknownIssuer,
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => TlsTrouble::OtherName,
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            TlsTrouble::Expired
        }
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            TlsTrouble::NotYetValid
        }
        InvalidCertificate(other) => TlsTrouble::Certificate(other.to_string()),
        AlertReceived(alert) => TlsTrouble::Alert(name(*alert)),
        InvalidMessage(_) => TlsTrouble::NotTls,
        other => TlsTrouble::Broken(other.to_string()),
    }
}

fn name(alert: AlertDescription) -> String {
    alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned)
}

/// A stream, and the alert that came over it.
struct Noting<S> {
    stream: S,
    alert: Option<String>,
}

impl<S> Noting<S> {
    fn note<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled
            && let TlsTrouble::Alert(alert) = trouble(error)
        {
            self.alert.get_or_insert(alert);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.note(polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noting<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What happens in a handshake beside its outcome. Verifies as always; it only looks on.
#[derive(Default)]
struct Watched {
    shown: Mutex<Option<Vec<u8>>>,
    asked: AtomicBool,
}

impl Watched {
    fn over(
        settings: &Settings,
    ) -> Result<(Arc<ClientConfig>, Arc<Self>), rustls::client::VerifierBuilderError> {
        let watched = Arc::new(Self::default());
        let mut config = ClientConfig::clone(&settings.full);
        config.resumption = Resumption::disabled();
        let client = config.client_auth_cert_resolver.clone();
        config.client_auth_cert_resolver = Arc::new(WatchedClient { client, watched: watched.clone() });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        if !settings.roots.is_empty() {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(settings.roots.clone(), provider).build()?;
            let server = Arc::new(WatchedServer { verifier, watched: watched.clone() });
            // The same verification as for messages, behind something that keeps the certificate.
            config.dangerous().set_certificate_verifier(server);
        }
        Ok((Arc::new(config), watched))
    }
}

struct WatchedClient {
    client: Arc<dyn ResolvesClientCert>,
    watched: Arc<Watched>,
}

impl ResolvesClientCert for WatchedClient {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.watched.asked.store(true, Ordering::Relaxed);
        self.client.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        // Otherwise a server's question would not be heard of where there is nothing to show.
        true
    }
}

impl fmt::Debug for WatchedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedClient").finish_non_exhaustive()
    }
}

struct WatchedServer {
    verifier: Arc<WebPkiServerVerifier>,
    watched: Arc<Watched>,
}

impl fmt::Debug for WatchedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedServer").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for WatchedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.watched.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
