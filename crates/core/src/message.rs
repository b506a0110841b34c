//! What the delivery engine carries: the four charging notifications and the charge detail record. One word per kind, in
//! the ledger, in receipts, in metrics and for people.

use std::fmt;

use oicp::NotificationType;

/// What a message is. It decides when it may leave, how long it is tried and what an answer to it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// Energy has begun to flow.
    Start,
    /// Energy is flowing.
    Progress,
    /// Energy has stopped flowing.
    End,
    /// Something is broken.
    Error,
    /// What is billed. It closes its session.
    ChargeDetailRecord,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Start, Self::Progress, Self::End, Self::Error, Self::ChargeDetailRecord];

    /// The word: a notification's as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => NotificationType::Start.as_str(),
            Self::Progress => NotificationType::Progress.as_str(),
            Self::End => NotificationType::End.as_str(),
            Self::Error => NotificationType::Error.as_str(),
            Self::ChargeDetailRecord => "ChargeDetailRecord",
        }
    }

    /// Reads the word; letter case counts.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it is of use only for a while: a Start or a Progress, which what follows makes needless.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Start | Self::Progress)
    }
}

impl From<NotificationType> for MessageKind {
    fn from(kind: NotificationType) -> Self {
        match kind {
            NotificationType::Start => Self::Start,
            NotificationType::Progress => Self::Progress,
            NotificationType::End => Self::End,
            NotificationType::Error => Self::Error,
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_a_notification_keeps_its_own() {
        for kind in MessageKind::ALL {
            assert_eq!(MessageKind::parse(kind.as_str()), Some(kind));
        }
        for kind in NotificationType::ALL {
            assert_eq!(MessageKind::from(kind).as_str(), kind.as_str());
        }
        assert_eq!(MessageKind::parse("end"), None);
    }
}
