//! How much room the ledger has left, and who is turned away first when it gets scarce: news before what opens a
//! session, and an End last of all.

use crate::MessageKind;

/// Room for what is new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Room {
    /// For everything.
    Ample,
    /// Not for Progress.
    Scarce,
    /// For End, Error, charge detail records and outcomes only: what keeps a session from being lost, or unpaid.
    Last,
    /// The disk is full, and the reserve is in use: it is for Ends, Errors and outcomes.
    Reserve,
}

impl Room {
    /// All levels, from good to bad.
    pub const ALL: [Self; 4] = [Self::Ample, Self::Scarce, Self::Last, Self::Reserve];

    /// Whether a message of this kind is still taken in.
    #[must_use]
    pub fn takes(self, kind: MessageKind) -> bool {
        match kind {
            MessageKind::Progress => self < Self::Scarce,
            MessageKind::Start => self < Self::Last,
            // Its sender keeps it and sends it again; nobody at a charger waits for it.
            MessageKind::ChargeDetailRecord => self < Self::Reserve,
            MessageKind::End | MessageKind::Error => true,
        }
    }

    /// Whether a session can still be opened.
    #[must_use]
    pub fn opens_sessions(self) -> bool {
        self < Self::Last
    }

    /// What this means, for people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Ample => "there is room",
            Self::Scarce => "the disk is filling up: Progress is refused",
            Self::Last => {
                "the disk is almost full: only End, Error, charge detail records and outcomes are written"
            }
            Self::Reserve => {
                "the disk is full and the reserve is in use: only End, Error and outcomes are written"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageKind::{ChargeDetailRecord, End, Error, Progress, Start};

    #[test]
    fn progress_goes_first_and_an_end_never() {
        let taken =
            |room: Room| [Progress, Start, ChargeDetailRecord, End, Error].map(|kind| room.takes(kind));
        assert_eq!(taken(Room::Ample), [true; 5]);
        assert_eq!(taken(Room::Scarce), [false, true, true, true, true]);
        assert_eq!(taken(Room::Last), [false, false, true, true, true]);
        assert_eq!(taken(Room::Reserve), [false, false, false, true, true]);
    }
}
