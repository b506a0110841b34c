//! Charge detail records: what is refused, what is odd, and what survives untouched.

#![allow(clippy::unwrap_used, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use oicp::cdr::{ChargeDetailRecord, GetChargeDetailRecords};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{cdr, get_cdrs, parse_cdr, violations, with};

fn refused(body: &Value) -> Vec<String> {
    violations(&parse_cdr(body).expect_err("this record cannot be true"))
}

fn odd(body: &Value) -> Vec<String> {
    let record = parse_cdr(body).unwrap();
    record.findings().iter().map(|finding| format!("{} {}", finding.code, finding.pointer)).collect()
}

#[test]
fn a_good_record_is_read_whole_and_keeps_its_bytes() {
    let text = format!(" {}\n", cdr().to_string().replace("18.345,", "18.3450,"));
    let record = ChargeDetailRecord::parse(Bytes::from(text.clone())).unwrap();
    assert_eq!(record.body(), text.as_bytes());
    assert_eq!(record.session_id().to_string(), support::SESSION);
    assert_eq!(record.facts().signed_values, 2);
    assert_eq!(record.facts().consumed_energy.to_string(), "18.3450");
    assert_eq!(record.facts().meter_value_in_between.unwrap().count, 2);
    assert_eq!(record.hub_operator_id().unwrap().key(), "DEABC");
    assert_eq!(record.hub_provider_id().unwrap().key(), "DEDCB", "one of the schemas spells it so");
    assert_eq!(record.cpo_partner_session_id(), Some("1234XYZ"));
    assert!(record.findings().is_empty(), "{:?}", record.findings());
}

#[test]
fn every_mandatory_member_is_missed_by_name_and_all_at_once() {
    let missing = refused(&json!({}));
    for member in [
        "SessionID",
        "EvseID",
        "Identification",
        "ChargingStart",
        "ChargingEnd",
        "SessionStart",
        "SessionEnd",
        "ConsumedEnergy",
    ] {
        let pointer = format!("/{member}: ");
        assert!(missing.iter().any(|said| said.starts_with(&pointer)), "{member}: {missing:?}");
        assert!(refused(&with(cdr(), member, Value::Null))[0].starts_with(&pointer), "null is absent");
    }
    assert_eq!(missing.len(), 8, "{missing:?}");
}

#[test]
fn what_cannot_be_true_is_refused_where_it_stands() {
    let cases = [
        ("ChargingEnd", json!("2025-06-01T07:00:00+02:00"), "/ChargingEnd"),
        ("MeterValueEnd", json!(1199), "/MeterValueEnd"),
        ("ConsumedEnergy", json!(-0.001), "/ConsumedEnergy"),
        ("ConsumedEnergy", json!("1000.001"), "/ConsumedEnergy"),
    ];
    for (member, value, pointer) in cases {
        let said = refused(&with(cdr(), member, value.clone()));
        assert!(said[0].starts_with(&format!("{pointer}: ")), "{member} {value}: {said:?}");
    }
}

#[test]
fn what_is_merely_odd_is_a_finding() {
    let equal = with(cdr(), "ChargingEnd", json!("2025-06-01T08:00:00+02:00"));
    assert!(odd(&equal).is_empty(), "equal is not before");
    let late = with(cdr(), "SessionStart", json!("2025-06-01T08:00:00.001+02:00"));
    assert_eq!(odd(&late), ["session-start-after-charging-start /SessionStart"]);
    let early = with(cdr(), "SessionEnd", json!("2025-06-01T09:09:59+02:00"));
    assert_eq!(odd(&early), ["session-end-before-charging-end /SessionEnd"]);
    let listed = with(cdr(), "MeterValueInBetween", json!([1205]));
    assert_eq!(odd(&listed), ["meter-values-bare-list /MeterValueInBetween"]);
}

#[test]
fn numbers_may_be_strings() {
    let record = with(with(cdr(), "MeterValueStart", json!("1200.000")), "ConsumedEnergy", json!("18.345"));
    assert_eq!(odd(&record), ["number-as-string /ConsumedEnergy", "number-as-string /MeterValueStart"]);
}

#[test]
fn energy_and_meter_may_differ_by_a_watt_hour() {
    for (energy, expected) in [(18.344, 0), (18.346, 0), (18.347, 1), (18.343, 1)] {
        assert_eq!(odd(&with(cdr(), "ConsumedEnergy", json!(energy))).len(), expected, "{energy}");
    }
    let nothing = with(with(cdr(), "ConsumedEnergy", json!(0)), "MeterValueEnd", json!(1200));
    let nothing = with(nothing, "MeterValueInBetween", None);
    assert!(odd(&nothing).is_empty(), "a session in which nothing was charged is fine");
}

#[test]
fn exactly_one_identification_is_needed_and_it_must_be_right() {
    let both = json!({
        "RFIDMifareFamilyIdentification": {"UID": "044A2DAA856280"},
        "RemoteIdentification": {"EvcoID": "DE-DCB-C12345678-X"},
    });
    assert!(refused(&with(cdr(), "Identification", both))[0].starts_with("/Identification: "));
    let wrong = json!({"RFIDMifareFamilyIdentification": {"UID": "12345ABCD"}});
    assert!(refused(&with(cdr(), "Identification", wrong))[0].contains("/UID: "));
    let remote = json!({"RemoteIdentification": {"EvcoID": "DE-DCB-C12345678-X"}});
    assert!(parse_cdr(&with(cdr(), "Identification", remote)).is_ok());
}

