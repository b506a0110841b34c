//! Authorisation: strict about the Identification, exact about what changes on the way.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::authorize::{AuthorizationStart, AuthorizeStart, AuthorizeStop, UnreadableAnswer};
use oicp::identification::Identification;
use oicp::status::{Code, Status};
use oicp::{ProviderId, Rejected, SessionId};
use serde_json::{Value, json};
use support::{authorize_start, violations, with};

fn parse_text(text: &str) -> Result<AuthorizeStart, Rejected> {
    AuthorizeStart::parse(Bytes::copy_from_slice(text.as_bytes()))
}

fn parse(body: &Value) -> Result<AuthorizeStart, Rejected> {
    parse_text(&body.to_string())
}

fn session() -> SessionId {
    SessionId::from_uuid([0xAB; 16])
}

fn forwarded(text: &str) -> String {
    let request = parse_text(text).unwrap_or_else(|rejected| panic!("{rejected}"));
    String::from_utf8(request.forwarded(&session()).to_vec()).unwrap()
}

const OURS: &str = "abababab-abab-abab-abab-abababababab";

#[test]
fn reads_the_request() {
    let request = parse(&authorize_start()).unwrap();
    assert_eq!(request.operator_id().key(), "DEABC");
    assert_eq!(request.evse_id().unwrap().key(), "DEABCE00012");
    assert_eq!(request.cpo_partner_session_id(), Some("1234XYZ"));
    assert_eq!(request.emp_partner_session_id(), None);
    assert_eq!(request.identification().medium_text(), "uid:044A2DAA856280");
    assert!(!format!("{request:?}").to_uppercase().contains("044A2DAA856280"));
    assert!(parse(&with(authorize_start(), "EvseID", Value::Null)).unwrap().evse_id().is_none());
    assert!(parse(&with(authorize_start(), "EvseID", json!("X"))).is_err());
}

#[test]
fn only_session_and_ids_change_on_the_way() {
    let body = "{ \"X\" : 1.0 ,\"OperatorID\":\"de*abc\",\"Identification\":\t{\"RFIDMifareFamilyIdentification\":{\"UID\":\"044a2daa\"} }\n}";
    let expected =
        body.replacen('{', &format!("{{\"SessionID\":\"{OURS}\","), 1).replace("044a2daa", "044A2DAA");
    assert_eq!(forwarded(body), expected);

    for theirs in [
        r#""string""#,
        "null",
        "17",
        r#"{"a":[1]}"#,
        r#""b2688855-7f00-0002-6d8e-48d883f6abb6""#,
        r#""\ud800""#,
    ] {
        let with_theirs = |value: &str| {
            format!(
                r#"{{"OperatorID":"DE*ABC","Session\u0049D": {value} ,"Identification":{{"PlugAndChargeIdentification":{{"EvcoID":"de-dcb-c1234567\u0038-x"}}}}}}"#
            )
        };
        let expected =
            with_theirs(&format!("\"{OURS}\"")).replace("de-dcb-c1234567\\u0038-x", "DE-DCB-C12345678-X");
        assert_eq!(forwarded(&with_theirs(theirs)), expected, "{theirs}");
    }
}

