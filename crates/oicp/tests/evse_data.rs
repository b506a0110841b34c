//! Uploads of charging spots: every record judged in full, its bytes kept, its facts read.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::Rejected;
use oicp::evse::{
    Accessibility, ActionType, AuthenticationMode, CalibrationLawDataAvailability, DynamicInfoAvailable,
    EvseRecord, PushEvseData,
};
use oicp::geo::GeoPoint;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{evse, push_evse_data, violations, with};

fn parse(body: &Value) -> Result<PushEvseData, Rejected> {
    PushEvseData::parse(Bytes::from(body.to_string()))
}

/// What is wrong with one record: pointers from the record on.
fn wrong(record: Value) -> Vec<String> {
    let Err(rejected) = parse(&push_evse_data(&[evse(), record])) else { return Vec::new() };
    assert_eq!(rejected.operator_id.unwrap().key(), "DEABC");
    let root = PushEvseData::pointer(1);
    rejected.violations.iter().map(|one| one.pointer.strip_prefix(&root).unwrap().to_owned()).collect()
}

/// What is odd about one record: code and pointer from the record on.
fn odd(record: Value) -> Vec<String> {
    let push = parse(&push_evse_data(&[evse(), record])).unwrap_or_else(|rejected| panic!("{rejected}"));
    let root = PushEvseData::pointer(1);
    let found = push.findings().iter();
    found.map(|one| format!("{} {}", one.code, one.pointer.strip_prefix(&root).unwrap())).collect()
}

/// `record` with the value at a pointer replaced.
fn at(pointer: &str, value: Value) -> Value {
    let mut record = evse();
    *record.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    record
}

#[test]
fn reads_a_record_with_everything_and_one_with_the_least() {
    let least = [
        "ChargingPoolID",
        "ChargingStationID",
        "HardwareManufacturer",
        "ChargingStationImage",
        "SubOperatorName",
        "DynamicPowerLevel",
        "EnergySource",
        "EnvironmentalImpact",
        "MaxCapacity",
        "AccessibilityLocation",
        "AdditionalInfo",
        "ChargingStationLocationReference",
        "GeoChargingPointEntrance",
        "OpeningTimes",
        "HubOperatorID",
        "ClearinghouseID",
    ];
    let least =
        least.iter().fold(at("/IsOpen24Hours", json!(true)), |record, name| with(record, name, Value::Null));
    let push = parse(&push_evse_data(&[evse(), least])).unwrap();
    assert_eq!((push.action(), push.len(), push.empties()), (ActionType::FullLoad, 2, false));
    assert_eq!((push.operator_id().key(), push.operator_name()), ("DEABC", "ABC"));
    assert!(push.findings().is_empty(), "{:?}", push.findings());

    let records: Vec<_> = push.records().collect();
    assert_eq!(records[0].bytes(), evse().to_string().as_bytes());
    let facts = records[0].facts();
    assert_eq!((facts.evse_id.key(), facts.owner().key()), ("DEABCE00012", "DEABC"));
    assert_eq!((facts.country.as_str(), facts.hub_operator_id.unwrap().key()), ("DEU", "DEABC"));
    assert_eq!(facts.position, GeoPoint::from_e7(509_383_610, 69_599_740).unwrap());
    let modes: Vec<_> = facts.authentication_modes.iter().collect();
    assert_eq!(modes, [AuthenticationMode::NfcRfidClassic, AuthenticationMode::Remote]);
    assert_eq!(facts.accessibility, Accessibility::RestrictedAccess);
    assert_eq!(facts.calibration_law, CalibrationLawDataAvailability::External);
    assert_eq!(facts.dynamic_info, DynamicInfoAvailable::Auto);
    assert!(facts.renewable_energy && facts.hubject_compatible && !facts.open_24_hours);
    let least = records[1].facts();
    assert!(least.open_24_hours && least.hub_operator_id.is_none());

    let again = EvseRecord::read(records[0].bytes().clone()).unwrap();
    assert_eq!(again.facts(), facts);
    assert!(EvseRecord::read(Bytes::from_static(b"[]")).is_err());
    let wrong = EvseRecord::read(Bytes::from_static(b"{\"EvseID\":\"x\"}")).unwrap_err();
    assert!(wrong.violations.len() > 10 && wrong.violations.iter().any(|one| one.pointer == "/EvseID"));
}

