//! TLS at the hub's own doors: its certificate, what callers show, and who vouches for that.
//!
//! * [`certificate`]: a certificate that somebody shows, read once;
//! * [`authorities`]: the certificate authorities by which partners may be named;
//! * [`server`]: the hub's own certificate, replaced while connections live, and the settings of a TLS listener.
//!
//! Nothing here knows sockets: any listener can use it.

pub mod authorities;
pub mod certificate;
pub mod server;

use std::path::PathBuf;

pub use authorities::Authorities;
pub use certificate::{ShownCertificate, Unreadable};
pub use server::{Asks, ServerCertificate};

/// Why a file of certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be used: {reason}")]
pub struct TlsFileError {
    /// Which file.
    pub path: PathBuf,
    /// Why not, and what to do about it.
    pub reason: String,
}
