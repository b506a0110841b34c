//! The mandated End: an End that the hub issues on an operator's behalf, so that a provider stops believing in a session of
//! which nothing ever came. Both sides have agreed to it in the partners file; without that the hub invents nothing.
//!
//! Pure rules; the decision itself falls in one transaction of the ledger. Invariants:
//! * never of a session of which anything was heard, and never twice to one provider;
//! * it is always told apart from what an operator has sent: header [`HEADER`], receipts, records, feed;
//! * an operator whose mandate proved wrong has none, until a person gives it back.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::energy::Kwh;
use oicp::notification::{End, Facts};
use oicp::{ChargeDetailRecord, ChargingNotification, OperatorId, ProviderId};

use crate::directory::Directory;
use crate::retry::later;
use crate::watchdog::Watched;
use crate::{MessageKind, ProcessId, SessionKey};

/// The header on every attempt at a message that the hub has issued.
pub const HEADER: &str = "hub-issued";
/// Its value, and the word in receipts, records and feeds.
pub const WORD: &str = "mandate";
/// The shortest time after which a session may count as expired. Less than some minutes is for trials only.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// The longest.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Who a message comes from.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Origin {
    /// The operator it names.
    #[default]
    Sender,
    /// The hub, on that operator's behalf.
    Mandate,
}

impl Origin {
    /// From what the ledger says.
    #[must_use]
    pub fn of(issued_by_the_hub: bool) -> Self {
        if issued_by_the_hub { Self::Mandate } else { Self::Sender }
    }

    /// The word, where the hub has issued it.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Sender => None,
            Self::Mandate => Some(WORD),
        }
    }
}

/// Why an End is issued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ground {
    /// Authorised, and nothing was heard of it for as long as the operator allows.
    Expired,
    /// The provider's yes came too late, or second: the session is not its own.
    LateYes,
}

impl Ground {
    /// The word in the ledger and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::LateYes => "late-yes",
        }
    }
}

/// How the provider hears of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hearing {
    /// Its endpoint takes Ends.
    Endpoint,
    /// It reads its feed.
    Feed,
}

/// An End to be issued, if the ledger agrees.
#[derive(Clone, Copy, Debug)]
pub struct MandatedEnd {
    /// Its id.
    pub process: ProcessId,
    /// The moment of issue.
    pub at: Timestamp,
    /// The session that it ends, as the provider knows it.
    pub session: SessionKey,
    /// On whose behalf.
    pub operator: OperatorId,
    /// Who is to hear it.
    pub provider: ProviderId,
    /// Why.
    pub ground: Ground,
    /// How it is heard.
    pub hearing: Hearing,
    /// For a late yes: under what its delivery stands in place of the session, so that it takes no part in the order of the
    /// real one's messages.
    pub aside: SessionKey,
}

/// What the ledger made of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Issue {
    /// Written, and owed.
    Issued,
    /// It had been issued before.
    Before,
    /// There is no ground: something was heard of the session, or it is not one that can expire.
    NoGround,
    /// Nobody knows where the session was: an End without an EvseID is none.
    WithoutEvse {
        /// It was passed over for the first time.
        first: bool,
    },
    /// The operator has lost its mandate.
    Suspended,
}

/// The mandate of an operator towards a provider: how long a session may stay unheard of, and how the provider hears of its
/// end. `None` where one of the two sides has not agreed.
#[must_use]
pub fn agreed(
    directory: &Directory,
    operator: &OperatorId,
    provider: &ProviderId,
) -> Option<(Duration, Hearing)> {
    let expires = directory.operator(operator)?.preauthorisation_expires?;
    let provider = directory.provider(provider).filter(|provider| provider.accepts_mandated_end)?;
    let hearing = match provider.hears(oicp::NotificationType::End) {
        true => Hearing::Endpoint,
        false if provider.feed => Hearing::Feed,
        false => return None,
    };
    Some((expires, hearing))
}

/// When a session expires, if nothing is heard of it; `None` once something was. Time counts from `counted_from` at the
/// earliest: while the hub was down, or its clock wrong, nothing could be heard.
#[must_use]
pub fn expires_at(watched: &Watched, expires: Duration, counted_from: Timestamp) -> Option<Timestamp> {
    let unheard = !watched.over && watched.heard.is_none();
    unheard.then(|| later(watched.authorised_at.max(counted_from), expires))
}

