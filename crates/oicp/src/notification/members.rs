//! The members of the four notifications, and which type may have which.

use super::NotificationType;
use crate::field::At;
use crate::json::Object;

/// Declares the members once: as indices into the scan, and as names for it.
macro_rules! members {
    ($($member:ident = $name:literal),* $(,)?) => {
        /// A member that some notification knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Member { $($member),* }

        /// The names on the wire, in the order of [`Member`].
        pub(super) const NAMES: [&str; ALL.len()] = [$($name),*];

        const ALL: &[Member] = &[$(Member::$member),*];
    };
}

members! {
    Type = "Type",
    SessionId = "SessionID",
    CpoPartnerSessionId = "CPOPartnerSessionID",
    EmpPartnerSessionId = "EMPPartnerSessionID",
    Identification = "Identification",
    EvseId = "EvseID",
    OperatorId = "OperatorID",
    ChargingStart = "ChargingStart",
    ChargingEnd = "ChargingEnd",
    SessionStart = "SessionStart",
    SessionEnd = "SessionEnd",
    EventOccurred = "EventOccurred",
    ChargingDuration = "ChargingDuration",
    ConsumedEnergy = "ConsumedEnergy",
    ConsumedEnergyProgress = "ConsumedEnergyProgress",
    MeterValueStart = "MeterValueStart",
    MeterValueEnd = "MeterValueEnd",
    MeterValueInBetween = "MeterValueInBetween",
    PartnerProductId = "PartnerProductID",
    PenaltyTimeStart = "PenaltyTimeStart",
    ErrorType = "ErrorType",
    ErrorAdditionalInfo = "ErrorAdditionalInfo",
}

impl Member {
    pub(super) const fn at(self) -> At {
        At::member(NAMES[self as usize])
    }
}

/// The member values of one body; `null` is absent.
pub(super) struct Values<'a>([Option<&'a str>; ALL.len()]);

impl<'a> Values<'a> {
    pub(super) fn of(object: &Object<'a, { ALL.len() }>) -> Self {
        Self(object.values())
    }

    pub(super) const fn get(&self, member: Member) -> Option<&'a str> {
        self.0[member as usize]
    }

    /// Those present that this type of notification does not have.
    pub(super) fn unexpected(&self, kind: NotificationType) -> impl Iterator<Item = Member> {
        ALL.iter().copied().filter(move |member| self.get(*member).is_some() && !belongs(*member, kind))
    }
}

/// OICP 2.3, the tables of the four notifications.
fn belongs(member: Member, kind: NotificationType) -> bool {
    use Member as M;
    use NotificationType::{End, Error, Progress, Start};
    match member {
        M::Type
        | M::SessionId
        | M::CpoPartnerSessionId
        | M::EmpPartnerSessionId
        | M::Identification
        | M::EvseId
        | M::OperatorId => true,
        M::ChargingStart | M::SessionStart | M::MeterValueStart | M::PartnerProductId => kind != Error,
        M::EventOccurred | M::ChargingDuration | M::ConsumedEnergyProgress => kind == Progress,
        M::MeterValueInBetween => !matches!(kind, Start | Error),
        M::ChargingEnd | M::SessionEnd | M::ConsumedEnergy | M::MeterValueEnd | M::PenaltyTimeStart => {
            kind == End
        }
        M::ErrorType | M::ErrorAdditionalInfo => kind == Error,
    }
}