#[test]
fn ten_signed_values_of_three_thousand_characters_pass_and_no_more() {
    let values = |count: usize, length: usize| {
        let one = json!({"SignedMeteringValue": "ä".repeat(length), "MeteringStatus": "Progress"});
        with(cdr(), "SignedMeteringValues", Value::Array(vec![one; count]))
    };
    assert_eq!(parse_cdr(&values(10, 3000)).unwrap().facts().signed_values, 10);
    assert!(refused(&values(11, 1))[0].starts_with("/SignedMeteringValues: 11 "));
    let said = refused(&values(2, 3001));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].starts_with("/SignedMeteringValues/1/SignedMeteringValue: "), "{said:?}");
    let status = json!([{"SignedMeteringValue": "x", "MeteringStatus": "Middle"}]);
    let said = refused(&with(cdr(), "SignedMeteringValues", status));
    assert!(said[0].starts_with("/SignedMeteringValues/0/MeteringStatus: "), "{said:?}");
    let none = with(cdr(), "SignedMeteringValues", json!([null, {"SignedMeteringValue": null}]));
    assert!(parse_cdr(&none).is_ok());
}

#[test]
fn a_session_that_ends_in_the_future_is_refused_but_clocks_may_differ_by_five_minutes() {
    let record = parse_cdr(&cdr()).unwrap();
    let end: Timestamp = "2025-06-01T09:30:00+02:00".parse().unwrap();
    assert!(record.check_at(end - SignedDuration::from_mins(5)).is_ok());
    let rejected = record.check_at(end - SignedDuration::from_secs(301)).unwrap_err();
    assert!(violations(&rejected)[0].starts_with("/SessionEnd: "));
    assert_eq!(rejected.session_id, Some(record.session_id()));
}

#[test]
fn a_pin_in_a_record_is_a_finding_and_never_printed() {
    let code = json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C12345678-X", "PIN": "8642"}});
    let record = parse_cdr(&with(cdr(), "Identification", code)).unwrap();
    assert!(
        record.has_pin() && record.findings().iter().any(|finding| finding.code == "pin-in-notification")
    );
    assert!(!format!("{record:?}").contains("8642"));
}

fn wanted(body: &Value) -> Result<GetChargeDetailRecords, Vec<String>> {
    let body = Bytes::from(body.to_string());
    GetChargeDetailRecords::parse(&body).map_err(|rejected| violations(&rejected))
}

#[test]
fn a_filter_is_one_value_or_many_and_the_misspelt_one_counts() {
    let one = wanted(&with(get_cdrs(), "SessionID", json!(support::SESSION))).unwrap();
    assert_eq!((one.sessions.len(), one.operators.len(), one.forwarded), (1, 1, Some(false)));
    let many = with(get_cdrs(), "OperatorID", json!(["DE*ABC", null, "+49*810"]));
    assert_eq!(wanted(&many).unwrap().operators.len(), 2);
    let misspelt = with(with(get_cdrs(), "CDRForwarded", None), "CDRForwarder", json!("true"));
    assert_eq!(wanted(&misspelt).unwrap().forwarded, Some(true));
    let bare = json!({"ProviderID": "DE-DCB", "From": "2025-06-01T00:00:00Z", "To": "2025-06-01T00:00:00Z"});
    let bare = wanted(&bare).unwrap();
    assert!(bare.sessions.is_empty() && bare.operators.is_empty() && bare.forwarded.is_none());
}

#[test]
fn a_window_that_ends_before_it_begins_and_a_broken_filter_are_named() {
    let backwards = with(get_cdrs(), "To", json!("2025-05-31T23:59:59Z"));
    assert!(wanted(&backwards).unwrap_err()[0].starts_with("/From: "));
    let broken = with(get_cdrs(), "OperatorID", json!(["DE*ABC", "nonsense"]));
    assert!(wanted(&broken).unwrap_err()[0].starts_with("/OperatorID/1: "));
    assert!(
        wanted(&with(get_cdrs(), "CDRForwarded", json!(1))).unwrap_err()[0].starts_with("/CDRForwarded: ")
    );
    let endless = with(get_cdrs(), "SessionID", Value::Array(vec![json!(support::SESSION); 1001]));
    assert!(wanted(&endless).unwrap_err()[0].starts_with("/SessionID: "));
}

proptest! {
    #[test]
    fn whatever_stands_beside_the_known_members_is_kept(
        name in "[a-z]{1,12}", value in "[ -!#-\\[\\]-~]{0,40}", exponent in -9_i32..9,
    ) {
        let extra = format!("{{\"x-{name}\" : \"{value}\", \"x-number\":1.50e{exponent}, ");
        let text = cdr().to_string().replacen('{', &extra, 1);
        let record = ChargeDetailRecord::parse(Bytes::from(text.clone())).unwrap();
        prop_assert_eq!(record.body(), text.as_bytes());
    }

    #[test]
    fn energy_is_accepted_exactly_from_nothing_to_a_thousand(watt_hours in -2_000_i64..1_002_000) {
        let energy = format!("{}{}.{:03}", if watt_hours < 0 { "-" } else { "" }, watt_hours.abs() / 1000, watt_hours.abs() % 1000);
        let body = with(cdr(), "ConsumedEnergy", json!(energy));
        prop_assert_eq!(parse_cdr(&body).is_ok(), (0..=1_000_000).contains(&watt_hours));
    }
}