/// Whether a real message that follows a mandated End shows that the mandate was wrong: a car was charging. A body that
/// cannot be read (any more) shows nothing.
#[must_use]
pub fn proves_wrong(kind: MessageKind, body: &Bytes) -> bool {
    match kind {
        MessageKind::Start | MessageKind::Progress => true,
        MessageKind::Error => false,
        MessageKind::End => match ChargingNotification::parse(body.clone()) {
            Ok(read) => matches!(read.facts(), Facts::End(end) if energy_of(end) > Kwh::ZERO),
            Err(_) => false,
        },
        MessageKind::ChargeDetailRecord => ChargeDetailRecord::parse(body.clone())
            .is_ok_and(|record| record.facts().consumed_energy > Kwh::ZERO),
    }
}

fn energy_of(end: &End) -> Kwh {
    let measured = end.meter_value_end.zip(end.meter_value_start).and_then(|(to, from)| to.checked_sub(from));
    end.consumed_energy.or(measured).unwrap_or(Kwh::ZERO)
}

/// An operator that has lost its mandate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suspension {
    /// Which one.
    pub operator: OperatorId,
    /// Since when.
    pub at: Timestamp,
    /// The session that was ended and went on.
    pub session: SessionKey,
    /// The message that showed it.
    pub shown_by: ProcessId,
}

/// A provider that believes in a session that is not its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LateYes {
    /// The session.
    pub session: SessionKey,
    /// The provider.
    pub provider: ProviderId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::Heard;

    fn end(members: &str) -> Bytes {
        let text = format!(
            r#"{{"Type":"End","SessionID":"b2688855-7f00-0002-6d8e-48d883f6abb6","OperatorID":"DE*ABC","EvseID":"DE*ABC*ETEST1","ChargingEnd":"2026-03-02T14:00:00Z"{members}}}"#
        );
        text.into_bytes().into()
    }

    #[test]
    fn time_counts_only_while_the_hub_could_have_heard_something() {
        let at = |minute: i64| Timestamp::from_second(1_700_000_000 + minute * 60).unwrap();
        let quarter = Duration::from_secs(15 * 60);
        let silent = Watched {
            session: SessionKey::new(),
            operator: OperatorId::parse("DE*ABC").unwrap(),
            provider: ProviderId::parse("DE-DCB").unwrap(),
            authorised_at: at(10),
            heard: None,
            over: false,
            ghost: None,
        };
        assert_eq!(expires_at(&silent, quarter, at(0)), Some(at(25)));
        assert_eq!(expires_at(&silent, quarter, at(600)), Some(at(615)), "it was down for hours");
        assert_eq!(expires_at(&silent, Duration::MAX, at(0)), Some(Timestamp::MAX));
        let heard = Heard::and(None, MessageKind::Error, at(11));
        assert_eq!(expires_at(&Watched { heard: Some(heard), ..silent }, quarter, at(0)), None);
        assert_eq!(expires_at(&Watched { over: true, ..silent }, quarter, at(0)), None);
    }

    #[test]
    fn energy_and_signs_of_charging_prove_a_mandate_wrong_and_nothing_else_does() {
        let nothing = Bytes::new();
        assert!(proves_wrong(MessageKind::Start, &nothing) && proves_wrong(MessageKind::Progress, &nothing));
        assert!(!proves_wrong(MessageKind::Error, &nothing));
        for (members, wrong) in [
            ("", false),
            (r#","ConsumedEnergy":0"#, false),
            (r#","ConsumedEnergy":0.001"#, true),
            (r#","ConsumedEnergy":"7.5""#, true),
            (r#","MeterValueStart":10,"MeterValueEnd":10"#, false),
            (r#","MeterValueStart":10,"MeterValueEnd":12"#, true),
        ] {
            assert_eq!(proves_wrong(MessageKind::End, &end(members)), wrong, "{members}");
        }
        for kind in [MessageKind::End, MessageKind::ChargeDetailRecord] {
            assert!(!proves_wrong(kind, &Bytes::from_static(&[0; 40])), "an erased body shows nothing");
        }
    }
}
