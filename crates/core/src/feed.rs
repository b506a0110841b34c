//! A provider's feed: its notifications in the order of their positions, for providers that fetch instead of (or beside)
//! being called.
//!
//! A position is given after the message is committed, per provider, by one sequencer. So whoever has read up to a
//! position has read everything before it: nothing can still come in behind a reader's back.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;

use crate::mandate::Origin;
use crate::{ProcessId, SessionKey};

/// A place in a provider's feed, from 1 on; 0 is before the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position(i64);

impl Position {
    /// Before the first message.
    pub const BEGINNING: Self = Self(0);

    /// The position of this number; `None` below 0.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// Reads a cursor: digits and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok().and_then(Self::new) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One message in a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedEntry {
    /// Its place.
    pub position: Position,
    /// The message's id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// Its type.
    pub kind: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// Where its newest delivery stands; see [`crate::receipt::state`].
    pub state: String,
    /// The received bytes (a PIN is overwritten once the provider has it).
    pub body: Bytes,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// Who it comes from.
    pub origin: Origin,
}

/// What a feed holds at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FeedEnds {
    /// The position given last; [`Position::BEGINNING`] if there is none.
    pub last: Position,
    /// Up to where the provider has confirmed.
    pub confirmed: Position,
}

/// What one pass of the sequencer did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sequenced {
    /// The providers whose feed has grown, each with the number of new positions.
    pub grown: Vec<(ProviderId, u64)>,
    /// How many stored messages have not been looked at yet: if any, ask again at once.
    pub behind: u64,
}

/// What confirming a cursor did, in one transaction of bounded size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmed {
    /// Up to here is confirmed now: if that is less than what was asked for, ask again.
    UpTo {
        /// Everything up to here.
        position: Position,
        /// Messages that waited, or had been given up, and are fetched now.
        closed: u64,
        /// Deliveries that are under way and end by themselves.
        under_way: u64,
    },
    /// The feed does not reach that far.
    Beyond {
        /// Where it ends.
        last: Position,
    },
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn a_cursor_is_digits_and_nothing_else() {
        assert_eq!(Position::parse("0"), Some(Position::BEGINNING));
        assert_eq!(Position::parse("17"), Position::new(17));
        for text in ["", " 1", "1 ", "+1", "-1", "1.0", "0x1", "٣", "99999999999999999999"] {
            assert_eq!(Position::parse(text), None, "{text:?}");
        }
    }
}
