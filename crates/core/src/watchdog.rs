//! Sessions that look like ghosts: the provider believes that they go on, and nobody ends them. Many providers let a
//! driver have one session at a time, so each of them blocks somebody at the next charger.
//!
//! Pure rules over what the ledger knows of a session; time is a parameter. Invariants:
//! * a session that has its End, or is closed, is never a ghost;
//! * what is judged once says when it must be judged again, so that nobody has to look at every session;
//! * the judgement depends on nothing but the facts, the limits and the time.

use std::time::Duration;

use jiff::Timestamp;
use oicp::status::Code;
use oicp::{OperatorId, ProviderId};

use crate::retry::later;
use crate::{MessageKind, SessionKey};

/// Why a session looks like a ghost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GhostKind {
    /// Authorised, and nothing was ever heard of it: the driver walked away, or the messages are lost at their source.
    NeverStarted,
    /// Progress came, then nothing for several times the usual distance.
    Silent,
    /// It began, and there is no End.
    WithoutEnd,
    /// The hub stopped while it was being opened. By card it is void, but a provider may have said yes; from afar it is
    /// unconfirmed, and may have begun.
    Undecided,
    /// A provider said yes after the decision had fallen: it believes in a session that is not its own.
    LateYes,
}

impl GhostKind {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 5] =
        [Self::NeverStarted, Self::Silent, Self::WithoutEnd, Self::Undecided, Self::LateYes];

    /// The word in the ledger, in metrics and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverStarted => "never-started",
            Self::Silent => "silent",
            Self::WithoutEnd => "without-end",
            Self::Undecided => "undecided",
            Self::LateYes => "late-yes",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the operator can do something about it: the others have their cause at the hub or a provider.
    #[must_use]
    pub fn is_the_operators(self) -> bool {
        match self {
            Self::NeverStarted | Self::Silent | Self::WithoutEnd => true,
            Self::Undecided | Self::LateYes => false,
        }
    }
}

/// How long each state may last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// From the authorisation to the first message.
    pub never_started: Duration,
    /// From the first message to the End.
    pub without_end: Duration,
    /// The least distance that counts as usual between two Progress.
    pub progress_every: Duration,
    /// So many usual distances without a Progress are silence.
    pub silent_progress: u32,
    /// After this no authorisation is under way any more.
    pub undecided: Duration,
    /// A ghost this old leaves the list: nobody acts on it any more.
    pub forget_after: Duration,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

impl Default for Limits {
    fn default() -> Self {
        Self {
            never_started: Duration::from_secs(15 * MINUTE),
            without_end: Duration::from_secs(24 * HOUR),
            progress_every: Duration::from_secs(5 * MINUTE),
            silent_progress: 3,
            undecided: Duration::from_secs(30),
            forget_after: Duration::from_secs(7 * 24 * HOUR),
        }
    }
}

impl Limits {
    /// The shortest time in which any rule can apply to a session after its authorisation or a message of it.
    #[must_use]
    pub fn soonest(&self) -> Duration {
        let silent = self.progress_every.saturating_mul(self.silent_progress);
        self.never_started.min(self.without_end).min(silent)
    }
}

/// How often a ghost is looked at again: a charge detail record may have closed its session.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10 * MINUTE);

/// What was heard of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The first message.
    pub first_at: Timestamp,
    /// The last one.
    pub last_at: Timestamp,
    /// Whether a Progress was among them.
    pub progress: bool,
    /// The longest distance between a Progress and the message before it.
    pub distance: Duration,
}

impl Heard {
    /// One more message.
    #[must_use]
    pub fn and(before: Option<Self>, kind: MessageKind, at: Timestamp) -> Self {
        let progress = kind == MessageKind::Progress;
        let Some(before) = before else {
            return Self { first_at: at, last_at: at, progress, distance: Duration::ZERO };
        };
        let distance = at.duration_since(before.last_at);
        Self {
            first_at: before.first_at.min(at),
            last_at: before.last_at.max(at),
            progress: before.progress || progress,
            distance: match progress && distance.is_positive() {
                true => before.distance.max(distance.unsigned_abs()),
                false => before.distance,
            },
        }
    }
}

/// A session as the watchdog knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The session.
    pub session: SessionKey,
    /// Who opened it.
    pub operator: OperatorId,
    /// Whose driver it is.
    pub provider: ProviderId,
    /// When it was authorised.
    pub authorised_at: Timestamp,
    /// What was heard of it.
    pub heard: Option<Heard>,
    /// It has its End, or is closed.
    pub over: bool,
    /// What it was found to be.
    pub ghost: Option<GhostKind>,
}

/// What a look at a session came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It has ended: nothing more to watch.
    Over,
    /// Nothing is wrong yet.
    Fine {
        /// When to look again.
        look_at: Timestamp,
    },
    /// It looks like a ghost.
    Ghost {
        /// Of which kind.
        kind: GhostKind,
        /// Since when.
        since: Timestamp,
        /// When to look again.
        look_at: Timestamp,
    },
    /// It has been a ghost for so long that it is not listed any more.
    Forgotten,
}

