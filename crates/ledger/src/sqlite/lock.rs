//! One hub per ledger: a lock on a file beside it. The kernel releases it when the process dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::OpenError;

/// Held as long as the ledger, or what lies beside it, is open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    folder: PathBuf,
}

impl Lock {
    /// Takes the lock in the folder, or says who has it.
    pub(super) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy: an unreadable file must not hide the refusal.
                let _ = file.read_to_string(&mut holder);
                return Err(OpenError::InUse { folder: folder.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file, folder: folder.to_owned() })
    }

    /// The folder that it locks.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}
