//! Pulls of EVSE records.

use std::sync::Arc;

use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, CountryCode, DeltaType, EvseFacts,
};
use oicp::words::WordSet;
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::Change;
use roamhub_core::evse::pull::{Filter, Page, Reach, Scope};
use roamhub_core::ports::evse::EvseStore;

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const XYZ: &str = "DE*XYZ";

pub(crate) async fn later_pages_are_of_the_version_that_the_first_page_froze(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..10, 1)), 1).await;
    let ask = |page, seconds| store.pull_evses(asked(Scope::Current, Filter::default(), page, seconds));
    let first = ask(Page::First, 2).await.unwrap();
    stored(&*store, ABC, Change::FullLoad(records(ABC, 5..20, 2)), 3).await;
    let later = ask(Page::Later, 4).await.unwrap();
    assert_eq!((first.version, first.total()), (later.version, later.total()));
    let frozen = pages(&*store, &later, 3).await;
    assert_eq!(frozen.len(), 10);
    assert!(frozen.iter().all(|record| record.body.ends_with(br#""content":1}"#)));
    // Another question, another provider's, and one of long ago, have frozen nothing.
    let other = Filter { open_24h: Some(true), ..Filter::default() };
    let other = store.pull_evses(asked(Scope::Current, other, Page::Later, 4)).await.unwrap();
    assert_eq!(other.total(), 15);
    let late = ask(Page::Later, 2 + 25 * 3_600).await.unwrap();
    assert_eq!(late.total(), 15);
}

pub(crate) async fn a_frozen_version_survives_a_restart(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..10, 1)), 1).await;
    let first = listing(&*store, Scope::Current, Filter::default(), 2).await;
    let before = pages(&*store, &first, 4).await;
    stored(&*store, ABC, Change::FullLoad(records(ABC, 5..20, 2)), 3).await;
    drop(store);
    let store = place.open();
    let later = store.pull_evses(asked(Scope::Current, Filter::default(), Page::Later, 4)).await.unwrap();
    assert_eq!(later.version, first.version);
    assert_eq!(pages(&*store, &later, 4).await, before, "page by page the same");
}

fn nld() -> CountryCode {
    CountryCode::parse("NLD").unwrap()
}

