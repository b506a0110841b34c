//! Acknowledgements: what counts as one, what it is completed with, and how it is written.

use oicp::ack::{Acknowledgement, Reading};
use oicp::status::{Code, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Result, code and whether it was completed.
fn read(body: &str) -> Option<(bool, u16, bool)> {
    match Acknowledgement::read(body.as_bytes()) {
        Reading::Acknowledged { ack, completed } => Some((ack.result, ack.status.code.number(), completed)),
        Reading::NoResult | Reading::NotJson => None,
    }
}

#[test]
fn what_partners_send_as_an_acknowledgement() {
    let cases = [
        (r#"{"Result":true,"StatusCode":{"Code":"000"}}"#, (true, 0, false)),
        (r#"{"Result":false,"StatusCode":{"Code":"400","Description":null}}"#, (false, 400, false)),
        (r#"{"Result":"true","StatusCode":{"Code":0}}"#, (true, 0, false)),
        (r#"{"Result":"False","StatusCode":{"Code":"21"}}"#, (false, 21, false)),
        (r#"{"Result":true,"StatusCode":{"Code":"999"}}"#, (true, 999, false)),
        (r#"{"Result":true}"#, (true, 0, true)),
        (r#"{"Result":false}"#, (false, 21, true)),
        (r#"{"Result":false,"StatusCode":null}"#, (false, 21, true)),
        (r#"{"Result":true,"StatusCode":{"Code":"ok"}}"#, (true, 0, true)),
        (r#"{"Result":true,"StatusCode":"000"}"#, (true, 0, true)),
        (r#"{"Result":true,"StatusCode":{"Code":12345}}"#, (true, 0, true)),
        (r#"{"Result":true,"StatusCode":{"Code":-1}}"#, (true, 0, true)),
        ("\u{FEFF}{\"Result\":true}", (true, 0, true)),
    ];
    for (body, expected) in cases {
        assert_eq!(read(body), Some(expected), "{body}");
    }
}

#[test]
fn what_is_none() {
    for body in [
        "",
        " \r\n",
        "{}",
        "[]",
        "true",
        "\"OK\"",
        r#"{"Result":null}"#,
        r#"{"Result":1}"#,
        r#"{"result":true}"#,
        r#"{"StatusCode":{"Code":"000"}}"#,
    ] {
        assert_eq!(Acknowledgement::read(body.as_bytes()), Reading::NoResult, "{body}");
    }
    for body in ["<html></html>", "OK", "{\"Result\":true", "{\"Result\":true}{}", "\0"] {
        assert_eq!(Acknowledgement::read(body.as_bytes()), Reading::NotJson, "{body}");
    }
    assert_eq!(Acknowledgement::read(&b"{\"Result\":".repeat(10_000)), Reading::NotJson);
}

#[test]
fn a_wrong_encoding_does_not_spoil_the_answer() {
    let Reading::Acknowledged { ack, .. } = Acknowledgement::read(
        b"{\"Result\":true,\"StatusCode\":{\"Code\":\"000\",\"Description\":\"gr\xFCn\"}}",
    ) else {
        panic!("an acknowledgement")
    };
    assert_eq!(ack.status.description.as_deref(), Some("gr\u{FFFD}n"));
}

#[test]
fn what_is_written_is_read_again() {
    let ack = Acknowledgement {
        session_id: Some("s".into()),
        cpo_partner_session_id: Some("\"c\"".into()),
        ..Acknowledgement::new(false, Status::new(Code::NO_ANSWER).with_info("stored"))
    };
    let text = String::from_utf8(ack.to_json()).unwrap();
    assert_eq!(
        text,
        r#"{"Result":false,"StatusCode":{"Code":"310","Description":"Partner did not answer","AdditionalInfo":"stored"},"SessionID":"s","CPOPartnerSessionID":"\"c\""}"#
    );
    assert_eq!(Acknowledgement::read(text.as_bytes()), Reading::Acknowledged { ack, completed: false });
}

/// Also what must be escaped, and what is longer than may be written.
fn awkward() -> impl Strategy<Value = Option<String>> {
    let special = select(vec!['"', '\\', '\0', '\n', '\u{1f}', ' ', '\u{7f}', 'ä', '😀']);
    let short = vec(prop_oneof![any::<char>(), special, Just('x')], 0..30);
    let long = (select(vec!['x', '"', 'ä']), 195..1010_usize).prop_map(|(one, count)| vec![one; count]);
    option::of(prop_oneof![short, long].prop_map(String::from_iter))
}

proptest! {
    #[test]
    fn what_is_written_by_hand_is_what_serde_writes(
        result: bool,
        code in 0_u16..=999,
        (description, info) in (awkward(), awkward()),
        (session_id, cpo, emp) in (awkward(), awkward(), awkward()),
    ) {
        let status = Status { code: Code::new(code).unwrap(), description, additional_info: info };
        let ack = Acknowledgement {
            result,
            status,
            session_id,
            cpo_partner_session_id: cpo,
            emp_partner_session_id: emp,
        };
        prop_assert_eq!(ack.to_json(), serde_json::to_vec(&ack).unwrap());
    }
}
