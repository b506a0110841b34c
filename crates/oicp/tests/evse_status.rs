//! States of charging spots: uploads, the three questions, both forms of answers.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::evse_status::{
    ActionType, EvseStatus, EvseStatusRecord, PullEvseStatus, PushEvseStatus, StatusAnswer, StatusByIdAnswer,
    Wanted,
};
use oicp::geo::GeoPoint;
use oicp::status::{Code, Status};
use oicp::words::Word;
use oicp::{EvseId, OperatorId, Rejected};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{pull_evse_status, push_evse_status, violations, with};

fn parse(body: &Value) -> Result<PushEvseStatus, Rejected> {
    PushEvseStatus::parse(Bytes::from(body.to_string()))
}

fn push_of(records: Value) -> Value {
    json!({"ActionType": "fullLoad", "OperatorEvseStatus": {"OperatorID": "DE*ABC", "EvseStatusRecord": records}})
}

#[test]
fn reads_an_upload_and_its_records() {
    let push = parse(&push_evse_status()).unwrap();
    assert_eq!((push.action(), push.len(), push.is_empty()), (ActionType::Update, 2, false));
    assert_eq!((push.operator_id().key(), push.operator_name()), ("DEABC", Some("ABC")));
    let records: Vec<_> =
        push.records().map(|record| (record.evse_id.key().to_owned(), record.status)).collect();
    assert_eq!(
        records,
        [
            ("DEABCE00012".to_owned(), EvseStatus::Available),
            ("DEABCE00013".to_owned(), EvseStatus::OutOfService),
        ]
    );
    let nothing = parse(&push_of(json!([]))).unwrap();
    assert!(nothing.is_empty() && nothing.operator_name().is_none() && nothing.records().next().is_none());
}

#[test]
fn every_state_but_that_of_the_hub_can_be_uploaded() {
    for status in EvseStatus::ALL {
        let one = json!([{"EvseID": "DE*ABC*E1", "EvseStatus": status.as_str(), "x": 1}]);
        match parse(&push_of(one)) {
            Ok(push) => assert_eq!(push.records().next().unwrap().status, *status),
            Err(rejected) => {
                assert_eq!(*status, EvseStatus::EvseNotFound);
                assert!(violations(&rejected)[0].contains("is what the hub answers"), "{rejected}");
            }
        }
    }
}

#[test]
fn every_record_is_judged() {
    let records = json!([
        {"EvseID": "ABC", "EvseStatus": "Available"},
        {"EvseID": "DE*ABC*E1", "EvseStatus": "available"},
        {"EvseStatus": null},
        "DE*ABC*E1",
    ]);
    let rejected = parse(&push_of(records)).unwrap_err();
    let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
    let root = |rest: &str| format!("/OperatorEvseStatus/EvseStatusRecord/{rest}");
    assert_eq!(pointers, ["0/EvseID", "1/EvseStatus", "2/EvseID", "2/EvseStatus", "3"].map(root));
    assert_eq!(rejected.operator_id.unwrap().key(), "DEABC");
    let long = with(
        push_of(json!([])),
        "OperatorEvseStatus",
        json!({"OperatorID": "DE*ABC", "OperatorName": "x".repeat(101), "EvseStatusRecord": []}),
    );
    assert!(parse(&long).is_err());
}

#[test]
fn spots_that_occur_twice_are_listed() {
    let one = |id: &str, status: &str| json!({"EvseID": id, "EvseStatus": status});
    let push = parse(&push_of(json!([
        one("DE*ABC*E1", "Available"),
        one("DE*ABC*E2", "Available"),
        one("DEABCE1", "Occupied")
    ])))
    .unwrap();
    let found: Vec<_> = push.repeated().iter().map(|one| (one.first, one.index)).collect();
    assert_eq!(found, [(0, 2)]);
}

type Read = fn(&Bytes) -> Result<PullEvseStatus, Rejected>;

fn ask(read: Read, body: &Value) -> Result<PullEvseStatus, Rejected> {
    read(&Bytes::from(body.to_string()))
}