/// Judges a session.
#[must_use]
pub fn judge(watched: &Watched, limits: &Limits, now: Timestamp) -> Judgement {
    if watched.over {
        return Judgement::Over;
    }
    let (since, kind) = deadline(watched, limits);
    if now < since {
        return Judgement::Fine { look_at: since };
    }
    let forgotten_at = later(since, limits.forget_after);
    if now >= forgotten_at {
        return Judgement::Forgotten;
    }
    Judgement::Ghost { kind, since, look_at: later(now, LOOK_AGAIN).min(forgotten_at) }
}

/// Whether an authorisation that was refused with this code was refused by somebody: silence has other causes than a
/// session that stands open.
#[must_use]
pub fn is_a_providers_refusal(code: u16) -> bool {
    code != Code::NO_ANSWER.number()
}

/// From when on it is a ghost, and of which kind. An operator that never sends a Progress is not silent.
fn deadline(watched: &Watched, limits: &Limits) -> (Timestamp, GhostKind) {
    let Some(heard) = watched.heard else {
        return (later(watched.authorised_at, limits.never_started), GhostKind::NeverStarted);
    };
    let without_end = (later(heard.first_at, limits.without_end), GhostKind::WithoutEnd);
    if !heard.progress {
        return without_end;
    }
    let usual = heard.distance.max(limits.progress_every);
    let silent = (later(heard.last_at, usual.saturating_mul(limits.silent_progress)), GhostKind::Silent);
    silent.min(without_end)
}

#[cfg(test)]
mod tests {
    use crate::MessageKind::{Error, Progress, Start};

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    fn watched(messages: &[(MessageKind, i64)]) -> Watched {
        Watched {
            session: SessionKey::new(),
            operator: OperatorId::parse("DE*ABC").unwrap(),
            provider: ProviderId::parse("DE-DCB").unwrap(),
            authorised_at: at(0),
            heard: messages
                .iter()
                .fold(None, |heard, (kind, minute)| Some(Heard::and(heard, *kind, at(*minute)))),
            over: false,
            ghost: None,
        }
    }

    /// Fine until just before this minute, and a ghost of this kind from then on.
    #[track_caller]
    fn turns(watched: &Watched, minute: i64, kind: GhostKind) {
        let limits = Limits::default();
        assert_eq!(judge(watched, &limits, at(minute - 1)), Judgement::Fine { look_at: at(minute) });
        match judge(watched, &limits, at(minute)) {
            Judgement::Ghost { kind: found, since, look_at } => {
                assert_eq!((found, since), (kind, at(minute)));
                assert!(look_at > at(minute), "it is looked at again, and not at once");
            }
            other => panic!("expected a ghost, not {other:?}"),
        }
    }

    #[test]
    fn authorised_and_never_heard_of() {
        turns(&watched(&[]), 15, GhostKind::NeverStarted);
    }

    #[test]
    fn an_operator_that_sends_no_progress_is_not_silent() {
        turns(&watched(&[(Start, 2)]), 2 + 24 * 60, GhostKind::WithoutEnd);
        turns(&watched(&[(Error, 2)]), 2 + 24 * 60, GhostKind::WithoutEnd);
    }

    #[test]
    fn progress_that_stops_is_silence() {
        turns(&watched(&[(Start, 2), (Progress, 7), (Progress, 12)]), 12 + 15, GhostKind::Silent);
        turns(&watched(&[(Progress, 7)]), 7 + 15, GhostKind::Silent);
    }

    #[test]
    fn who_reports_every_half_hour_is_silent_after_one_and_a_half() {
        turns(&watched(&[(Start, 0), (Progress, 30), (Progress, 60)]), 60 + 90, GhostKind::Silent);
    }

    #[test]
    fn a_day_of_progress_is_still_without_an_end() {
        let messages: Vec<_> = (0..=24 * 12).map(|step| (Progress, step * 5)).collect();
        turns(&watched(&messages), 24 * 60, GhostKind::WithoutEnd);
    }

    #[test]
    fn what_has_ended_is_no_ghost_and_what_is_old_is_forgotten() {
        let limits = Limits::default();
        let over = Watched { over: true, ..watched(&[]) };
        assert_eq!(judge(&over, &limits, at(1_000_000)), Judgement::Over);
        assert_eq!(judge(&watched(&[]), &limits, at(15 + 7 * 24 * 60)), Judgement::Forgotten);
    }

    #[test]
    fn a_clock_set_back_or_limits_without_end_break_nothing() {
        let heard = Heard::and(Some(Heard::and(None, Start, at(10))), Progress, at(3));
        assert_eq!((heard.first_at, heard.last_at, heard.distance), (at(3), at(10), Duration::ZERO));
        let limits = Limits {
            never_started: Duration::MAX,
            without_end: Duration::MAX,
            progress_every: Duration::MAX,
            silent_progress: u32::MAX,
            ..Limits::default()
        };
        for messages in [vec![], vec![(Start, 0), (Progress, 5)]] {
            let fine = judge(&watched(&messages), &limits, at(1_000_000));
            assert_eq!(fine, Judgement::Fine { look_at: Timestamp::MAX });
        }
    }

    #[test]
    fn every_word_is_read_again() {
        for kind in GhostKind::ALL {
            assert_eq!(GhostKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(GhostKind::parse("ghost"), None);
    }
}
