//! EVSE records, their status and dynamic prices. A store of its own beside the ledger: nothing here needs a
//! transaction together with a session or a notification.

use std::sync::Arc;

use jiff::Timestamp;
use oicp::{EvseId, OperatorId};

use super::LedgerTask;
use crate::evse::KnownEvse;
use crate::evse::change::{Applied, EvsePush, EvsePushed};
use crate::evse::load_guard::{Confirmation, HeldLoad};
use crate::evse::price::{
    EvsePriceKey, EvsePricePush, PriceList, PricePart, PricePlace, PriceQuery, Priced, ProductPush,
    PulledEvsePrice, PulledProduct,
};
use crate::evse::pull::{EvsePull, Listing, PulledEvse};
use crate::evse::status::{KnownStatus, StatusPart, StatusPlace, StatusPush, StatusQuery};

/// EVSE records.
pub trait EvsePort: Send + Sync {
    /// Carries out a push, or nothing of it. Pushes of one operator are carried out one after the other, in the order
    /// in which this was first polled. Given up before it resolves, it may have happened or not.
    fn push_evses(&self, push: Arc<EvsePush>) -> LedgerTask<'_, EvsePushed>;
    /// The full loads that are held, by operator.
    fn held_loads(&self) -> LedgerTask<'_, Vec<HeldLoad>>;
    /// Confirms a full load that is held: the same request, sent again before its time is over, is carried out.
    fn confirm_load(
        &self,
        operator: OperatorId,
        digest: [u8; 32],
        now: Timestamp,
    ) -> LedgerTask<'_, Confirmation>;
    /// Freezes the answer to a question, or goes on with the one that this provider's first page froze.
    fn pull_evses(&self, pull: EvsePull) -> LedgerTask<'_, Arc<Listing>>;
    /// Records of a frozen answer from that place on: at most `limit`, and as many as fit into `most` bytes, but one at
    /// least. None only where the list ends.
    fn evse_part(
        &self,
        listing: Arc<Listing>,
        first: u64,
        limit: usize,
        most: usize,
    ) -> LedgerTask<'_, Vec<PulledEvse>>;
    /// What is known of these spots now, in this order.
    fn known_evses(&self, evses: Vec<EvseId>) -> LedgerTask<'_, Vec<Option<KnownEvse>>>;
    /// How many records each operator has that ever pushed some.
    fn evse_totals(&self) -> LedgerTask<'_, Vec<(OperatorId, u64)>>;
    /// Forgets a portion of what was replaced before that instant, and of what unfinished pushes left behind; whether
    /// there may be more of it. States before it cannot be asked for any more; a frozen list may be a day old, so it should
    /// be longer ago than that.
    fn tidy_evses(&self, before: Timestamp) -> LedgerTask<'_, bool>;
}

/// The status of spots, whether their records were pushed or not.
pub trait EvseStatusPort: Send + Sync {
    /// Carries out a push.
    fn push_status(&self, push: Arc<StatusPush>) -> LedgerTask<'_, Applied<EvseId>>;
    /// Reads on in a list of statuses, grouped by operator: about `limit` of them are looked at.
    fn status_part(
        &self,
        query: Arc<StatusQuery>,
        from: StatusPlace,
        limit: usize,
    ) -> LedgerTask<'_, StatusPart>;
    /// The status of these spots, in this order; nothing where there is none.
    fn status_of(&self, evses: Vec<EvseId>) -> LedgerTask<'_, Vec<Option<KnownStatus>>>;
    /// The operators that supply status.
    fn status_suppliers(&self) -> LedgerTask<'_, Vec<OperatorId>>;
}

/// Dynamic prices.
pub trait PricePort: Send + Sync {
    /// Carries out a push of products, or nothing of it.
    fn push_products(&self, push: Arc<ProductPush>) -> LedgerTask<'_, Priced<String>>;
    /// Carries out a push of prices at spots, or nothing of it.
    fn push_evse_prices(&self, push: Arc<EvsePricePush>) -> LedgerTask<'_, Priced<EvsePriceKey>>;
    /// The lists that a provider sees: with `since`, those in which something has changed.
    fn price_lists(&self, query: Arc<PriceQuery>) -> LedgerTask<'_, Vec<PriceList>>;
    /// Their products, list after list in the order of [`PricePort::price_lists`].
    fn product_part(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> LedgerTask<'_, PricePart<PulledProduct>>;
    /// Prices at spots, grouped by operator.
    fn evse_price_part(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> LedgerTask<'_, PricePart<PulledEvsePrice>>;
}

/// The whole store.
pub trait EvseStore: EvsePort + EvseStatusPort + PricePort {}
