//! EVSE records, their status and dynamic prices, in a file of their own beside the ledger.
//!
//! A push of a hundred thousand records and a pull of more than a million must not stand in the way of an End, so they
//! share neither writer nor log nor readers with the ledger; nothing needs both in one transaction. The ledger's lock
//! covers this file too. There is no personal data in it: nothing here takes part in erasure.
//!
//! Invariants:
//! * an operation that resolves to `Ok` is on disk;
//! * a push is seen as a whole or not at all, also after a crash;
//! * a frozen list shows the same records as long as history reaches back to it;
//! * no reading transaction lasts longer than some thousand rows.

mod delta;
mod facts;
mod heads;
mod held;
mod list;
mod near;
mod part;
mod plan;
mod price;
mod price_pull;
mod pulls;
mod push;
mod schema;
mod stamps;
mod status;
mod tidy;
mod writer;

use std::future::ready;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use oicp::{EvseId, OperatorId};
use roamhub_core::evse::KnownEvse;
use roamhub_core::evse::change::{Applied, EvsePush, EvsePushed};
use roamhub_core::evse::load_guard::{Confirmation, HeldLoad};
use roamhub_core::evse::price::{
    EvsePriceKey, EvsePricePush, PriceList, PricePart, PricePlace, PriceQuery, Priced, ProductPush,
    PulledEvsePrice, PulledProduct,
};
use roamhub_core::evse::pull::{EvsePull, Listing, PulledEvse};
use roamhub_core::evse::status::{KnownStatus, StatusPart, StatusPlace, StatusPush, StatusQuery};
use roamhub_core::ports::evse::{EvsePort, EvseStatusPort, EvseStore, PricePort};
use roamhub_core::ports::{LedgerError, LedgerTask};
use roamhub_core::room::Room;
use tokio::sync::Notify;

use super::{Alarm, Gone, OpenError, Sqlite, checkpoint, connect, lock, readers, space};

/// The file's name in the data folder.
pub const EVSE_FILE_NAME: &str = "evse.db";

/// The log is copied in small portions: a sync of the ledger that meets one waits for it.
const COPIED_AT_ONCE: checkpoint::Portions = checkpoint::Portions { bulk: 256, look_every: 1 };

/// The store, open. Dropping it writes what is queued.
#[derive(Debug)]
pub struct EvseFile {
    // Order matters: the last connection to close, the writer's, folds the log into the database and removes it; then
    // the lock is released.
    readers: readers::Readers,
    writer: writer::Writer,
    stamps: Arc<stamps::Stamps>,
    turns: push::Turns,
    pulls: Mutex<pulls::Pulls>,
    space: Arc<space::Space>,
    _lock: Arc<lock::Lock>,
}

impl Sqlite {
    /// Opens (and makes, if need be) the store of EVSE records beside this ledger; once. What an unfinished push has left
    /// behind is taken back first, which takes some seconds for a large one: the ledger need not wait for it.
    ///
    /// # Errors
    /// [`OpenError`]: too new, or not usable.
    pub fn open_evse(&self) -> Result<(EvseFile, Gone), OpenError> {
        let file = self.lock.folder().join(EVSE_FILE_NAME);
        let mut connection = connect(&file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        schema::migrate(&mut connection)?;
        tidy::undo_all(&mut connection)?;
        let gone = Arc::new(Notify::new());
        let alarm = || Alarm(gone.clone());
        let checkpoints = checkpoint::Checkpoints::start_with(&file, alarm(), COPIED_AT_ONCE)?;
        let readers = readers::Readers::start(&file, "evse", alarm)?;
        let writer = writer::Writer::start(connection, checkpoints, alarm())?;
        let store = EvseFile {
            readers,
            writer,
            stamps: Arc::default(),
            turns: push::Turns::default(),
            pulls: Mutex::default(),
            space: self.space.clone(),
            _lock: self.lock.clone(),
        };
        Ok((store, Gone(gone)))
    }
}

impl EvseFile {
    /// What room is left is for sessions: nothing is stored here once the disk gets scarce.
    fn full<T: Send + 'static>(&self) -> Option<LedgerTask<'_, T>> {
        (self.space.room() != Room::Ample)
            .then(|| -> LedgerTask<'_, T> { Box::pin(ready(Err(LedgerError::Full))) })
    }
}

impl EvsePort for EvseFile {
    fn push_evses(&self, push: Arc<EvsePush>) -> LedgerTask<'_, EvsePushed> {
        self.full().unwrap_or_else(|| Box::pin(self.carry_out(push)))
    }

