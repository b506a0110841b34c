//! The examples of the published OpenAPI documents and what this crate says to each. They are not part of this
//! repository: `OICP_OPENAPI_DIR` names the folder that holds them; without it there is nothing to test.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use std::path::Path;

use bytes::Bytes;
use oicp::ack::{Acknowledgement, Reading};
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::{AuthorizationStart, AuthorizationStop, AuthorizeStart, AuthorizeStop};
use oicp::cdr::GetChargeDetailRecords;
use oicp::evse::{EvsePage, PullEvseData, Pulled, PushEvseData, Selection};
use oicp::evse_status::{EvseStatus, PullEvseStatus, PushEvseStatus, StatusAnswer, StatusByIdAnswer, Wanted};
use oicp::geo::GeoFormat;
use oicp::pricing::{
    EvsePricingAnswer, PricedFor, PullEvsePricing, PullPricingProductData, PushEvsePricing,
    PushPricingProductData,
};
use oicp::remote::{RemoteStart, RemoteStop};
use oicp::status::{Code, Status};
use oicp::{OperatorId, ProviderId, Rejected};
use serde_json::Value;
use support::{findings, parse_cdr, violations, with};

type ReadStart = fn(Bytes) -> Result<RemoteStart, Rejected>;

#[test]
fn the_published_examples_have_their_verdicts() {
    let Some(folder) = std::env::var_os("OICP_OPENAPI_DIR") else {
        println!("skipped: OICP_OPENAPI_DIR is not set");
        return;
    };
    for side in ["cpo", "emp"] {
        let file = Path::new(&folder).join(format!("oicp-2.3-{side}.openapi.json"));
        let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let document: Value = serde_json::from_slice(&text).unwrap();
        let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();
        notifications(example);
        authorisation(example);
        remote(example);
        stopping(example);
        acknowledgement(example);
        charge_detail_records(example);
        if side == "cpo" {
            uploads(example);
        } else {
            questions(example);
            answers(example);
            authentication(example);
            let wanted = example("eRoamingGetChargeDetailRecords").to_string();
            let wanted = GetChargeDetailRecords::parse(&Bytes::from(wanted)).unwrap();
            assert_eq!(
                (wanted.sessions.len(), wanted.operators.len(), wanted.forwarded),
                (1, 1, Some(false))
            );
        }
    }
}

fn charge_detail_records(example: impl Fn(&str) -> Value) {
    let record = example("eRoamingChargeDetailRecord");
    // All five identifications at once.
    let said = violations(&parse_cdr(&record).unwrap_err());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let card = record["Identification"]["RFIDMifareFamilyIdentification"].clone();
    let card = serde_json::json!({ "RFIDMifareFamilyIdentification": card });
    let record = parse_cdr(&with(record, "Identification", card)).unwrap();
    assert_eq!(record.hub_provider_id().unwrap().key(), "DEDCB");
}

fn notifications(example: impl Fn(&str) -> Value) {
    for (kind, expected) in [
        ("Start", &[][..]),
        // The duration is off by a factor of ten.
        ("Progress", &["duration-mismatch /ChargingDuration"]),
        // Charging starts 33 minutes after it ends.
        ("End", &["charging-start-after-end /ChargingStart"]),
        ("Error", &[]),
    ] {
        assert_eq!(findings(&example(&format!("eRoamingChargingNotification{kind}"))), expected, "{kind}");
    }
}

fn authorisation(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let request = example("eRoamingAuthorizeStart").to_string();
    let said = violations(&AuthorizeStart::parse(Bytes::from(request)).unwrap_err());
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let answer =
        AuthorizationStart::read(example("eRoamingAuthorizationStart").to_string().as_bytes()).unwrap();
    assert!(answer.authorized && !answer.completed);
    assert_eq!(answer.provider_id.unwrap().key(), "DEDCB");
    assert!(answer.stop_identifications.is_some());
}