#[test]
fn exactly_one_allowed_identification() {
    let evco = json!({"EvcoID": "DE-DCB-C12345678-X"});
    let qr = |extra: Value| {
        let mut qr = evco.clone();
        qr.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"QRCodeIdentification": qr})
    };
    let cases = [
        (json!({"RFIDMifareFamilyIdentification": {"UID": "044A2DAA"}, "RFIDIdentification": null}), None),
        (json!({"PlugAndChargeIdentification": evco}), None),
        (qr(json!({"PIN": "1234", "HashedPIN": null})), None),
        (qr(json!({})), Some("/Identification/QRCodeIdentification/PIN")),
        (qr(json!({"PIN": "1234", "HashedPIN": {}})), Some("/Identification/QRCodeIdentification/HashedPIN")),
        (qr(json!({"PIN": 1234})), Some("/Identification/QRCodeIdentification/PIN")),
        (qr(json!({"PIN": "1".repeat(21)})), Some("/Identification/QRCodeIdentification/PIN")),
        (json!({"RemoteIdentification": evco}), Some("/Identification/RemoteIdentification")),
        (
            json!({"RFIDIdentification": {"UID": "044A2DAA", "RFID": "nfc"}}),
            Some("/Identification/RFIDIdentification"),
        ),
        (
            json!({"RFIDMifareFamilyIdentification": {"UID": "12345ABCD"}}),
            Some("/Identification/RFIDMifareFamilyIdentification/UID"),
        ),
        (
            json!({"RFIDMifareFamilyIdentification": {"UID": "044A2DAA"}, "PlugAndChargeIdentification": evco}),
            Some("/Identification"),
        ),
        (json!({"Other": 1}), Some("/Identification")),
        (json!("card"), Some("/Identification")),
        (Value::Null, Some("/Identification")),
    ];
    for (identification, refused) in cases {
        let result = parse(&with(authorize_start(), "Identification", identification.clone()));
        let pointer = result.as_ref().err().and_then(|rejected| rejected.violations.iter().next());
        assert_eq!(pointer.map(|violation| &*violation.pointer), refused, "{identification}");
        if let Err(rejected) = result {
            assert!(!violations(&rejected).concat().contains("12345ABCD"));
            assert_eq!(rejected.operator_id.unwrap().key(), "DEABC");
            assert_eq!(rejected.cpo_partner_session_id.as_deref(), Some("1234XYZ"));
        }
    }
}

#[test]
fn pins_are_forwarded_and_neither_stored_nor_printed() {
    let identification = json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C12345678-X", "PIN": "8642"}});
    let request = parse(&with(authorize_start(), "Identification", identification)).unwrap();
    assert!(String::from_utf8_lossy(&request.forwarded(&session())).contains("8642"));
    let stored = request.stored();
    assert_eq!(stored.len(), request.body().len());
    assert!(!String::from_utf8_lossy(&stored).contains("8642"));
    assert!(!format!("{request:?}").contains("8642"));
    let Identification::QrCode { pin: Some(pin), .. } = request.identification() else { panic!("a code") };
    assert_eq!(pin.as_str(), "8642");
    let card = parse(&authorize_start()).unwrap();
    assert_eq!(card.stored(), card.body());
}

