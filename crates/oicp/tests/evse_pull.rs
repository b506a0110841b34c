//! Downloads of charging spots: the questions, and the records and pages of the answers.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, DeltaType, DynamicInfoAvailable,
    EvsePage, EvseRecord, NoRecord, PullEvseData, Pulled, PushEvseData, Selection,
};
use oicp::geo::{GeoFormat, GeoPoint};
use oicp::words::Word;
use oicp::{OperatorId, Rejected};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::{evse, pull_evse_data, push_evse_data, violations, with};

fn parse(body: &Value) -> Result<PushEvseData, Rejected> {
    PushEvseData::parse(Bytes::from(body.to_string()))
}

fn pull(body: &Value) -> Result<PullEvseData, Rejected> {
    PullEvseData::parse(&Bytes::from(body.to_string()))
}

#[test]
fn a_question_with_everything_and_one_with_the_least() {
    let wanted = pull(&pull_evse_data()).unwrap();
    assert_eq!((wanted.provider_id.key(), wanted.format), ("DEDCB", GeoFormat::DecimalDegree));
    let Selection::Now { center: Some(center), countries, operators } = &wanted.selection else {
        panic!("now")
    };
    assert_eq!(center.radius.metres(), 25_500);
    assert_eq!(countries.iter().map(|country| country.as_str()).collect::<Vec<_>>(), ["DEU", "FRA"]);
    assert_eq!(operators.iter().map(OperatorId::key).collect::<Vec<_>>(), ["49*810", "DEABC"]);
    assert_eq!((wanted.renewable_energy, wanted.open_24_hours), (Some(true), Some(false)));

    let push = parse(&push_evse_data(&[evse()])).unwrap();
    let facts = *push.facts().next().unwrap();
    let abc = OperatorId::parse("DE*ABC").unwrap();
    assert!(wanted.wants(&facts, &abc));
    for (name, other) in [
        ("SearchCenter", json!({"GeoCoordinates": {"Google": {"Coordinates": "51.9 6.9"}}, "Radius": 25.5})),
        ("CountryCodes", json!(["FRA"])),
        ("OperatorIds", json!("DE*XYZ")),
        ("AuthenticationModes", json!(["PnC"])),
        ("Accessibility", json!(["Test Station", "Free publicly accessible"])),
        ("CalibrationLawDataAvailability", json!("Local")),
        ("RenewableEnergy", json!(false)),
        ("IsHubjectCompatible", json!(false)),
        ("IsOpen24Hours", json!(true)),
    ] {
        let wanted = pull(&with(pull_evse_data(), name, other)).unwrap();
        assert!(!wanted.wants(&facts, &abc), "{name}");
        let wanted = pull(&with(pull_evse_data(), name, json!(null))).unwrap();
        assert!(wanted.wants(&facts, &abc), "{name}");
    }
    // Whoever uploaded it, the owner counts too.
    let bundler = OperatorId::parse("DE*XYZ").unwrap();
    assert!(wanted.wants(&facts, &bundler));
    let of_bundler = pull(&with(pull_evse_data(), "OperatorIds", json!(["DE*XYZ"]))).unwrap();
    assert!(of_bundler.wants(&facts, &bundler));

    let least = pull(&json!({"ProviderID": "DE*DCB", "GeoCoordinatesResponseFormat": "Google"})).unwrap();
    assert!(least.wants(&facts, &abc));
    assert_eq!(
        least.selection,
        Selection::Now { center: None, countries: Vec::new(), operators: Vec::new() }
    );
}

#[test]
fn last_call_stands_without_search_countries_and_operators() {
    let delta = json!({
        "ProviderID": "DE-DCB", "GeoCoordinatesResponseFormat": "Google", "LastCall": "2025-06-01T00:00:00Z",
        "CountryCodes": [], "OperatorIds": null, "RenewableEnergy": true, "AuthenticationModes": ["PnC"],
    });
    let wanted = pull(&delta).unwrap();
    assert!(matches!(wanted.selection, Selection::Since(since) if since.as_str() == "2025-06-01T00:00:00Z"));
    let all = with(pull_evse_data(), "LastCall", json!("2025-06-01T00:00:00Z"));
    let said = violations(&pull(&all).unwrap_err());
    let expected = ["SearchCenter", "CountryCodes", "OperatorIds"]
        .map(|name| format!("/{name}: {name} does not go together with LastCall: send one of the two"));
    assert_eq!(said, expected);
}

