//! Bytes that nobody should send: they may be refused, they may pass, but nothing may panic or lose a PIN.

mod support;

use bytes::Bytes;
use oicp::ack::Acknowledgement;
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::{AuthorizationStart, AuthorizeStart, AuthorizeStop};
use oicp::cdr::{ChargeDetailRecord, GetChargeDetailRecords};
use oicp::evse::{EvseRecord, PullEvseData, Pulled, PushEvseData, Selection};
use oicp::evse_status::{EvseStatus, MOST_IDS, PullEvseStatus, PushEvseStatus, Wanted};
use oicp::geo::GeoFormat;
use oicp::notification::ChargingNotification;
use oicp::pricing::{
    EvsePricingAnswer, ProductsAnswer, PullEvsePricing, PullPricingProductData, PushEvsePricing,
    PushPricingProductData,
};
use oicp::remote::{RemoteStart, RemoteStop};
use oicp::status::{Code, Status};
use oicp::{OperatorId, ProviderId, SessionId};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// Everything that reads bytes, on these bytes.
fn read_everything(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(notification) = ChargingNotification::parse(bytes.clone()) {
        assert_eq!(notification.body(), body);
        let _found = notification.findings_at(jiff::Timestamp::UNIX_EPOCH);
        let _shown = format!("{notification:?}");
    }
    if let Ok(record) = ChargeDetailRecord::parse(bytes.clone()) {
        assert_eq!(record.body(), body);
        assert_eq!(record.has_pin(), oicp::pin::blank(body).is_some());
        let _judged = record.check_at(jiff::Timestamp::UNIX_EPOCH);
        let _shown = format!("{record:?}");
    }
    if let Ok(wanted) = GetChargeDetailRecords::parse(&bytes) {
        assert!(wanted.from.instant() <= wanted.to.instant());
    }
    if let Ok(request) = AuthorizeStop::parse(bytes.clone()) {
        let again = AuthorizeStop::parse(request.forwarded()).expect("what is forwarded is a request again");
        assert_eq!(again.identification(), request.identification());
        assert_eq!(again.forwarded(), again.body());
        assert_eq!(again.session_id(), request.session_id());
    }
    if let Ok(push) = PushAuthenticationData::parse(bytes.clone()) {
        let mut records = 0;
        push.each_record(|_, _| records += 1);
        assert_eq!(records, push.records());
    }
    let _media = AuthorizationStart::read(body).map(|answer| answer.stop_media());
    if let Ok(request) = AuthorizeStart::parse(bytes) {
        let session = SessionId::from_uuid([7; 16]);
        let forwarded = request.forwarded(&session);
        let again = AuthorizeStart::parse(forwarded).expect("what is forwarded is a request again");
        assert_eq!(again.identification(), request.identification());
        assert_eq!(again.forwarded(&session), again.body());
    }
    for read in [RemoteStart::parse, RemoteStart::parse_reservation] {
        let Ok(request) = read(Bytes::copy_from_slice(body)) else { continue };
        let session = SessionId::from_uuid([7; 16]);
        let again = read(request.forwarded(&session)).expect("what is forwarded is a request again");
        assert_eq!((again.evco_id(), again.evse_id()), (request.evco_id(), request.evse_id()));
        assert_eq!(again.forwarded(&session), again.body());
        assert_eq!(request.stored().len(), body.len());
    }
    if let Ok(stop) = RemoteStop::parse(Bytes::copy_from_slice(body)) {
        assert_eq!(stop.body(), body);
    }
    let _answer = (Acknowledgement::read(body), AuthorizationStart::read(body));
    read_spots_and_prices(body);
    if let Some(blanked) = oicp::pin::blank(body) {
        assert_eq!(blanked.len(), body.len());
        assert_eq!(oicp::pin::blank(&blanked), None);
        if serde_json::from_slice::<Value>(body).is_ok() {
            assert!(serde_json::from_slice::<Value>(&blanked).is_ok());
        }
    }
}

