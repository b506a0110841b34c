//! The control socket, `DIR/control.sock`: whoever may open it may do everything, so only the owner may.
//!
//! It gets its name only when its rights are set, and takes the place of one that a killed hub left behind: the ledger's
//! lock has made sure that no other hub is alive on the folder.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

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

/// Makes the socket. Where that cannot be done (the folder's path is too long for one, or its file system has none), the
/// hub works without, and says so.
pub(crate) fn bind(data: &Path) -> Option<(UnixListener, SocketFile)> {
    let path = data.join(FILE_NAME);
    match try_bind(data, &path) {
        Ok(listener) => Some((listener, SocketFile(path))),
        Err(error) => {
            tracing::warn!(
                %error,
                socket = %path.display(),
                "there is no control socket: commands that change something need this hub to be stopped; a data folder \
                 with a path of less than 90 characters on a local disk has one"
            );
            None
        }
    }
}

fn try_bind(data: &Path, path: &Path) -> std::io::Result<UnixListener> {
    let unfinished = data.join(UNFINISHED);
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The other name is shorter; this is the one that has to be called.
    SocketAddr::from_pathname(path)?;
    let listener = UnixListener::bind(&unfinished)?;
    std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    std::fs::rename(&unfinished, path)?;
    Ok(listener)
}