#[test]
fn questions_that_cannot_be_answered_are_refused() {
    let center = |center: Value| with(pull_evse_data(), "SearchCenter", center);
    let around =
        |radius: Value| json!({"GeoCoordinates": {"Google": {"Coordinates": "50.9 6.9"}}, "Radius": radius});
    for (body, pointer) in [
        (with(pull_evse_data(), "ProviderID", None), "/ProviderID"),
        (with(pull_evse_data(), "GeoCoordinatesResponseFormat", None), "/GeoCoordinatesResponseFormat"),
        (
            with(pull_evse_data(), "GeoCoordinatesResponseFormat", json!("google")),
            "/GeoCoordinatesResponseFormat",
        ),
        (center(around(json!(0))), "/SearchCenter/Radius"),
        (center(around(json!(-1))), "/SearchCenter/Radius"),
        (center(around(json!(1000))), "/SearchCenter/Radius"),
        (center(around(json!(0.25))), "/SearchCenter/Radius"),
        (center(around(json!(null))), "/SearchCenter/Radius"),
        (center(json!({"Radius": 1})), "/SearchCenter/GeoCoordinates"),
        (center(json!([1, 2])), "/SearchCenter"),
        (with(pull_evse_data(), "CountryCodes", json!(["DEU", "DE"])), "/CountryCodes/1"),
        (with(pull_evse_data(), "OperatorIds", json!(["ABC"])), "/OperatorIds/0"),
        (with(pull_evse_data(), "OperatorIDs", json!([])), "/OperatorIds"),
        (with(pull_evse_data(), "AuthenticationModes", json!(["RFID"])), "/AuthenticationModes/0"),
        (with(pull_evse_data(), "Accessibility", json!(7)), "/Accessibility"),
        (with(pull_evse_data(), "RenewableEnergy", json!("yes")), "/RenewableEnergy"),
        (with(pull_evse_data(), "LastCall", json!("yesterday")), "/LastCall"),
        (with(pull_evse_data(), "CountryCodes", json!(vec!["DEU"; 1001])), "/CountryCodes"),
    ] {
        let rejected = pull(&body).unwrap_err();
        let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        assert!(pointers.contains(&pointer), "{body}: {pointers:?}");
    }
    for radius in [json!(0.1), json!(999.9), json!("5"), json!(5.00)] {
        assert!(pull(&center(around(radius))).is_ok());
    }
}

/// As DE*ABC's, stored at a certain time.
fn pulled(format: GeoFormat) -> Pulled<'static> {
    Pulled {
        delta: None,
        last_update: Timestamp::from_millisecond(1_735_689_600_123).unwrap(),
        operator_id: OperatorId::parse("DE*ABC").unwrap(),
        operator_name: "A \"B\" C",
        format,
        has_status: false,
    }
}

fn written(how: &Pulled<'_>, record: &str) -> String {
    String::from_utf8(how.to_vec(record.as_bytes()).unwrap()).unwrap()
}

const ADDED: &str =
    r#""lastUpdate":"2025-01-01T00:00:00.123Z","OperatorID":"DE*ABC","OperatorName":"A \"B\" C""#;

#[test]
fn what_is_not_the_hubs_stays_byte_for_byte() {
    let record = r#" { "EvseID" :"DE*ABC*E1", "x\u0079":[ 1.50 ,"é"],
        "GeoCoordinates":{ "Google" :{"Coordinates":"50.9 6.9"} }, "Plugs":["CHAdeMO"],"DynamicInfoAvailable":"auto" } "#;
    let kept = record.trim_end().strip_suffix('}').unwrap();
    assert_eq!(written(&pulled(GeoFormat::Google), record), format!("{kept},{ADDED}}} "));
    assert_eq!(
        written(&Pulled { has_status: true, ..pulled(GeoFormat::DecimalDegree) }, record),
        format!("{kept},{ADDED}}} ")
            .replace(
                r#"{ "Google" :{"Coordinates":"50.9 6.9"} }"#,
                r#"{"DecimalDegree":{"Longitude":"6.900000","Latitude":"50.900000"}}"#
            )
            .replace("\"auto\"", "\"true\"")
    );
    for other in ["\"false\"", "\"true\"", "null"] {
        let record = record.replace("\"auto\"", other);
        let has_status = Pulled { has_status: true, ..pulled(GeoFormat::Google) };
        assert_eq!(written(&has_status, &record), written(&pulled(GeoFormat::Google), &record));
    }
}

