//! Notifications: what passes, what passes with a finding, what is refused and how the refusal helps.

#![allow(clippy::result_large_err, reason = "a test may be slow")]

mod support;

use std::fmt::Write;

use oicp::notification::{ChargingNotification, ErrorType, Facts, NotificationType};
use oicp::violation::Violations;
use serde_json::{Value, json};
use support::{end, error, findings, parse, parse_text, progress, start, violations, with};

#[test]
fn consistent_messages_have_no_findings() {
    for body in [start(), progress(), end(), error()] {
        assert_eq!(findings(&body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn typed_facts_of_an_end() {
    let notification = parse(&end()).unwrap();
    assert_eq!(notification.kind(), NotificationType::End);
    assert_eq!(notification.session_id().as_str(), support::SESSION);
    assert_eq!(notification.operator_id().key(), "DEABC");
    assert_eq!(notification.evse_id().as_str(), "DE*ABC*E0001*2");
    assert_eq!(notification.cpo_partner_session_id(), Some("1234XYZ"));
    assert_eq!(notification.emp_partner_session_id(), Some("2345ABC"));
    let uid = notification.identification().and_then(|identification| identification.uid());
    assert_eq!(uid.unwrap().key(), "044A2DAA856280");
    let Facts::End(facts) = notification.facts() else { panic!("an End") };
    assert_eq!(facts.charging_end.as_str(), "2025-06-01T09:10:00+02:00");
    assert_eq!(facts.consumed_energy.unwrap().to_string(), "18.345");
    assert_eq!(facts.meter_value_in_between.unwrap().count, 2);
    assert_eq!(facts.partner_product_id.as_deref(), Some("AC 1"));
    assert!(!format!("{notification:?}").contains("044A2DAA856280"));
}

#[test]
fn the_published_end_is_refused_for_its_placeholders_and_passes_without_them() {
    let rejected = parse_text(support::PUBLISHED_END).unwrap_err();
    let said = violations(&rejected);
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("/OperatorID: still holds the placeholder {{operatorID}}; "), "{said:?}");
    assert!(said[1].starts_with("/EvseID: still holds the placeholder {{evseID}}; "), "{said:?}");
    assert_eq!(rejected.session_id.unwrap().as_str(), support::SESSION);
    assert_eq!(rejected.kind, Some(NotificationType::End));
    assert_eq!(rejected.cpo_partner_session_id.as_deref(), Some("1234XYZ"));

    let filled =
        support::PUBLISHED_END.replace("{{operatorID}}", "DE*ABC").replace("{{evseID}}", "DE*XYZ*ETEST1");
    let notification = parse_text(&filled).unwrap();
    assert_eq!(notification.body(), filled.as_bytes());
    let codes: Vec<_> = notification.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["charging-start-after-end"]);
}

#[test]
fn every_relation_that_does_not_hold_is_a_finding() {
    let cases = [
        (
            with(end(), "ChargingStart", json!("2025-06-01T09:10:00.001+02:00")),
            "charging-start-after-end /ChargingStart",
        ),
        (
            with(end(), "SessionStart", json!("2025-06-01T08:00:01+02:00")),
            "session-start-after-charging-start /SessionStart",
        ),
        (
            with(end(), "SessionEnd", json!("2025-06-01T09:09:59+02:00")),
            "session-end-before-charging-end /SessionEnd",
        ),
        (
            with(end(), "PenaltyTimeStart", json!("2025-06-01T09:09:59+02:00")),
            "penalty-before-charging-end /PenaltyTimeStart",
        ),
        (with(end(), "ConsumedEnergy", json!(18.347)), "energy-mismatch /ConsumedEnergy"),
        (
            with(end(), "MeterValueInBetween", json!([1205, 1210])),
            "meter-values-bare-list /MeterValueInBetween",
        ),
        (
            with(end(), "MeterValueInBetween", json!({"meterValues": [1210, 1205]})),
            "meter-decreases /MeterValueInBetween",
        ),
        (
            with(end(), "MeterValueInBetween", json!({"meterValues": [1, 1205]})),
            "meter-decreases /MeterValueInBetween",
        ),
        (
            with(end(), "MeterValueInBetween", json!({"meterValues": [1300]})),
            "meter-decreases /MeterValueInBetween",
        ),
        (
            with(end(), "MeterValueInBetween", json!({"meterValues": ["1205"]})),
            "number-as-string /MeterValueInBetween/meterValues/0",
        ),
        (
            with(end(), "MeterValueInBetween", json!({"meterValues": [1205.0001]})),
            "more-than-three-decimals /MeterValueInBetween/meterValues/0",
        ),
        (with(end(), "ConsumedEnergy", json!("18.345")), "number-as-string /ConsumedEnergy"),
        (with(end(), "ErrorType", json!("ConnectorError")), "unexpected-member /ErrorType"),
        (with(end(), "penaltyTimeStart", json!("x")), "member-spelling /PenaltyTimeStart"),
        (with(end(), "CPOPartnerSessionID", json!("{{id}}")), "placeholder "),
        (
            with(start(), "SessionStart", json!("2025-06-01T08:00:01Z")),
            "session-start-after-charging-start /SessionStart",
        ),
        (
            with(progress(), "SessionStart", json!("2025-06-01T08:00:01Z")),
            "session-start-after-charging-start /SessionStart",
        ),
        (with(progress(), "ChargingDuration", json!(48_000)), "duration-mismatch /ChargingDuration"),
        (with(progress(), "ChargingDuration", json!(i64::MIN)), "duration-mismatch /ChargingDuration"),
        (with(progress(), "ChargingDuration", json!(480_000.0)), "duration-not-integer /ChargingDuration"),
        (with(progress(), "ConsumedEnergyProgress", json!(-1)), "energy-negative /ConsumedEnergyProgress"),
        (
            with(progress(), "ConsumedEnergyProgress", json!(1000.001)),
            "energy-too-high /ConsumedEnergyProgress",
        ),
        (with(progress(), "MeterValueStart", json!(10)), "meter-decreases /MeterValueInBetween"),
        (with(error(), "ErrorType", json!("Critical Error")), "error-type-spelling /ErrorType"),
    ];
    for (body, expected) in cases {
        assert_eq!(findings(&body), [expected], "{body}");
    }
    let backwards =
        with(with(progress(), "EventOccurred", json!("2025-06-01T07:00:00Z")), "ChargingDuration", None);
    let backwards = with(backwards, "ConsumedEnergyProgress", json!(1));
    assert_eq!(findings(&backwards), ["event-before-charging-start /EventOccurred"]);
}

#[test]
fn what_is_plausible_has_no_finding() {
    let nothing_charged = with(with(end(), "ConsumedEnergy", json!(0)), "MeterValueEnd", json!(1200));
    let nothing_charged = with(with(nothing_charged, "MeterValueInBetween", None), "ChargingStart", None);
    let rounded = with(end(), "ConsumedEnergy", json!(18.346));
    let truncated_seconds = with(progress(), "ChargingDuration", json!(481_000));
    let at_the_limit = with(progress(), "ConsumedEnergyProgress", json!(1000));
    let unknown_twice = end().to_string().replacen('{', r#"{"X":1,"X":2,"#, 1);
    for body in [nothing_charged, rounded, truncated_seconds, at_the_limit] {
        assert_eq!(findings(&body), Vec::<String>::new(), "{body}");
    }
    assert!(parse_text(&unknown_twice).unwrap().findings().is_empty());
}

#[test]
fn the_clock_finds_what_lies_ahead() {
    let notification = parse(&end()).unwrap();
    let found = |now: &str| notification.findings_at(now.parse().unwrap());
    assert_eq!(found("2025-06-01T07:05:00Z"), []);
    let early = found("2025-06-01T07:04:59Z");
    assert_eq!((early.len(), early[0].code, &*early[0].pointer), (1, "time-in-future", "/ChargingEnd"));
    assert_eq!(parse(&start()).unwrap().findings_at("2025-01-01T00:00:00Z".parse().unwrap()).len(), 1);
    assert_eq!(parse(&error()).unwrap().findings_at("2025-01-01T00:00:00Z".parse().unwrap()), []);
}

#[test]
fn null_is_absent_for_every_member() {
    let required = ["Type", "SessionID", "OperatorID", "EvseID", "ChargingEnd"];
    for member in end().as_object().unwrap().keys() {
        let result = parse(&with(end(), member, Value::Null));
        assert_eq!(result.is_err(), required.contains(&member.as_str()), "{member}");
        if let Err(rejected) = result {
            assert_eq!(violations(&rejected), [format!("/{member}: {member} is missing")]);
        }
    }
}

#[test]
fn progress_needs_a_duration_or_an_energy() {
    let without = |member| with(progress(), member, None);
    assert!(parse(&without("ChargingDuration")).is_ok());
    assert!(parse(&without("ConsumedEnergyProgress")).is_ok());
    let neither = with(without("ChargingDuration"), "ConsumedEnergyProgress", Value::Null);
    assert_eq!(violations(&parse(&neither).unwrap_err()).len(), 1);
    for (duration, fits) in
        [(json!("480000"), true), (json!(480_000.5), false), (json!("8 min"), false), (json!(1e300), false)]
    {
        assert_eq!(
            parse(&with(progress(), "ChargingDuration", duration.clone())).is_ok(),
            fits,
            "{duration}"
        );
    }
}

#[test]
fn known_members_may_occur_only_once() {
    for (name, value) in
        [("EvseID", "\"DE*ABC*E1\""), ("EvseID", "null"), ("Evse\\u0049D", "1"), ("ErrorType", "1")]
    {
        let twice = end().to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        let refused = parse_text(&twice).map(|_| ()).map_err(|rejected| violations(&rejected));
        match name {
            "ErrorType" => assert_eq!(refused, Ok(())),
            _ => assert_eq!(refused.unwrap_err(), ["/EvseID: EvseID occurs more than once"]),
        }
    }
    let inner = with(end(), "MeterValueInBetween", json!({"meterValues": [1210]})).to_string();
    let inner = inner.replace(r#"{"meterValues""#, r#"{"meterValues":[],"meterValues""#);
    assert_eq!(violations(&parse_text(&inner).unwrap_err()).len(), 1);
}

#[test]
fn error_types() {
    let read = |text: &str| match parse(&with(error(), "ErrorType", json!(text))).unwrap().facts() {
        Facts::Error(error) => error.error_type,
        other => panic!("{other:?}"),
    };
    assert_eq!(read("ConnectorError"), ErrorType::ConnectorError);
    assert_eq!(read("Critical Error"), ErrorType::CriticalError);
    assert!(parse(&with(error(), "ErrorType", json!("Information"))).is_err());
}

#[test]
fn the_type_counts_in_its_letter_case_but_the_rest_is_judged_as_well() {
    let rejected = parse(&with(with(end(), "Type", json!("END")), "ChargingEnd", None)).unwrap_err();
    assert_eq!(
        violations(&rejected),
        [
            "/Type: letter case counts: did you mean End?; found \"END\"",
            "/ChargingEnd: ChargingEnd is missing",
        ]
    );
    let rejected = parse(&with(end(), "Type", json!("Stop"))).unwrap_err();
    assert_eq!(rejected.kind, None);
    assert_eq!(violations(&rejected), ["/Type: expected Start, Progress, End or Error; found \"Stop\""]);
}

#[test]
fn identifications_never_refuse_a_notification() {
    let odd = [
        json!({}),
        json!({"Something": 1}),
        json!("card"),
        json!([]),
        json!({"RFIDMifareFamilyIdentification": {"UID": "12345ABCD"}}),
        json!({"RFIDMifareFamilyIdentification": {}}),
        json!({"RFIDMifareFamilyIdentification": 7}),
        json!({"RFIDMifareFamilyIdentification": {"UID": "044A2DAA"}, "RemoteIdentification": {"EvcoID": "DE-DCB-C12345678-X"}}),
        json!({"RFIDIdentification": {"UID": "044A2DAA", "EvcoID": "X"}}),
        json!({"RemoteIdentification": {"EvcoID": "{{evcoID}}"}}),
    ];
    for identification in odd {
        let notification = parse(&with(end(), "Identification", identification.clone())).unwrap();
        assert!(notification.identification().is_none(), "{identification}");
        let codes: Vec<_> = notification.findings().iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&"identification-odd"), "{identification}: {codes:?}");
        let texts: String = notification.findings().iter().map(|finding| &*finding.text).collect();
        assert!(!texts.contains("12345ABCD"), "{texts}");
    }
    for identification in [
        json!({"RFIDIdentification": {"UID": "044a2daa", "EvcoID": "DE-DCB-C12345678-X", "RFID": "nfc"}, "RemoteIdentification": null}),
        json!({"PlugAndChargeIdentification": {"EvcoID": "de*dcb*123456*7", "Extra": 1}}),
    ] {
        assert_eq!(findings(&with(end(), "Identification", identification)), Vec::<String>::new());
    }
}

#[test]
fn a_pin_is_found_wherever_it_is_and_never_printed() {
    let pin = json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C12345678-X", "PIN": "8642"}});
    for body in [with(end(), "Identification", pin), with(end(), "Extra", json!([{"PIN": 8642}]))] {
        let notification = parse(&body).unwrap();
        assert!(notification.has_pin());
        assert!(notification.findings().iter().any(|finding| finding.code == "pin-in-notification"));
        assert!(!format!("{notification:?}").contains("8642"));
        let kept = String::from_utf8(oicp::pin::blank(notification.body()).unwrap()).unwrap();
        assert!(!kept.contains("8642"), "{kept}");
    }
    assert!(!parse(&end()).unwrap().has_pin());
}

#[test]
fn lengths_count_characters() {
    let fits = "ä".repeat(250);
    assert!(parse(&with(end(), "CPOPartnerSessionID", json!(fits))).is_ok());
    let rejected = parse(&with(end(), "CPOPartnerSessionID", json!(fits + "ä"))).unwrap_err();
    assert_eq!(violations(&rejected), ["/CPOPartnerSessionID: too long: at most 250 characters"]);
    assert!(parse(&with(end(), "PartnerProductID", json!("x".repeat(51)))).is_err());
    assert!(parse(&with(error(), "ErrorAdditionalInfo", json!("x".repeat(251)))).is_err());
}

#[test]
fn amounts_no_meter_shows() {
    let with_number = |text: &str| {
        end().to_string().replace(r#""ConsumedEnergy":18.345"#, &format!(r#""ConsumedEnergy":{text}"#))
    };
    for number in ["1e308", "1e400", "-1e29", "\"1e400\"", "\"NaN\"", "\"10,5\"", "\"\"", "true", "{}"] {
        let rejected = parse_text(&with_number(number)).unwrap_err();
        assert_eq!(rejected.violations.iter().next().unwrap().pointer, "/ConsumedEnergy", "{number}");
        assert_eq!(rejected.violations.len(), 1, "{number}");
    }
    assert!(parse_text(&with_number("NaN")).is_err());
    let wide = with(with(end(), "MeterValueInBetween", None), "MeterValueStart", None).to_string();
    let wide = wide.replacen('{', r#"{"MeterValueStart":-7.9e28,"#, 1).replace("1218.345", "7.9e28");
    let notification = parse_text(&wide).unwrap();
    let codes: Vec<_> = notification.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["energy-overflow"]);
}

#[test]
fn a_hundred_thousand_meter_values_are_read_and_their_violations_bounded() {
    let many = |value: &str| {
        let list = vec![value; 100_000].join(",");
        end().to_string().replace("[1205.5,1210]", &format!("[{list}]"))
    };
    let notification = parse_text(&many("1205")).unwrap();
    let Facts::End(facts) = notification.facts() else { panic!("an End") };
    assert_eq!(facts.meter_value_in_between.unwrap().count, 100_000);
    let strings = parse_text(&many("\"1205\"")).unwrap();
    assert!(strings.findings().len() <= Violations::MOST);
    let rejected = parse_text(&many("\"x\"")).unwrap_err();
    assert_eq!((rejected.violations.len(), rejected.violations.truncated()), (100, 99_900));
    let third = parse_text(&end().to_string().replace("[1205.5,1210]", "[1,2,3,\"x\"]")).unwrap_err();
    assert_eq!(third.violations.iter().next().unwrap().pointer, "/MeterValueInBetween/meterValues/3");
}

#[test]
fn broken_json_names_the_place() {
    let rejected = parse_text("{\n  \"Type\": \"End\",\n  \"EvseID\" \"x\"}").unwrap_err();
    assert_eq!(violations(&rejected), [": not valid JSON: line 3, column 12: expected `:`"]);
    for (text, kind) in [("[]", "a list"), ("\"End\"", "a string"), ("17", "a number"), ("null", "null")] {
        assert_eq!(
            violations(&parse_text(text).unwrap_err()),
            [format!(": expected a JSON object, found {kind}")]
        );
    }
    for text in ["{", "{}x", "<html>", "{\"a\":\"\0\"}", "{'a':1}"] {
        let said = violations(&parse_text(text).unwrap_err());
        assert!(said[0].starts_with(": not valid JSON: line 1, column "), "{text}: {said:?}");
    }
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let nested = |depth: usize| {
        let value = "[".repeat(depth) + &"]".repeat(depth);
        end().to_string().replacen('{', &format!("{{\"Extra\":{value},"), 1)
    };
    assert!(parse_text(&nested(127)).is_ok());
    for depth in [128, 10_000] {
        assert_eq!(violations(&parse_text(&nested(depth)).unwrap_err()), [": nested deeper than 128 levels"]);
    }
    assert!(parse_text(&"[".repeat(1_000_000)).is_err());
}

#[test]
fn strange_strings() {
    let named = |member: &str, raw: &str| {
        let body = with(end(), member, None).to_string();
        parse_text(&body.replacen('{', &format!("{{\"{member}\":{raw},"), 1))
    };
    assert!(named("CPOPartnerSessionID", r#""\ud800""#).is_err());
    assert!(named("Unknown", r#""\ud800""#).is_ok());
    assert_eq!(named("CPOPartnerSessionID", r#""a\u0000b""#).unwrap().cpo_partner_session_id(), Some("a\0b"));
    let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
    assert!(named("Unknown", &megabyte).is_ok());
    for member in ["CPOPartnerSessionID", "EvseID", "SessionID", "ChargingEnd", "ConsumedEnergy", "Type"] {
        let rejected = named(member, &megabyte).unwrap_err();
        assert!(rejected.violations.iter().all(|violation| violation.message.len() < 400), "{member}");
    }
}

#[test]
fn a_thoroughly_bad_end_hears_everything_at_once() {
    let body = r#"{
        "Type": "End", "sessionID": "x", "Operator_ID": "DE*ABC", "EvseID": "{{evseID}}",
        "ChargingStart": "2025-06-01T08:00:00", "ChargingEnd": "yesterday", "SessionStart": 1748764800,
        "SessionEnd": "2025-02-30T08:00:00Z", "ConsumedEnergy": "10,5", "MeterValueStart": true,
        "MeterValueEnd": 1e400, "MeterValueInBetween": {"meterValues": [1, "x", null, {}]},
        "PartnerProductID": "a product whose name is very much longer than fifty characters",
        "PenaltyTimeStart": "2025-06-01T08:00:00.00000000000000000000001Z", "CPOPartnerSessionID": 17,
        "EMPPartnerSessionID": "\udc00", "Identification": {"RFIDMifareFamilyIdentification": {"UID": "SECRET"}}
    }"#;
    let rejected = parse_text(body).unwrap_err();
    let mut said = String::new();
    for violation in &rejected.violations {
        writeln!(said, "{}\n    {}\n    {}", violation.pointer, violation.field, violation.message).unwrap();
    }
    assert!(!said.contains("SECRET"));
    insta::assert_snapshot!(said);
}

#[test]
fn bodies_that_are_no_text_are_named() {
    let parse = |body: &'static [u8]| ChargingNotification::parse(body.into()).unwrap_err();
    let utf16: Vec<u8> = end().to_string().encode_utf16().flat_map(u16::to_be_bytes).collect();
    let rejected = ChargingNotification::parse(utf16.into()).unwrap_err();
    assert!(rejected.problem.unwrap().unsupported_media());
    assert!(parse(b"\xEF\xBB\xBF{}").to_string().contains("byte order mark"));
    assert!(parse(b"").violations.is_empty());
}