#[test]
fn what_is_missing_is_named_where_it_is_missing() {
    let mandatory = [
        "EvseID",
        "ChargingStationNames",
        "Address",
        "GeoCoordinates",
        "Plugs",
        "ChargingFacilities",
        "RenewableEnergy",
        "CalibrationLawDataAvailability",
        "AuthenticationModes",
        "PaymentOptions",
        "ValueAddedServices",
        "Accessibility",
        "HotlinePhoneNumber",
        "IsOpen24Hours",
        "IsHubjectCompatible",
        "DynamicInfoAvailable",
    ];
    for name in mandatory {
        assert_eq!(wrong(with(evse(), name, None)), [format!("/{name}")]);
        assert_eq!(wrong(with(evse(), name, json!(null))), [format!("/{name}")]);
    }
    let everything = wrong(json!({}));
    assert_eq!(everything.len(), mandatory.len());
    let members: usize = evse().as_object().unwrap().len();
    assert!(members >= mandatory.len() + 16, "{members} members of the whole record are tested");
    for pointer in [
        "/Address/Country",
        "/Address/City",
        "/Address/Street",
        "/Address/PostalCode",
        "/Address/HouseNum",
        "/ChargingStationNames/1/lang",
        "/ChargingStationNames/1/value",
        "/ChargingFacilities/0/PowerType",
        "/ChargingFacilities/0/Power",
        "/OpeningTimes/0/Period",
        "/OpeningTimes/0/on",
        "/OpeningTimes/0/Period/0/begin",
        "/OpeningTimes/0/Period/0/end",
        "/GeoCoordinates/Google/Coordinates",
        "/GeoChargingPointEntrance/DecimalDegree/Latitude",
    ] {
        assert_eq!(wrong(at(pointer, json!(null))), [pointer]);
    }
    let said = violations(
        &parse(&push_evse_data(&[with(with(evse(), "EvseID", None), "EVSE_Id", json!("x"))])).unwrap_err(),
    );
    assert_eq!(
        said,
        [
            "/OperatorEvseData/EvseDataRecord/0/EvseID: EvseID is missing; there is \"EVSE_Id\": did you mean EvseID?"
        ]
    );
}

