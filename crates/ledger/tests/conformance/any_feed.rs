//! Whatever comes in, is sent, sequenced, read and confirmed in whatever order, and however often the hub is restarted in
//! between: a reader that only ever goes forward sees every message that belongs into its feed, once, in the order of
//! arrival; and what it has confirmed does not wait any more.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use oicp::ProviderId;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::MessageKind::{End, Error};
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::Lease;
use roamhub_core::feed::{Confirmed, Position};
use roamhub_core::ports::{Intake, Ledger, Taken};

use crate::Place;
use crate::scene::*;

const CASES: u32 = 40;
/// One that reads its feed, and one that does not.
const PROVIDERS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// A message of a session of its own comes in, to be sent or only to be kept.
    TakeIn {
        provider: usize,
        held: bool,
    },
    /// What is under way fails, or arrives.
    Settle {
        pick: Index,
        delivered: bool,
    },
    /// One pass of the sequencer over so many messages.
    Sequence(u32),
    /// A reader reads a page.
    Read {
        provider: usize,
        limit: u32,
    },
    /// It confirms something that it has read.
    Confirm {
        provider: usize,
        pick: Index,
        limit: u32,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let provider = || 0..PROVIDERS;
    prop_oneof![
        8 => (provider(), any::<bool>()).prop_map(|(provider, held)| Step::TakeIn { provider, held }),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(pick, delivered)| Step::Settle { pick, delivered }),
        5 => (1..5_u32).prop_map(Step::Sequence),
        4 => (provider(), 1..5_u32).prop_map(|(provider, limit)| Step::Read { provider, limit }),
        3 => (provider(), any::<Index>(), 1..4_u32)
            .prop_map(|(provider, pick, limit)| Step::Confirm { provider, pick, limit }),
        1 => Just(Step::Restart),
    ]
}

fn providers() -> [ProviderId; PROVIDERS] {
    [provider(), provider_named("DE-QQQ")]
}

#[derive(Default)]
struct Reader {
    /// What belongs into its feed, in order of arrival.
    expected: Vec<ProcessId>,
    /// What it has read; the position of each is its place here plus one.
    read: Vec<ProcessId>,
    confirmed: usize,
}

impl Reader {
    fn cursor(&self) -> Position {
        position(i64::try_from(self.read.len()).expect("a short feed"))
    }
}

struct Model<'a> {
    place: &'a dyn Place,
    ledger: Option<Arc<dyn Ledger>>,
    now: i64,
    readers: [Reader; PROVIDERS],
    under_way: Vec<(ProcessId, Lease)>,
    /// Messages that were under way when they were confirmed.
    spared: BTreeSet<ProcessId>,
}

impl Model<'_> {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_deref().expect("it is open between two steps")
    }

    async fn apply(&mut self, step: &Step) {
        self.now += 1;
        match step {
            Step::TakeIn { provider, held } => self.take_in(*provider, *held).await,
            Step::Settle { pick, delivered } if !self.under_way.is_empty() => {
                let (_, lease) = self.under_way.swap_remove(pick.index(self.under_way.len()));
                match delivered {
                    true => deliver(self.ledger(), lease, self.now).await,
                    false => fail(self.ledger(), lease, self.now, self.now + 1_000).await,
                };
            }
            Step::Settle { .. } => {}
            Step::Sequence(limit) => drop(self.pass(*limit).await),
            Step::Read { provider, limit } => drop(self.read(*provider, *limit).await),
            Step::Confirm { provider, pick, limit } => self.confirm(*provider, pick, *limit).await,
            Step::Restart => {
                self.ledger = None;
                self.ledger = Some(self.place.open(at(self.now)).await);
                self.under_way.clear();
            }
        }
    }

    async fn take_in(&mut self, number: usize, held: bool) {
        let to = providers()[number];
        let session: SessionKey = session_with(self.ledger(), to).await;
        let kind = if held { End } else { Error };
        let intake = owed_to(to, notice(session, kind, self.now));
        let process = intake.process;
        if held {
            hold(self.ledger(), intake).await;
        } else {
            let intake = Intake { ..intake };
            let Taken::Stored(sending) = take_in(self.ledger(), intake).await else { panic!("not stored") };
            self.under_way.push((process, sending.lease));
        }
        if held || number == 0 {
            self.readers[number].expected.push(process);
        }
    }

    /// Only the first provider reads its feed.
    async fn pass(&self, limit: u32) -> u64 {
        let readers = Arc::new(BTreeSet::from([providers()[0]]));
        self.ledger().sequence(readers, limit).await.unwrap().behind
    }

    /// Reads on from where the reader is; how many came.
    async fn read(&mut self, number: usize, limit: u32) -> usize {
        let after = self.readers[number].cursor();
        let page = self.ledger().read_feed(providers()[number], after, limit, usize::MAX).await.unwrap();
        let reader = &mut self.readers[number];
        for entry in &page {
            reader.read.push(entry.process);
            assert_eq!(entry.position, reader.cursor(), "positions have no gaps");
        }
        assert_eq!(
            reader.read[..],
            reader.expected[..reader.read.len()],
            "order of arrival, nothing left out"
        );
        page.len()
    }

    async fn confirm(&mut self, number: usize, pick: &Index, limit: u32) {
        let cursor = pick.index(self.readers[number].read.len() + 1);
        let (to, now) = (providers()[number], at(self.now));
        let before = self.readers[number].confirmed;
        loop {
            let cursor = position(i64::try_from(cursor).expect("a short feed"));
            let confirmed = self.ledger().confirm_feed(to, cursor, now, limit).await.unwrap();
            let Confirmed::UpTo { position, .. } = confirmed else { panic!("it was read: {confirmed:?}") };
            if position >= cursor {
                break;
            }
        }
        let reader = &mut self.readers[number];
        reader.confirmed = reader.confirmed.max(cursor);
        let newly = reader.read.get(before..reader.confirmed).unwrap_or_default();
        let busy =
            self.under_way.iter().map(|(process, _)| process).filter(|process| newly.contains(process));
        self.spared.extend(busy);
    }

    async fn check(&self) {
        for (reader, provider) in self.readers.iter().zip(providers()) {
            let confirmed = self.ledger().feed_ends(provider).await.unwrap().confirmed;
            assert_eq!(usize::try_from(confirmed.number()).ok(), Some(reader.confirmed));
            let feed = feed_of(self.ledger(), provider).await;
            let states: HashMap<_, _> =
                feed.iter().map(|entry| (entry.process, entry.state.as_str())).collect();
            for process in reader.read.iter().take(reader.confirmed) {
                let waits = matches!(states[process], "held" | "deferred" | "under-way");
                assert!(!waits || self.spared.contains(process), "{process} was confirmed and waits");
            }
        }
    }

    /// In the end everything has been read.
    async fn finish(&mut self) {
        while self.pass(3).await > 0 {}
        for number in 0..PROVIDERS {
            while self.read(number, 3).await > 0 {}
            assert_eq!(self.readers[number].read, self.readers[number].expected);
        }
    }
}

pub(crate) fn feeds_pass_nothing_over<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let steps = proptest::collection::vec(step(), 10..60);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let place = P::fresh();
        runtime.block_on(async {
            let mut model = Model {
                place: &place,
                ledger: Some(begin(&place).await),
                now: 0,
                readers: Default::default(),
                under_way: Vec::new(),
                spared: BTreeSet::new(),
            };
            for step in &steps {
                model.apply(step).await;
                model.check().await;
            }
            model.finish().await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
