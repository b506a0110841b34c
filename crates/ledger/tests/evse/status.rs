//! The status of spots.

use std::sync::Arc;

use oicp::evse_status::EvseStatus::{Available, Occupied, OutOfService, Unknown};
use oicp::evse_status::{EvseStatus, EvseStatusRecord};
use oicp::geo::{GeoPoint, Radius, SearchCenter};
use oicp::{EvseId, OperatorId};
use roamhub_core::evse::change::{Applied, Change};
use roamhub_core::evse::status::{StatusPlace, StatusPush, StatusQuery};
use roamhub_core::ports::evse::EvseStore;

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const XYZ: &str = "+49*810";

async fn push(
    store: &dyn EvseStore,
    name: &str,
    change: Change<EvseStatusRecord, EvseId>,
    seconds: i64,
) -> Applied<EvseId> {
    let push = StatusPush { operator: operator(name), received_at: at(seconds), change };
    store.push_status(Arc::new(push)).await.unwrap()
}

fn says(number: usize, status: EvseStatus) -> EvseStatusRecord {
    EvseStatusRecord { evse_id: spot(ABC, number), status }
}

/// Operator and spot of what passes, read in parts of this size.
async fn all(
    store: &dyn EvseStore,
    query: StatusQuery,
    size: usize,
) -> Vec<(OperatorId, EvseId, EvseStatus)> {
    let query = Arc::new(query);
    let (mut statuses, mut place) = (Vec::new(), StatusPlace::Start);
    loop {
        let part = store.status_part(query.clone(), place, size).await.unwrap();
        assert!(part.statuses.len() <= size);
        statuses.extend(
            part.statuses.iter().map(|known| (known.operator, known.record.evse_id, known.record.status)),
        );
        match part.next {
            Some(next) => place = next,
            None => return statuses,
        }
    }
}

pub(crate) async fn insert_and_update_set_whatever_there_was(place: &dyn Place) {
    let store = place.open();
    let first = vec![says(1, Available), says(2, Available)];
    assert_eq!(push(&*store, ABC, Change::Update(first), 10).await.added, 2, "its record was never pushed");
    let second = vec![says(2, Occupied), says(3, Unknown), says(1, Available), says(3, OutOfService)];
    let applied = push(&*store, ABC, Change::Insert(second), 20).await;
    assert_eq!((applied.added, applied.changed, applied.unchanged), (1, 2, 1));
    drop(store);
    let store = place.open();
    let asked = vec![spot(ABC, 3), spot(ABC, 4), evse("DEABCE2"), spot(ABC, 1)];
    let known = store.status_of(asked).await.unwrap();
    let known: Vec<_> =
        known.iter().map(|known| known.map(|known| (known.record.status, known.at))).collect();
    let expected = [Some((OutOfService, at(20))), None, Some((Occupied, at(20))), Some((Available, at(10)))];
    assert_eq!(known, expected, "an instant says since when it is so");
    let applied = push(&*store, ABC, Change::Delete(vec![spot(ABC, 1), spot(ABC, 9)]), 30).await;
    assert_eq!((applied.removed, applied.unknown.first), (1, vec![spot(ABC, 9)]));
    assert_eq!(all(&*store, StatusQuery::default(), 10).await.len(), 2);
}

pub(crate) async fn a_full_load_replaces_the_operators_statuses_alone(place: &dyn Place) {
    let store = place.open();
    push(&*store, XYZ, Change::Insert(vec![says(100, Available)]), 10).await;
    let load = |numbers: std::ops::Range<usize>, status| {
        Change::FullLoad(numbers.map(|number| says(number, status)).collect())
    };
    assert_eq!(push(&*store, ABC, load(0..50, Available), 20).await.added, 50);
    let applied = push(&*store, ABC, load(40..60, Available), 30).await;
    assert_eq!((applied.added, applied.unchanged, applied.removed), (10, 10, 40));
    assert_eq!(push(&*store, ABC, load(0..0, Available), 40).await.removed, 20);
    let left = all(&*store, StatusQuery::default(), 10).await;
    assert_eq!(left, [(operator(XYZ), spot(ABC, 100), Available)]);
}