#[test]
fn the_question_about_all_may_be_filtered() {
    let wanted = ask(PullEvseStatus::parse, &pull_evse_status()).unwrap();
    assert_eq!(wanted.provider_id.key(), "DEDCB");
    let (evse, abc) = (EvseId::parse("DE*ABC*E1").unwrap(), OperatorId::parse("DE*ABC").unwrap());
    let (near, far) = (GeoPoint::parse_google("50.938 6.959"), GeoPoint::parse_google("50.938 6.999"));
    let is = |status, point: Option<GeoPoint>| wanted.wants(evse, status, &abc, point);
    assert!(is(EvseStatus::Available, near.ok()));
    assert!(!is(EvseStatus::Occupied, near.ok()) && !is(EvseStatus::Available, far.ok()));
    assert!(!is(EvseStatus::Available, None));
    for least in [json!({"ProviderID": "DE-DCB"}), json!({"ProviderID": "DE-DCB", "EVSEStatus": null})] {
        let wanted = ask(PullEvseStatus::parse, &least).unwrap();
        assert_eq!(wanted.wanted, Wanted::All { center: None, status: None });
        assert!(wanted.wants(evse, EvseStatus::Unknown, &abc, None));
    }
    let upper = json!({"ProviderID": "DE-DCB", "EVSEStatus": "Reserved"});
    let wanted = ask(PullEvseStatus::parse, &upper).unwrap();
    assert_eq!(wanted.wanted, Wanted::All { center: None, status: Some(EvseStatus::Reserved) });
}

#[test]
fn lists_are_read_on_the_shared_path_and_on_their_own() {
    let spots = json!({"ProviderID": "DE-DCB", "EvseID": ["DE*ABC*E1", "+49*810*1"]});
    let operators = json!({"ProviderID": "DE-DCB", "OperatorID": ["DE*ABC", "+49*810"]});
    let (one, other) = (EvseId::parse("DE*ABC*E1").unwrap(), EvseId::parse("DE*XYZ*E1").unwrap());
    let abc = OperatorId::parse("DE*ABC").unwrap();
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_id] {
        let wanted = ask(read, &spots).unwrap();
        assert!(matches!(&wanted.wanted, Wanted::Spots(spots) if spots.len() == 2));
        assert!(
            wanted.wants(one, EvseStatus::Unknown, &abc, None)
                && !wanted.wants(other, EvseStatus::Unknown, &abc, None)
        );
    }
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_operator_id] {
        let wanted = ask(read, &operators).unwrap();
        assert!(matches!(&wanted.wanted, Wanted::Operators(operators) if operators.len() == 2));
        // Uploaded by the bundling operator, or its own.
        assert!(wanted.wants(other, EvseStatus::Unknown, &abc, None));
        assert!(wanted.wants(one, EvseStatus::Unknown, &OperatorId::parse("DE*QQQ").unwrap(), None));
    }
    let wanted =
        ask(PullEvseStatus::parse_by_id, &with(spots.clone(), "EvseID", json!("DE*ABC*E1"))).unwrap();
    assert_eq!(wanted.wanted, Wanted::Spots(vec![one]));
    // On its own path a filter is a member like any other.
    assert!(ask(PullEvseStatus::parse_by_id, &with(spots, "EvseStatus", json!("x"))).is_ok());
}

#[test]
fn questions_that_have_no_answer_are_refused() {
    let spots = |count: usize| json!({"ProviderID": "DE-DCB", "EvseID": vec!["DE*ABC*E1"; count]});
    let both = with(spots(1), "OperatorID", json!(["DE*ABC"]));
    let cases: [(Read, Value, &str); 10] = [
        (PullEvseStatus::parse_by_id, spots(101), "/EvseID"),
        (PullEvseStatus::parse, spots(101), "/EvseID"),
        (PullEvseStatus::parse_by_id, json!({"ProviderID": "DE-DCB"}), "/EvseID"),
        (PullEvseStatus::parse_by_operator_id, json!({"ProviderID": "DE-DCB"}), "/OperatorID"),
        (PullEvseStatus::parse_by_id, with(spots(1), "EvseID", json!(["x"])), "/EvseID/0"),
        (PullEvseStatus::parse, both, "/OperatorID"),
        (PullEvseStatus::parse, with(spots(1), "EvseStatus", json!("Available")), "/EvseStatus"),
        (PullEvseStatus::parse, json!({}), "/ProviderID"),
        (PullEvseStatus::parse, with(pull_evse_status(), "EvseStatus", json!("Free")), "/EvseStatus"),
        (PullEvseStatus::parse, with(pull_evse_status(), "EVSEStatus", json!("Reserved")), "/EvseStatus"),
    ];
    for (read, body, pointer) in cases {
        let rejected = ask(read, &body).unwrap_err();
        let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{body}");
    }
    assert!(ask(PullEvseStatus::parse_by_id, &spots(100)).is_ok());
}

