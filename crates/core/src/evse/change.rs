//! Pushes: what an operator changes, and what became of it. All of a push is carried out, or nothing.

use jiff::Timestamp;
use oicp::authentication::ActionType;
use oicp::{EvseId, OperatorId};

use super::EvseRecord;
use super::load_guard::{HeldLoad, LoadGuard};

/// A version of all EVSE records of the hub, counted from 1; 0 is before the first push.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Version(pub u64);

/// The four actions with what they are about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change<R, K> {
    /// These replace all that there was; no record, and nothing is left.
    FullLoad(Vec<R>),
    /// These are new.
    Insert(Vec<R>),
    /// These exist and are replaced.
    Update(Vec<R>),
    /// These are removed; unknown ones are named and do no harm.
    Delete(Vec<K>),
}

impl<R, K> Change<R, K> {
    /// Which action.
    #[must_use]
    pub fn action(&self) -> ActionType {
        match self {
            Self::FullLoad(_) => ActionType::FullLoad,
            Self::Insert(_) => ActionType::Insert,
            Self::Update(_) => ActionType::Update,
            Self::Delete(_) => ActionType::Delete,
        }
    }

    /// How many records it is about.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::FullLoad(records) | Self::Insert(records) | Self::Update(records) => records.len(),
            Self::Delete(keys) => keys.len(),
        }
    }

    /// Whether it is about no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The first ones by name, and how many there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named<K> {
    /// At most [`MOST_NAMED`].
    pub first: Vec<K>,
    /// All of them.
    pub total: u64,
}

/// How many are named.
pub const MOST_NAMED: usize = 100;

impl<K> Default for Named<K> {
    fn default() -> Self {
        Self { first: Vec::new(), total: 0 }
    }
}

impl<K> Named<K> {
    /// One more.
    pub fn add(&mut self, key: K) {
        self.total = self.total.saturating_add(1);
        if self.first.len() < MOST_NAMED {
            self.first.push(key);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// Why nothing of a push was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// It was to insert what exists.
    Exists,
    /// It was to update what does not exist.
    Missing,
    /// Another operator's records hold these. Named are those that were met first, not always all.
    Elsewhere,
    /// The push has them more than once.
    Twice,
}

/// Nothing of a push was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused<K> {
    /// Why.
    pub misfit: Misfit,
    /// Because of which.
    pub named: Named<K>,
}

/// What a push came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied<K> {
    /// Records that are new.
    pub added: u64,
    /// Records whose bytes have changed.
    pub changed: u64,
    /// Records that came with the bytes they had: nothing is written for them.
    pub unchanged: u64,
    /// Records that are gone.
    pub removed: u64,
    /// What was to be deleted and is not there.
    pub unknown: Named<K>,
}

impl<K> Default for Applied<K> {
    fn default() -> Self {
        Self { added: 0, changed: 0, unchanged: 0, removed: 0, unknown: Named::default() }
    }
}

/// A push of EVSE records (OICP 2.3, eRoamingPushEvseData), judged.
#[derive(Clone, Debug)]
pub struct EvsePush {
    /// The registered operator whose records these are.
    pub operator: OperatorId,
    /// When it came in; the version's time stamp is that of its commit.
    pub received_at: Timestamp,
    /// SHA-256 of the request's body: what a confirmation of a held full load is about.
    pub digest: [u8; 32],
    /// What is to change. Deletions are done by EvseID alone.
    pub change: Change<EvseRecord, EvseId>,
    /// When a full load is held; `None` for an operator that is trusted.
    pub guard: Option<LoadGuard>,
}

/// What became of a push of EVSE records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EvsePushed {
    /// It is the current version.
    Stored(EvseStored),
    /// It does not fit to what there is.
    Refused(Refused<EvseId>),
    /// A full load would remove too much: nothing was changed, and it can be confirmed.
    Held(HeldLoad),
}

/// A push of EVSE records that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvseStored {
    /// The version it made.
    pub version: Version,
    /// The version's time stamp.
    pub at: Timestamp,
    /// How many records the operator has now.
    pub total: u64,
    /// What it came to.
    pub applied: Applied<EvseId>,
}