    fn held_loads(&self) -> LedgerTask<'_, Vec<HeldLoad>> {
        Box::pin(self.readers.read(held::all))
    }

    fn confirm_load(
        &self,
        operator: OperatorId,
        digest: [u8; 32],
        now: Timestamp,
    ) -> LedgerTask<'_, Confirmation> {
        Box::pin(self.writer.write(move |connection| held::confirm(connection, &operator, digest, now)))
    }

    fn pull_evses(&self, pull: EvsePull) -> LedgerTask<'_, Arc<Listing>> {
        Box::pin(self.pull(pull))
    }

    fn evse_part(
        &self,
        listing: Arc<Listing>,
        first: u64,
        limit: usize,
        most: usize,
    ) -> LedgerTask<'_, Vec<PulledEvse>> {
        let records = listing.from(first, limit);
        Box::pin(self.readers.read(move |connection| part::records(connection, &records, most)))
    }

    fn known_evses(&self, evses: Vec<EvseId>) -> LedgerTask<'_, Vec<Option<KnownEvse>>> {
        Box::pin(self.readers.read(move |connection| part::known(connection, &evses)))
    }

    fn evse_totals(&self) -> LedgerTask<'_, Vec<(OperatorId, u64)>> {
        Box::pin(self.readers.read(part::totals))
    }

    fn tidy_evses(&self, before: Timestamp) -> LedgerTask<'_, bool> {
        Box::pin(self.tidy_history(before))
    }
}

impl EvseStatusPort for EvseFile {
    fn push_status(&self, push: Arc<StatusPush>) -> LedgerTask<'_, Applied<EvseId>> {
        self.full().unwrap_or_else(|| {
            Box::pin(self.writer.write(move |connection| status::carry_out(connection, &push)))
        })
    }

    fn status_part(
        &self,
        query: Arc<StatusQuery>,
        from: StatusPlace,
        limit: usize,
    ) -> LedgerTask<'_, StatusPart> {
        Box::pin(self.statuses(query, from, limit))
    }

    fn status_of(&self, evses: Vec<EvseId>) -> LedgerTask<'_, Vec<Option<KnownStatus>>> {
        Box::pin(self.readers.read(move |connection| status::of(connection, &evses)))
    }

    fn status_suppliers(&self) -> LedgerTask<'_, Vec<OperatorId>> {
        Box::pin(self.readers.read(status::suppliers))
    }
}

impl PricePort for EvseFile {
    fn push_products(&self, push: Arc<ProductPush>) -> LedgerTask<'_, Priced<String>> {
        let stamps = self.stamps.clone();
        self.full().unwrap_or_else(|| {
            Box::pin(self.writer.write(move |connection| price::push_products(connection, &push, &stamps)))
        })
    }

    fn push_evse_prices(&self, push: Arc<EvsePricePush>) -> LedgerTask<'_, Priced<EvsePriceKey>> {
        let stamps = self.stamps.clone();
        self.full().unwrap_or_else(|| {
            Box::pin(self.writer.write(move |connection| price::push_evse_prices(connection, &push, &stamps)))
        })
    }

    fn price_lists(&self, query: Arc<PriceQuery>) -> LedgerTask<'_, Vec<PriceList>> {
        Box::pin(self.price_lists_now(query))
    }

    fn product_part(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> LedgerTask<'_, PricePart<PulledProduct>> {
        Box::pin(self.products_now(query, after, limit))
    }

    fn evse_price_part(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> LedgerTask<'_, PricePart<PulledEvsePrice>> {
        Box::pin(self.evse_prices_now(query, after, limit))
    }
}

impl EvseStore for EvseFile {}
