//! The console's certificate: loaded, shown, and read again when it changes.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use roamhub_services::tls::{Asks, ServerCertificate};
use rustls::ServerConfig;
use tokio::task::spawn_blocking;

use crate::tls::{LOOK_EVERY, Stamp, say_if_it_ends, stamp};

/// The files behind the console's TLS.
pub(crate) struct ConsoleTls {
    files: [PathBuf; 2],
    server: Arc<ServerCertificate>,
    seen: [Stamp; 2],
}

impl ConsoleTls {
    /// Loads certificate chain and key.
    pub(crate) fn load((certificate, key): (PathBuf, PathBuf)) -> anyhow::Result<Self> {
        let server = Arc::new(ServerCertificate::load(&certificate, &key).context("the console's TLS")?);
        say_if_it_ends(&server);
        let files = [certificate, key];
        let seen = stamps(&files);
        Ok(Self { files, server, seen })
    }

    /// The settings of the console's listener. People have no certificates.
    pub(crate) fn listener(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.server.listener(Asks::ForNothing, &["http/1.1"]).context("cannot set up the console's TLS")
    }

    /// Resolves when the files have changed and are not changing any more.
    pub(crate) async fn changed(&mut self) {
        let mut last = self.seen;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.files.clone();
            let Ok(now) = spawn_blocking(move || stamps(&files)).await else { continue };
            if now != self.seen && now == last {
                self.seen = now;
                return;
            }
            last = now;
        }
    }

    /// Reads them again. If something is wrong with them, the old certificate stays, and the log says so.
    pub(crate) async fn reload(&self) {
        let server = self.server.clone();
        // Not on a thread that serves partners: the files may lie on a disk that is slow to answer.
        match spawn_blocking(move || server.reload()).await {
            Ok(Ok(())) => {
                say_if_it_ends(&self.server);
                tracing::info!("the console's certificate was read again");
            }
            Ok(Err(error)) => tracing::error!("the console's certificate stays as it was: {error}"),
            Err(error) => tracing::error!(%error, "the console's certificate was not read again"),
        }
    }
}

fn stamps(files: &[PathBuf; 2]) -> [Stamp; 2] {
    files.each_ref().map(|file| stamp(file))
}