pub(crate) async fn a_list_is_read_in_parts_grouped_by_operator(place: &dyn Place) {
    let store = place.open();
    for number in (0..40).rev() {
        let name = if number % 2 == 0 { ABC } else { XYZ };
        push(&*store, name, Change::Insert(vec![says(number, Available)]), 10).await;
    }
    for size in [1, 3, 20, 100] {
        let statuses = all(&*store, StatusQuery::default(), size).await;
        assert_eq!(statuses.len(), 40);
        let changes = statuses.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
        assert_eq!(changes, 1, "one operator after the other");
    }
}

pub(crate) async fn a_list_is_narrowed_by_operator_and_value(place: &dyn Place) {
    let store = place.open();
    let bundle = vec![
        says(1, Available),
        EvseStatusRecord { evse_id: spot("DE*SUB", 2), status: Available },
        EvseStatusRecord { evse_id: spot("DE*SUB", 3), status: Occupied },
    ];
    push(&*store, ABC, Change::Insert(bundle), 10).await;
    push(
        &*store,
        XYZ,
        Change::Insert(vec![EvseStatusRecord { evse_id: evse("+49*810*1"), status: Available }]),
        10,
    )
    .await;
    let narrowed = async |operators: &[&str], status| {
        let operators = operators.iter().map(|name| operator(name)).collect();
        all(&*store, StatusQuery { operators, status, area: None }, 2).await.len()
    };
    assert_eq!(narrowed(&[], None).await, 4);
    assert_eq!(narrowed(&[], Some(Available)).await, 3);
    assert_eq!(narrowed(&[ABC], None).await, 3, "all that it pushes");
    assert_eq!(narrowed(&["DE*SUB"], None).await, 2, "what its ids name");
    assert_eq!(narrowed(&["DE*SUB", XYZ], Some(Available)).await, 2);
    assert_eq!(narrowed(&["DE*NON"], None).await, 0);
}

pub(crate) async fn a_circle_shows_only_spots_with_a_pushed_record(place: &dyn Place) {
    let store = place.open();
    let mut far = record(spot(ABC, 3), 1);
    far.facts.position = GeoPoint::from_e7(0, 0).unwrap();
    let mut near = records(ABC, 0..3, 1);
    near.push(far);
    stored(&*store, ABC, Change::Insert(near), 5).await;
    let statuses =
        (1..6).map(|number| says(number, if number == 2 { Occupied } else { Available })).collect();
    push(&*store, ABC, Change::Insert(statuses), 10).await;
    let (center, radius) = (facts(spot(ABC, 0)).position, Radius::from_tenths(10).unwrap());
    let area = Some(SearchCenter { center, radius });
    let query = StatusQuery { area, ..StatusQuery::default() };
    for size in [1, 2, 10] {
        let shown = all(&*store, query.clone(), size).await;
        assert_eq!(
            shown,
            [(operator(ABC), spot(ABC, 1), Available), (operator(ABC), spot(ABC, 2), Occupied)]
        );
    }
    let occupied = all(&*store, StatusQuery { status: Some(Occupied), ..query.clone() }, 10).await;
    assert_eq!(occupied.len(), 1);
    stored(&*store, ABC, Change::Delete(vec![spot(ABC, 2)]), 20).await;
    assert_eq!(all(&*store, query, 10).await.len(), 1, "its place is not known any more");
}

pub(crate) async fn who_supplies_status_is_known(place: &dyn Place) {
    let store = place.open();
    assert!(store.status_suppliers().await.unwrap().is_empty());
    push(&*store, ABC, Change::Insert(vec![says(1, Available)]), 10).await;
    push(&*store, XYZ, Change::FullLoad(Vec::new()), 10).await;
    assert_eq!(store.status_suppliers().await.unwrap(), [operator(ABC)]);
    push(&*store, ABC, Change::Delete(vec![spot(ABC, 1)]), 20).await;
    assert!(store.status_suppliers().await.unwrap().is_empty());
}
