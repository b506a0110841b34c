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

/// A charging spot with all members that a sender may set.
pub(crate) fn evse() -> Value {
    json!({
        "EvseID": "DE*ABC*E0001*2", "ChargingPoolID": "DE*ABC*P0001", "ChargingStationID": "S 1",
        "ChargingStationNames": [{"lang": "en", "value": "At the \"Harbour\""}, {"lang": "de", "value": "Am Hafen"}],
        "HardwareManufacturer": "Works", "ChargingStationImage": "https://example.org/1.png",
        "SubOperatorName": "Sub", "DynamicPowerLevel": true,
        "Address": {"Country": "DEU", "City": "Köln", "Street": "Am Ufer", "PostalCode": "50667", "HouseNum": "1a",
            "Floor": "2", "Region": "NW", "ParkingFacility": false, "ParkingSpot": "7", "TimeZone": "UTC+01:00"},
        "GeoCoordinates": {"Google": {"Coordinates": "50.938361 6.959974"}},
        "Plugs": ["Type 2 Outlet", "CHAdeMO"],
        "ChargingFacilities": [{"PowerType": "AC_3_PHASE", "Voltage": 400, "Amperage": 32, "Power": 22,
            "ChargingModes": ["Mode_3"]}],
        "RenewableEnergy": true, "EnergySource": [{"Energy": "Wind", "Percentage": 60}],
        "EnvironmentalImpact": {"CO2Emission": 30.3, "NuclearWaste": 0},
        "CalibrationLawDataAvailability": "External",
        "AuthenticationModes": ["NFC RFID Classic", "REMOTE"], "MaxCapacity": 50,
        "PaymentOptions": ["Contract", "Direct"], "ValueAddedServices": ["Reservation"],
        "Accessibility": "Restricted access", "AccessibilityLocation": "ParkingGarage",
        "HotlinePhoneNumber": "+4922112345", "AdditionalInfo": [{"lang": "en", "value": "behind the gate"}],
        "ChargingStationLocationReference": [{"lang": "en", "value": "level two"}],
        "GeoChargingPointEntrance": {"DecimalDegree": {"Latitude": "50.9383", "Longitude": "6.9599"}},
        "IsOpen24Hours": false,
        "OpeningTimes": [{"Period": [{"begin": "08:00", "end": "20:00"}], "on": "Workdays"}],
        "HubOperatorID": "DE*ABC", "ClearinghouseID": "C 1", "IsHubjectCompatible": true,
        "DynamicInfoAvailable": "auto"
    })
}

/// An upload of spots.
pub(crate) fn push_evse_data(records: &[Value]) -> Value {
    json!({
        "ActionType": "fullLoad",
        "OperatorEvseData": {"OperatorID": "DE*ABC", "OperatorName": "ABC", "EvseDataRecord": records},
    })
}

pub(crate) fn pull_evse_data() -> Value {
    json!({
        "ProviderID": "DE-DCB", "GeoCoordinatesResponseFormat": "DecimalDegree",
        "SearchCenter": {"GeoCoordinates": {"Google": {"Coordinates": "50.9 6.9"}}, "Radius": 25.5},
        "CountryCodes": ["DEU", "fra"], "OperatorIds": ["DE*ABC", "+49*810"],
        "AuthenticationModes": ["PnC", "REMOTE"], "Accessibility": ["Restricted access"],
        "CalibrationLawDataAvailability": ["External"], "RenewableEnergy": true, "IsHubjectCompatible": true,
        "IsOpen24Hours": false
    })
}

pub(crate) fn push_evse_status() -> Value {
    json!({
        "ActionType": "update",
        "OperatorEvseStatus": {"OperatorID": "DE*ABC", "OperatorName": "ABC", "EvseStatusRecord": [
            {"EvseID": "DE*ABC*E0001*2", "EvseStatus": "Available"},
            {"EvseID": "DE*ABC*E0001*3", "EvseStatus": "OutOfService"},
        ]},
    })
}

pub(crate) fn pull_evse_status() -> Value {
    json!({
        "ProviderID": "DE-DCB", "EvseStatus": "Available",
        "SearchCenter": {"GeoCoordinates": {"DegreeMinuteSeconds": {"Latitude": "50°56'18.1''",
            "Longitude": "6°57'35.9''"}}, "Radius": 1}
    })
}

pub(crate) fn product() -> Value {
    json!({
        "ProductID": "AC 1", "ReferenceUnit": "HOUR", "ProductPriceCurrency": "EUR", "PricePerReferenceUnit": 1.50,
        "MaximumProductChargingPower": 22, "IsValid24hours": false,
        "ProductAvailabilityTimes": [{"Periods": [{"begin": "09:00", "end": "18:00"}], "on": "Everyday"}],
        "AdditionalReferences": [{"AdditionalReference": "PARKING FEE", "AdditionalReferenceUnit": "MINUTE",
            "PricePerAdditionalReferenceUnit": 0.05}]
    })
}

pub(crate) fn push_products(products: &[Value]) -> Value {
    json!({
        "ActionType": "insert",
        "PricingProductData": {"OperatorID": "DE*ABC", "OperatorName": "ABC", "ProviderID": "*",
            "PricingDefaultPrice": 0, "PricingDefaultPriceCurrency": "EUR", "PricingDefaultReferenceUnit": "HOUR",
            "PricingProductDataRecords": products},
    })
}

pub(crate) fn push_evse_pricing() -> Value {
    json!({
        "ActionType": "fullLoad",
        "EVSEPricing": [
            {"EvseID": "DE*ABC*E0001*2", "ProviderID": "*", "EvseIDProductList": ["AC 1", "AC 2"]},
            {"EvseID": "DE*ABC*E0001*2", "ProviderID": "DE-DCB", "EvseIDProductList": ["AC 3"]},
        ],
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