pub(crate) async fn filters_let_pass_what_they_name(place: &dyn Place) {
    let store = place.open();
    type Differ = fn(&mut EvseFacts);
    let differs: [Differ; 8] = [
        |_| {},
        |facts| facts.country = nld(),
        |facts| facts.authentication_modes = WordSet::EMPTY.with(AuthenticationMode::NfcRfidClassic),
        |facts| facts.accessibility = Accessibility::PayingPubliclyAccessible,
        |facts| facts.calibration_law = CalibrationLawDataAvailability::External,
        |facts| facts.renewable_energy = false,
        |facts| facts.hubject_compatible = false,
        |facts| facts.open_24_hours = false,
    ];
    let mut pushed: Vec<EvseRecord> = records(ABC, 0..8, 1);
    for (record, differ) in pushed.iter_mut().zip(differs) {
        differ(&mut record.facts);
    }
    // Number 9 is of another operator in the bundle.
    pushed.push(record(spot("DE*SUB", 9), 1));
    stored(&*store, ABC, Change::Insert(pushed), 1).await;
    stored(&*store, XYZ, Change::Insert(vec![record(spot(XYZ, 10), 1)]), 1).await;
    let all = Filter::default;
    let modes = [AuthenticationMode::NfcRfidClassic, AuthenticationMode::PlugAndCharge].into_iter().collect();
    let paying = [Accessibility::PayingPubliclyAccessible, Accessibility::TestStation].into_iter().collect();
    let external = WordSet::EMPTY.with(CalibrationLawDataAvailability::External);
    let deu = CountryCode::parse("DEU").unwrap();
    let expected: [(Filter, &[usize]); 10] = [
        (Filter { countries: vec![nld()], ..all() }, &[1]),
        (Filter { modes, ..all() }, &[2]),
        (Filter { accessibility: paying, ..all() }, &[3]),
        (Filter { calibration: external, ..all() }, &[4]),
        (Filter { renewable: Some(false), ..all() }, &[5]),
        (Filter { compatible: Some(false), ..all() }, &[6]),
        (Filter { open_24h: Some(false), ..all() }, &[7]),
        (Filter { operators: vec![operator("DE*SUB"), operator(XYZ)], ..all() }, &[9, 10]),
        (Filter { operators: vec![operator(ABC)], ..all() }, &[0, 1, 2, 3, 4, 5, 6, 7, 9]),
        (Filter { renewable: Some(true), countries: vec![deu], ..all() }, &[0, 2, 3, 4, 6, 7, 9, 10]),
    ];
    for (filter, numbers) in expected {
        let list = listing(&*store, Scope::Current, filter.clone(), 2).await;
        let passed: Vec<usize> = pages(&*store, &list, 3)
            .await
            .iter()
            .map(|record| record.evse.key().rsplit('E').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(passed, numbers, "{filter:?}");
    }
}

pub(crate) async fn a_part_is_bounded_in_number_and_in_bytes(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::Insert(records(ABC, 0..10, 1)), 1).await;
    let list = listing(&*store, Scope::Current, Filter::default(), 2).await;
    let size = record(spot(ABC, 0), 1).body.len();
    let count = async |first, limit, most| {
        let part: Vec<_> = store.evse_part(list.clone(), first, limit, most).await.unwrap();
        part.len()
    };
    assert_eq!(count(0, 4, usize::MAX).await, 4);
    assert_eq!(count(8, 4, usize::MAX).await, 2);
    assert_eq!(count(10, 4, usize::MAX).await, 0);
    assert_eq!(count(0, 10, 3 * size).await, 3);
    assert_eq!(count(0, 10, 0).await, 1, "one at least");
}

pub(crate) async fn a_difference_shows_the_last_bytes_of_what_is_gone(place: &dyn Place) {
    let store = place.open();
    let before = stored(&*store, ABC, Change::Insert(records(ABC, 0..4, 1)), 10).await.at;
    let updated = stored(&*store, ABC, Change::Update(records(ABC, 0..2, 2)), 20).await.at;
    let deleted = stored(&*store, ABC, Change::Delete(vec![spot(ABC, 1), spot(ABC, 2)]), 30).await.at;
    let inserted = stored(&*store, ABC, Change::Insert(records(ABC, 4..6, 1)), 40).await.at;
    stored(&*store, ABC, Change::Delete(vec![spot(ABC, 5)]), 50).await;
    // Gone and back as it was: no difference.
    stored(&*store, ABC, Change::Delete(vec![spot(ABC, 3)]), 60).await;
    stored(&*store, ABC, Change::Insert(records(ABC, 3..4, 1)), 70).await;
    let list = listing(&*store, Scope::Since(before), Filter::default(), 80).await;
    assert_eq!(list.reach, Reach::Exact);
    let seen: Vec<_> = pages(&*store, &list, 2)
        .await
        .into_iter()
        .map(|record| (record.evse, record.delta, record.last_update, record.body))
        .collect();
    let bytes = |number, content| record(spot(ABC, number), content).body;
    assert_eq!(
        seen,
        [
            (spot(ABC, 2), DeltaType::Delete, deleted, bytes(2, 1)),
            (spot(ABC, 1), DeltaType::Delete, deleted, bytes(1, 2)),
            (spot(ABC, 0), DeltaType::Update, updated, bytes(0, 2)),
            (spot(ABC, 4), DeltaType::Insert, inserted, bytes(4, 1)),
        ]
    );
    let nothing = listing(&*store, Scope::Since(at(1_000)), Filter::default(), 90).await;
    assert_eq!((nothing.total(), nothing.reach), (0, Reach::Exact));
    let all = listing(&*store, Scope::Since(at(0)), Filter::default(), 90).await;
    assert_eq!((all.inserted.len(), all.total()), (3, 3), "before the first push there was nothing");
}

