//! Pushes of EVSE records: all or nothing, and what is told about it.

use bytes::Bytes;
use oicp::EvseId;
use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, CountryCode, DynamicInfoAvailable,
    EvseFacts,
};
use oicp::geo::GeoPoint;
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePushed, MOST_NAMED, Misfit, Version};

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const XYZ: &str = "DE*XYZ";

pub(crate) async fn a_full_load_replaces_all_and_an_empty_one_leaves_nothing(place: &dyn Place) {
    let store = place.open();
    let first = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..10, 1)), 1).await;
    assert_eq!((first.applied.added, first.total), (10, 10));
    stored(&*store, XYZ, Change::Insert(records(XYZ, 0..3, 1)), 2).await;
    let mut load = records(ABC, 2..5, 1);
    load.extend(records(ABC, 5..12, 2));
    let second = stored(&*store, ABC, Change::FullLoad(load), 3).await;
    let applied = &second.applied;
    assert_eq!((applied.added, applied.changed, applied.unchanged, applied.removed), (2, 5, 3, 2));
    assert_eq!(second.total, 10);
    assert_eq!(current(&*store).await.len(), 13, "the other operator's are left alone");
    let last = stored(&*store, ABC, Change::FullLoad(Vec::new()), 4).await;
    assert_eq!((last.applied.removed, last.total), (10, 0));
    assert_eq!(current(&*store).await.len(), 3);
    assert_eq!(store.evse_totals().await.unwrap(), [(operator(ABC), 0), (operator(XYZ), 3)]);
}

pub(crate) async fn an_insert_of_what_exists_stores_nothing_and_names_it(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..300, 1)), 1).await;
    let before = current(&*store).await;
    let refused = refused(&*store, ABC, Change::Insert(records(ABC, 150..500, 2)), 2).await;
    assert_eq!(refused.misfit, Misfit::Exists);
    assert_eq!((refused.named.total, refused.named.first.len()), (150, MOST_NAMED));
    assert!(refused.named.first.iter().all(|evse| before.contains_key(evse)));
    assert_eq!(current(&*store).await, before);
}

pub(crate) async fn an_update_of_what_is_missing_changes_nothing_and_names_it(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..3, 1)), 1).await;
    let before = current(&*store).await;
    let refused = refused(&*store, ABC, Change::Update(records(ABC, 1..5, 2)), 2).await;
    assert_eq!((refused.misfit, refused.named.total), (Misfit::Missing, 2));
    assert_eq!(refused.named.first, [spot(ABC, 3), spot(ABC, 4)]);
    assert_eq!(current(&*store).await, before);
    let stored = stored(&*store, ABC, Change::Update(records(ABC, 1..3, 2)), 3).await;
    assert_eq!((stored.applied.changed, stored.total), (2, 3));
}

pub(crate) async fn a_delete_ignores_what_is_unknown_and_names_it(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..3, 1)), 1).await;
    let gone = vec![spot(ABC, 2), spot(ABC, 9), spot(ABC, 2), evse("DEABCE9")];
    let deleted = stored(&*store, ABC, Change::Delete(gone), 2).await;
    assert_eq!((deleted.applied.removed, deleted.applied.unknown.total, deleted.total), (1, 1, 2));
    assert_eq!(deleted.applied.unknown.first, [spot(ABC, 9)]);
}

pub(crate) async fn one_evse_twice_in_a_push_is_refused(place: &dyn Place) {
    let store = place.open();
    for change in [Change::FullLoad, Change::Insert, Change::Update] {
        let twice =
            vec![record(evse("DE*ABC*E1"), 1), record(evse("deabce2"), 1), record(evse("DEABCE1"), 1)];
        let refused = refused(&*store, ABC, change(twice), 1).await;
        assert_eq!((refused.misfit, refused.named.first), (Misfit::Twice, vec![evse("DE*ABC*E1")]));
    }
    assert!(current(&*store).await.is_empty());
}

pub(crate) async fn what_another_operator_holds_is_refused_until_it_is_given_up(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..3, 1)), 1).await;
    let refused = refused(&*store, XYZ, Change::FullLoad(records(ABC, 2..5, 2)), 2).await;
    assert_eq!((refused.misfit, refused.named.first), (Misfit::Elsewhere, vec![spot(ABC, 2)]));
    assert_eq!(current(&*store).await.len(), 3);
    stored(&*store, ABC, Change::Delete(vec![spot(ABC, 2)]), 3).await;
    stored(&*store, XYZ, Change::FullLoad(records(ABC, 2..5, 2)), 4).await;
    assert_eq!(current(&*store).await[&spot(ABC, 2)].0, operator(XYZ));
}

