//! What belongs to one opening of the ledger: the numbers it may give to deliveries, and the leases it has granted.
//!
//! Only this process leases deliveries of this ledger, so leases need no index on disk: this is a superset of those that
//! hold, and the rows have the last word. It stays one because a lease is noted inside its transaction, which may be
//! rolled back, but forgotten only after the commit that ended it: a lease that nobody knows of would never run out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use oicp::ProviderId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::{DeliveryNo, Lease};
use rusqlite::{Connection, OptionalExtension};

/// So many numbers are set aside for each opening: more than it can use.
const BLOCK: i64 = 1 << 32;

/// Numbers and leases of this opening.
#[derive(Debug)]
pub(super) struct Tenure {
    next: AtomicI64,
    leases: Mutex<HashMap<DeliveryNo, Granted>>,
}

/// The newest lease of a delivery.
#[derive(Clone, Copy, Debug)]
struct Granted {
    session: SessionKey,
    token: u32,
    /// In microseconds.
    until: i64,
    /// If it is a request's that brought its message.
    taken: Option<Taken>,
}

/// A message whose delivery is leased to the request that brought it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) notification: i64,
    pub(super) provider: ProviderId,
    /// For an End: the keyed hash of its session's card or contract, where that is known.
    pub(super) medium: Option<[u8; 32]>,
}

impl Granted {
    fn taken(&self, delivery: DeliveryNo) -> Option<(SessionKey, DeliveryNo, Taken)> {
        self.taken.map(|taken| (self.session, delivery, taken))
    }
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

    /// A delivery of this session is leased until then (microseconds).
    pub(super) fn leased(&self, lease: Lease, session: SessionKey, until: i64) {
        self.leases().insert(lease.delivery, Granted { session, token: lease.token, until, taken: None });
    }

    /// A delivery of this session is leased until then (microseconds), to the request that brought its message.
    pub(super) fn taken_in(&self, lease: Lease, session: SessionKey, until: i64, taken: Taken) {
        let granted = Granted { session, token: lease.token, until, taken: Some(taken) };
        self.leases().insert(lease.delivery, granted);
    }

    /// Ends of a card or contract that are leased to the requests that brought them.
    pub(super) fn ends_of(&self, medium: &[u8; 32]) -> Vec<(SessionKey, DeliveryNo, Taken)> {
        let of_it =
            |granted: &Granted| granted.taken.is_some_and(|taken| taken.medium.as_ref() == Some(medium));
        let leases = self.leases();
        let of_it = leases.iter().filter(|(_, granted)| of_it(granted));
        of_it.filter_map(|(delivery, granted)| granted.taken(*delivery)).collect()
    }

    /// What is leased to the requests that brought it.
    pub(super) fn taken(&self) -> Vec<(SessionKey, DeliveryNo, Taken)> {
        self.leases().iter().filter_map(|(delivery, granted)| granted.taken(*delivery)).collect()
    }

    /// The session of a delivery that was leased and not released since; only then can the lease still hold.
    pub(super) fn session_of(&self, lease: Lease) -> Option<SessionKey> {
        self.leases().get(&lease.delivery).map(|granted| granted.session)
    }

    /// This lease ended, and that is committed. A newer one of the same delivery stays.
    pub(super) fn released(&self, lease: Lease) {
        let mut leases = self.leases();
        if leases.get(&lease.delivery).is_some_and(|granted| granted.token == lease.token) {
            leases.remove(&lease.delivery);
        }
    }

    /// The leases that ran out before `now` (microseconds), with their sessions.
    pub(super) fn expired(&self, now: i64) -> Vec<(Lease, SessionKey)> {
        let leases = self.leases();
        let expired = leases.iter().filter(|(_, granted)| granted.until < now);
        let lease = |(delivery, granted): (&DeliveryNo, &Granted)| {
            (Lease { delivery: *delivery, token: granted.token }, granted.session)
        };
        expired.map(lease).collect()
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<DeliveryNo, Granted>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
