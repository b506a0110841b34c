//! Bodies of OICP messages with values that fit together: operator `DE*ABC`, charge point `DE*ABC*ETEST1`, a session
//! that starts at ten o'clock and takes half an hour and ten kilowatt hours.

use serde_json::{Value, json};

/// The operator in all bodies.
pub const OPERATOR: &str = "DE*ABC";
/// The provider in remote requests.
pub const PROVIDER: &str = "DE-DCB";
/// A contract of that provider.
pub const EVCO: &str = "DE-DCB-C12345678-X";
/// The charge point in all bodies.
pub const EVSE: &str = "DE*ABC*ETEST1";
/// The card in the bodies of a session.
pub const UID: &str = "044A2DAA856280";

const BEGAN: &str = "2026-03-02T10:00:00.000Z";
const ENDED: &str = "2026-03-02T10:30:00.000Z";

/// The notification that charging has begun.
#[must_use]
pub fn start(session: &str) -> Value {
    of_session("Start", session, json!({"ChargingStart": BEGAN, "SessionStart": BEGAN, "MeterValueStart": 0}))
}

/// The notification of how far charging is after so many minutes (less than 14 hours): a kilowatt hour in three.
#[must_use]
pub fn progress(session: &str, minutes: u32) -> Value {
    let energy = minutes / 3;
    let fields = json!({
        "ChargingStart": BEGAN,
        "SessionStart": BEGAN,
        "EventOccurred": format!("2026-03-02T{:02}:{:02}:00.000Z", 10 + minutes / 60, minutes % 60),
        "ChargingDuration": u64::from(minutes) * 60_000,
        "ConsumedEnergyProgress": energy,
        "MeterValueStart": 0,
        "MeterValueInBetween": {"meterValues": [energy]},
    });
    of_session("Progress", session, fields)
}

/// The notification that charging has ended.
#[must_use]
pub fn end(session: &str) -> Value {
    let fields = json!({
        "ChargingStart": BEGAN,
        "ChargingEnd": ENDED,
        "SessionStart": BEGAN,
        "SessionEnd": ENDED,
        "ConsumedEnergy": 10,
        "MeterValueStart": 0,
        "MeterValueEnd": 10,
        "MeterValueInBetween": {"meterValues": [5]},
    });
    of_session("End", session, fields)
}

/// The charge detail record of the session that [`end`] ends.
#[must_use]
pub fn cdr(session: &str) -> Value {
    json!({
        "SessionID": session,
        "CPOPartnerSessionID": "1234XYZ",
        "EvseID": EVSE,
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": UID}},
        "ChargingStart": BEGAN,
        "ChargingEnd": ENDED,
        "SessionStart": BEGAN,
        "SessionEnd": ENDED,
        "ConsumedEnergy": 10,
        "MeterValueStart": 0,
        "MeterValueEnd": 10,
    })
}

/// The question of provider `DE-DCB` for the records of any time.
#[must_use]
pub fn get_cdrs() -> Value {
    json!({"ProviderID": "DE-DCB", "From": "2020-01-01T00:00:00Z", "To": "2099-01-01T00:00:00Z"})
}

/// The notification that charging failed.
#[must_use]
pub fn error(session: &str) -> Value {
    let fields =
        json!({"ErrorType": "CriticalError", "ErrorAdditionalInfo": "the residual current device tripped"});
    of_session("Error", session, fields)
}

/// The request to authorise a start by a card.
#[must_use]
pub fn authorize_start_rfid(uid: &str) -> Value {
    authorize_start(json!({"RFIDMifareFamilyIdentification": {"UID": uid}}))
}

/// The request to authorise a start by a contract, as plug and charge does.
#[must_use]
pub fn authorize_start_evco(evco: &str) -> Value {
    authorize_start(json!({"PlugAndChargeIdentification": {"EvcoID": evco}}))
}

/// The request of `DE-DCB` to start charging for a contract.
#[must_use]
pub fn remote_start(evco: &str) -> Value {
    json!({
        "ProviderID": PROVIDER,
        "EvseID": EVSE,
        "EMPPartnerSessionID": "2345ABC",
        "Identification": {"RemoteIdentification": {"EvcoID": evco}},
        "PartnerProductID": "AC 1",
    })
}

/// The same to reserve the charge point for a quarter of an hour.
#[must_use]
pub fn reservation_start(evco: &str) -> Value {
    let mut body = remote_start(evco);
    body["Duration"] = 15.into();
    body["PartnerProductID"] = "Reservation".into();
    body
}

/// The request of `DE-DCB` to stop a session, or to give a reservation up.
#[must_use]
pub fn remote_stop(session: &str) -> Value {
    json!({"SessionID": session, "ProviderID": PROVIDER, "EvseID": EVSE, "EMPPartnerSessionID": "2345ABC"})
}

/// An End laid out as the example of the public guide: four blanks, one tab, the same members and values in the same
/// order, `ChargingStart` after `ChargingEnd` included.
#[must_use]
pub fn end_as_in_the_guide(session: &str, operator: &str, evse: &str) -> String {
    let lines = [
        "{".to_owned(),
        r#"    "CPOPartnerSessionID": "1234XYZ","#.to_owned(),
        r#"    "ChargingEnd": "2020-09-23T14:17:53.038Z","#.to_owned(),
        r#"    "ChargingStart": "2020-09-23T14:50:53.038Z","#.to_owned(),
        r#"    "ConsumedEnergy": 10,"#.to_owned(),
        r#"    "EMPPartnerSessionID": "2345ABC","#.to_owned(),
        format!(r#"    "EvseID": "{evse}","#),
        r#"    "Identification": {"#.to_owned(),
        r#"        "RFIDMifareFamilyIdentification": {"#.to_owned(),
        r#"            "UID": "044A2DAA856280""#.to_owned(),
        "        }".to_owned(),
        "    },".to_owned(),
        r#"    "MeterValueStart": 0,"#.to_owned(),
        r#"    "MeterValueEnd": 10,"#.to_owned(),
        r#"    "MeterValueInBetween": {"#.to_owned(),
        r#"        "meterValues": ["#.to_owned(),
        "            0".to_owned(),
        "        ]".to_owned(),
        "    },".to_owned(),
        r#"    "PartnerProductID": "AC 1","#.to_owned(),
        r#"    "PenaltyTimeStart": "2020-09-23T14:17:53.038Z","#.to_owned(),
        format!(r#"    "OperatorID": "{operator}","#),
        format!(r#"    "SessionID": "{session}","#),
        r#"    "SessionStart": "2020-09-23T14:17:53.038Z","#.to_owned(),
        "\t\"SessionEnd\": \"2020-09-23T14:50:53.038Z\",".to_owned(),
        r#"    "Type": "End""#.to_owned(),
        "}\n".to_owned(),
    ];
    lines.join("\n")
}

fn authorize_start(identification: Value) -> Value {
    json!({
        "OperatorID": OPERATOR,
        "EvseID": EVSE,
        "Identification": identification,
        "PartnerProductID": "AC 1",
    })
}

fn of_session(kind: &str, session: &str, fields: Value) -> Value {
    let mut body = json!({
        "Type": kind,
        "SessionID": session,
        "CPOPartnerSessionID": "1234XYZ",
        "OperatorID": OPERATOR,
        "EvseID": EVSE,
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": UID}},
    });
    if let (Value::Object(body), Value::Object(fields)) = (&mut body, fields) {
        body.extend(fields);
    }
    body
}
