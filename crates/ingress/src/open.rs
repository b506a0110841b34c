//! The connections that are open with certificates: counted per partner, and ended when a certificate stands for less.
//!
//! Invariants: whoever is registered here has been looked at with the partners as they are now or before a change that is
//! still to be looked through; a connection that is to end finishes its call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roamhub_core::Partner;
use roamhub_core::directory::Directory;
use roamhub_services::Hub;
use roamhub_services::tls::ShownCertificate;
use tokio_util::sync::CancellationToken;

/// Connections with certificates.
#[derive(Debug, Default)]
pub struct OpenConnections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    entries: HashMap<u64, Entry>,
    /// How many each has, by the first partner that its certificate stood for when it came; strangers have one count.
    counts: HashMap<Option<Partner>, usize>,
}

#[derive(Debug)]
struct Entry {
    shown: Arc<ShownCertificate>,
    /// For whom it stood when it was looked at last, without those that are locked.
    stood_for: Vec<Partner>,
    closing: CancellationToken,
}

/// What a new connection may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// Whatever its partner may.
    There,
    /// Hear that it is one too many.
    Surplus,
    /// Nothing.
    None,
}

/// A place among the open connections; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<OpenConnections>,
    entry: Option<u64>,
    counted: Option<Partner>,
    /// What it may do.
    pub(crate) room: Room,
}

impl OpenConnections {
    /// Enters a connection; `shown` is the certificate, if there is one.
    pub(crate) fn enter(
        self: &Arc<Self>,
        shown: Option<Arc<ShownCertificate>>,
        hub: &Hub,
        most: usize,
        closing: CancellationToken,
    ) -> Place {
        let mut open = self.open();
        // Looked up behind the lock: a change of partners that this does not see is looked through after it.
        let directory = hub.directory();
        let stands_for = shown.as_ref().map(|shown| shown.stands_for(&directory)).unwrap_or_default();
        let counted = stands_for.iter().copied().min_by_key(Partner::to_string);
        let count = open.counts.entry(counted).or_default();
        *count += 1;
        let room = match *count {
            count if count <= most => Room::There,
            count if count <= most.saturating_mul(2) => Room::Surplus,
            _ => Room::None,
        };
        let entry = shown.map(|shown| {
            let stood_for = free(stands_for, &directory);
            let id = open.next;
            open.next = id.wrapping_add(1);
            open.entries.insert(id, Entry { shown, stood_for, closing });
            id
        });
        Place { of: self.clone(), entry, counted, room }
    }

    /// Looks at all of them after a change: those whose certificate stands for fewer than before are to end.
    pub(crate) fn look_through(&self, hub: &Hub) {
        let mut open = self.open();
        let directory = hub.directory();
        for entry in open.entries.values_mut() {
            let now = free(entry.shown.stands_for(&directory), &directory);
            if entry.stood_for.iter().any(|partner| !now.contains(partner)) {
                entry.closing.cancel();
            }
            entry.stood_for = now;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn free(mut partners: Vec<Partner>, directory: &Directory) -> Vec<Partner> {
    partners.retain(|partner| directory.is_free(*partner));
    partners
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.of.open();
        if let Some(entry) = self.entry {
            open.entries.remove(&entry);
        }
        if let Some(count) = open.counts.get_mut(&self.counted) {
            *count -= 1;
            if *count == 0 {
                open.counts.remove(&self.counted);
            }
        }
    }
}
