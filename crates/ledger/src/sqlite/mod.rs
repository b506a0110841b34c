//! The embedded ledger: one SQLite file in WAL mode with `synchronous=FULL`, one writer that commits in groups, a few
//! readers, and a lock that keeps a second hub away.
//!
//! Invariants:
//! * an operation that resolves to `Ok` is on disk;
//! * notification and delivery are written in one transaction, the delivery in the notification's row while it is in the
//!   hand of its request (`in_hand`);
//! * only this process writes: leases that a dead process left behind are void when the ledger is opened.

mod accounts;
mod audit;
mod book;
mod cdr;
mod cdr_compare;
mod checkpoint;
mod claims;
mod clock_step;
mod deliveries;
mod erasure;
mod evse;
mod feed;
mod follow;
mod history;
mod in_hand;
mod intake;
mod kept;
mod lanes;
mod lately;
mod lock;
mod look;
mod lookup;
mod mandate;
mod media;
mod people;
mod ports;
mod rates;
mod readers;
mod receipts;
mod records;
mod refusals;
mod release;
mod remote;
mod replay_queue;
mod replays;
mod retention;
mod rows;
mod runs;
mod schema;
mod sequencer;
mod sessions;
mod space;
mod teller;
mod tenure;
mod tokens;
mod turns;
mod undecided;
mod uploads;
mod watch;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::Notify;

pub use evse::{EVSE_FILE_NAME, EvseFile};
pub use look::{Look, Passed, look_up};
pub use space::DiskRules;

/// The database's file name in the data folder.
pub const FILE_NAME: &str = "ledger.sqlite";

/// How long a connection waits for a lock of the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "another hub (process {holder}) is using {folder}; stop it first, or give this one a data folder of its own \
         with --data"
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The other's process id.
        holder: String,
    },
    /// A newer program has migrated it.
    #[error("this ledger was written by a newer roamhub; use that version or a later one")]
    TooNew,
    /// An older program has written it, and this one has not migrated it yet.
    #[error("this ledger was last used by an older roamhub; start this version's `roamhub serve` on it once")]
    TooOld,
    /// There is no ledger to read.
    #[error("there is no ledger in {0}; `roamhub serve --data {0}` makes one")]
    Missing(PathBuf),
    /// The folder or a file in it cannot be used.
    #[error("the data folder cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// SQLite says no.
    #[error("the ledger cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// What can go wrong inside. Never shown to partners.
#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("stored data contradicts itself: {0}")]
    Contradiction(String),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Sqlite(error) => Self::Sqlite(error),
            StoreError::Contradiction(what) => Self::Io(std::io::Error::other(what)),
        }
    }
}

/// The embedded ledger, open. Dropping it writes what is queued and releases the lock.
#[derive(Debug)]
pub struct Sqlite {
    // Order matters: the last connection to close, the writer's, folds the log into the database and removes it; then
    // the lock is released.
    readers: readers::Readers,
    /// For receipts and feeds: what partners look up at leisure must not hold up what a message on its way looks up.
    aside: readers::Readers,
    writer: writer::Writer,
    tenure: Arc<tenure::Tenure>,
    recent: runs::Recent,
    late: Arc<lately::Marks>,
    space: Arc<space::Space>,
    sequencer: sequencer::Sequencer,
    reception: Arc<cdr::Reception>,
    refusals: Arc<refusals::Refusals>,
    lock: Arc<lock::Lock>,
}

/// Resolves when a thread of the ledger has ended, for whatever reason.
#[derive(Debug)]
pub struct Gone(Arc<Notify>);

impl Gone {
    /// Waits for it.
    pub async fn wait(self) {
        self.0.notified().await;
    }
}

/// Held by each thread of the ledger: rung when it ends, also by a panic.
#[derive(Debug)]
struct Alarm(Arc<Notify>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Sqlite {
    /// Opens (and makes, if need be) the ledger in `folder`, on a disk that may be filled. Deliveries that a dead process
    /// had leased are due `now`.
    ///
    /// # Errors
    /// [`OpenError`]: in use, too new, or not usable.
    pub fn open(folder: &Path, now: Timestamp) -> Result<(Self, Gone), OpenError> {
        Self::open_with(folder, now, DiskRules::NONE)
    }

    /// Opens the ledger and leaves as much of the disk alone.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(folder: &Path, now: Timestamp, disk: DiskRules) -> Result<(Self, Gone), OpenError> {
        make_private_folder(folder)?;
        let lock = Arc::new(lock::Lock::take(folder)?);
        let space = Arc::new(space::Space::open(folder, disk)?);
        let file = folder.join(FILE_NAME);
        let mut connection = connect(&file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        schema::migrate(&mut connection)?;
        in_hand::recover(&connection, now)?;
        deliveries::void_leases(&connection, now)?;
        replay_queue::void_leases(&connection, now)?;
        // What was overwritten (a PIN) must not live on in an old log.
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let tenure = Arc::new(tenure::Tenure::begin(&connection)?);
        let gone = Arc::new(Notify::new());
        let alarm = || Alarm(gone.clone());
        let checkpoints = checkpoint::Checkpoints::start(&file, alarm())?;
        let readers = readers::Readers::start(&file, "reader", alarm)?;
        let aside = readers::Readers::start(&file, "aside", alarm)?;
        let runs = runs::Runs::load(&mut connection)?;
        let recent = runs.recent().clone();
        let lately =
            lately::Lately::after(lookup::last_number(&connection)?, mandate::any_issued(&connection)?);
        let late = lately.marks();
        let book = book::Book::new(recent.clone());
        let desk = writer::Outfit { book, runs, lately, tenure: tenure.clone(), space: space.clone() };
        let writer = writer::Writer::start(connection, desk, checkpoints, alarm())?;
        let sequencer = sequencer::Sequencer::default();
        let ledger = Self {
            readers,
            aside,
            writer,
            tenure,
            recent,
            late,
            space,
            sequencer,
            reception: Arc::default(),
            refusals: Arc::default(),
            lock,
        };
        Ok((ledger, Gone(gone)))
    }
}

/// Waits for a thread of the ledger that has been told to end.
fn join(thread: Option<JoinHandle<()>>) {
    let Some(thread) = thread else { return };
    let name = thread.thread().name().unwrap_or_default().to_owned();
    if thread.join().is_err() {
        tracing::error!(name, "a thread of the ledger ended by a panic");
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn connect(file: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Plans do not depend on what is bound: SQLite would parse such statements anew for each set of values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    for (name, value) in [
        ("synchronous", "FULL"),
        // Checkpoints are run by hand, see `checkpoint`.
        ("wal_autocheckpoint", "0"),
        ("journal_size_limit", "67108864"),
        ("cache_size", "-8192"),
        ("temp_store", "MEMORY"),
        // What leaves a page is overwritten there, where that costs no further write: see `erasure`.
        ("secure_delete", "FAST"),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}
