//! Uploaded records: nothing of a push is seen before all of it is, and nothing of one that did not end ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use oicp::ProviderId;
use oicp::authentication::{ActionType, PinHash};
use proptest::prelude::*;
use roamhub_core::ProcessId;
use roamhub_core::media::{Form, Staged, Upload, UploadedMedium, Version};
use roamhub_core::ports::Ledger;

use crate::Place;
use crate::scene::{at, begin, provider, provider_named};

fn medium(number: u8) -> UploadedMedium {
    UploadedMedium {
        medium: [number; 32],
        form: Form::Card,
        contract: None,
        issuer: None,
        expires_at: None,
        pin: None,
    }
}

/// A card whose record says this.
fn saying(number: u8, seconds: i64) -> UploadedMedium {
    UploadedMedium { expires_at: Some(at(seconds)), ..medium(number) }
}

async fn stage(
    ledger: &dyn Ledger,
    provider: ProviderId,
    action: ActionType,
    records: Vec<UploadedMedium>,
) -> (Version, Staged) {
    let version = ledger.begin_upload(provider).await.unwrap();
    (version, ledger.stage(provider, action, 0, Arc::new(records)).await.unwrap())
}

async fn finish(
    ledger: &dyn Ledger,
    provider: ProviderId,
    action: ActionType,
    (version, change): (Version, Staged),
) -> Upload {
    let upload = Upload {
        provider,
        version,
        at: at(i64::from(version.0)),
        process: ProcessId::new(),
        action,
        records: 0,
        total: 0,
        digest: [9; 32],
    };
    ledger.finish_upload(upload, change).await.unwrap()
}

async fn push(ledger: &dyn Ledger, action: ActionType, records: Vec<UploadedMedium>) -> Upload {
    let staged = stage(ledger, provider(), action, records).await;
    assert_eq!(staged.1.unfit, Vec::<usize>::new());
    finish(ledger, provider(), action, staged).await
}

/// What the ledger knows of the first cards, with what their records say.
async fn known(ledger: &dyn Ledger) -> BTreeMap<u8, Option<i64>> {
    let mut known = BTreeMap::new();
    for number in 0..8 {
        let found = ledger.uploaded([number; 32]).await.unwrap();
        assert!(found.len() <= 1, "one record of a provider for a medium");
        if let Some(one) = found.into_iter().next() {
            known
                .insert(number, one.record.expires_at.map(|expires| expires.as_second() - at(0).as_second()));
        }
    }
    known
}

pub(crate) async fn nothing_of_a_push_is_seen_before_it_is_finished(place: &dyn Place) {
    let ledger = begin(place).await;
    push(&*ledger, ActionType::FullLoad, vec![medium(1), saying(2, 20)]).await;
    let before = known(&*ledger).await;
    for (action, records) in [
        (ActionType::FullLoad, vec![medium(3)]),
        (ActionType::Insert, vec![medium(3)]),
        (ActionType::Update, vec![saying(2, 99)]),
        (ActionType::Delete, vec![medium(1)]),
    ] {
        let staged = stage(&*ledger, provider(), action, records).await;
        assert_eq!(staged.0, Version(2), "{action:?}");
        assert_eq!(known(&*ledger).await, before, "{action:?}");
    }
    // The next one finds nothing of them.
    let upload = push(&*ledger, ActionType::Insert, vec![medium(3)]).await;
    assert_eq!((upload.version, upload.total), (Version(2), 3));
    assert_eq!(known(&*ledger).await, BTreeMap::from([(1, None), (2, Some(20)), (3, None)]));
}

pub(crate) async fn a_push_that_a_crash_ended_left_nothing(place: &dyn Place) {
    let ledger = begin(place).await;
    push(&*ledger, ActionType::FullLoad, vec![medium(1)]).await;
    stage(&*ledger, provider(), ActionType::Delete, vec![medium(1)]).await;
    drop(ledger);
    let ledger = place.open(at(1)).await;
    assert_eq!(known(&*ledger).await, BTreeMap::from([(1, None)]));
    assert_eq!(ledger.newest_uploads().await.unwrap().len(), 1);
    while ledger.tidy_uploads(provider()).await.unwrap() {}
    let upload = push(&*ledger, ActionType::Update, vec![saying(1, 5)]).await;
    assert_eq!((upload.version, upload.total), (Version(2), 1));
    assert_eq!(known(&*ledger).await, BTreeMap::from([(1, Some(5))]));
}

