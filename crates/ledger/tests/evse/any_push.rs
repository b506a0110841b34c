//! Whatever is pushed by whomever, and however often the store is restarted or its history cut in between: the store
//! agrees with plain maps; the difference since any earlier state, applied to that state, is the state of now; any state
//! within history can be rebuilt; and the pages of a frozen version together are that version, whatever is pushed
//! while they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::DeltaType;
use oicp::{EvseId, OperatorId};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePushed, Misfit};
use roamhub_core::evse::pull::{Filter, Listing, Page, PulledEvse, Reach, Scope};
use roamhub_core::ports::evse::EvseStore;

use crate::scene::*;
use crate::{Open, Place};

const CASES: u32 = 12;
const OPERATORS: [&str; 3] = ["DE*AAA", "DE*BBB", "+49*810"];
/// Spots of one bundle, so that any operator may push any of them.
const SPOTS: usize = 9;
const CONTENTS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Action {
    FullLoad,
    Insert,
    Update,
    Delete,
}

#[derive(Clone, Debug)]
enum Step {
    Push {
        operator: usize,
        action: Action,
        spots: Vec<(usize, usize)>,
    },
    /// A provider asks for the first page and reads the rest later.
    Freeze,
    /// It reads some pages of what it has frozen.
    ReadOn {
        pick: Index,
        size: usize,
    },
    /// What was replaced before one of the earlier states is forgotten.
    Forget(Index),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        Just(Action::FullLoad),
        Just(Action::Insert),
        Just(Action::Update),
        Just(Action::Update),
        Just(Action::Delete),
    ];
    let spots = proptest::collection::vec((0..SPOTS, 0..CONTENTS), 0..5);
    prop_oneof![
        10 => (0..OPERATORS.len(), action, spots)
            .prop_map(|(operator, action, spots)| Step::Push { operator, action, spots }),
        2 => Just(Step::Freeze),
        3 => (any::<Index>(), 1..5_usize).prop_map(|(pick, size)| Step::ReadOn { pick, size }),
        1 => any::<Index>().prop_map(Step::Forget),
        1 => Just(Step::Restart),
    ]
}

fn content(spot: usize, content: usize) -> EvseRecord {
    let mut record = record(self::spot("DE*SUB", spot), content);
    record.facts.hubject_compatible = content.is_multiple_of(2);
    record
}

/// Each spot, its operator and its bytes, and whether it passes the filter.
type State = BTreeMap<EvseId, (OperatorId, Bytes, bool)>;

fn bytes_of(state: &State, filtered: bool) -> BTreeMap<EvseId, Bytes> {
    let shown = state.iter().filter(|(_, (.., compatible))| *compatible || !filtered);
    shown.map(|(evse, (_, bytes, _))| (*evse, bytes.clone())).collect()
}

struct Model<'a> {
    place: &'a dyn Place,
    store: Option<Open>,
    clock: i64,
    state: State,
    /// All versions with their time stamps.
    versions: Vec<(Timestamp, State)>,
    /// Versions before this place are forgotten.
    kept_from: usize,
    frozen: Vec<(Arc<Listing>, State)>,
}