/// Uploads and questions of EVSE data, states and prices, on these bytes.
fn read_spots_and_prices(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    let how = Pulled {
        delta: None,
        last_update: jiff::Timestamp::UNIX_EPOCH,
        operator_id: OperatorId::parse("DE*ABC").expect("an id"),
        operator_name: "\"\\\u{0}",
        format: GeoFormat::DegreeMinuteSeconds,
        has_status: true,
    };
    if let Ok(push) = PushEvseData::parse(bytes.clone()) {
        assert_eq!((push.body(), push.records().len()), (&bytes, push.len()));
        assert!(push.repeated().len() <= push.len());
        for record in push.records() {
            let by_itself = EvseRecord::read(record.bytes().clone()).expect("a record by itself");
            assert_eq!(by_itself.facts(), record.facts());
            let written = how.to_vec(record.bytes()).expect("a record that was judged can be written");
            let again = EvseRecord::read(written.clone().into()).expect("what is written is a record again");
            assert_eq!(again.facts().position, record.facts().position);
            assert_eq!(how.to_vec(&written), Ok(written));
        }
    }
    if let Ok(written) = how.to_vec(body) {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&written).is_ok());
    }
    if let Ok(wanted) = PullEvseData::parse(&bytes) {
        let since = matches!(wanted.selection, Selection::Since(_));
        assert_eq!(
            since,
            serde_json::from_slice::<Value>(body).is_ok_and(|body| !body["LastCall"].is_null())
        );
    }
    if let Ok(push) = PushEvseStatus::parse(bytes.clone()) {
        assert_eq!(push.records().count(), push.len());
        assert!(push.records().all(|record| record.status != EvseStatus::EvseNotFound));
        assert!(push.repeated().len() <= push.len());
    }
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_id, PullEvseStatus::parse_by_operator_id] {
        if let Ok(PullEvseStatus { wanted: Wanted::Spots(spots), .. }) = read(&bytes) {
            assert!(spots.len() <= MOST_IDS);
        }
    }
    if let Ok(push) = PushPricingProductData::parse(bytes.clone()) {
        assert_eq!(push.products().count(), push.len());
        let mut out = Vec::new();
        let mut answer = ProductsAnswer::begin(&mut out);
        answer.terms(&mut out, push.terms());
        push.products().for_each(|product| answer.product(&mut out, &product.bytes));
        answer.end(&mut out, &Status::new(Code::SUCCESS));
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&out).is_ok());
        let _few = push.repeated();
    }
    if let Ok(push) = PushEvsePricing::parse(bytes.clone()) {
        assert_eq!(push.records().count(), push.len());
        let mut out = Vec::new();
        let mut answer = EvsePricingAnswer::begin(&mut out, ProviderId::parse("DE-DCB").expect("an id"));
        answer.operator(&mut out, &how.operator_id, Some(how.operator_name));
        push.records().for_each(|record| answer.record(&mut out, &record.bytes));
        answer.end(&mut out, &Status::new(Code::SUCCESS));
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&out).is_ok());
        let _few = push.repeated();
    }
    let _questions = (PullPricingProductData::parse(&bytes), PullEvsePricing::parse(&bytes));
}

