//! A small file system of its own, that a test can fill: needs to be allowed to mount (root).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted file system in memory; unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of so many MiB; `None` where this user may not mount.
    #[must_use]
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary directory can be made");
        let size = format!("size={mib}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        mount.output().ok().filter(|done| done.status.success()).map(|_| Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Nothing can be written from here on; no file on it may be open for writing.
    pub fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).output();
        assert!(done.is_ok_and(|done| done.status.success()), "the file system is remounted read-only");
    }

    /// Fills it until so many KiB are free.
    ///
    /// # Panics
    /// When more is used already.
    #[must_use]
    pub fn fill_up_to(&self, free_kib: u64) -> Ballast {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).expect("a file can be made");
        let block = vec![7; 64 << 10];
        while self.free_kib() > free_kib {
            let most = usize::try_from(self.free_kib() - free_kib).unwrap_or(usize::MAX);
            let take = most.saturating_mul(1024).min(block.len());
            if file.write_all(&block[..take]).is_err() {
                break;
            }
        }
        assert!(self.free_kib() <= free_kib, "{} KiB are free", self.free_kib());
        Ballast(path)
    }

    /// KiB that are free.
    #[must_use]
    pub fn free_kib(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).expect("a mounted file system can be asked");
        disk.f_bavail * disk.f_frsize / 1024
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still have files open on it.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

/// What fills the disk; gone when dropped.
#[derive(Debug)]
pub struct Ballast(PathBuf);

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
