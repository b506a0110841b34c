//! The cast: operators, spots with bytes of their own, and short ways to push and pull.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, CountryCode, DynamicInfoAvailable,
    EvseFacts,
};
use oicp::geo::GeoPoint;
use oicp::words::WordSet;
use oicp::{EvseId, OperatorId, ProviderId};
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePush, EvsePushed, EvseStored, Refused};
use roamhub_core::evse::pull::{EvsePull, EvseQuery, Filter, Listing, Page, PulledEvse, Scope};
use roamhub_core::ports::evse::EvseStore;

/// So many seconds after the story began.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("an instant of the story")
}

pub(crate) fn operator(name: &str) -> OperatorId {
    OperatorId::parse(name).expect("an operator")
}

pub(crate) fn provider() -> ProviderId {
    ProviderId::parse("DE-DCB").expect("a provider")
}

pub(crate) fn evse(text: &str) -> EvseId {
    EvseId::parse(text).expect("an EVSE")
}

/// The spot of this number that the operator's own EvseIDs name.
pub(crate) fn spot(operator: &str, number: usize) -> EvseId {
    evse(&format!("{operator}*E{number}"))
}

pub(crate) fn facts(evse: EvseId) -> EvseFacts {
    EvseFacts {
        evse_id: evse,
        hub_operator_id: None,
        country: CountryCode::parse("DEU").expect("a country"),
        position: GeoPoint::from_e7(501_234_567, 86_543_210).expect("a position"),
        authentication_modes: WordSet::EMPTY.with(AuthenticationMode::Remote),
        accessibility: Accessibility::FreePubliclyAccessible,
        calibration_law: CalibrationLawDataAvailability::Local,
        renewable_energy: true,
        hubject_compatible: true,
        open_24_hours: true,
        dynamic_info: DynamicInfoAvailable::Yes,
    }
}

/// A record whose bytes tell one content from another.
pub(crate) fn record(evse: EvseId, content: usize) -> EvseRecord {
    let body = format!(r#"{{"EvseID":"{evse}","content":{content}}}"#);
    EvseRecord { facts: facts(evse), body: Bytes::from(body) }
}

/// Records of an operator's spots, all with this content.
pub(crate) fn records(
    operator: &str,
    numbers: impl IntoIterator<Item = usize>,
    content: usize,
) -> Vec<EvseRecord> {
    numbers.into_iter().map(|number| record(spot(operator, number), content)).collect()
}

pub(crate) fn push_of(operator: OperatorId, change: Change<EvseRecord, EvseId>, seconds: i64) -> EvsePush {
    EvsePush { operator, received_at: at(seconds), digest: [7; 32], change, guard: None }
}

pub(crate) async fn push(
    store: &dyn EvseStore,
    name: &str,
    change: Change<EvseRecord, EvseId>,
    seconds: i64,
) -> EvsePushed {
    store.push_evses(Arc::new(push_of(operator(name), change, seconds))).await.unwrap()
}

pub(crate) async fn stored(
    store: &dyn EvseStore,
    name: &str,
    change: Change<EvseRecord, EvseId>,
    seconds: i64,
) -> EvseStored {
    match push(store, name, change, seconds).await {
        EvsePushed::Stored(stored) => stored,
        other => panic!("not stored: {other:?}"),
    }
}

pub(crate) async fn refused(
    store: &dyn EvseStore,
    name: &str,
    change: Change<EvseRecord, EvseId>,
    seconds: i64,
) -> Refused<EvseId> {
    match push(store, name, change, seconds).await {
        EvsePushed::Refused(refused) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn asked(scope: Scope, filter: Filter, page: Page, seconds: i64) -> EvsePull {
    EvsePull { provider: provider(), query: EvseQuery { scope, filter }, page, now: at(seconds) }
}

/// A frozen list of what is asked for.
pub(crate) async fn listing(
    store: &dyn EvseStore,
    scope: Scope,
    filter: Filter,
    seconds: i64,
) -> Arc<Listing> {
    store.pull_evses(asked(scope, filter, Page::First, seconds)).await.unwrap()
}

/// All records of a list, read in pages of this size.
pub(crate) async fn pages(store: &dyn EvseStore, listing: &Arc<Listing>, size: usize) -> Vec<PulledEvse> {
    let mut records = Vec::new();
    loop {
        let part = store.evse_part(listing.clone(), records.len() as u64, size, usize::MAX).await.unwrap();
        if part.is_empty() {
            assert_eq!(records.len() as u64, listing.total(), "the total is exact");
            return records;
        }
        assert!(part.len() <= size);
        records.extend(part);
    }
}

/// What is there now: the bytes of each spot.
pub(crate) async fn current(store: &dyn EvseStore) -> BTreeMap<EvseId, (OperatorId, Bytes)> {
    let listing = listing(store, Scope::Current, Filter::default(), 0).await;
    let records = pages(store, &listing, 1000).await;
    let count = records.len();
    let map: BTreeMap<_, _> =
        records.into_iter().map(|record| (record.evse, (record.operator, record.body))).collect();
    assert_eq!(map.len(), count, "no spot comes twice");
    map
}
