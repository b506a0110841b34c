//! Bytes that nobody should send: they may be refused, they may pass, but nothing may panic or lose a PIN.

mod support;

use bytes::Bytes;
use oicp::SessionId;
use oicp::ack::Acknowledgement;
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::{AuthorizationStart, AuthorizeStart, AuthorizeStop};
use oicp::cdr::{ChargeDetailRecord, GetChargeDetailRecords};
use oicp::notification::ChargingNotification;
use oicp::remote::{RemoteStart, RemoteStop};
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
    if let Some(blanked) = oicp::pin::blank(body) {
        assert_eq!(blanked.len(), body.len());
        assert_eq!(oicp::pin::blank(&blanked), None);
        if serde_json::from_slice::<Value>(body).is_ok() {
            assert!(serde_json::from_slice::<Value>(&blanked).is_ok());
        }
    }
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
