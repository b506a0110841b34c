//! What a connection has to prove before anything is said on it.

use std::sync::Arc;
use std::time::Duration;

use roamhub_services::identity::NoCertificate;
use roamhub_services::tls::{Authorities, ShownCertificate};
use roamhub_services::{Callers, Identity};
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::proxy::Proxies;

/// What is spoken over TLS (ALPN), the preferred one first.
pub const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// How partners come in.
#[derive(Debug)]
pub enum Door {
    /// Plain HTTP: everybody is who he says he is.
    Plain,
    /// TLS, with certificates on both sides.
    Tls(TlsDoor),
    /// Proxies that end TLS for the partners; they may speak TLS with the hub themselves.
    Proxies(Arc<Proxies>, Option<TlsDoor>),
}

/// TLS, with certificates on both sides.
pub struct TlsDoor {
    acceptor: TlsAcceptor,
    authorities: Arc<Authorities>,
    callers: Callers,
    under_way: Semaphore,
    patience: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    /// It took too long, or too many others are under way.
    #[error("the handshake took too long")]
    TooSlow,
    /// TLS failed.
    #[error("{0}")]
    Tls(#[from] std::io::Error),
}

impl TlsDoor {
    /// A door with these settings; `under_way` handshakes at a time, each of which may take so long, waiting included. What
    /// callers show is noted.
    #[must_use]
    pub fn new(
        config: Arc<ServerConfig>,
        authorities: Arc<Authorities>,
        callers: Callers,
        under_way: usize,
        patience: Duration,
    ) -> Self {
        let under_way = Semaphore::new(under_way);
        Self { acceptor: TlsAcceptor::from(config), authorities, callers, under_way, patience }
    }

    /// Does the handshake.
    pub(crate) async fn open(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<TlsStream<TcpStream>>, Identity), HandshakeFailure> {
        let handshake = async {
            let _turn = self.under_way.acquire().await.map_err(|_| HandshakeFailure::TooSlow)?;
            Ok::<_, HandshakeFailure>(Box::new(self.acceptor.accept(stream).await?))
        };
        let stream = timeout(self.patience, handshake).await.map_err(|_| HandshakeFailure::TooSlow)??;
        let identity = self.identity(stream.get_ref().1);
        Ok((stream, identity))
    }

    fn identity(&self, connection: &ServerConnection) -> Identity {
        let Some(certificate) = connection.peer_certificates().and_then(<[_]>::first) else {
            return Identity::Nobody(NoCertificate::Missing);
        };
        match ShownCertificate::read(certificate, self.authorities.clone()) {
            Ok(shown) => {
                self.callers.note(&shown);
                Identity::Certificate(Arc::new(shown))
            }
            Err(error) => Identity::Nobody(NoCertificate::Unusable(error.to_string())),
        }
    }
}

impl std::fmt::Debug for TlsDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsDoor").finish_non_exhaustive()
    }
}