/// The last record is the misfit, so many portions have been written before it is met.
pub(crate) async fn a_large_push_that_is_refused_leaves_nothing_behind(place: &dyn Place) {
    let store = place.open();
    stored(&*store, XYZ, Change::Insert(records(ABC, [99_999], 1)), 1).await;
    stored(&*store, ABC, Change::Insert(records(ABC, 0..700, 1)), 2).await;
    let before = current(&*store).await;
    let mut load = records(ABC, 300..1_500, 2);
    load.extend(records(ABC, [99_999], 2));
    let refused = refused(&*store, ABC, Change::FullLoad(load), 3).await;
    assert_eq!((refused.misfit, refused.named.total), (Misfit::Elsewhere, 1));
    assert_eq!(current(&*store).await, before);
    // What it had written does not exist for the next push either.
    let stored = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..700, 1)), 4).await;
    assert_eq!((stored.applied.unchanged, stored.applied.added, stored.total), (700, 0, 700));
}

pub(crate) async fn every_push_makes_a_later_version_also_one_that_changes_nothing(place: &dyn Place) {
    let store = place.open();
    let mut last = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..3, 1)), 10).await;
    assert_eq!(last.version, Version(1));
    // The clock stands still, and is set back.
    for seconds in [10, 10, 5, 20] {
        let next = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..3, 1)), seconds).await;
        assert_eq!((next.version.0, next.applied.unchanged), (last.version.0 + 1, 3));
        assert!(next.at > last.at);
        last = next;
    }
    drop(store);
    let store = place.open();
    let next = stored(&*store, XYZ, Change::Delete(Vec::new()), 1).await;
    assert_eq!(next.version.0, last.version.0 + 1);
    assert!(next.at > last.at, "also after a restart");
}

pub(crate) async fn facts_and_bytes_come_back_as_they_were(place: &dyn Place) {
    let store = place.open();
    let din = evse("+49*810*000*438");
    let hostile = Bytes::from_static(b"{\"EvseID\":\"+49*810*000*438\",\"x\":\"\\u0000 \xc3\xa4 \x7f\"}");
    let odd = EvseFacts {
        evse_id: din,
        hub_operator_id: Some(operator("+49*810")),
        country: CountryCode::parse("NLD").unwrap(),
        position: GeoPoint::from_e7(-900_000_000, 1_800_000_000).unwrap(),
        authentication_modes: [
            AuthenticationMode::NfcRfidClassic,
            AuthenticationMode::NoAuthenticationRequired,
        ]
        .into_iter()
        .collect(),
        accessibility: Accessibility::TestStation,
        calibration_law: CalibrationLawDataAvailability::NotAvailable,
        renewable_energy: false,
        hubject_compatible: false,
        open_24_hours: false,
        dynamic_info: DynamicInfoAvailable::Auto,
    };
    let records = vec![EvseRecord { facts: odd, body: hostile.clone() }, record(spot(ABC, 1), 1)];
    let push = stored(&*store, ABC, Change::Insert(records), 1).await;
    let known = store.known_evses(vec![spot(ABC, 9), din, spot(ABC, 1)]).await.unwrap();
    assert!(known[0].is_none());
    let known = known.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!((known[0].operator, known[0].facts, known[0].last_update), (operator(ABC), odd, push.at));
    assert_eq!(known[1].facts, facts(spot(ABC, 1)));
    let all = current(&*store).await;
    assert_eq!(all[&din], (operator(ABC), hostile));
}

pub(crate) async fn pushes_of_one_operator_wait_for_each_other_and_all_are_carried_out(place: &dyn Place) {
    let store = place.open();
    let small = |number: usize| Change::Insert(records(ABC, [number], 1));
    let large = |name: &str, content: usize| Change::Insert(records(name, 1_000..1_900, content));
    // The large one is first in line, and the other operator is not in it.
    let (first, second, third, other) = tokio::join!(
        push(&*store, ABC, large(ABC, 1), 1),
        push(&*store, ABC, small(1), 1),
        push(&*store, ABC, small(2), 1),
        push(&*store, XYZ, large(XYZ, 1), 1),
    );
    let version = |pushed: EvsePushed| match pushed {
        EvsePushed::Stored(stored) => stored.version,
        other => panic!("not stored: {other:?}"),
    };
    let (first, second, third) = (version(first), version(second), version(third));
    assert!(first < second && second < third, "in the order in which they came");
    version(other);
    assert_eq!(current(&*store).await.len(), 1_802);
    let evses: Vec<EvseId> = current(&*store).await.into_keys().collect();
    let (one, other) = tokio::join!(
        push(&*store, ABC, Change::Delete(evses.clone()), 2),
        push(&*store, XYZ, Change::Delete(evses), 2),
    );
    let removed = |pushed: EvsePushed| match pushed {
        EvsePushed::Stored(stored) => stored.applied.removed,
        other => panic!("not stored: {other:?}"),
    };
    assert_eq!((removed(one), removed(other)), (902, 900));
}
