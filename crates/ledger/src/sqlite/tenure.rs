//! What belongs to one opening of the ledger: the numbers it may give to deliveries, and the leases it has granted.
//!
//! Only this process leases deliveries of this ledger, so leases need no index on disk: this is a superset of those that
//! hold (a rolled back transaction may leave one behind), and the rows have the last word.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};

/// So many numbers are set aside for each opening: more than it can use.
const BLOCK: i64 = 1 << 32;

/// Numbers and leases of this opening.
#[derive(Debug)]
pub(super) struct Tenure {
    next: AtomicI64,
    leases: Mutex<HashMap<i64, i64>>,
}

impl Tenure {
    /// Sets a block of numbers aside, for ever: no number is used twice, also after a crash.
    pub(super) fn begin(connection: &Connection) -> Result<Self, rusqlite::Error> {
        let stored: Option<[u8; 8]> = connection
            .query_row("SELECT value FROM meta WHERE key = 'next_delivery'", [], |row| row.get(0))
            .optional()?;
        let next = stored.map_or(1, i64::from_be_bytes);
        connection.execute(
            "INSERT INTO meta (key, value) VALUES ('next_delivery', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [next.saturating_add(BLOCK).to_be_bytes()],
        )?;
        Ok(Self { next: AtomicI64::new(next), leases: Mutex::default() })
    }

    /// A number for a new delivery, greater than all before.
    pub(super) fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A delivery is leased until then (microseconds).
    pub(super) fn leased(&self, delivery: i64, until: i64) {
        self.leases().insert(delivery, until);
    }

    /// A delivery is leased no longer.
    pub(super) fn released(&self, delivery: i64) {
        self.leases().remove(&delivery);
    }

    /// Takes out the leases that ran out before `now` (microseconds).
    pub(super) fn take_expired(&self, now: i64) -> Vec<i64> {
        let mut leases = self.leases();
        let expired: Vec<_> = leases.iter().filter(|(_, until)| **until < now).map(|(no, _)| *no).collect();
        for delivery in &expired {
            leases.remove(delivery);
        }
        expired
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<i64, i64>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