impl Model<'_> {
    fn store(&self) -> &dyn EvseStore {
        &**self.store.as_ref().expect("it is open between two steps")
    }

    async fn apply(&mut self, step: &Step) {
        self.clock += 10;
        match step {
            Step::Push { operator, action, spots } => self.push(*operator, *action, spots).await,
            Step::Freeze => {
                let listing = self.listing(Scope::Current, false).await;
                self.frozen.push((listing, self.state.clone()));
            }
            Step::ReadOn { pick, size } if !self.frozen.is_empty() => {
                let (listing, state) = &self.frozen[pick.index(self.frozen.len())];
                let records = pages(self.store(), listing, *size).await;
                assert_eq!(seen(&records), bytes_of(state, false), "the pages are the version");
                assert_eq!(records.len(), state.len());
            }
            Step::ReadOn { .. } => {}
            Step::Forget(pick) => {
                // The state at the stamp of this version stays.
                let keep = self.kept_from + pick.index(self.versions.len() - self.kept_from);
                while self.store().tidy_evses(self.versions[keep].0).await.unwrap() {}
                self.kept_from = keep;
                self.frozen.retain(|(listing, _)| listing.at >= self.versions[keep].0);
            }
            Step::Restart => {
                self.store = None;
                self.store = Some(self.place.open());
            }
        }
    }

    async fn listing(&self, scope: Scope, filtered: bool) -> Arc<Listing> {
        let filter = Filter { compatible: filtered.then_some(true), ..Filter::default() };
        self.store().pull_evses(asked(scope, filter, Page::First, self.clock)).await.unwrap()
    }

    async fn push(&mut self, number: usize, action: Action, spots: &[(usize, usize)]) {
        let owner = operator(OPERATORS[number]);
        let records: Vec<_> = spots.iter().map(|(spot, number)| content(*spot, *number)).collect();
        let change = match action {
            Action::FullLoad => Change::FullLoad(records),
            Action::Insert => Change::Insert(records),
            Action::Update => Change::Update(records),
            Action::Delete => Change::Delete(records.iter().map(|record| record.facts.evse_id).collect()),
        };
        let expected = self.judge(owner, &change);
        let pushed = self.store().push_evses(Arc::new(push_of(owner, change, self.clock))).await.unwrap();
        match (pushed, expected) {
            (EvsePushed::Stored(stored), Ok(state)) => {
                let total = state.values().filter(|(of, ..)| *of == owner).count();
                assert_eq!(stored.total, total as u64);
                assert!(self.versions.last().is_none_or(|(last, _)| stored.at > *last));
                self.state = state;
                self.versions.push((stored.at, self.state.clone()));
            }
            (EvsePushed::Refused(refused), Err(misfit)) => assert_eq!(refused.misfit, misfit),
            (pushed, expected) => panic!("{pushed:?}, expected {expected:?}"),
        }
    }

    /// What the push comes to in plain maps.
    fn judge(&self, owner: OperatorId, change: &Change<EvseRecord, EvseId>) -> Result<State, Misfit> {
        let mut state = self.state.clone();
        let ours = |evse: &EvseId| self.state.get(evse).map(|(of, ..)| *of == owner);
        let records = match change {
            Change::Delete(evses) => {
                state.retain(|evse, (of, ..)| *of != owner || !evses.contains(evse));
                return Ok(state);
            }
            Change::FullLoad(records) | Change::Insert(records) | Change::Update(records) => records,
        };
        let mut evses: Vec<_> = records.iter().map(|record| record.facts.evse_id).collect();
        evses.sort_unstable();
        evses.dedup();
        if evses.len() < records.len() {
            return Err(Misfit::Twice);
        }
        let wrong = match change {
            Change::Insert(_) => records
                .iter()
                .any(|record| ours(&record.facts.evse_id) == Some(true))
                .then_some(Misfit::Exists),
            Change::Update(_) => records
                .iter()
                .any(|record| ours(&record.facts.evse_id) != Some(true))
                .then_some(Misfit::Missing),
            _ => None,
        };
        if let Some(misfit) = wrong {
            return Err(misfit);
        }
        if records.iter().any(|record| ours(&record.facts.evse_id) == Some(false)) {
            return Err(Misfit::Elsewhere);
        }
        if let Change::FullLoad(_) = change {
            state.retain(|_, (of, ..)| *of != owner);
        }
        for record in records {
            state.insert(record.facts.evse_id, (owner, record.body.clone(), record.facts.hubject_compatible));
        }
        Ok(state)
    }

    /// The store against the maps: now, before, and all that lies between.
    async fn check(&self) {
        // By turns, because each question is a commit.
        let filtered = self.clock % 20 == 0;
        let now = pages(self.store(), &self.listing(Scope::Current, filtered).await, 4).await;
        assert_eq!(seen(&now), bytes_of(&self.state, filtered));
        for record in &now {
            assert_eq!(record.operator, self.state[&record.evse].0);
        }
        for (at, state) in self.some_versions() {
            let past = self.listing(Scope::AsOf(*at), filtered).await;
            assert_eq!(seen(&pages(self.store(), &past, 4).await), bytes_of(state, filtered), "as of {at}");
            let difference = self.listing(Scope::Since(*at), filtered).await;
            assert_eq!(difference.reach, Reach::Exact);
            let changes = pages(self.store(), &difference, 3).await;
            let mut state = bytes_of(state, filtered);
            changes.into_iter().for_each(|change| self.follow(&mut state, change, *at));
            assert_eq!(state, bytes_of(&self.state, filtered), "since {at}");
        }
    }

    /// The oldest one that is kept, and the newest ones.
    fn some_versions(&self) -> impl Iterator<Item = &(Timestamp, State)> {
        let kept = &self.versions[self.kept_from..];
        let newest = kept.len().saturating_sub(2).max(1);
        kept.iter().take(1).chain(&kept[newest..])
    }

    fn follow(&self, state: &mut BTreeMap<EvseId, Bytes>, change: PulledEvse, since: Timestamp) {
        assert!(change.last_update > since, "it happened in between");
        assert!(self.versions.iter().any(|(at, _)| *at == change.last_update), "by one of the pushes");
        match change.delta {
            DeltaType::Insert => assert_eq!(state.insert(change.evse, change.body), None, "it was new"),
            DeltaType::Update => {
                let before = state.insert(change.evse, change.body.clone());
                assert!(before.is_some_and(|before| before != change.body), "it was another");
            }
            DeltaType::Delete => assert!(state.remove(&change.evse).is_some(), "it was there"),
        }
    }
}

fn seen(records: &[PulledEvse]) -> BTreeMap<EvseId, Bytes> {
    records.iter().map(|record| (record.evse, record.body.clone())).collect()
}

pub(crate) fn differences_and_pages_add_up<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let steps = proptest::collection::vec(step(), 5..25);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut model = Model {
                place: &place,
                store: Some(place.open()),
                clock: 0,
                state: State::new(),
                versions: Vec::new(),
                kept_from: 0,
                frozen: Vec::new(),
            };
            // A first version, so that there is one to forget up to.
            model.push(0, Action::Insert, &[(0, 0)]).await;
            for step in &steps {
                model.apply(step).await;
                model.check().await;
            }
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