pub(crate) async fn every_provider_has_its_own_records_and_they_come_back_as_they_were(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("DE-AAA");
    let whole = UploadedMedium {
        contract: Some([5; 32]),
        issuer: Some(provider_named("DE-SUB")),
        expires_at: Some(at(7)),
        pin: PinHash::from_text("md5:900150983cd24fb0d6963f7d28e17f72:s:\u{0}:s"),
        ..medium(1)
    };
    assert!(whole.pin.is_some());
    push(&*ledger, ActionType::FullLoad, vec![whole.clone()]).await;
    let staged = stage(&*ledger, other, ActionType::FullLoad, vec![medium(1)]).await;
    finish(&*ledger, other, ActionType::FullLoad, staged).await;
    let found = ledger.uploaded([1; 32]).await.unwrap();
    let providers: Vec<_> = found.iter().map(|one| one.provider).collect();
    assert_eq!(providers, [other, provider()], "in the order of their ids");
    assert_eq!(found[1].record, whole);
    // The contract's own hash finds its card to erase it.
    assert_eq!(ledger.uploads_of([5; 32]).await.unwrap(), 1);
    assert_eq!(ledger.erase_uploads_of([5; 32]).await.unwrap(), 1);
    assert_eq!(ledger.uploaded([1; 32]).await.unwrap().len(), 1);
    let totals: Vec<_> =
        ledger.newest_uploads().await.unwrap().iter().map(|one| (one.provider, one.total)).collect();
    assert_eq!(totals, [(other, 1), (provider(), 0)]);
}

pub(crate) async fn a_first_push_that_a_crash_ended_is_found_and_removed(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.uploading_providers().await.unwrap(), []);
    stage(&*ledger, provider(), ActionType::Insert, vec![medium(1), medium(2)]).await;
    drop(ledger);
    let ledger = place.open(at(1)).await;
    assert_eq!(ledger.uploading_providers().await.unwrap(), [provider()]);
    assert_eq!(ledger.newest_uploads().await.unwrap(), []);
    assert_eq!((ledger.uploads_of([1; 32]).await.unwrap(), known(&*ledger).await), (1, BTreeMap::new()));
    while ledger.tidy_uploads(provider()).await.unwrap() {}
    assert_eq!(ledger.uploads_of([1; 32]).await.unwrap(), 0);
}

/// What is done with which cards that say what; and whether a crash ends it.
type AnyPush = (ActionType, Vec<(u8, i64)>, bool);

/// Pushes of any kind, with cards 0 to 7.
fn pushes() -> impl Strategy<Value = Vec<AnyPush>> {
    let action = prop::sample::select(ActionType::ALL.to_vec());
    let records = prop::collection::vec((0..8_u8, 0..100_i64), 0..6);
    prop::collection::vec((action, records, any::<bool>()), 1..12)
}

/// What a set of cards is after a push; nothing if it cannot be carried out.
fn expected(
    before: &BTreeMap<u8, Option<i64>>,
    action: ActionType,
    records: &[(u8, i64)],
) -> Option<BTreeMap<u8, Option<i64>>> {
    let mut after = if action == ActionType::FullLoad { BTreeMap::new() } else { before.clone() };
    for (number, says) in records {
        match action {
            ActionType::FullLoad => drop(after.insert(*number, Some(*says))),
            ActionType::Insert => {
                if after.insert(*number, Some(*says)).is_some() {
                    return None;
                }
            }
            ActionType::Update => drop(after.insert(*number, Some(*says))?),
            ActionType::Delete => drop(after.remove(number)),
        }
    }
    Some(after)
}

pub(crate) fn pushes_do_what_they_say_in_any_sequence<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    proptest!(ProptestConfig { cases: 40, ..ProptestConfig::default() }, |(pushes in pushes())| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut ledger = begin(&place).await;
            let (mut holds, mut version) = (BTreeMap::new(), 0);
            for (action, records, crash) in pushes {
                let staged: Vec<_> = records.iter().map(|(number, says)| saying(*number, *says)).collect();
                let staged = stage(&*ledger, provider(), action, staged).await;
                let then = expected(&holds, action, &records);
                let unfit = action != ActionType::Delete && !staged.1.unfit.is_empty();
                prop_assert_eq!(unfit, then.is_none());
                if crash {
                    drop(ledger);
                    ledger = place.open(at(0)).await;
                } else if let Some(then) = then {
                    let upload = finish(&*ledger, provider(), action, staged).await;
                    holds = then;
                    version += 1;
                    prop_assert_eq!(upload.version, Version(version));
                    prop_assert_eq!(upload.total, u64::try_from(holds.len()).unwrap());
                }
                prop_assert_eq!(&known(&*ledger).await, &holds);
            }
            Ok(())
        })?;
    });
}