fn remote(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let starts: [(&str, ReadStart); 2] = [
        ("eRoamingAuthorizeRemoteStart", RemoteStart::parse),
        ("eRoamingAuthorizeRemoteReservationStart", RemoteStart::parse_reservation),
    ];
    for (name, read) in starts {
        let mut body = example(name);
        let said = violations(&read(Bytes::from(body.to_string())).unwrap_err());
        assert_eq!(said.len(), 1, "{name}");
        assert!(said[0].starts_with("/Identification: expected exactly one of "), "{name}: {said:?}");
        let remote = body["Identification"]["RemoteIdentification"].take();
        body["Identification"] = serde_json::json!({ "RemoteIdentification": remote });
        let request = read(Bytes::from(body.to_string())).unwrap();
        assert_eq!((request.provider_id().key(), request.evse_id().key()), ("DEDCB", "DEXYZETEST1"));
        assert_eq!(request.emp_partner_session_id(), Some("2345ABC"));
        assert_eq!(request.duration(), body["Duration"].as_u64().map(|_| 15));
    }
    for name in ["eRoamingAuthorizeRemoteStop", "eRoamingAuthorizeRemoteReservationStop"] {
        let body = example(name);
        let stop = RemoteStop::parse(Bytes::from(body.to_string())).unwrap();
        assert_eq!(stop.session_id().as_str(), body["SessionID"], "{name}");
        assert_eq!(stop.emp_partner_session_id(), Some("2345ABC"));
    }
}

fn stopping(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let request = example("eRoamingAuthorizeStop").to_string();
    let said = violations(&AuthorizeStop::parse(Bytes::from(request)).unwrap_err());
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let answer =
        AuthorizationStop::read(example("eRoamingAuthorizationStop").to_string().as_bytes()).unwrap();
    assert!(answer.authorized && !answer.completed);
    assert_eq!(answer.provider_id.unwrap().key(), "DEDCB");
}

fn authentication(example: impl Fn(&str) -> Value) {
    // One identification inside, the four others beside it.
    let push = example("eRoamingPushAuthenticationData").to_string();
    let said = violations(&PushAuthenticationData::parse(Bytes::from(push)).unwrap_err());
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.iter().all(|one| one.contains("belongs inside Identification")), "{said:?}");
}

fn acknowledgement(example: impl Fn(&str) -> Value) {
    let body = example("eRoamingAcknowledgment").to_string();
    let Reading::Acknowledged { ack, completed: false } = Acknowledgement::read(body.as_bytes()) else {
        panic!("an acknowledgement: {body}")
    };
    assert_eq!((ack.result, ack.status.code), (true, Code::SUCCESS));
    assert_eq!(serde_json::from_slice::<Value>(&ack.to_json()).unwrap(), example("eRoamingAcknowledgment"));
}

/// What operators upload: all of it is right.
fn uploads(example: impl Fn(&str) -> Value) {
    let body = |name: &str| Bytes::from(example(name).to_string());
    let push = PushEvseData::parse(body("eRoamingPushEvseData")).unwrap();
    assert_eq!((push.len(), push.findings(), push.repeated().len()), (1, &[][..], 0));
    let facts = *push.facts().next().unwrap();
    // A bundled operator's spot, uploaded by the one that bundles it.
    assert_eq!((facts.owner().key(), push.operator_id().key()), ("DEXYZ", "DEABC"));
    assert_eq!((facts.country.as_str(), facts.position.latitude_e7()), ("DEU", 524_804_950));

    // What is downloaded of it has the hub's members in place of the sender's, and the rest as it was.
    let record = push.records().next().unwrap();
    let how = Pulled {
        delta: None,
        last_update: jiff::Timestamp::UNIX_EPOCH,
        operator_id: push.operator_id(),
        operator_name: push.operator_name(),
        format: GeoFormat::Google,
        has_status: false,
    };
    let mut page = EvsePage::HEAD.to_vec();
    how.write(record.bytes(), &mut page).unwrap();
    page.extend(EvsePage { number: 0, size: 20, total: 1, records: 1 }.tail(None));
    let mut page: Value = serde_json::from_slice(&page).unwrap();
    let mut expected = example("eRoamingPushEvseData")["OperatorEvseData"]["EvseDataRecord"][0].take();
    expected.as_object_mut().unwrap().remove("deltaType");
    expected["lastUpdate"] = "1970-01-01T00:00:00.000Z".into();
    expected["OperatorID"] = "DE*ABC".into();
    expected["OperatorName"] = "ABC technologies".into();
    assert_eq!(page["content"][0].take(), expected);

    let push = PushEvseStatus::parse(body("eRoamingPushEvseStatus")).unwrap();
    assert_eq!((push.len(), push.findings(), push.operator_name()), (1, &[][..], Some("ABC technologies")));
    assert_eq!(push.records().next().unwrap().status, EvseStatus::Available);

    let push = PushPricingProductData::parse(body("eRoamingPushPricingProductData")).unwrap();
    assert_eq!((push.len(), push.findings(), push.terms().priced_for), (1, &[][..], PricedFor::Everybody));
    assert_eq!(push.products().next().unwrap().product_id, "AC 1");

    let push = PushEvsePricing::parse(body("eRoamingPushEVSEPricing")).unwrap();
    assert_eq!((push.len(), push.findings()), (1, &[][..]));
    assert_eq!(push.records().next().unwrap().evse_id.key(), "DEXYZETEST1");
}

