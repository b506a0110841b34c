//! Full loads that are held.

use std::sync::Arc;
use std::time::Duration;

use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePush, EvsePushed};
use roamhub_core::evse::load_guard::{Confirmation, HeldLoad, LoadGuard};
use roamhub_core::ports::evse::EvseStore;

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const HOUR: i64 = 3_600;

/// A full load under guard; the digest is that of its request.
async fn load(store: &dyn EvseStore, records: Vec<EvseRecord>, digest: u8, seconds: i64) -> EvsePushed {
    let guard = LoadGuard { confirmable: Duration::from_secs(3_600), ..LoadGuard::default() };
    let push = push_of(operator(ABC), Change::FullLoad(records), seconds);
    store.push_evses(Arc::new(EvsePush { digest: [digest; 32], guard: Some(guard), ..push })).await.unwrap()
}

fn held(pushed: EvsePushed) -> HeldLoad {
    match pushed {
        EvsePushed::Held(held) => held,
        other => panic!("not held: {other:?}"),
    }
}

async fn confirm(store: &dyn EvseStore, digest: u8, seconds: i64) -> Confirmation {
    store.confirm_load(operator(ABC), [digest; 32], at(seconds)).await.unwrap()
}

pub(crate) async fn a_ping_that_would_erase_an_operator_is_held(place: &dyn Place) {
    let store = place.open();
    assert!(matches!(load(&*store, records(ABC, 0..5, 1), 1, 0).await, EvsePushed::Stored(_)));
    for times in 1..=3 {
        let held = held(load(&*store, Vec::new(), 2, 10 * times).await);
        assert_eq!((held.would_remove, held.of, held.times), (5, 5, times.unsigned_abs()));
        assert_eq!((held.first_at, held.until), (at(10), at(10 + HOUR)), "it is one load");
    }
    assert_eq!(current(&*store).await.len(), 5);
    drop(store);
    let store = place.open();
    let listed = store.held_loads().await.unwrap();
    assert_eq!(listed.len(), 1, "also after a restart");
    assert_eq!((listed[0].operator, listed[0].digest, listed[0].times), (operator(ABC), [2; 32], 3));
    // A load that is in order makes an end of it.
    load(&*store, records(ABC, 0..6, 1), 3, 50).await;
    assert!(store.held_loads().await.unwrap().is_empty());
}

pub(crate) async fn what_is_confirmed_is_carried_out_when_it_comes_again(place: &dyn Place) {
    let store = place.open();
    load(&*store, records(ABC, 0..100, 1), 1, 0).await;
    held(load(&*store, records(ABC, 0..50, 1), 2, 10).await);
    let Confirmation::Confirmed(confirmed) = confirm(&*store, 2, 20).await else { panic!("not confirmed") };
    assert_eq!((confirmed.would_remove, confirmed.confirmed_at), (50, Some(at(20))));
    let EvsePushed::Stored(stored) = load(&*store, records(ABC, 0..50, 1), 2, 30).await else {
        panic!("held though confirmed")
    };
    assert_eq!((stored.applied.removed, stored.total), (50, 50));
    // Once: the confirmation is used up.
    load(&*store, records(ABC, 0..100, 1), 1, 40).await;
    held(load(&*store, records(ABC, 0..50, 1), 2, 50).await);
}

pub(crate) async fn a_confirmation_is_for_one_request_of_one_operator_and_for_a_time(place: &dyn Place) {
    let store = place.open();
    load(&*store, records(ABC, 0..100, 1), 1, 0).await;
    held(load(&*store, records(ABC, 0..50, 1), 2, 10).await);
    assert_eq!(confirm(&*store, 3, 11).await, Confirmation::NotHeld, "another request");
    let elsewhere = store.confirm_load(operator("DE*XYZ"), [2; 32], at(11)).await.unwrap();
    assert_eq!(elsewhere, Confirmation::NotHeld, "another operator");
    assert_eq!(confirm(&*store, 2, 11 + HOUR).await, Confirmation::NotHeld, "too late");
    // Out of time it is a new one.
    let again = held(load(&*store, records(ABC, 0..50, 1), 2, 11 + HOUR).await);
    assert_eq!((again.times, again.first_at), (1, at(11 + HOUR)));
    assert!(matches!(confirm(&*store, 2, 12 + HOUR).await, Confirmation::Confirmed(_)));
    // Another load takes its place, and its confirmation with it.
    held(load(&*store, Vec::new(), 4, 13 + HOUR).await);
    held(load(&*store, records(ABC, 0..50, 1), 2, 14 + HOUR).await);
    assert_eq!(store.held_loads().await.unwrap().len(), 1);
    assert!(matches!(confirm(&*store, 2, 15 + HOUR).await, Confirmation::Confirmed(_)));
    held(load(&*store, records(ABC, 0..50, 1), 2, 15 + 2 * HOUR).await);
    assert_eq!(current(&*store).await.len(), 100);
}

pub(crate) async fn who_is_trusted_is_not_held(place: &dyn Place) {
    let store = place.open();
    stored(&*store, ABC, Change::FullLoad(records(ABC, 0..100, 1)), 1).await;
    assert_eq!(stored(&*store, ABC, Change::FullLoad(Vec::new()), 2).await.total, 0);
}
