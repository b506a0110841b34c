//! Bodies for the tests: good ones, to be spoilt by each test in its own way.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::panic, clippy::result_large_err, reason = "a test that fails says so")]

use bytes::Bytes;
use oicp::notification::ChargingNotification;
use oicp::{ChargeDetailRecord, Rejected};
use serde_json::{Value, json};

pub(crate) const SESSION: &str = "3fe7378a-238f-4cf3-bca6-de657881f8c2";

/// The End that the public guide shows, in our own arrangement: two placeholders, and charging starts after it ends.
pub(crate) const PUBLISHED_END: &str = r#"{
    "Type": "End",
    "SessionID": "3fe7378a-238f-4cf3-bca6-de657881f8c2",
    "OperatorID": "{{operatorID}}",
	"EvseID": "{{evseID}}",
    "ChargingStart": "2020-09-23T14:50:53.038Z",
    "ChargingEnd": "2020-09-23T14:17:53.038Z",
    "SessionStart": "2020-09-23T14:17:53.038Z",
    "SessionEnd": "2020-09-23T14:50:53.038Z",
    "PenaltyTimeStart": "2020-09-23T14:17:53.038Z",
    "ConsumedEnergy": 10, "MeterValueStart": 0, "MeterValueEnd": 10,
    "MeterValueInBetween": { "meterValues": [ 0 ] },
    "Identification": { "RFIDMifareFamilyIdentification": { "UID": "044A2DAA856280" } },
    "PartnerProductID": "AC 1",
    "CPOPartnerSessionID": "1234XYZ",
    "EMPPartnerSessionID": "2345ABC"
}"#;

pub(crate) fn end() -> Value {
    json!({
        "Type": "End", "SessionID": SESSION, "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E0001*2",
        "ChargingStart": "2025-06-01T08:00:00+02:00", "ChargingEnd": "2025-06-01T09:10:00+02:00",
        "SessionStart": "2025-06-01T07:59:00+02:00", "SessionEnd": "2025-06-01T09:30:00+02:00",
        "MeterValueStart": 1200.000, "MeterValueEnd": 1218.345, "ConsumedEnergy": 18.345,
        "MeterValueInBetween": {"meterValues": [1205.5, 1210]},
        "PenaltyTimeStart": "2025-06-01T09:25:00+02:00", "PartnerProductID": "AC 1",
        "CPOPartnerSessionID": "1234XYZ", "EMPPartnerSessionID": "2345ABC",
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": "044A2DAA856280"}}
    })
}

pub(crate) fn progress() -> Value {
    json!({
        "Type": "Progress", "SessionID": SESSION, "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E0001*2",
        "ChargingStart": "2025-06-01T08:00:00Z", "EventOccurred": "2025-06-01T08:08:00Z",
        "ChargingDuration": 480_000, "ConsumedEnergyProgress": 9, "MeterValueStart": 0,
        "MeterValueInBetween": {"meterValues": [9]}
    })
}

pub(crate) fn start() -> Value {
    json!({
        "Type": "Start", "SessionID": SESSION, "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E0001*2",
        "ChargingStart": "2025-06-01T08:00:00Z", "SessionStart": "2025-06-01T07:59:00Z", "MeterValueStart": 0
    })
}

pub(crate) fn error() -> Value {
    json!({
        "Type": "Error", "SessionID": SESSION, "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E0001*2",
        "ErrorType": "ConnectorError", "ErrorAdditionalInfo": "the plug is not in"
    })
}

pub(crate) fn cdr() -> Value {
    json!({
        "SessionID": SESSION, "EvseID": "DE*ABC*E0001*2",
        "CPOPartnerSessionID": "1234XYZ", "EMPPartnerSessionID": "2345ABC", "PartnerProductID": "AC 1",
        "ChargingStart": "2025-06-01T08:00:00+02:00", "ChargingEnd": "2025-06-01T09:10:00+02:00",
        "SessionStart": "2025-06-01T07:59:00+02:00", "SessionEnd": "2025-06-01T09:30:00+02:00",
        "MeterValueStart": 1200.000, "MeterValueEnd": 1218.345, "ConsumedEnergy": 18.345,
        "MeterValueInBetween": {"meterValues": [1205.5, 1210]},
        "SignedMeteringValues": [
            {"SignedMeteringValue": "AAEC", "MeteringStatus": "Start"},
            {"SignedMeteringValue": "AwQF", "MeteringStatus": "End"},
        ],
        "CalibrationLawVerificationInfo": {"PublicKey": "a9sd", "MeteringCheck": "Passed"},
        "HubOperatorID": "DE*ABC", "HubProviderId": "DE-DCB",
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": "044A2DAA856280"}}
    })
}

pub(crate) fn get_cdrs() -> Value {
    json!({
        "ProviderID": "DE-DCB", "From": "2025-06-01T00:00:00Z", "To": "2025-07-01T00:00:00Z",
        "SessionID": [SESSION], "OperatorID": "DE*ABC", "CDRForwarded": false
    })
}

pub(crate) fn parse_cdr(body: &Value) -> Result<ChargeDetailRecord, Rejected> {
    ChargeDetailRecord::parse(Bytes::from(body.to_string()))
}

pub(crate) fn authorize_start() -> Value {
    json!({
        "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E0001*2", "CPOPartnerSessionID": "1234XYZ",
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": "044a2daa856280"}}
    })
}

pub(crate) fn remote_start() -> Value {
    json!({
        "ProviderID": "DE-DCB", "EvseID": "DE*ABC*E0001*2", "EMPPartnerSessionID": "2345ABC",
        "Identification": {"RemoteIdentification": {"EvcoID": "de-dcb-c12345678-x"}}
    })
}

pub(crate) fn remote_stop() -> Value {
    json!({
        "SessionID": SESSION, "ProviderID": "DE-DCB", "EvseID": "DE*ABC*E0001*2",
        "CPOPartnerSessionID": "1234XYZ", "EMPPartnerSessionID": "2345ABC"
    })
}

/// `body` with one member set, or taken away.
pub(crate) fn with(mut body: Value, member: &str, value: impl Into<Option<Value>>) -> Value {
    let members = body.as_object_mut().expect("bodies are objects");
    match value.into() {
        Some(value) => members.insert(member.to_owned(), value),
        None => members.remove(member),
    };
    body
}

pub(crate) fn parse(body: &Value) -> Result<ChargingNotification, Rejected> {
    parse_text(&body.to_string())
}

pub(crate) fn parse_text(text: &str) -> Result<ChargingNotification, Rejected> {
    ChargingNotification::parse(Bytes::copy_from_slice(text.as_bytes()))
}

/// Codes and pointers of the findings, sorted.
pub(crate) fn findings(body: &Value) -> Vec<String> {
    let notification = parse(body).unwrap_or_else(|rejected| panic!("refused: {rejected}"));
    let found = notification.findings().iter();
    let mut found: Vec<_> = found.map(|finding| format!("{} {}", finding.code, finding.pointer)).collect();
    found.sort();
    found
}

/// Pointers and messages of the violations.
pub(crate) fn violations(rejected: &Rejected) -> Vec<String> {
    let all = rejected.violations.iter();
    all.map(|violation| format!("{}: {}", violation.pointer, violation.message)).collect()
}