#[test]
fn lengths_words_and_forms_are_held() {
    for (pointer, bad) in [
        ("/EvseID", json!("ABC")),
        ("/ChargingPoolID", json!("DE*ABC*X1")),
        ("/ChargingStationID", json!("x".repeat(51))),
        ("/HardwareManufacturer", json!("x".repeat(51))),
        ("/ChargingStationImage", json!("x".repeat(201))),
        ("/SubOperatorName", json!("ä".repeat(101))),
        ("/ClearinghouseID", json!("x".repeat(21))),
        ("/ChargingStationNames/0/value", json!("x".repeat(151))),
        ("/ChargingStationNames/0/lang", json!("German")),
        ("/ChargingStationNames/0", json!("Am Hafen")),
        ("/ChargingStationNames", json!({"lang": "en", "value": "x"})),
        ("/AdditionalInfo/0/lang", json!("")),
        ("/ChargingStationLocationReference/0/value", json!(7)),
        ("/Address", json!("Köln")),
        ("/Address/Country", json!("DE")),
        ("/Address/City", json!("")),
        ("/Address/City", json!("x".repeat(51))),
        ("/Address/Street", json!("x")),
        ("/Address/Street", json!("x".repeat(101))),
        ("/Address/PostalCode", json!("x".repeat(11))),
        ("/Address/HouseNum", json!("x".repeat(11))),
        ("/Address/Floor", json!("x".repeat(6))),
        ("/Address/Region", json!("x".repeat(51))),
        ("/Address/ParkingSpot", json!("x".repeat(6))),
        ("/Address/ParkingFacility", json!("yes")),
        ("/Address/TimeZone", json!("UTC,01:00")),
        ("/GeoCoordinates/Google/Coordinates", json!("50.9")),
        ("/GeoChargingPointEntrance/DecimalDegree/Latitude", json!("91.0")),
        ("/Plugs/0", json!("Unspecified")),
        ("/Plugs/1", json!("Schuko")),
        ("/Plugs/1", json!(null)),
        ("/Plugs", json!("CHAdeMO")),
        ("/ChargingFacilities/0/PowerType", json!("AC")),
        ("/ChargingFacilities/0/Voltage", json!(1000)),
        ("/ChargingFacilities/0/Amperage", json!(10_000)),
        ("/ChargingFacilities/0/Amperage", json!(12.5)),
        ("/ChargingFacilities/0/Power", json!(-1)),
        ("/ChargingFacilities/0/Power", json!("22 kW")),
        ("/ChargingFacilities/0/ChargingModes/0", json!("Mode_5")),
        ("/RenewableEnergy", json!("true")),
        ("/DynamicPowerLevel", json!(1)),
        ("/EnergySource/0/Energy", json!("Peat")),
        ("/EnergySource/0/Percentage", json!(101)),
        ("/EnergySource/0/Percentage", json!(0.5)),
        ("/EnvironmentalImpact/CO2Emission", json!(100_000)),
        ("/EnvironmentalImpact", json!([])),
        ("/CalibrationLawDataAvailability", json!("NotAvailable")),
        ("/AuthenticationModes/1", json!("Remote")),
        ("/MaxCapacity", json!(1.5)),
        ("/MaxCapacity", json!(-1)),
        ("/ValueAddedServices/0", json!("reservation")),
        ("/Accessibility", json!("Unspecified")),
        ("/AccessibilityLocation", json!("Street")),
        ("/HotlinePhoneNumber", json!("0221/12345")),
        ("/OpeningTimes/0/on", json!("Mondays")),
        ("/OpeningTimes/0/Period/0/begin", json!("8:00")),
        ("/OpeningTimes/0/Period", json!({"begin": "08:00", "end": "20:00"})),
        ("/HubOperatorID", json!("ABC")),
        ("/IsHubjectCompatible", json!("false")),
        ("/DynamicInfoAvailable", json!(true)),
        ("/DynamicInfoAvailable", json!("TRUE")),
    ] {
        assert_eq!(wrong(at(pointer, bad.clone())), [pointer], "{bad}");
    }
    for (pointer, good) in [
        ("/SubOperatorName", json!("ä".repeat(100))),
        ("/Address/Country", json!("deu")),
        ("/Address/PostalCode", json!("")),
        ("/Plugs", json!([])),
        ("/EnergySource", json!([{}])),
        ("/ChargingFacilities/0", json!({"PowerType": "DC", "Power": 999})),
        ("/OpeningTimes/0/Period/0/end", json!("24:00")),
    ] {
        assert!(
            wrong(at(pointer, good.clone())).is_empty() && odd(at(pointer, good.clone())).is_empty(),
            "{good}"
        );
    }
}

#[test]
fn exactly_one_form_of_coordinates() {
    let both = json!({"Google": {"Coordinates": "1.0 2.0"}, "DecimalDegree": {"Latitude": "1.0", "Longitude": "2.0"}});
    for bad in
        [json!({}), both.clone(), json!({"Google": null}), json!({"google": {"Coordinates": "1.0 2.0"}})]
    {
        assert_eq!(wrong(at("/GeoCoordinates", bad)), ["/GeoCoordinates"]);
    }
    assert_eq!(wrong(at("/GeoChargingPointEntrance", both)), ["/GeoChargingPointEntrance"]);
    let one = json!({"Google": null, "DecimalDegree": null,
        "DegreeMinuteSeconds": {"Latitude": "1°0'0.0''", "Longitude": "-2°30' 0.0''"}});
    let push = parse(&push_evse_data(&[at("/GeoCoordinates", one)])).unwrap();
    assert_eq!(push.facts().next().unwrap().position, GeoPoint::from_e7(10_000_000, -25_000_000).unwrap());
}

#[test]
fn opening_times_are_needed_where_a_spot_closes_and_no_payment_stands_alone() {
    for none in [json!(null), json!([])] {
        assert_eq!(wrong(with(evse(), "OpeningTimes", none.clone())), ["/OpeningTimes"]);
        assert!(wrong(with(at("/IsOpen24Hours", json!(true)), "OpeningTimes", none)).is_empty());
    }
    assert_eq!(wrong(at("/PaymentOptions", json!(["No Payment", "Direct"]))), ["/PaymentOptions"]);
    for good in [json!(["No Payment"]), json!(["No Payment", "No Payment"]), json!([])] {
        assert!(wrong(at("/PaymentOptions", good)).is_empty());
    }
}

