//! Replay: messages whose delivery has ended are sent once more, under their `Process-ID`, outside session order.
//!
//! A replay is a selection and a cursor over the messages in order of arrival. It covers what had arrived when it was
//! ordered. Batch by batch its cursor moves on and the messages found get a new delivery, both in one transaction, so
//! each message is queued once however often the hub is killed meanwhile.

use jiff::Timestamp;
use oicp::{ProviderId, SessionId};
use serde::{Deserialize, Serialize};

use crate::delivery::FinalState;
use crate::{MessageKind, SessionKey};

/// Which messages. What is not named is not restricted, but for the states.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Selection {
    /// Owed to this provider.
    pub provider: Option<ProviderId>,
    /// Of this session.
    pub session: Option<SessionKey>,
    /// Received then or later.
    pub from: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// Of these types; all if none is named.
    pub kinds: Vec<MessageKind>,
    /// Whose newest delivery ended so; [`REPLAYABLE`] if none is named.
    pub states: Vec<FinalState>,
}

/// The states that are replayed where none is named: what the provider was offered and does not have.
pub const REPLAYABLE: [FinalState; 2] = [FinalState::Refused, FinalState::Exhausted];

impl Selection {
    /// Whether a message of this type is wanted.
    #[must_use]
    pub fn wants_kind(&self, kind: MessageKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether a message that ended so is wanted.
    #[must_use]
    pub fn wants_state(&self, state: FinalState) -> bool {
        let named = if self.states.is_empty() { &REPLAYABLE[..] } else { &self.states };
        named.contains(&state)
    }
}

/// A selection as people and files write it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SelectionText {
    /// A ProviderID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A SessionID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// An instant, `2026-03-02T10:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// An instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Types: `Start`, `Progress`, `End`, `Error`, `ChargeDetailRecord`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// States: `refused`, `exhausted`, `expired`, `superseded`, `held`, `delivered`, or `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
}

/// Why a selection cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectionError {
    /// Not an id, an instant or a word that is known.
    #[error("{value:?} is no {expected}")]
    Unreadable {
        /// What was written.
        value: String,
        /// What should have been.
        expected: &'static str,
    },
    /// Everything ever received.
    #[error("this would replay everything: name at least a provider, a session or a time (from, until)")]
    Unbounded,
}

const STATE: &str = "state: refused, exhausted, expired, superseded, held, delivered, or all";

impl SelectionText {
    /// Reads it.
    ///
    /// # Errors
    /// [`SelectionError`]
    pub fn read(&self) -> Result<Selection, SelectionError> {
        let selection = Selection {
            provider: read(&self.provider, "ProviderID", |text| ProviderId::parse(text).ok())?,
            session: read(&self.session, "SessionID of a hub", |text| {
                SessionId::parse(text).ok().and_then(|id| SessionKey::of(&id))
            })?,
            from: read(&self.from, "instant such as 2026-03-02T10:00:00Z", |text| text.parse().ok())?,
            until: read(&self.until, "instant such as 2026-03-02T10:00:00Z", |text| text.parse().ok())?,
            kinds: all(
                &self.types,
                "type: Start, Progress, End, Error or ChargeDetailRecord",
                MessageKind::parse,
            )?,
            states: if self.states.iter().any(|word| word == "all") {
                FinalState::ALL.to_vec()
            } else {
                all(&self.states, STATE, FinalState::parse)?
            },
        };
        let bounded = selection.provider.is_some()
            || selection.session.is_some()
            || selection.from.is_some()
            || selection.until.is_some();
        if bounded { Ok(selection) } else { Err(SelectionError::Unbounded) }
    }
}

impl From<&Selection> for SelectionText {
    fn from(selection: &Selection) -> Self {
        Self {
            provider: selection.provider.map(|id| id.to_string()),
            session: selection.session.map(|key| key.to_session_id().to_string()),
            from: selection.from.map(|at| at.to_string()),
            until: selection.until.map(|at| at.to_string()),
            types: selection.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            states: selection.states.iter().map(|state| state.as_str().to_owned()).collect(),
        }
    }
}

fn read<T>(
    text: &Option<String>,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, SelectionError> {
    text.as_deref().map(|text| parse(text).ok_or_else(|| unreadable(text, expected))).transpose()
}

fn all<T>(
    words: &[String],
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, SelectionError> {
    words.iter().map(|word| parse(word).ok_or_else(|| unreadable(word, expected))).collect()
}

fn unreadable(value: &str, expected: &'static str) -> SelectionError {
    SelectionError::Unreadable { value: value.to_owned(), expected }
}

/// The number of a replay, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ReplayNo(pub i64);

/// What a selection comes to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Matching {
    /// Messages to be sent.
    pub to_send: u64,
    /// Messages whose body was erased: skipped.
    pub erased: u64,
    /// Messages whose delivery is still open: not replayed.
    pub open: u64,
}

/// What a step of filling the queue did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filled {
    /// No replay has anything left to queue.
    Nothing,
    /// A batch was looked at; there may be more.
    Batch {
        /// Deliveries queued.
        queued: u64,
    },
}

/// A replay as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayRecord {
    /// Its number.
    pub no: ReplayNo,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// Which messages.
    pub selection: Selection,
    /// When the last message of the selection was queued; none while it is being filled.
    pub filled_at: Option<Timestamp>,
    /// Queued, skipped and left alone so far.
    pub so_far: Matching,
    /// Of those queued: not ended yet.
    pub waiting: u64,
    /// … the provider has them.
    pub delivered: u64,
    /// … the provider said no.
    pub refused: u64,
    /// … given up, too old, or erased meanwhile.
    pub given_up: u64,
}

impl ReplayRecord {
    /// Whether nothing more happens.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.filled_at.is_some() && self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_reads_back_as_it_was_written() {
        let text = SelectionText {
            provider: Some("DE-DCB".to_owned()),
            session: Some("b2688855-7f00-0002-6d8e-48d883f6abb6".to_owned()),
            from: Some("2026-03-02T10:00:00Z".to_owned()),
            until: None,
            types: vec!["End".to_owned()],
            states: vec!["exhausted".to_owned(), "delivered".to_owned()],
        };
        assert_eq!(SelectionText::from(&text.read().unwrap()), text);
    }

    #[test]
    fn everything_ever_received_is_no_selection() {
        let text = SelectionText { states: vec!["all".to_owned()], ..SelectionText::default() };
        assert_eq!(text.read(), Err(SelectionError::Unbounded));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_was_expected() {
        let text = SelectionText { states: vec!["lost".to_owned()], ..SelectionText::default() };
        let error = text.read().unwrap_err().to_string();
        assert!(error.contains("\"lost\"") && error.contains("exhausted"), "{error}");
    }

    #[test]
    fn without_states_only_what_the_provider_does_not_have_is_wanted() {
        let selection = Selection::default();
        let wanted = FinalState::ALL.into_iter().filter(|state| selection.wants_state(*state));
        assert_eq!(wanted.collect::<Vec<_>>(), [FinalState::Refused, FinalState::Exhausted]);
    }
}