pub(crate) async fn what_no_longer_passes_a_filter_is_gone_from_its_difference(place: &dyn Place) {
    let store = place.open();
    let with = |number: usize, content: usize, compatible: bool| {
        let mut record = record(spot(ABC, number), content);
        record.facts.hubject_compatible = compatible;
        record
    };
    let before = stored(&*store, ABC, Change::Insert(vec![with(0, 1, true), with(1, 1, false)]), 10).await.at;
    stored(&*store, ABC, Change::Update(vec![with(0, 2, false), with(1, 2, true)]), 20).await;
    let filter = Filter { compatible: Some(true), ..Filter::default() };
    let list = listing(&*store, Scope::Since(before), filter, 30).await;
    let seen: Vec<_> =
        pages(&*store, &list, 5).await.into_iter().map(|record| (record.evse, record.delta)).collect();
    assert_eq!(seen, [(spot(ABC, 0), DeltaType::Delete), (spot(ABC, 1), DeltaType::Insert)]);
}

/// What a call has not shown is in the next difference, however the clock stands.
pub(crate) async fn a_push_that_is_committed_after_a_call_is_later_than_it(place: &dyn Place) {
    let store = place.open();
    let call = listing(&*store, Scope::Current, Filter::default(), 100).await;
    assert_eq!(call.total(), 0);
    // It came in before the call.
    let pushed = stored(&*store, ABC, Change::Insert(records(ABC, 0..1, 1)), 50).await;
    assert!(pushed.at > at(100));
    let next = listing(&*store, Scope::Since(at(100)), Filter::default(), 101).await;
    assert_eq!(next.inserted.len(), 1);
}

pub(crate) async fn history_is_forgotten_in_portions_and_what_is_current_stays(place: &dyn Place) {
    let store = place.open();
    let first = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..1_200, 1)), 10).await.at;
    let second = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..1_200, 2)), 20).await.at;
    let third = stored(&*store, ABC, Change::FullLoad(records(ABC, 0..600, 2)), 30).await.at;
    let last = stored(&*store, ABC, Change::Update(records(ABC, 0..1, 3)), 40).await.at;
    let mut portions = 1;
    while store.tidy_evses(third).await.unwrap() {
        portions += 1;
    }
    assert!(portions > 2, "1,800 rows are too many for one portion: {portions}");
    let all = |listing: Arc<_>| pages_of(&*store, listing);
    let current = all(listing(&*store, Scope::Current, Filter::default(), 50).await).await;
    assert_eq!(current.len(), 600);
    assert!(
        current
            .iter()
            .all(|record| record.last_update == if record.evse == spot(ABC, 0) { last } else { second })
    );
    let difference = listing(&*store, Scope::Since(third), Filter::default(), 50).await;
    assert_eq!((difference.updated.len(), difference.total(), difference.reach), (1, 1, Reach::Exact));
    let past = listing(&*store, Scope::AsOf(third), Filter::default(), 50).await;
    assert_eq!((past.total(), past.reach), (600, Reach::Exact));
    for gone in [first, second] {
        let difference = listing(&*store, Scope::Since(gone), Filter::default(), 50).await;
        assert_eq!((difference.inserted.len(), difference.total()), (600, 600));
        assert_eq!(difference.reach, Reach::HistoryGone);
        let past = listing(&*store, Scope::AsOf(gone), Filter::default(), 50).await;
        assert_eq!((past.total(), past.reach), (0, Reach::HistoryGone));
    }
}

async fn pages_of(
    store: &dyn EvseStore,
    listing: Arc<roamhub_core::evse::pull::Listing>,
) -> Vec<roamhub_core::evse::pull::PulledEvse> {
    pages(store, &listing, 500).await
}
