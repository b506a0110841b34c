//! The control socket, `DIR/control.sock`: whoever may open it may do everything, so only the owner may.
//!
//! It gets its name only when its rights are set, and takes the place of one that a killed hub left behind: the ledger's
//! lock has made sure that no other hub is alive on the folder.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::net::UnixListener;

/// Its file name in the data folder.
pub(crate) const FILE_NAME: &str = "control.sock";
/// The name it is made under.
const UNFINISHED: &str = "control.new";

/// The socket's file; dropping this removes it.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, socket = %self.0.display(), "the control socket could not be removed");
        }
    }
}

/// Makes the socket. `None`, with a warning, where the folder's path is too long for one: the hub works without.
pub(crate) fn bind(data: &Path) -> anyhow::Result<Option<(UnixListener, SocketFile)>> {
    let (unfinished, path) = (data.join(UNFINISHED), data.join(FILE_NAME));
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", unfinished.display()));
        }
        Ok(()) | Err(_) => {}
    }
    // The longer of the two names must fit as well, or nobody could call it.
    if std::os::unix::net::SocketAddr::from_pathname(&path).is_err() {
        tracing::warn!(
            data = %data.display(),
            "the path is too long for a control socket: commands that change something need a hub in a folder with a \
             shorter path, or no hub running"
        );
        return Ok(None);
    }
    let listener = UnixListener::bind(&unfinished).context("cannot make the control socket")?;
    let finished = std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600))
        .and_then(|()| std::fs::rename(&unfinished, &path));
    finished.with_context(|| format!("cannot make the control socket {}", path.display()))?;
    Ok(Some((listener, SocketFile(path))))
}
