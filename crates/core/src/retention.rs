//! How long what is kept: an age for each kind of record, what must not be younger, and what a pass comes to.
//!
//! Invariants, kept by the ledger whatever the ages are: nothing goes that is still owed, or held for a provider (up to
//! [`Ages::unconfirmed`]), or of a session that is not over; bodies go before the rows around them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A session in which nobody has said a word for so long is over, with an End or without: a car is not charged for a
/// quarter of a year in silence.
pub const SILENT: Duration = DAY.saturating_mul(90);

/// How long a kind is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Age {
    /// So long after it came in.
    After(Duration),
    /// As long as there is a disk.
    Forever,
}

impl Age {
    /// So many days.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self::After(DAY.saturating_mul(days))
    }

    /// What came in up to this instant is old enough; `None` where nothing ever is.
    #[must_use]
    pub fn cutoff(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::After(age) => SignedDuration::try_from(age).ok().and_then(|age| now.checked_sub(age).ok()),
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::After(age) if age.as_secs().is_multiple_of(DAY.as_secs()) => {
                write!(f, "{}d", age.as_secs() / DAY.as_secs())
            }
            Self::After(age) => write!(f, "{}h", age.as_secs() / 3600),
        }
    }
}

/// An age for each kind of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ages {
    /// Bodies of notifications and requests, with the ids and PINs in them.
    pub bodies: Age,
    /// Charge detail records as received. GetChargeDetailRecords finds none that is older.
    pub records: Age,
    /// Notifications and records whole, with their deliveries and attempts, and sessions with all that belongs to them.
    pub messages: Age,
    /// What a provider has not fetched or confirmed yet is kept that long in spite of the others.
    pub unconfirmed: Age,
    /// What is left of charge detail records, for accounts: without identification.
    pub records_without_identification: Age,
    /// Which provider said yes to a card last.
    pub cards: Age,
    /// Requests that were refused.
    pub refusals: Age,
    /// Who did what, and what was: pauses, suspensions, replays, pushes, troubles, former partners documents.
    pub audit: Age,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            bodies: Age::days(90),
            records: Age::days(400),
            messages: Age::days(400),
            unconfirmed: Age::days(400),
            records_without_identification: Age::days(3653),
            cards: Age::days(400),
            refusals: Age::days(30),
            audit: Age::days(400),
        }
    }
}

/// Ages that do not go together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AgesError {
    /// Something still needs it at that age.
    #[error("retention.{name} is at least {least}: {why}")]
    TooYoung {
        /// The setting.
        name: &'static str,
        /// The least it can be.
        least: Age,
        /// Who needs it.
        why: &'static str,
    },
    /// One is kept in another that goes first.
    #[error(
        "retention.{inner} ({inner_age}) is longer than retention.{outer} ({outer_age}), which it is part of"
    )]
    Outlives {
        /// The part.
        inner: &'static str,
        /// Its age.
        inner_age: Age,
        /// The whole.
        outer: &'static str,
        /// Its age.
        outer_age: Age,
    },
}

impl Ages {
    /// The settings' names, and their ages, in the order of the manual.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Age); 8] {
        [
            ("bodies", self.bodies),
            ("records", self.records),
            ("messages", self.messages),
            ("unconfirmed", self.unconfirmed),
            ("records_without_identification", self.records_without_identification),
            ("cards", self.cards),
            ("refusals", self.refusals),
            ("audit", self.audit),
        ]
    }

    /// Whether nothing goes that somebody still needs.
    ///
    /// # Errors
    /// [`AgesError`] names the setting.
    pub fn check(&self) -> Result<(), AgesError> {
        let repeats = "repeats are recognised, and deliveries replayed, from what is kept";
        let windows = "providers fetch charge detail records of the past weeks";
        let minima = [
            ("bodies", self.bodies, Age::days(7), repeats),
            ("records", self.records, Age::days(60), windows),
            ("messages", self.messages, Age::days(60), repeats),
            ("unconfirmed", self.unconfirmed, Age::days(30), "providers read their feeds when they can"),
            ("cards", self.cards, Age::days(1), "cards are found by it"),
            ("refusals", self.refusals, Age::days(1), "somebody has to be able to look at them"),
            ("audit", self.audit, Age::days(30), "somebody has to be able to look at it"),
        ];
        for (name, age, least, why) in minima {
            if age < least {
                return Err(AgesError::TooYoung { name, least, why });
            }
        }
        for (inner, inner_age) in [("bodies", self.bodies), ("records", self.records)] {
            if inner_age > self.messages {
                return Err(AgesError::Outlives {
                    inner,
                    inner_age,
                    outer: "messages",
                    outer_age: self.messages,
                });
            }
        }
        Ok(())
    }
}

