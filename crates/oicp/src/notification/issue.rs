//! An End written by a hub: of a session in which nothing was charged.

use jiff::Timestamp;
use serde::Serialize;

use super::NotificationType;
use crate::ids::{EvseId, OperatorId, SessionId};

/// What such an End names. It has no ChargingStart: OICP asks for that only where charging began (OICP 2.3,
/// eRoamingChargingNotifications End).
#[derive(Clone, Debug)]
pub struct NothingCharged<'a> {
    /// The session.
    pub session: SessionId,
    /// On whose behalf it is written.
    pub operator: OperatorId,
    /// Where the session was.
    pub evse: EvseId,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<&'a str>,
    /// The moment of writing: after it, nothing is charged.
    pub charging_end: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    r#type: &'static str,
    #[serde(rename = "SessionID")]
    session: String,
    #[serde(rename = "CPOPartnerSessionID", skip_serializing_if = "Option::is_none")]
    cpo_partner_session: Option<&'a str>,
    #[serde(rename = "OperatorID")]
    operator: String,
    #[serde(rename = "EvseID")]
    evse: &'a str,
    charging_end: String,
    consumed_energy: u8,
}

impl NothingCharged<'_> {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let body = Body {
            r#type: NotificationType::End.as_str(),
            session: self.session.to_string(),
            cpo_partner_session: self.cpo_partner_session_id,
            operator: self.operator.to_string(),
            evse: self.evse.as_str(),
            charging_end: format!("{:.3}", self.charging_end),
            consumed_energy: 0,
        };
        serde_json::to_vec(&body).expect("strings and numbers can always be written as JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::Kwh;
    use crate::notification::{ChargingNotification, Facts};

    #[test]
    fn it_is_an_end_that_our_own_parser_finds_nothing_odd_about() {
        let session = "b2688855-7f00-0002-6d8e-48d883f6abb6";
        let at: Timestamp = "2026-03-02T14:02:07.123456Z".parse().unwrap();
        for own_id in [None, Some("odd \"id\" \u{0} ü"), Some("1")] {
            let written = NothingCharged {
                session: SessionId::parse(session).unwrap(),
                operator: OperatorId::parse("DE*ABC").unwrap(),
                evse: EvseId::parse("DE*XYZ*ETEST1").unwrap(),
                cpo_partner_session_id: own_id,
                charging_end: at,
            };
            let read = ChargingNotification::parse(written.to_json().into()).expect("it is well formed");
            assert_eq!(read.findings(), []);
            assert_eq!(read.findings_at(at), []);
            assert_eq!(read.session_id().to_string(), session);
            assert_eq!((read.operator_id(), read.evse_id()), (written.operator, written.evse));
            assert_eq!(read.cpo_partner_session_id(), own_id);
            let Facts::End(end) = read.facts() else { panic!("{read:?}") };
            assert_eq!(end.charging_end.instant().as_millisecond(), at.as_millisecond());
            assert_eq!((end.charging_start, end.consumed_energy), (None, Some(Kwh::ZERO)));
            assert!(!read.has_pin());
        }
    }
}