#[test]
fn the_limits_that_hardware_has_outgrown_are_findings() {
    for (pointer, value) in [
        ("/ChargingFacilities/0/Amperage", json!(125)),
        ("/ChargingFacilities/0/Amperage", json!(9999)),
        ("/ChargingFacilities/0/Power", json!(3.7)),
        ("/ChargingFacilities/0/Power", json!(1000)),
        ("/EnergySource/0/Percentage", json!(100)),
    ] {
        assert_eq!(odd(at(pointer, value)), [format!("beyond-published-limit {pointer}")]);
    }
    assert_eq!(
        odd(at("/OpeningTimes/0/Period/0/end", json!("24:01"))),
        ["no-such-time-of-day /OpeningTimes/0/Period/0/end"]
    );
    assert_eq!(
        odd(at("/ChargingFacilities/0/Voltage", json!("400"))),
        ["number-as-string /ChargingFacilities/0/Voltage"]
    );
    assert_eq!(odd(with(evse(), "MAXCAPACITY", json!(1))), ["member-spelling /MaxCapacity"]);
}

#[test]
fn members_of_the_published_misspellings_are_read() {
    let mut record = evse();
    let members = record.as_object_mut().unwrap();
    let id = members.remove("ChargingStationID").unwrap();
    members.insert("ChargingStationId".to_owned(), id);
    record["GeoCoordinates"] = json!({"Google": {"Coordinatea": "50.938361 6.959974"}});
    record["OpeningTimes"] = json!([{"Periods": [{"begin": "08:00", "end": "20:00"}], "On": "Weekend"}]);
    record["ChargingFacilities"] = json!([{"PowerType": "DC", "Power": 50, "Charging Modes": ["CHAdeMO"]}]);
    // The hub's own, which a sender may leave anything in.
    record["OperatorId"] = json!(7);
    record["deltaType"] = json!("none");
    record["lastUpdate"] = json!(["yesterday"]);
    let mut push = push_evse_data(&[record.clone()]);
    let operator = push["OperatorEvseData"].as_object_mut().unwrap().remove("OperatorID").unwrap();
    push["OperatorEvseData"]["OperatorId"] = operator;
    let push = parse(&push).unwrap();
    assert_eq!((push.operator_id().key(), push.findings()), ("DEABC", &[][..]));

    // What is read is also judged.
    for (pointer, bad, usual) in [
        ("/ChargingStationId", json!("x".repeat(51)), "/ChargingStationID"),
        ("/OpeningTimes/0/On", json!("x"), "/OpeningTimes/0/on"),
        ("/OpeningTimes/0/Periods", json!(7), "/OpeningTimes/0/Period"),
        ("/ChargingFacilities/0/Charging Modes", json!(["x"]), "/ChargingFacilities/0/ChargingModes/0"),
        ("/GeoCoordinates/Google/Coordinatea", json!("x"), "/GeoCoordinates/Google/Coordinates"),
    ] {
        let mut record = record.clone();
        *record.pointer_mut(pointer).unwrap() = bad;
        assert_eq!(wrong(record), [usual]);
    }
    // Both spellings at once are one member twice.
    assert_eq!(wrong(with(evse(), "ChargingStationId", json!("S 2"))), ["/ChargingStationID"]);
}

#[test]
fn members_that_occur_twice_are_refused_wherever_they_are() {
    let text = push_evse_data(&[evse()]).to_string();
    for (from, to, pointer) in [
        ("\"MaxCapacity\":50", "\"MaxCapacity\":50,\"MaxCapacity\":50", "/EvseDataRecord/0/MaxCapacity"),
        ("\"City\":", "\"City\":\"x\",\"City\":", "/EvseDataRecord/0/Address/City"),
        ("\"OperatorName\":", "\"OperatorName\":\"x\",\"OperatorName\":", "/OperatorName"),
        ("\"EvseDataRecord\":", "\"EvseDataRecord\":[],\"EvseDataRecord\":", "/EvseDataRecord"),
        ("\"OperatorEvseData\":", "\"OperatorEvseData\":null,\"OperatorEvseData\":", ""),
    ] {
        assert!(text.contains(from));
        let rejected = PushEvseData::parse(Bytes::from(text.replace(from, to))).unwrap_err();
        let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("/OperatorEvseData{pointer}")]);
    }
}