#[test]
fn answers_have_their_forms_whatever_is_in_them() {
    let record = |id: &str, status| EvseStatusRecord { evse_id: EvseId::parse(id).unwrap(), status };
    let success = Status::new(Code::SUCCESS);
    let json = |out: &[u8]| serde_json::from_slice::<Value>(out).unwrap();

    let mut out = Vec::new();
    let mut answer = StatusAnswer::begin(&mut out);
    // Of nobody: left out rather than written where it does not belong.
    answer.record(&mut out, &EvseId::parse("DE*ABC*E9").unwrap(), EvseStatus::Unknown);
    answer.operator(&mut out, &OperatorId::parse("DE*ABC").unwrap(), Some("A \"B\""));
    for one in [record("DE*ABC*E1", EvseStatus::Available), record("+49*810*1", EvseStatus::Unknown)] {
        answer.record(&mut out, &one.evse_id, one.status);
    }
    answer.operator(&mut out, &OperatorId::parse("DE*XYZ").unwrap(), None);
    answer.end(&mut out, &success);
    let mut found = json(&out);
    assert_eq!(found["StatusCode"]["Code"], "000");
    found["StatusCode"].take();
    assert_eq!(
        found,
        json!({"StatusCode": null, "EvseStatuses": {"OperatorEvseStatus": [
            {"OperatorID": "DE*ABC", "OperatorName": "A \"B\"", "EvseStatusRecord": [
                {"EvseID": "DE*ABC*E1", "EvseStatus": "Available"}, {"EvseID": "+49*810*1", "EvseStatus": "Unknown"}]},
            {"OperatorID": "DE*XYZ", "EvseStatusRecord": []},
        ]}})
    );

    let mut out = Vec::new();
    StatusAnswer::begin(&mut out).end(&mut out, &success);
    assert_eq!(json(&out)["EvseStatuses"]["OperatorEvseStatus"], json!([]));

    let mut out = Vec::new();
    let mut answer = StatusByIdAnswer::begin(&mut out);
    answer.record(&mut out, &EvseId::parse("DE*ABC*E1").unwrap(), EvseStatus::EvseNotFound);
    answer.record(&mut out, &EvseId::parse("DE*ABC*E2").unwrap(), EvseStatus::Occupied);
    answer.end(&mut out, &success);
    assert_eq!(
        json(&out)["EVSEStatusRecords"],
        json!({"EvseStatusRecord": [{"EvseID": "DE*ABC*E1", "EvseStatus": "EvseNotFound"}, {"EvseID": "DE*ABC*E2", "EvseStatus": "Occupied"}]})
    );
    let mut out = Vec::new();
    StatusByIdAnswer::begin(&mut out).end(&mut out, &success);
    assert_eq!(json(&out)["EVSEStatusRecords"]["EvseStatusRecord"], json!([]));
}

proptest! {
    #[test]
    fn what_is_uploaded_is_what_is_read(records in proptest::collection::vec((0_u16..9999, 0..4_usize), 0..80)) {
        let states = [EvseStatus::Available, EvseStatus::Reserved, EvseStatus::Occupied, EvseStatus::Unknown];
        let sent: Vec<_> = records.iter().map(|(number, state)| (format!("DE*ABC*E{number}"), states[*state])).collect();
        let body: Vec<_> = sent.iter().map(|(id, status)| json!({"EvseStatus": status.as_str(), "EvseID": id})).collect();
        for body in [push_of(json!(body)).to_string(), serde_json::to_string_pretty(&push_of(json!(body))).unwrap()] {
            let push = PushEvseStatus::parse(Bytes::from(body)).unwrap();
            let read: Vec<_> = push.records().map(|one| (one.evse_id.as_str().to_owned(), one.status)).collect();
            prop_assert_eq!((push.len(), &read), (sent.len(), &sent));
        }
    }
}
