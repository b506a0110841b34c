//! Room on the disk. Below a mark Progress is turned away, below half of it Start and new sessions too; and a file that was
//! filled in good times gives its bytes back, piece by piece, when the disk is full, so that Ends and outcomes can still be
//! written. When there is room again, it is filled again.
//!
//! Invariant: whoever asks gets an answer that is at most [`STALE`] old, also when nothing is written any more: intake
//! comes back by itself.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use roamhub_core::room::Room;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// How old a look at the disk may be.
const STALE: Duration = Duration::from_millis(250);
/// The reserve is given back in so many pieces.
const PIECES: u64 = 8;
/// The reserve's file name in the data folder.
const FILE_NAME: &str = "reserve";

/// How much of the disk is left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskRules {
    /// Free bytes below which Progress is refused; below half of them, Start and new sessions too.
    pub mark: u64,
    /// Bytes kept for Ends and outcomes when the disk is full.
    pub reserve: u64,
}

impl DiskRules {
    /// Nothing is kept free, nothing is refused before the disk is full.
    pub const NONE: Self = Self { mark: 0, reserve: 0 };
}

impl Default for DiskRules {
    fn default() -> Self {
        Self { mark: 256 << 20, reserve: 64 << 20 }
    }
}

/// The disk under the ledger.
#[derive(Debug)]
pub(super) struct Space {
    folder: PathBuf,
    rules: DiskRules,
    reserve: Mutex<Reserve>,
    origin: Instant,
    /// When it was looked at last, in milliseconds since the origin.
    looked_at: AtomicU64,
    room: AtomicU8,
    /// A piece of the reserve was given back, and there has been no room since.
    in_use: AtomicBool,
}

#[derive(Debug)]
struct Reserve {
    file: Option<File>,
    size: u64,
}

impl Space {
    /// Looks at the disk and fills the reserve, if there is room; gives a piece of it back if there is none at all.
    pub(super) fn open(folder: &Path, rules: DiskRules) -> std::io::Result<Self> {
        let path = folder.join(FILE_NAME);
        let reserve = if rules.reserve == 0 && !path.exists() {
            Reserve { file: None, size: 0 }
        } else {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            let size = file.metadata()?.len();
            Reserve { file: Some(file), size }
        };
        let space = Self {
            folder: folder.to_owned(),
            rules,
            reserve: Mutex::new(reserve),
            origin: Instant::now(),
            looked_at: AtomicU64::new(0),
            room: AtomicU8::new(0),
            in_use: AtomicBool::new(false),
        };
        space.look();
        if space.free() < space.piece() {
            space.give_way();
        }
        Ok(space)
    }

    /// How much room there is.
    pub(super) fn room(&self) -> Room {
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let stale = u64::try_from(STALE.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(looked_at) >= stale
            && self.looked_at.compare_exchange(looked_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.look();
        }
        self.known()
    }

    /// The disk is full: gives a piece of the reserve back. `false` if there is none left.
    pub(super) fn give_way(&self) -> bool {
        let mut reserve = self.lock();
        let Some(file) = reserve.file.as_ref().filter(|_| reserve.size > 0) else { return false };
        let smaller = reserve.size.saturating_sub(self.piece());
        if let Err(error) = file.set_len(smaller) {
            tracing::error!(%error, "the reserve could not be given back");
            return false;
        }
        tracing::error!(left = smaller, "the disk is full: a piece of the reserve is used; make room");
        reserve.size = smaller;
        self.in_use.store(true, Ordering::Relaxed);
        // At once, not with the next look: what is left is for Ends and outcomes.
        self.room.store(Room::Reserve as u8, Ordering::Relaxed);
        true
    }

    fn look(&self) {
        let free = self.free();
        let before = self.known();
        // Coming back takes a little more than going away, or it would go back and forth.
        let mark =
            |mark: u64, level: Room| if before >= level { mark.saturating_add(mark / 16) } else { mark };
        let room = if free < mark(self.rules.mark / 2, Room::Last) {
            Room::Last
        } else if free < mark(self.rules.mark, Room::Scarce) {
            Room::Scarce
        } else {
            Room::Ample
        };
        let room = match room {
            Room::Ample => {
                self.in_use.store(false, Ordering::Relaxed);
                self.refill(free);
                room
            }
            _ if self.in_use.load(Ordering::Relaxed) => Room::Reserve,
            _ => room,
        };
        if self.room.swap(room as u8, Ordering::Relaxed) == room as u8 {
            return;
        }
        let (free, folder) = (free >> 20, self.folder.display());
        match room {
            Room::Ample => tracing::info!(free_mib = free, %folder, "there is room on the disk again"),
            low => tracing::error!(free_mib = free, %folder, "{}; make room", low.in_words()),
        }
    }

    /// Fills the reserve if that leaves the mark alone.
    fn refill(&self, free: u64) {
        let mut reserve = self.lock();
        let missing = self.rules.reserve.saturating_sub(reserve.size);
        if missing == 0 || free.saturating_sub(missing) < self.rules.mark {
            return;
        }
        let Some(file) = &reserve.file else { return };
        match fallocate(file, FallocateFlags::empty(), 0, self.rules.reserve) {
            Ok(()) => reserve.size = self.rules.reserve,
            // A file system without allocation in advance has no reserve; what was allocated before the disk was full
            // is not counted on.
            Err(error) => {
                tracing::debug!(%error, "no reserve on this disk");
                let _ = file.set_len(reserve.size);
            }
        }
    }

    /// Free bytes, for this process. A disk that cannot be asked is taken to have room: writing will tell.
    fn free(&self) -> u64 {
        statvfs(&self.folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn piece(&self) -> u64 {
        self.rules.reserve / PIECES
    }

    fn known(&self) -> Room {
        let level = usize::from(self.room.load(Ordering::Relaxed));
        Room::ALL.get(level).copied().unwrap_or(Room::Last)
    }

    fn lock(&self) -> MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