#[test]
fn what_surrounds_the_records_is_judged_too() {
    let data = |data: Value| json!({"ActionType": "insert", "OperatorEvseData": data});
    for (body, expected) in [
        (json!({}), &["/ActionType", "/OperatorEvseData"][..]),
        (json!({"ActionType": "FullLoad", "OperatorEvseData": []}), &["/OperatorEvseData", "/ActionType"]),
        (
            data(json!({})),
            &[
                "/OperatorEvseData/EvseDataRecord",
                "/OperatorEvseData/OperatorID",
                "/OperatorEvseData/OperatorName",
            ],
        ),
        (
            data(json!({"OperatorID": "ABC", "OperatorName": "x".repeat(101), "EvseDataRecord": {}})),
            &[
                "/OperatorEvseData/EvseDataRecord",
                "/OperatorEvseData/OperatorID",
                "/OperatorEvseData/OperatorName",
            ],
        ),
        (
            data(
                json!({"OperatorID": "DE*ABC", "OperatorName": "x", "EvseDataRecord": [7, [], null, evse()]}),
            ),
            &[
                "/OperatorEvseData/EvseDataRecord/0",
                "/OperatorEvseData/EvseDataRecord/1",
                "/OperatorEvseData/EvseDataRecord/2",
            ],
        ),
    ] {
        let rejected = parse(&body).unwrap_err();
        let mut pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        let mut expected = expected.to_vec();
        pointers.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pointers, expected, "{body}");
    }
    // A message that breaks off is refused as a whole, whatever was wrong before.
    let half = push_evse_data(&[json!({}), evse()]).to_string();
    let rejected = PushEvseData::parse(Bytes::from(half[..half.len() - 3].to_owned())).unwrap_err();
    assert_eq!(rejected.violations.len(), 1);
    assert!(rejected.to_string().contains("not valid JSON"), "{rejected}");
}

#[test]
fn a_full_load_of_nothing_is_told_apart() {
    let push = |action: &str| parse(&with(push_evse_data(&[]), "ActionType", json!(action))).unwrap();
    assert!(push("fullLoad").empties() && push("fullLoad").is_empty());
    assert!(!push("update").empties() && !push("delete").empties());
}

#[test]
fn spots_that_occur_twice_are_listed_whatever_their_spelling() {
    let ids = ["DE*ABC*E1", "DE*ABC*E2", "deabce1", "DE*ABC*E3", "DEABCE1"];
    let records: Vec<_> = ids.iter().map(|id| with(evse(), "EvseID", json!(id))).collect();
    let push = parse(&push_evse_data(&records)).unwrap();
    let found: Vec<_> =
        push.repeated().iter().map(|one| (one.first, one.index, one.key.key().to_owned())).collect();
    assert_eq!(found, [(0, 2, "DEABCE1".to_owned()), (0, 4, "DEABCE1".to_owned())]);
    assert!(parse(&push_evse_data(&records[..2])).unwrap().repeated().is_empty());
}

#[test]
fn many_bad_records_are_counted_and_not_all_repeated() {
    let records = vec![json!({}); 2000];
    let rejected = parse(&push_evse_data(&records)).unwrap_err();
    assert_eq!(rejected.violations.len(), 100);
    assert_eq!(rejected.violations.len() + rejected.violations.truncated(), 16 * 2000);
    let odd = vec![at("/ChargingFacilities/0/Power", json!(3.7)); 300];
    assert_eq!(parse(&push_evse_data(&odd)).unwrap().findings().len(), 100);
}

proptest! {
    #[test]
    fn as_many_records_as_went_in_come_out_with_their_bytes(numbers in proptest::collection::vec(0_u16..500, 0..25)) {
        let records: Vec<_> = numbers
            .iter()
            .map(|number| with(with(evse(), "EvseID", json!(format!("DE*ABC*E{number}"))), "x", json!([number, "é"])))
            .collect();
        let push = parse(&push_evse_data(&records)).unwrap();
        prop_assert_eq!(push.len(), records.len());
        for (found, sent) in push.records().zip(&records) {
            prop_assert_eq!(&serde_json::from_slice::<Value>(found.bytes()).unwrap(), sent);
            prop_assert_eq!(found.facts().evse_id.as_str(), sent["EvseID"].as_str().unwrap());
        }
        let distinct: std::collections::HashSet<_> = numbers.iter().collect();
        prop_assert_eq!(push.repeated().len(), numbers.len() - distinct.len());
    }
}
