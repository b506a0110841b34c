//! Where certificates and keys are kept: `DIR/pki`, for its owner alone.
//!
//! ```text
//! ca.pem  ca-key.pem                     the authority
//! server.pem  server-key.pem             what the hub shows when it is called
//! outgoing.pem  outgoing-key.pem         what it shows when it calls
//! partners/DE_ABC.pem  DE_ABC-key.pem    of a partner; the next ones are DE_ABC-2.pem, …
//! issued/SERIAL.pem                      everything that was issued
//! ```
//!
//! Invariants: keys are readable by their owner alone from their first byte on; nothing is overwritten unless that was said,
//! and then at once, not half.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What to do where a file is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Existing {
    /// Leave it, and say so.
    Keep,
    /// Put the new one in its place.
    Replace,
}

impl Existing {
    /// From `--force`.
    pub(crate) fn forced(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// A certificate and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    /// Whether something of it is there.
    fn exists(&self) -> bool {
        self.certificate.exists() || self.key.exists()
    }
}

impl Folder {
    /// That of a data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join("pki") }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn authority(&self) -> Pair {
        self.pair("ca")
    }

    pub(crate) fn server(&self) -> Pair {
        self.pair("server")
    }

    pub(crate) fn outgoing(&self) -> Pair {
        self.pair("outgoing")
    }

    /// The next free names for a partner's.
    pub(crate) fn next_of(&self, id: &str) -> Pair {
        let name = file_name(id);
        let first = self.pair(&format!("partners/{name}"));
        let later = (2_u32..).map(|number| self.pair(&format!("partners/{name}-{number}")));
        std::iter::once(first).chain(later).find(|pair| !pair.exists()).unwrap_or_else(|| self.pair(&name))
    }

    pub(crate) fn issued(&self) -> PathBuf {
        self.path.join("issued")
    }

    fn pair(&self, name: &str) -> Pair {
        let file = |end: &str| self.path.join(format!("{name}{end}"));
        Pair { certificate: file(".pem"), key: file("-key.pem") }
    }

    /// Makes it, with what is in it.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        for folder in [self.path.clone(), self.path.join("partners"), self.issued()] {
            let made = || -> io::Result<()> {
                DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                // One that was there before may be open to others.
                fs::set_permissions(&folder, Permissions::from_mode(0o700))
            };
            made().with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(())
    }

    /// Whether a pair may be put there.
    pub(crate) fn check_place(&self, pair: &Pair, existing: Existing) -> anyhow::Result<()> {
        let there = [&pair.certificate, &pair.key].into_iter().find(|path| path.exists());
        match there.filter(|_| existing == Existing::Keep) {
            Some(path) => bail!(
                "{} is there already; --force puts a new one in its place (a copy of every certificate stays in {})",
                path.display(),
                self.issued().display()
            ),
            None => Ok(()),
        }
    }

    /// Keeps a certificate with its key. The key comes first: who finds the certificate finds its key.
    pub(crate) fn keep_pair(
        &self,
        pair: &Pair,
        certificate: &str,
        key: &str,
        existing: Existing,
    ) -> anyhow::Result<()> {
        write(&pair.key, key, existing)?;
        write(&pair.certificate, certificate, existing)
    }

    /// Keeps a certificate among those that were issued.
    pub(crate) fn keep_issued(&self, serial: &str, certificate: &str) -> anyhow::Result<()> {
        write(&self.issued().join(format!("{serial}.pem")), certificate, Existing::Keep)
    }
}

/// Writes a file that nobody else can read.
pub(crate) fn write(path: &Path, text: &str, existing: Existing) -> anyhow::Result<()> {
    let written = match existing {
        Existing::Keep => create(path, text),
        Existing::Replace => {
            let beside = path.with_extension("new");
            let _left_by_a_crash = fs::remove_file(&beside);
            create(&beside, text).and_then(|()| fs::rename(&beside, path))
        }
    };
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already", path.display()),
        _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot write {}", folder.display()))
}

/// A file that was not there, not even as a link to somewhere else.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// An id as a file name: what no shell takes for something else. `DE*ABC` is `DE_ABC`.
fn file_name(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_that_shells_leave_alone() {
        for (id, name) in [("DE*ABC", "DE_ABC"), ("DE-DCB", "DE-DCB"), ("+49*536", "_49_536")] {
            assert_eq!(file_name(id), name);
        }
    }

    #[test]
    fn files_are_for_their_owner_and_are_not_overwritten_by_chance() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::of(data.path());
        fs::create_dir(folder.path()).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        folder.make().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        let pair = folder.server();
        folder.keep_pair(&pair, "certificate", "key", Existing::Keep).unwrap();
        assert_eq!((mode(&pair.key), mode(&pair.certificate)), (0o600, 0o600));
        let refused = folder.check_place(&pair, Existing::Keep).unwrap_err().to_string();
        assert!(refused.contains("--force"), "{refused}");
        assert!(folder.keep_pair(&pair, "other", "other", Existing::Keep).is_err());
        assert_eq!(fs::read_to_string(&pair.key).unwrap(), "key");
        folder.keep_pair(&pair, "other", "other", Existing::Replace).unwrap();
        assert_eq!((fs::read_to_string(&pair.key).unwrap().as_str(), mode(&pair.key)), ("other", 0o600));
    }

    #[test]
    fn a_link_is_neither_followed_nor_overwritten() {
        let data = tempfile::tempdir().unwrap();
        let (elsewhere, link) = (data.path().join("elsewhere"), data.path().join("key.pem"));
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert!(write(&link, "key", Existing::Keep).is_err());
        assert!(!elsewhere.exists());
        write(&link, "key", Existing::Replace).unwrap();
        assert!(!elsewhere.exists() && link.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn each_of_a_partners_certificates_has_a_name_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::of(data.path());
        folder.make().unwrap();
        for name in ["DE_ABC.pem", "DE_ABC-2.pem", "DE_ABC-3.pem"] {
            let next = folder.next_of("DE*ABC");
            assert_eq!(next.certificate, folder.path().join("partners").join(name));
            write(&next.certificate, "", Existing::Keep).unwrap();
        }
    }
}
