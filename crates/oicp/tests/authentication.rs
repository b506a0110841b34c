//! Uploads of authentication data: all records judged, each read in its form, nothing personal repeated.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::Rejected;
use oicp::authentication::{
    ActionType, AuthenticationRecord, LegacyFunction, PinHash, PushAuthenticationData, UploadedPin,
};
use oicp::identification::Identification;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::violations;

const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuT57TjTndrTHcYzjV4dkjroNKHaFmIUq";
const EVCO: &str = "DE-DCB-C12345678-X";

fn push(action: &str, records: &[Value]) -> Value {
    let records: Vec<_> = records.iter().map(|one| json!({ "Identification": one })).collect();
    json!({
        "ActionType": action,
        "ProviderAuthenticationData": {"ProviderID": "DE-DCB", "AuthenticationDataRecord": records},
    })
}

fn parse(body: &Value) -> Result<PushAuthenticationData, Rejected> {
    PushAuthenticationData::parse(Bytes::from(body.to_string()))
}

fn records(push: &PushAuthenticationData) -> Vec<AuthenticationRecord> {
    let mut records = Vec::new();
    push.each_record(|index, record| {
        assert_eq!(index, records.len());
        records.push(record);
    });
    records
}

/// Pointers of the violations of one record, from the record on.
fn judged(identification: Value) -> Vec<String> {
    let Err(rejected) =
        parse(&push("insert", &[json!({"PlugAndChargeIdentification": {"EvcoID": EVCO}}), identification]))
    else {
        return Vec::new();
    };
    assert_eq!(rejected.provider_id.unwrap().key(), "DEDCB");
    let root = PushAuthenticationData::pointer(1);
    let all = rejected.violations.iter();
    all.map(|one| one.pointer.strip_prefix(&root).unwrap().to_owned()).collect()
}

