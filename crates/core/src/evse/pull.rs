//! Pulls of EVSE records: what is asked for, and the frozen answer that is read in pages.
//!
//! OICP pages by number and names no snapshot. So the first page freezes one: a [`Listing`] of which records belong to
//! the answer, by their numbers in the store, and every other page is a slice of it. A difference ("LastCall") is
//! between two states as the filter shows them: what does not match any more is a deletion.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, CountryCode, DeltaType,
    DynamicInfoAvailable, EvseFacts,
};
use oicp::geo::SearchCenter;
use oicp::words::WordSet;
use oicp::{EvseId, OperatorId, ProviderId};

use super::change::Version;
use super::numbers::Numbers;

/// Which records are asked for. An empty list or set, or nothing, lets all pass.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// In these countries.
    pub countries: Vec<CountryCode>,
    /// Of these operators, whether they push themselves or are named by the EvseID.
    pub operators: Vec<OperatorId>,
    /// With one of these ways to authenticate.
    pub modes: WordSet<AuthenticationMode>,
    /// For these visitors.
    pub accessibility: WordSet<Accessibility>,
    /// With signed meter values to be had there.
    pub calibration: WordSet<CalibrationLawDataAvailability>,
    /// Whether the energy is renewable.
    pub renewable: Option<bool>,
    /// Whether the hub can start and stop it.
    pub compatible: Option<bool>,
    /// Whether it is open round the clock.
    pub open_24h: Option<bool>,
}

impl Filter {
    /// Whether a record of this operator passes.
    #[must_use]
    pub fn passes(&self, operator: &OperatorId, facts: &EvseFacts) -> bool {
        let among = |operators: &[OperatorId]| {
            operators.is_empty() || operators.contains(operator) || operators.contains(&facts.owner())
        };
        (self.countries.is_empty() || self.countries.contains(&facts.country))
            && among(&self.operators)
            && (self.modes.is_empty() || self.modes.meets(facts.authentication_modes))
            && (self.accessibility.is_empty() || self.accessibility.contains(facts.accessibility))
            && (self.calibration.is_empty() || self.calibration.contains(facts.calibration_law))
            && self.renewable.is_none_or(|wanted| facts.renewable_energy == wanted)
            && self.compatible.is_none_or(|wanted| facts.hubject_compatible == wanted)
            && self.open_24h.is_none_or(|wanted| facts.open_24_hours == wanted)
    }
}

/// Which state, or which difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All current records.
    Current,
    /// Current records in an area.
    Within(SearchCenter),
    /// What has changed since then ("LastCall").
    Since(Timestamp),
    /// The records as they were then.
    AsOf(Timestamp),
}

/// A question about EVSE records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvseQuery {
    /// Which state, or which difference.
    pub scope: Scope,
    /// What of it.
    pub filter: Filter,
}

/// Which of a provider's requests for the same thing this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// The first page: a new version is frozen.
    First,
    /// A later one: of the version that the first page froze, if that is not long ago.
    Later,
}

/// A provider's request for EVSE records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvsePull {
    /// Who asks.
    pub provider: ProviderId,
    /// What it asks.
    pub query: EvseQuery,
    /// Which page.
    pub page: Page,
    /// Now.
    pub now: Timestamp,
}

/// How far the answer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It is what was asked for.
    Exact,
    /// The state that was asked for is older than the history. A difference is answered with all current records as
    /// insertions, and a past state with nothing.
    HistoryGone,
}

/// The frozen answer to a question. Deletions come first: an EvseID that one operator gave up and another took over in
/// the same time is gone and there again for whoever applies the list in order.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The version it is of.
    pub version: Version,
    /// That version's time stamp.
    pub at: Timestamp,
    /// How far it reaches.
    pub reach: Reach,
    /// Records that are gone.
    pub deleted: Numbers,
    /// Records that have changed.
    pub updated: Numbers,
    /// Records that are new, or all that there are.
    pub inserted: Numbers,
}

impl Listing {
    /// How many records it names.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.deleted.len().saturating_add(self.updated.len()).saturating_add(self.inserted.len())
    }

    /// The records from that place on, at most so many.
    #[must_use]
    pub fn from(&self, first: u64, limit: usize) -> Vec<(i64, DeltaType)> {
        let updated = first.saturating_sub(self.deleted.len());
        let inserted = updated.saturating_sub(self.updated.len());
        let marked =
            |numbers: &Numbers, place: u64, delta: DeltaType, limit: usize| -> Vec<(i64, DeltaType)> {
                numbers.from(place).take(limit).map(|number| (number, delta)).collect()
            };
        let mut records = marked(&self.deleted, first, DeltaType::Delete, limit);
        records.extend(marked(
            &self.updated,
            updated,
            DeltaType::Update,
            limit.saturating_sub(records.len()),
        ));
        records.extend(marked(
            &self.inserted,
            inserted,
            DeltaType::Insert,
            limit.saturating_sub(records.len()),
        ));
        records
    }
}

/// A record as it is pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PulledEvse {
    /// The spot, without separators; the bytes have it as its operator spells it.
    pub evse: EvseId,
    /// The registered operator that pushed it.
    pub operator: OperatorId,
    /// What happened to it.
    pub delta: DeltaType,
    /// When: the time stamp of the version that made it so.
    pub last_update: Timestamp,
    /// Whether there is a status beside it: `auto` is true once the operator supplies any.
    pub dynamic_info: DynamicInfoAvailable,
    /// The pushed bytes; of one that is gone, the last ones.
    pub body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[i64]) -> Numbers {
        let mut list = Numbers::default();
        list.extend(numbers.iter().copied());
        list
    }

    #[test]
    fn a_page_goes_over_from_one_kind_to_the_next() {
        let listing = Listing {
            version: Version(1),
            at: Timestamp::UNIX_EPOCH,
            reach: Reach::Exact,
            deleted: numbers(&[5, 9]),
            updated: numbers(&[2]),
            inserted: numbers(&[1, 3]),
        };
        let all = [
            (5, DeltaType::Delete),
            (9, DeltaType::Delete),
            (2, DeltaType::Update),
            (1, DeltaType::Insert),
            (3, DeltaType::Insert),
        ];
        assert_eq!(listing.total(), 5);
        for first in 0..=6 {
            for limit in 0..=6 {
                let expected: Vec<_> = all.iter().skip(first).take(limit).copied().collect();
                assert_eq!(listing.from(first as u64, limit), expected, "{limit} from {first}");
            }
        }
    }
}