fn good() -> Vec<String> {
    let qr = serde_json::json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C12345678-X", "PIN": "8642"}});
    let bodies = [
        support::end(),
        support::start(),
        support::progress(),
        support::error(),
        support::cdr(),
        support::get_cdrs(),
        support::authorize_start(),
        support::with(support::remote_start(), "Duration", serde_json::json!(15)),
        support::remote_stop(),
        support::with(support::authorize_start(), "Identification", qr.clone()),
        support::with(support::authorize_start(), "SessionID", serde_json::json!(support::SESSION)),
        support::evse(),
        support::push_evse_data(&[support::evse(), support::evse()]),
        support::pull_evse_data(),
        support::push_evse_status(),
        support::pull_evse_status(),
        serde_json::json!({"ProviderID": "DE-DCB", "EvseID": ["DE*ABC*E1"]}),
        support::push_products(&[support::product()]),
        support::push_evse_pricing(),
        serde_json::json!({"ProviderID": "DE-DCB", "OperatorIDs": ["DE*ABC"], "LastCall": "2025-06-01T00:00:00Z"}),
        serde_json::json!({"ActionType": "insert", "ProviderAuthenticationData": {
            "ProviderID": "DE-DCB", "AuthenticationDataRecord": [{"Identification": qr}, {"Identification":
                {"RFIDIdentification": {"UID": "04AABBCC", "RFID": "nfc", "ExpiryDate": "2021-01-23T14:21:23Z"}}}]}}),
    ];
    bodies.iter().map(Value::to_string).collect()
}

fn fragments() -> impl Strategy<Value = &'static str> {
    select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ":",
        ",",
        "null",
        "1e400",
        "-",
        "\\u0000",
        "\\ud800",
        "{{x}}",
        "é",
        "\0",
        "PIN",
        "\"PIN\":",
        "\"P\\u0049N\":1",
        "\"Type\":",
        "\"SessionID\":",
        "[[[[[[[[",
        "true",
        "*",
        "9999999999999999999999999999999999",
        "[],",
        "{},",
        "°",
        "\\u002a",
        "\"On\":1,",
        "\"deltaType\":0,",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_everything(&body);
    }

    #[test]
    fn arbitrary_json_like_text(parts in proptest::collection::vec(fragments(), 0..60)) {
        read_everything(parts.concat().as_bytes());
    }

    #[test]
    fn good_bodies_spoilt(
        body in select(good()),
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, fragments()), 1..4),
    ) {
        let mut body = body.into_bytes();
        for (place, cut, fragment) in spoils {
            let start = place.index(body.len() + 1);
            let end = (start + cut).min(body.len());
            body.splice(start..end, fragment.bytes());
        }
        read_everything(&body);
    }

    #[test]
    fn single_values_replaced(
        body in select(good()),
        member in any::<prop::sample::Index>(),
        value in select(vec!["null", "true", "1", "-0.0", "1e999", "\"\"", "\"\\ud800\"", "[]", "{}", "[[1]]", "{\"UID\":1}", "\"7.9e28\""]),
    ) {
        let parsed: serde_json::Map<String, Value> = serde_json::from_str(&body).unwrap();
        let name = parsed.keys().nth(member.index(parsed.len())).unwrap();
        let rest = support::with(Value::Object(parsed.clone()), name, None).to_string();
        read_everything(rest.replacen('{', &format!("{{\"{name}\":{value},"), 1).as_bytes());
    }
}

proptest! {
    #[test]
    fn members_of_a_record_replaced(
        record in prop_oneof![Just(support::evse()), Just(support::product())],
        member in any::<prop::sample::Index>(),
        value in select(vec!["null", "true", "-1", "1e999", "\"\\ud800\"", "[]", "{}", "[[{}]]", "[{\"on\":[]},7]", "{\"Google\":{}}"]),
        first in any::<bool>(),
    ) {
        let members: serde_json::Map<String, Value> = serde_json::from_value(record).unwrap();
        let name = members.keys().nth(member.index(members.len())).unwrap();
        let rest = support::with(Value::Object(members.clone()), name, None).to_string();
        let record = if first {
            rest.replacen('{', &format!("{{\"{name}\":{value},"), 1)
        } else {
            format!("{},\"{name}\" :{value} }}", rest.strip_suffix('}').unwrap())
        };
        read_everything(record.as_bytes());
        for around in [support::push_evse_data(&[Value::Null]), support::push_products(&[Value::Null])] {
            read_everything(around.to_string().replace("[null]", &format!("[{record}, {record}]")).as_bytes());
        }
    }
}
