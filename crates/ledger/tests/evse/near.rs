//! Circles, against brute force.

use std::collections::BTreeSet;

use oicp::EvseId;
use oicp::geo::{GeoPoint, Radius, SearchCenter};
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::Change;
use roamhub_core::evse::pull::{Filter, Scope};

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const DEGREE: i32 = 10_000_000;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn between(&mut self, least: i32, most: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let span = i64::from(most) - i64::from(least) + 1;
        let step = i64::try_from(self.0 >> 33).unwrap() % span;
        i32::try_from(i64::from(least) + step).unwrap()
    }

    fn position(&mut self, latitudes: (i32, i32), longitudes: (i32, i32)) -> GeoPoint {
        let latitude = self.between(latitudes.0 * DEGREE, latitudes.1 * DEGREE);
        GeoPoint::from_e7(latitude, self.between(longitudes.0 * DEGREE, longitudes.1 * DEGREE)).unwrap()
    }
}

/// Where spots are close to each other, and where the globe is difficult.
const REGIONS: [((i32, i32), (i32, i32)); 6] = [
    ((50, 52), (7, 10)),
    ((-2, 2), (-180, -178)),
    ((-2, 2), (178, 180)),
    ((87, 90), (-180, 180)),
    ((-90, -88), (-180, 180)),
    ((-90, 90), (-180, 180)),
];

pub(crate) async fn a_circle_finds_what_brute_force_finds(place: &dyn Place) {
    let store = place.open();
    let mut dice = Dice(42);
    let mut pushed: Vec<EvseRecord> = records(ABC, 0..3_000, 1);
    for (number, record) in pushed.iter_mut().enumerate() {
        let (latitudes, longitudes) = REGIONS[number % REGIONS.len()];
        record.facts.position = dice.position(latitudes, longitudes);
        record.facts.open_24_hours = number % 3 > 0;
    }
    for (record, longitude) in pushed.iter_mut().zip([-180 * DEGREE, 180 * DEGREE, 0]) {
        record.facts.position = GeoPoint::from_e7(0, longitude).unwrap();
    }
    // Some have moved since, and some are gone.
    let old: Vec<EvseRecord> = pushed[..500]
        .iter()
        .map(|record| {
            let mut record = record.clone();
            record.facts.position = dice.position(REGIONS[0].0, REGIONS[0].1);
            record.body = "{}".into();
            record
        })
        .chain(records(ABC, 3_000..3_100, 1))
        .collect();
    stored(&*store, ABC, Change::FullLoad(old), 1).await;
    stored(&*store, ABC, Change::FullLoad(pushed.clone()), 2).await;
    let mut found_in_all = 0;
    for case in 0..72 {
        let (latitudes, longitudes) = REGIONS[case % REGIONS.len()];
        let center =
            if case < 6 { pushed[case % 3].facts.position } else { dice.position(latitudes, longitudes) };
        let radius = Radius::from_tenths([50, 500, 3_000, 9_999][case % 4]).unwrap();
        let area = SearchCenter { center, radius };
        let open = (case % 2 == 0).then_some(true);
        let filter = Filter { open_24h: open, ..Filter::default() };
        let list = listing(&*store, Scope::Within(area), filter, 3).await;
        let found: BTreeSet<EvseId> =
            pages(&*store, &list, 1_000).await.into_iter().map(|record| record.evse).collect();
        let expected: BTreeSet<EvseId> = pushed
            .iter()
            .filter(|record| open.is_none_or(|open| record.facts.open_24_hours == open))
            .filter(|record| area.holds(record.facts.position))
            .map(|record| record.facts.evse_id)
            .collect();
        found_in_all += found.len();
        assert_eq!(found, expected, "{area:?}");
    }
    assert!(found_in_all > 3_000, "{found_in_all} is too few to mean anything");
}