/// What goes, in the order in which a pass takes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Bodies of notifications: overwritten in place.
    Bodies,
    /// Bodies of authorisation requests and remote starts: overwritten in place.
    Requests,
    /// Charge detail records as received: what is needed for accounts is kept apart, the body overwritten.
    Records,
    /// Notifications and records whole, and the sessions they are the last of.
    Messages,
    /// Authorisations and remote starts whole, and sessions in which nothing was ever heard.
    Authorisations,
    /// The index of messages by session.
    Runs,
    /// What was kept of charge detail records.
    KeptRecords,
    /// Which provider said yes to a card last.
    Cards,
    /// Uploaded records that were replaced or deleted: at once.
    Uploads,
    /// Refused requests.
    Refusals,
    /// Who did what.
    Audit,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Bodies,
        Self::Requests,
        Self::Records,
        Self::Messages,
        Self::Authorisations,
        Self::Runs,
        Self::KeptRecords,
        Self::Cards,
        Self::Uploads,
        Self::Refusals,
        Self::Audit,
    ];

    /// The word used in metrics and in what people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bodies => "bodies",
            Self::Requests => "requests",
            Self::Records => "records",
            Self::Messages => "messages",
            Self::Authorisations => "authorisations",
            Self::Runs => "runs",
            Self::KeptRecords => "kept-records",
            Self::Cards => "cards",
            Self::Uploads => "uploads",
            Self::Refusals => "refusals",
            Self::Audit => "audit",
        }
    }

    /// Reads it back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What came in up to this instant is old enough; `None` where nothing is.
    #[must_use]
    pub fn cutoff(self, ages: &Ages, now: Timestamp) -> Option<Timestamp> {
        let age = match self {
            Self::Bodies | Self::Requests => ages.bodies,
            Self::Records => ages.records,
            Self::Messages | Self::Authorisations => ages.messages,
            Self::Runs | Self::Uploads => return Some(now),
            Self::KeptRecords => ages.records_without_identification,
            Self::Cards => ages.cards,
            Self::Refusals => ages.refusals,
            Self::Audit => ages.audit,
        };
        age.cutoff(now)
    }
}

/// What one slice of a pass did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Slice {
    /// So much of the kind is gone.
    pub removed: u64,
    /// From where the next slice goes on; `None` when this kind is done.
    pub next: Option<i64>,
}

/// How many of each kind.
pub type Counts = BTreeMap<Kind, u64>;

/// A pass that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// When it began.
    pub began_at: Timestamp,
    /// When it was through.
    pub ended_at: Timestamp,
    /// What went, without what nothing went of.
    pub removed: Counts,
}

/// Why the oldest message is kept although it is old enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldUp {
    /// When the message came in.
    pub since: Timestamp,
    /// In words.
    pub why: String,
}

/// Where retention stands.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outlook {
    /// The last pass that was carried through.
    pub last: Option<Pass>,
    /// When the oldest of each kind came in that is still kept whole.
    pub oldest: BTreeMap<Kind, Timestamp>,
    /// Why the oldest message is kept although it is old enough.
    pub held_up: Option<HeldUp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_go_together() {
        assert_eq!(Ages::default().check(), Ok(()));
    }

    #[test]
    fn what_somebody_needs_is_not_too_young_and_no_part_outlives_its_whole() {
        let young = Ages { messages: Age::days(59), ..Ages::default() };
        assert!(young.check().unwrap_err().to_string().contains("retention.messages is at least 60d"));
        let outlives = Ages { records: Age::Forever, ..Ages::default() };
        assert!(outlives.check().unwrap_err().to_string().contains("(forever)"));
        let all = Ages { records: Age::Forever, messages: Age::Forever, ..Ages::default() };
        assert_eq!(all.check(), Ok(()));
    }

    #[test]
    fn nothing_is_ever_old_enough_for_ever() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(Age::Forever.cutoff(now), None);
        assert_eq!(Age::days(1).cutoff(now), Timestamp::from_second(1_700_000_000 - 86_400).ok());
        assert_eq!(Age::After(Duration::MAX).cutoff(now), None);
    }
}