#[test]
fn reads_every_action_and_every_form() {
    for action in ActionType::ALL {
        let push = parse(&push(action.as_str(), &[])).unwrap();
        assert_eq!((push.action(), push.records(), push.clear_pins()), (action, 0, 0));
        assert_eq!(push.provider_id().key(), "DEDCB");
    }
    let legacy =
        json!({"Function": "SHA-1", "Salt": "s", "Value": "A9993E364706816ABA3E25717850C26C9CD0D89D"});
    let body = push(
        "fullLoad",
        &[
            json!({"RFIDMifareFamilyIdentification": {"UID": "04aabbcc"}}),
            json!({"RFIDIdentification": {"UID": "04AABBCCDDEE11", "EvcoID": EVCO, "RFID": "nfc",
                "PrintedNumber": "9876655", "ExpiryDate": "2021-01-23T14:21:23.744Z"}}),
            json!({"QRCodeIdentification": {"EvcoID": EVCO, "PIN": "1234", "HashedPIN": null}}),
            json!({"QRCodeIdentification": {"EvcoID": EVCO, "HashedPIN": {"Value": BCRYPT, "Function": "Bcrypt"}}}),
            json!({"QRCodeIdentification": {"EvcoID": EVCO, "HashedPIN":
                {"Value": "x", "Function": "Bcrypt", "LegacyHashData": legacy}}}),
            json!({"PlugAndChargeIdentification": {"EvcoID": EVCO}}),
            json!({"RemoteIdentification": {"EvcoID": "de*dcb*123456*7"}}),
        ],
    );
    let push = parse(&body).unwrap();
    assert_eq!((push.records(), push.clear_pins()), (7, 1));
    let records = records(&push);
    let media: Vec<_> = records.iter().map(|record| record.identification().medium_text()).collect();
    assert_eq!(media[..3], ["uid:04AABBCC", "uid:04AABBCCDDEE11", "evco:DEDCBC12345678X"]);
    assert!(matches!(records[0], AuthenticationRecord::Card { evco: None, expires: None, .. }));
    let AuthenticationRecord::Card { evco: Some(evco), expires: Some(expires), .. } = records[1] else {
        panic!("a card with all it can have")
    };
    assert_eq!((evco.key(), expires.as_str()), ("DEDCBC12345678X", "2021-01-23T14:21:23.744Z"));
    assert!(
        matches!(&records[2], AuthenticationRecord::Code { pin: UploadedPin::Clear(pin), .. } if pin.as_str() == "1234")
    );
    let hash = |record: &AuthenticationRecord| match record {
        AuthenticationRecord::Code { pin: UploadedPin::Hashed(hash), .. } => hash.clone(),
        other => panic!("a code with a hash: {other:?}"),
    };
    assert_eq!(hash(&records[3]), PinHash::Bcrypt(BCRYPT.to_owned()));
    let PinHash::Legacy { function, salt, hex } = hash(&records[4]) else { panic!("from OICP 2.1") };
    assert_eq!((function, salt.as_str()), (LegacyFunction::Sha1, "s"));
    assert_eq!(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    for record in &records[3..5] {
        let hash = hash(record);
        assert_eq!(PinHash::from_text(&hash.to_text()), Some(hash));
    }
    assert!(matches!(records[5].identification(), Identification::PlugAndCharge { .. }));
    assert!(matches!(records[6], AuthenticationRecord::Remote { .. }));
    assert!(!format!("{push:?} {records:?}").contains("1234"), "{push:?} {records:?}");
}

#[test]
fn a_code_has_exactly_one_of_pin_and_hash_and_hashes_are_hashes() {
    let qr = |more: Value| {
        let mut code = json!({ "EvcoID": EVCO });
        code.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        judged(json!({ "QRCodeIdentification": code }))
    };
    let place = |rest: &str| vec![format!("/Identification/QRCodeIdentification{rest}")];
    let hashed = |value: &str| json!({"HashedPIN": {"Value": value, "Function": "Bcrypt"}});
    assert_eq!(qr(json!({})), place(""));
    assert_eq!(qr(json!({"PIN": null, "HashedPIN": null})), place(""));
    assert_eq!(qr(json!({"PIN": "1", "HashedPIN": {"Value": BCRYPT, "Function": "Bcrypt"}})), place(""));
    assert_eq!(qr(json!({"PIN": "1".repeat(21)})), place("/PIN"));
    assert_eq!(qr(json!({"PIN": 1234})), place("/PIN"));
    for good in [BCRYPT.to_owned(), BCRYPT.replace("$2b$10", "$2a$04"), BCRYPT.replace("$2b$10", "$2y$14")] {
        assert!(qr(hashed(&good)).is_empty(), "{good}");
    }
    for bad in [
        "",
        "1234",
        "$2b$10$",
        &BCRYPT.replace("$10$", "$15$"),
        &BCRYPT.replace("$10$", "$03$"),
        &BCRYPT.replace("$2b", "$3b"),
        &BCRYPT.replace("IUq", "I-q"),
        &format!("{BCRYPT}x"),
        &"é".repeat(30),
    ] {
        assert_eq!(qr(hashed(bad)), place("/HashedPIN/Value"), "{bad}");
    }
    assert_eq!(qr(json!({"HashedPIN": "x"})), place("/HashedPIN"));
    assert_eq!(qr(json!({"HashedPIN": {"Function": "Bcrypt"}})), place("/HashedPIN/Value"));
    assert_eq!(qr(json!({"HashedPIN": {"Value": BCRYPT}})), place("/HashedPIN/Function"));
    let legacy = |legacy: Value| {
        qr(json!({"HashedPIN": {"Value": "x", "Function": "Bcrypt", "LegacyHashData": legacy}}))
    };
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    assert!(legacy(json!({"Function": "MD5", "Value": md5})).is_empty());
    assert!(legacy(json!({"Function": "MD5", "Value": md5, "Salt": "s".repeat(100)})).is_empty());
    assert_eq!(
        legacy(json!({"Function": "MD5", "Value": md5, "Salt": "s".repeat(101)})),
        place("/HashedPIN/LegacyHashData/Salt")
    );
    assert_eq!(legacy(json!({"Function": "SHA-1", "Value": md5})), place("/HashedPIN/LegacyHashData/Value"));
    assert_eq!(
        legacy(json!({"Function": "sha1", "Value": md5})),
        place("/HashedPIN/LegacyHashData/Function")
    );
    assert_eq!(legacy(json!(7)), place("/HashedPIN/LegacyHashData"));
}

#[test]
fn forms_beside_the_identification_are_refused_like_several_inside() {
    let mut body = push("insert", &[json!({"RFIDMifareFamilyIdentification": {"UID": "04AABBCC"}})]);
    body["ProviderAuthenticationData"]["AuthenticationDataRecord"][0]["RFIDIdentification"] = json!({});
    let said = violations(&parse(&body).unwrap_err());
    assert_eq!(
        said,
        [format!(
            "{}/RFIDIdentification: RFIDIdentification belongs inside Identification, one of them",
            PushAuthenticationData::pointer(0)
        )]
    );
    let both = json!({"RFIDMifareFamilyIdentification": {"UID": "04AABBCC"}, "RemoteIdentification": {"EvcoID": EVCO}});
    assert_eq!(judged(both), ["/Identification"]);
}

#[test]
fn what_is_missing_or_of_the_wrong_kind_is_named() {
    for (body, expected) in [
        (json!({}), &["/ActionType", "/ProviderAuthenticationData"][..]),
        (
            json!({"ActionType": "FullLoad", "ProviderAuthenticationData": 7}),
            &["/ActionType", "/ProviderAuthenticationData"],
        ),
        (
            json!({"ActionType": "insert", "ProviderAuthenticationData": {}}),
            &[
                "/ProviderAuthenticationData/ProviderID",
                "/ProviderAuthenticationData/AuthenticationDataRecord",
            ],
        ),
        (
            json!({"ActionType": "insert", "ProviderAuthenticationData": {"ProviderID": "DCB", "AuthenticationDataRecord": "x"}}),
            &[
                "/ProviderAuthenticationData/ProviderID",
                "/ProviderAuthenticationData/AuthenticationDataRecord",
            ],
        ),
    ] {
        let rejected = parse(&body).unwrap_err();
        let pointers: Vec<_> = rejected.violations.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(pointers, expected, "{body}");
    }
}

proptest! {
    #[test]
    fn as_many_records_as_went_in_come_out_in_order(uids in proptest::collection::vec("[0-9a-fA-F]{8}", 0..60)) {
        let identifications: Vec<_> =
            uids.iter().map(|uid| json!({"RFIDMifareFamilyIdentification": {"UID": uid}})).collect();
        let push = parse(&push("update", &identifications)).unwrap();
        let read: Vec<_> = records(&push).iter().map(|one| one.identification().medium_text()).collect();
        let sent: Vec<_> = uids.iter().map(|uid| format!("uid:{}", uid.to_ascii_uppercase())).collect();
        prop_assert_eq!(push.records(), sent.len());
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn legacy_hashes_are_read_back_as_they_were_kept(salt in ".{0,40}", hex in "[0-9a-f]{32}") {
        let hash = PinHash::Legacy { function: LegacyFunction::Md5, salt, hex };
        prop_assert_eq!(PinHash::from_text(&hash.to_text()), Some(hash));
    }
}
