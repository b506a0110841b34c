//! When people hear of a trouble: after it has lasted a little, once; then rarely, while it lasts; then once that it is
//! over, if they had been told.
//!
//! ```text
//!           lasts for `settle`          gone                 gone for `settle`
//!   (quiet) ──────────────────▶ told ──────────▶ told, gone ──────────────────▶ (quiet), all clear
//!                               │  ▲                 │
//!                      reminder └──┘◀────────────────┘ back again: not a word
//! ```
//!
//! Invariants: between two tellings of one trouble there is an all-clear; there is no all-clear nor a reminder without
//! a telling; what comes and goes within `settle` is never spoken of. The state is small and durable, so a restart
//! neither repeats nor forgets. Reminders follow in pauses that double, or at instants that the trouble itself names.

use std::time::Duration;

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};

use crate::retry::later;

/// What can be the matter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TroubleKind {
    /// A provider's endpoint does not take messages.
    EndpointFailing,
    /// A provider's endpoint answers 3xx or 4xx without an acknowledgement: URL or credentials are wrong.
    EndpointMisconfigured,
    /// An operator leaves sessions without an end.
    Ghosts,
    /// A certificate comes to its end.
    CertificateExpiring,
    /// A session that the hub ended on an operator's behalf went on: the operator has lost its mandate.
    MandateSuspended,
}

impl TroubleKind {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 5] = [
        Self::EndpointFailing,
        Self::EndpointMisconfigured,
        Self::Ghosts,
        Self::CertificateExpiring,
        Self::MandateSuspended,
    ];

    /// The word in the ledger, in metrics and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndpointFailing => "endpoint-failing",
            Self::EndpointMisconfigured => "endpoint-misconfigured",
            Self::Ghosts => "ghosts",
            Self::CertificateExpiring => "certificate-expiring",
            Self::MandateSuspended => "mandate-suspended",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A partner, or the hub itself: whom a trouble is about, and who hears of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The hub, and the people who run it.
    Hub,
    /// An operator.
    Operator(OperatorId),
    /// A provider.
    Provider(ProviderId),
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Operator(id) => write!(f, "operator {id}"),
            Self::Provider(id) => write!(f, "provider {id}"),
        }
    }
}

impl Side {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None => (text == "hub").then_some(Self::Hub),
            Some(("operator", id)) => OperatorId::parse(id).ok().map(Self::Operator),
            Some(("provider", id)) => ProviderId::parse(id).ok().map(Self::Provider),
            Some(_) => None,
        }
    }
}

/// One trouble: what, and about whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Trouble {
    /// What is the matter.
    pub kind: TroubleKind,
    /// With whom.
    pub about: Side,
}

/// How soon and how often people hear of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How long it lasts before it is told, and how long it must be gone before the all-clear.
    pub settle: Duration,
    /// From the telling to the first reminder; the pauses double from there.
    pub first_reminder: Duration,
    /// The longest pause between reminders.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(2 * 60),
            first_reminder: Duration::from_secs(60 * 60),
            longest: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// A trouble that people were told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Since when it is there.
    pub since: Timestamp,
    /// How many reminders were given.
    pub reminders: u32,
    /// When the next one is due.
    pub remind_at: Timestamp,
    /// Since when it is gone, if it is; it may come back.
    pub gone_at: Option<Timestamp>,
}

/// What is to be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Say {
    /// There is a trouble.
    Trouble,
    /// It is still there.
    Reminder,
    /// It is over.
    AllClear,
}

impl Say {
    /// The word in metrics and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Reminder => "reminder",
            Self::AllClear => "all-clear",
        }
    }
}

/// When there is nothing more to remind of. In whole seconds, so that the ledger keeps it as it is.
const NEVER: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// One look at a trouble: `there_since` is since when it is there, if it is. Returns the state to keep and what to say.
#[must_use]
pub fn step(
    told: Option<Told>,
    there_since: Option<Timestamp>,
    now: Timestamp,
    pace: &Pace,
) -> (Option<Told>, Option<Say>) {
    let next = |reminders: u32| {
        let pause = pace.first_reminder.saturating_mul(2_u32.saturating_pow(reminders));
        later(now, pause.min(pace.longest))
    };
    step_with(told, there_since, now, pace.settle, next)
}

/// The same for a trouble that names the instants at which people are reminded of it. They may move while it lasts;
/// what has passed by then is not made up for.
#[must_use]
pub fn step_towards(
    told: Option<Told>,
    there_since: Option<Timestamp>,
    now: Timestamp,
    settle: Duration,
    instants: &[Timestamp],
) -> (Option<Told>, Option<Say>) {
    let next = instants.iter().copied().filter(|instant| *instant > now).min().unwrap_or(NEVER);
    let told = told.map(|told| match there_since.is_some() && !instants.contains(&told.remind_at) {
        true => Told { remind_at: next, ..told },
        false => told,
    });
    step_with(told, there_since, now, settle, |_| next)
}

/// `next` is when to remind next, after so many reminders.
fn step_with(
    told: Option<Told>,
    there_since: Option<Timestamp>,
    now: Timestamp,
    settle: Duration,
    next: impl Fn(u32) -> Timestamp,
) -> (Option<Told>, Option<Say>) {
    match (told, there_since) {
        (None, Some(since)) if now >= later(since, settle) => {
            (Some(Told { since, reminders: 0, remind_at: next(0), gone_at: None }), Some(Say::Trouble))
        }
        (None, _) => (None, None),
        (Some(told), Some(_)) if now < told.remind_at => (Some(Told { gone_at: None, ..told }), None),
        (Some(told), Some(_)) => {
            let reminders = told.reminders.saturating_add(1);
            let told = Told { reminders, remind_at: next(reminders), gone_at: None, ..told };
            (Some(told), Some(Say::Reminder))
        }
        (Some(told), None) => match told.gone_at {
            Some(gone_at) if now >= later(gone_at, settle) => (None, Some(Say::AllClear)),
            Some(_) => (Some(told), None),
            None => (Some(Told { gone_at: Some(now), ..told }), None),
        },
    }
}

#[cfg(test)]
#[path = "trouble_tests.rs"]
mod tests;
