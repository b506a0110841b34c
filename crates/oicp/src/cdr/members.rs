//! The members of a charge detail record.

use crate::field::At;
use crate::json::Object;

/// Declares the members once: as indices into the scan, and as names for it.
macro_rules! members {
    ($($member:ident = $name:literal),* $(,)?) => {
        /// A member of a charge detail record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Member { $($member),* }

        /// The names on the wire, in the order of [`Member`].
        pub(super) const NAMES: [&str; COUNT] = [$($name),*];

        const COUNT: usize = [$(Member::$member),*].len();
    };
}

members! {
    SessionId = "SessionID",
    CpoPartnerSessionId = "CPOPartnerSessionID",
    EmpPartnerSessionId = "EMPPartnerSessionID",
    PartnerProductId = "PartnerProductID",
    EvseId = "EvseID",
    Identification = "Identification",
    ChargingStart = "ChargingStart",
    ChargingEnd = "ChargingEnd",
    SessionStart = "SessionStart",
    SessionEnd = "SessionEnd",
    MeterValueStart = "MeterValueStart",
    MeterValueEnd = "MeterValueEnd",
    MeterValueInBetween = "MeterValueInBetween",
    ConsumedEnergy = "ConsumedEnergy",
    SignedMeteringValues = "SignedMeteringValues",
    CalibrationLawVerificationInfo = "CalibrationLawVerificationInfo",
    HubOperatorId = "HubOperatorID",
    HubProviderId = "HubProviderID",
    // As one of the published schemas spells it.
    HubProviderIdMisspelt = "HubProviderId",
}

impl Member {
    pub(super) const fn at(self) -> At {
        At::member(NAMES[self as usize])
    }
}

/// The member values of one body; `null` is absent.
pub(super) struct Values<'a>([Option<&'a str>; COUNT]);

impl<'a> Values<'a> {
    pub(super) fn of(object: &Object<'a, COUNT>) -> Self {
        Self(object.values())
    }

    pub(super) const fn get(&self, member: Member) -> Option<&'a str> {
        self.0[member as usize]
    }
}