#[test]
fn answers_of_providers_are_read_leniently() {
    let read = |text: &str| AuthorizationStart::read(text.as_bytes());
    let yes = read(r#"{"AuthorizationStatus":"authorized","StatusCode":{"Code":0},"ProviderID":"DE-DCB","EMPPartnerSessionID":"e","AuthorizationStopIdentifications":[ {"x":1} ]}"#).unwrap();
    assert!(yes.authorized && !yes.completed);
    assert_eq!(yes.status.code, Code::SUCCESS);
    assert_eq!(yes.provider_id, Some(ProviderId::parse("DE*DCB").unwrap()));
    assert_eq!(yes.stop_identifications.as_deref(), Some(r#"[ {"x":1} ]"#));
    assert_eq!(yes.emp_partner_session_id.as_deref(), Some("e"));

    let no = read(r#"{"AuthorizationStatus":"NotAuthorized","ProviderID":"nonsense","AuthorizationStopIdentifications":{}}"#).unwrap();
    assert!(!no.authorized && no.completed && no.provider_id.is_none() && no.stop_identifications.is_none());
    assert_eq!(no.status.code, Code::GENERIC);

    let negative_acknowledgement = read(r#"{"Result":false,"StatusCode":{"Code":"102"}}"#).unwrap();
    assert!(!negative_acknowledgement.authorized);
    assert_eq!(negative_acknowledgement.status.code, Code::RFID_REFUSED);

    for text in [
        r#"{"Result":true,"StatusCode":{"Code":"000"}}"#,
        "{}",
        "[]",
        r#"{"AuthorizationStatus":"Maybe","Result":false}"#,
    ] {
        assert_eq!(read(text), Err(UnreadableAnswer::NoStatus), "{text}");
    }
    assert_eq!(read(" \n"), Err(UnreadableAnswer::Empty));
    assert_eq!(read("<html>"), Err(UnreadableAnswer::NotJson));
    assert_eq!(read(&"[".repeat(10_000)), Err(UnreadableAnswer::NotJson));
}

#[test]
fn a_stop_is_forwarded_with_its_ids_in_upper_case_and_needs_its_session() {
    let session = support::SESSION;
    let body = format!(
        "{{ \"PartnerProductID\":7 ,\"Result\":1.0,\"SessionID\":\"{session}\",\"OperatorID\":\"de*abc\",\"Identification\":{{\"RFIDMifareFamilyIdentification\":{{\"UID\":\"044a2daa\"}} }} }}"
    );
    let stop = AuthorizeStop::parse(Bytes::from(body.clone())).unwrap();
    assert_eq!(stop.session_id().to_string(), session);
    assert_eq!(String::from_utf8_lossy(&stop.forwarded()), body.replace("044a2daa", "044A2DAA"));
    assert!(!format!("{stop:?}").to_uppercase().contains("044A2DAA"));
    for member in ["SessionID", "OperatorID", "Identification"] {
        let mut without: Value = serde_json::from_str(&body).unwrap();
        without[member] = Value::Null;
        let rejected = AuthorizeStop::parse(Bytes::from(without.to_string())).unwrap_err();
        let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("/{member}")]);
    }
}

#[test]
fn stop_media_are_read_as_far_as_they_can_be() {
    let card = json!({"RFIDMifareFamilyIdentification": {"UID": "04aabbcc"}});
    let list = json!([card, 7, null, {"RFIDMifareFamilyIdentification": {"UID": "xyz"}}, {"RemoteIdentification": {"EvcoID": "DE-DCB-C12345678-X"}}]);
    let answer = json!({"AuthorizationStatus": "Authorized", "AuthorizationStopIdentifications": list});
    let media = AuthorizationStart::read(answer.to_string().as_bytes()).unwrap().stop_media();
    let media: Vec<_> = media.iter().map(Identification::medium_text).collect();
    assert_eq!(media, ["uid:04AABBCC", "evco:DEDCBC12345678X"]);
    let many =
        json!({"AuthorizationStatus": "Authorized", "AuthorizationStopIdentifications": vec![card; 1000]});
    let many = AuthorizationStart::read(many.to_string().as_bytes()).unwrap().stop_media();
    assert_eq!(many.len(), oicp::authorize::AuthorizationReading::MOST_STOP_MEDIA);
}

#[test]
fn answers_of_the_hub_leave_out_what_is_absent() {
    let answer = AuthorizationStart {
        session_id: Some(session()),
        cpo_partner_session_id: Some("mine".into()),
        emp_partner_session_id: None,
        provider_id: Some(ProviderId::parse("DE-DCB").unwrap()),
        authorized: true,
        status: Status::new(Code::SUCCESS),
        stop_identifications: Some(r#"[{"a":1.0}]"#.into()),
    };
    let text = String::from_utf8(answer.to_json()).unwrap();
    let expected = format!(
        r#"{{"SessionID":"{OURS}","CPOPartnerSessionID":"mine","ProviderID":"DE-DCB","AuthorizationStatus":"Authorized","StatusCode":{{"Code":"000","Description":"Success"}},"AuthorizationStopIdentifications":[{{"a":1.0}}]}}"#
    );
    assert_eq!(text, expected);
    let broken = AuthorizationStart { stop_identifications: Some("[".into()), authorized: false, ..answer };
    let wire: Value = serde_json::from_slice(&broken.to_json()).unwrap();
    assert_eq!(wire["AuthorizationStatus"], "NotAuthorized");
    assert!(wire.get("AuthorizationStopIdentifications").is_none());
}