/// What providers ask.
fn questions(example: impl Fn(&str) -> Value) {
    let body = |name: &str| Bytes::from(example(name).to_string());
    let center = [
        "/SearchCenter/GeoCoordinates: expected exactly one of Google, DecimalDegree, DegreeMinuteSeconds",
        "/SearchCenter/Radius: expected kilometres with one decimal, 0.1 to 999.9; found \"0\"",
    ];
    // Three forms of coordinates, no radius, and all that does not go together with LastCall.
    let said = violations(&PullEvseData::parse(&body("eRoamingPullEVSEData")).unwrap_err());
    assert_eq!(said[..2], center);
    assert_eq!(said.len(), 5);
    let pointers: Vec<_> =
        said[2..].iter().filter_map(|said| said.split_once(':')).map(|said| said.0).collect();
    assert_eq!(pointers, ["/SearchCenter", "/CountryCodes", "/OperatorIds"]);
    let changes = ["SearchCenter", "CountryCodes", "OperatorIds"]
        .iter()
        .fold(example("eRoamingPullEVSEData"), |body, name| with(body, name, None));
    let wanted = PullEvseData::parse(&Bytes::from(changes.to_string())).unwrap();
    assert!(matches!(wanted.selection, Selection::Since(_)));

    let said = violations(&PullEvseStatus::parse(&body("eRoamingPullEVSEStatus")).unwrap_err());
    assert_eq!(said, center);
    let all = with(example("eRoamingPullEVSEStatus"), "SearchCenter", None);
    let wanted = PullEvseStatus::parse(&Bytes::from(all.to_string())).unwrap().wanted;
    assert_eq!(wanted, Wanted::All { center: None, status: Some(EvseStatus::Available) });

    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_id] {
        let wanted = read(&body("eRoamingPullEVSEStatusByID")).unwrap().wanted;
        assert!(matches!(wanted, Wanted::Spots(spots) if spots.len() == 1));
    }
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_operator_id] {
        let wanted = read(&body("eRoamingPullEVSEStatusByOperatorID")).unwrap().wanted;
        assert!(matches!(wanted, Wanted::Operators(operators) if operators.len() == 1));
    }
    let wanted = PullPricingProductData::parse(&body("eRoamingPullPricingProductData")).unwrap();
    assert_eq!((wanted.operators.len(), wanted.since.is_some()), (1, true));
    let wanted = PullEvsePricing::parse(&body("eRoamingPullEVSEPricing")).unwrap();
    assert_eq!(
        (wanted.provider_id.key(), wanted.operators.len(), wanted.since.is_some()),
        ("DEDCB", 1, true)
    );
}

/// What the hub answers has the form of the published answers.
fn answers(example: impl Fn(&str) -> Value) {
    let abc = OperatorId::parse("DE*ABC").unwrap();
    let spot = oicp::EvseId::parse("DE*XYZ*ETEST1").unwrap();
    let success = Status::new(Code::SUCCESS);
    let same = |out: &[u8], name: &str| {
        let mut found: Value = serde_json::from_slice(out).unwrap();
        let mut expected = example(name);
        for answer in [&mut found, &mut expected] {
            assert_eq!(answer["StatusCode"]["Code"], "000");
            answer["StatusCode"].take();
        }
        assert_eq!(found, expected);
    };

    let mut out = Vec::new();
    let mut answer = StatusAnswer::begin(&mut out);
    answer.operator(&mut out, &abc, Some("ABC technologies"));
    answer.record(&mut out, &spot, EvseStatus::Available);
    answer.end(&mut out, &success);
    same(&out, "eRoamingEVSEStatus");

    let mut out = Vec::new();
    let mut answer = StatusByIdAnswer::begin(&mut out);
    answer.record(&mut out, &spot, EvseStatus::Available);
    answer.end(&mut out, &success);
    same(&out, "eRoamingEVSEStatusByID");

    let mut out = Vec::new();
    let mut answer = EvsePricingAnswer::begin(&mut out, ProviderId::parse("DE-DCB").unwrap());
    answer.operator(&mut out, &abc, Some("ABC technologies"));
    answer.record(&mut out, br#"{"EvseID":"DE*XYZ*ETEST1","EvseIDProductList":["AC 1"],"ProviderID":"*"}"#);
    answer.end(&mut out, &success);
    same(&out, "eRoamingEVSEPricing");
}