#[test]
fn what_is_the_hubs_is_replaced_where_the_sender_had_it() {
    let insert = Pulled { delta: Some(DeltaType::Insert), ..pulled(GeoFormat::Google) };
    let record =
        r#"{"lastUpdate":null,"a":1,"OperatorId" : 7,"deltaType":"x","OperatorName":{"b":[2]},"c":3}"#;
    assert_eq!(
        written(&insert, record),
        r#"{"lastUpdate":"2025-01-01T00:00:00.123Z","a":1,"OperatorID" : "DE*ABC","deltaType":"insert","OperatorName":"A \"B\" C","c":3}"#
    );
    assert_eq!(written(&insert, "{}"), format!("{{\"deltaType\":\"insert\",{ADDED}}}"));
    // Without a delta there is no such member, wherever it was.
    for (record, expected) in [
        (r#"{"deltaType":"x"}"#, "{}"),
        (r#"{ "deltaType":"x" , "a":1}"#, r#"{ "a":1,}"#),
        (r#"{"a":1 ,"deltaType":"x" }"#, r#"{"a":1 ,}"#),
        (r#"{"a":1,"deltaType":"x","b":2}"#, r#"{"a":1,"b":2,}"#),
        (r#"{"deltaType":"x","deltaType":"y","a":1}"#, r#"{"a":1,}"#),
        (r#"{"a":1,"deltaType":"x","deltaType":"y","b":2}"#, r#"{"a":1,"b":2,}"#),
        (r#"{"deltaType":"x","a":1,"deltaType":"y"}"#, r#"{"a":1,}"#),
    ] {
        let expected = expected.strip_suffix('}').unwrap().to_owned() + ADDED + "}";
        assert_eq!(written(&pulled(GeoFormat::Google), record), expected, "{record}");
    }
    for no_record in ["", "[]", "7", "{\"a\":", "{} {}"] {
        let mut out = b"before".to_vec();
        assert_eq!(insert.write(no_record.as_bytes(), &mut out), Err(NoRecord));
        assert_eq!(out, b"before");
    }
}

#[test]
fn names_are_spelt_as_the_protocol_has_them() {
    let record = r#"{"ChargingStationId":"S","GeoCoordinates":{"Google":{"Coordinatea":"1.5 2.5"}},
        "GeoChargingPointEntrance":null,
        "OpeningTimes":[{"On":"Monday","Periods":[{"begin":"08:00","end":"09:00","On":1}]},{"Period":[],"\u006fn":"Weekend"}],
        "ChargingFacilities":[{"Charging Modes":["Mode_3"],"Power":1}],
        "Plugs":["CHAdeMO","Unspecified", "Unspecif\u0069ed"],"Address":{"On":1,"Periods":2}}"#;
    let expected = record
        .replace("ChargingStationId", "ChargingStationID")
        .replace(r#"{"Coordinatea":"1.5 2.5"}"#, r#"{"Coordinates":"1.500000 2.500000"}"#)
        .replace(r#"{"On":"Monday","Periods":"#, r#"{"on":"Monday","Period":"#)
        .replace("Charging Modes", "ChargingModes")
        .replace(r#""Unspecified", "Unspecif\u0069ed""#, "null, null");
    let written = written(&pulled(GeoFormat::Google), record);
    assert_eq!(written, format!("{},{ADDED}}}", expected.strip_suffix('}').unwrap()));
}

#[test]
fn both_coordinates_are_converted() {
    let record = evse().to_string();
    for format in GeoFormat::ALL {
        let written: Value = serde_json::from_str(&written(&pulled(*format), &record)).unwrap();
        for (name, google) in
            [("GeoCoordinates", "50.938361 6.959974"), ("GeoChargingPointEntrance", "50.9383 6.9599")]
        {
            let expected = GeoPoint::parse_google(google).unwrap().to_json(*format);
            let found = &written[name];
            let forms: Vec<_> = found.as_object().unwrap().keys().collect();
            assert_eq!(forms, [format.as_str()], "{name}");
            // What is in the right form already stays as it was written.
            let same = *format == GeoFormat::DecimalDegree && name == "GeoChargingPointEntrance";
            assert!(same || *found == serde_json::from_str::<Value>(&expected).unwrap(), "{found}");
        }
        assert_eq!(
            written["GeoChargingPointEntrance"]["DecimalDegree"]["Latitude"] == "50.9383",
            *format == GeoFormat::DecimalDegree
        );
    }
}

#[test]
fn a_page_of_records_is_an_answer() {
    let record = evse().to_string();
    let mut out = EvsePage::HEAD.to_vec();
    for index in 0..3 {
        if index > 0 {
            out.extend_from_slice(EvsePage::BETWEEN);
        }
        pulled(GeoFormat::DegreeMinuteSeconds).write(record.as_bytes(), &mut out).unwrap();
    }
    out.extend_from_slice(&EvsePage { number: 1, size: 3, total: 7, records: 3 }.tail(None));
    let page: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(page["content"].as_array().map(Vec::len), Some(3));
    assert_eq!(page["content"][2]["OperatorID"], "DE*ABC");
    for (name, value) in [
        ("number", json!(1)),
        ("size", json!(3)),
        ("totalElements", json!(7)),
        ("last", json!(false)),
        ("totalPages", json!(3)),
        ("first", json!(false)),
        ("numberOfElements", json!(3)),
    ] {
        assert_eq!(page[name], value, "{name}");
    }
    assert_eq!(page["StatusCode"]["Code"], "000");
}

/// Members that a sender might have, known and unknown.
fn members() -> impl Strategy<Value = Vec<(String, Value)>> {
    let name = prop_oneof![
        select(vec![
            "deltaType",
            "lastUpdate",
            "OperatorID",
            "OperatorName",
            "ChargingStationId",
            "GeoCoordinates",
            "OpeningTimes",
            "Plugs",
            "DynamicInfoAvailable",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z\"\\\\é]{0,6}",
    ];
    let value = select(vec![
        json!(null),
        json!("auto"),
        json!("Unspecified"),
        json!([]),
        json!({}),
        json!(["Unspecified"]),
        json!([{"On": 1, "Periods": 2}]),
        json!({"Google": {"Coordinates": "1.0 -2.000001"}}),
        json!([{"on": []}, 7]),
    ]);
    proptest::collection::vec((name, value), 0..9)
}

proptest! {
    #[test]
    fn whatever_the_sender_has_the_answer_is_one_object_with_the_hubs_members(
        members in members(),
        delta in select(vec![None, Some(DeltaType::Delete)]),
        format in select(GeoFormat::ALL),
    ) {
        let text: Vec<_> = members.iter().map(|(name, value)| format!("{} : {value}", json!(name))).collect();
        let text = format!("{{ {} }}", text.join(" , "));
        let how = Pulled { delta, has_status: true, ..pulled(format) };
        let out = written(&how, &text);
        let object: serde_json::Map<String, Value> = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(&object["lastUpdate"], "2025-01-01T00:00:00.123Z");
        prop_assert_eq!(&object["OperatorID"], "DE*ABC");
        prop_assert_eq!(&object["OperatorName"], "A \"B\" C");
        prop_assert_eq!(object.get("deltaType").cloned(), delta.map(|_| json!("delete")));
        prop_assert!(!object.contains_key("ChargingStationId"));
        // Once written, nothing is left to change.
        prop_assert_eq!(written(&how, &out), out);
    }

    #[test]
    fn coordinates_survive_every_detour(
        latitude in -900_000_000..=900_000_000_i32,
        longitude in -1_800_000_000..=1_800_000_000_i32,
        detour in proptest::collection::vec(select(GeoFormat::ALL), 0..5),
    ) {
        // To 10⁻⁶ degrees, as many as decimals may have.
        let point = GeoPoint::from_e7(latitude / 10 * 10, longitude / 10 * 10).unwrap();
        let mut record = with(evse(), "GeoCoordinates", serde_json::from_str::<Value>(&point.to_json(GeoFormat::Google)).unwrap()).to_string();
        for format in detour {
            record = written(&pulled(format), &record);
            prop_assert_eq!(EvseRecord::read(Bytes::from(record.clone())).unwrap().facts().position, point);
        }
    }
}

#[test]
fn words_are_those_of_the_protocol() {
    fn all<W: Word>() -> Vec<&'static str> {
        W::ALL.iter().map(|word| word.as_str()).collect()
    }
    assert_eq!(all::<GeoFormat>(), ["Google", "DegreeMinuteSeconds", "DecimalDegree"]);
    assert_eq!(all::<DynamicInfoAvailable>(), ["true", "false", "auto"]);
    assert_eq!(all::<CalibrationLawDataAvailability>(), ["Local", "External", "Not Available"]);
    assert_eq!(all::<AuthenticationMode>().len(), 6);
    assert_eq!(all::<Accessibility>().len(), 4);
}
