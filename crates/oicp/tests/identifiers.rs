//! Identifiers: what is one, which spellings are the same one, and what is never printed.

#[path = "support/expression.rs"]
mod expression;

use oicp::{EvcoId, EvseId, OperatorId, ProviderId, SessionId, Uid};
use proptest::prelude::*;

#[test]
fn operators_in_all_spellings() {
    let iso = ["DE*ABC", "DEABC", "de*abc", "DeAbC"];
    for text in iso {
        let id = OperatorId::parse(text).unwrap();
        assert_eq!((id.as_str(), id.key()), (text, "DEABC"));
    }
    for text in ["+49*536", "49*536"] {
        assert_eq!(OperatorId::parse(text).unwrap().key(), "49*536", "{text}");
    }
    let not = [
        "",
        "DE",
        "DE*AB",
        "DE*ABCD",
        "D1*ABC",
        "DE-ABC",
        "DE**ABC",
        "+49536",
        "49536",
        "+4999*536",
        "*536",
        "ÄE*ABC",
        "DE*A|C",
        " DE*ABC",
        "{{operatorID}}",
    ];
    for text in not {
        assert!(OperatorId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn providers_in_all_spellings() {
    for text in ["DE-8EO", "DE*8EO", "DE8EO", "de-8eo"] {
        assert_eq!(ProviderId::parse(text).unwrap().key(), "DE8EO", "{text}");
    }
    for text in ["DE|8EO", "DE--8EO", "*", "DE-8E", "49*536", "DE-8EO "] {
        assert!(ProviderId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn spots_and_their_operators() {
    let cases = [
        ("DE*AB7*E840*6487", "DEAB7E8406487", "DE*AB7"),
        ("DEAB7E8406487", "DEAB7E8406487", "DEAB7"),
        ("de*ab7*e840*6487", "DEAB7E8406487", "DE*AB7"),
        ("+49*810*000*438", "49*810*000438", "49*810"),
        ("49*810*000438", "49*810*000438", "+49*810"),
        ("DE*EEE*EE", "DEEEEEE", "DEEEE"),
    ];
    for (text, key, operator) in cases {
        let id = EvseId::parse(text).unwrap();
        assert_eq!((id.as_str(), id.key()), (text, key));
        assert_eq!(id.operator(), OperatorId::parse(operator).unwrap(), "{text}");
    }
    let longest = ["DE*AB7*E123456789012345678901234567890", "+999*810*12345678901234567890123456789012"];
    for text in longest {
        assert!(EvseId::parse(text).is_ok(), "{text}");
        assert!(EvseId::parse(&format!("{text}1")).is_err(), "{text}");
    }
    let not = [
        "X",
        "",
        "DEÄÖ*E1",
        "DE*A€C*E1",
        "DE*ABC*E",
        "DE*ABC*X1",
        "49*81*1",
        "49810000438",
        "DE*ABC*E1-2",
        "DE*ABC*E1\0",
    ];
    for text in not {
        assert!(EvseId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn contracts_and_their_providers() {
    let cases = [
        ("DE-8EO-CAet5e4XY-3", "DE8EOCAET5E4XY3"),
        ("DE8EOCAet5e43X1", "DE8EOCAET5E43X1"),
        ("de8eocaet5e43x1", "DE8EOCAET5E43X1"),
        ("DE*8EO*Aet5e4*3", "DE8EOAET5E43"),
        ("DE-8EO-Aet5e4-X", "DE8EOAET5E4X"),
        ("DE8EOAet5e4x", "DE8EOAET5E4X"),
    ];
    for (text, key) in cases {
        let id = EvcoId::parse(text).unwrap();
        assert_eq!((id.as_str(), id.key()), (text, key));
        assert_eq!(id.provider(), ProviderId::parse("DE-8EO").unwrap());
    }
    for text in [
        "DEéé",
        "",
        "DE|8EO|Aet5e4|3",
        "DE8EOAet5e4|",
        "DE*8EO*CAet5e4XY*3",
        "DE-8EO-CAet5e4XY-33",
        "DE8EOAet5e4Y",
    ] {
        assert!(EvcoId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn cards() {
    for text in ["044A2DAA856280", "044a2daa", "0123456789ABCDEF0123"] {
        assert_eq!(Uid::parse(text).unwrap().key(), text.to_ascii_uppercase());
    }
    for text in ["", "12345ABCD", "AFFH1768", "0x123456", "044A2DAA85628"] {
        assert!(Uid::parse(text).is_err(), "{text}");
    }
}

#[test]
fn sessions() {
    let upper = SessionId::parse("B2688855-7F00-0002-6D8E-48D883F6ABB6").unwrap();
    let lower = SessionId::parse("b2688855-7f00-0002-6d8e-48d883f6abb6").unwrap();
    assert_eq!(upper, lower);
    assert_eq!(upper.to_string(), "B2688855-7F00-0002-6D8E-48D883F6ABB6");
    assert_eq!(SessionId::from_uuid(upper.to_uuid().unwrap()).as_str(), lower.as_str());
    let not_hexadecimal = SessionId::parse("zzzzzzzz-7f00-0002-6d8e-48d883f6abb6").unwrap();
    assert_eq!(not_hexadecimal.to_uuid(), None);
    for text in [
        "string",
        "",
        "b26888557f0000026d8e48d883f6abb6",
        "b2688855-7f00-0002-6d8e-48d883f6abb",
        "b2688855_7f00-0002-6d8e-48d883f6abb6",
    ] {
        assert!(SessionId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn spellings_of_one_id_are_one_entry() {
    let spellings = ["DE*ABC", "DEABC", "de*abc"].map(|text| OperatorId::parse(text).unwrap());
    assert_eq!(spellings.iter().collect::<std::collections::HashSet<_>>().len(), 1);
    assert_eq!(spellings.iter().collect::<std::collections::BTreeSet<_>>().len(), 1);
}

#[test]
fn people_are_never_printed() {
    let uid = Uid::parse("044A2DAA856280").unwrap();
    let evco = EvcoId::parse("DE-8EO-CAet5e4XY-3").unwrap();
    assert_eq!(format!("{uid} {uid:?}"), "…80 Uid(…80)");
    assert_eq!(format!("{evco} {evco:?}"), "DE8EO… EvcoId(DE8EO…)");
}

#[test]
fn errors_show_the_form() {
    let error = EvseId::parse("X").unwrap_err().to_string();
    assert!(
        error.starts_with("not an EvseID: expected ")
            && error.ends_with("such as DE*AB7*E840*6487 or +49*810*000*438"),
        "{error}"
    );
    assert!(!Uid::parse("12345ABCD").unwrap_err().to_string().contains("12345ABCD"));
}

#[test]
fn ids_travel_as_the_text_they_are() {
    let id: EvseId = serde_json::from_str("\"de*abc*e1\"").unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"de*abc*e1\"");
    assert!(serde_json::from_str::<ProviderId>("\"DE\"").is_err());
}

// The published expressions without the stray `|`, anchored, and for both letter cases where they mean both.
const OPERATOR: &str = r"[A-Za-z]{2}\*?[A-Za-z0-9]{3}|\+?[0-9]{1,3}\*[0-9]{3}";
const PROVIDER: &str = r"[A-Za-z]{2}[*-]?[A-Za-z0-9]{3}";
const EVSE: &str =
    r"[A-Za-z]{2}\*?[A-Za-z0-9]{3}\*?E[A-Za-z0-9*]{1,30}|\+?[0-9]{1,3}\*[0-9]{3}\*[0-9*]{1,32}";
const EVCO: &str = r"[A-Za-z]{2}-?[A-Za-z0-9]{3}-?C[A-Za-z0-9]{8}-?[0-9A-Za-z]|[A-Za-z]{2}[*-]?[A-Za-z0-9]{3}[*-]?[A-Za-z0-9]{6}[*-]?[0-9X]";
const UID: &str = "[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20}";
const SESSION: &str = "[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12}";

/// What matches the expression parses; what parses matches it in upper-case; all spellings have one key.
macro_rules! holds_for {
    ($name:ident, $id:ident, $expression:expr) => {
        proptest! {
            #[test]
            fn $name(text in $expression, place in 0..45_usize, noise in "[ -~é]{1,2}") {
                prop_assert!(expression::matches($expression, &text));
                let id = $id::parse(&text).unwrap();
                prop_assert_eq!(id.as_str(), &text);
                for other in [text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                    prop_assert_eq!($id::parse(&other).unwrap(), id);
                }
                // The key is a spelling of its own, unless the id ends with nothing but separators.
                match $id::parse(id.key()) {
                    Ok(key) => prop_assert_eq!(key.key(), id.key()),
                    Err(_) => prop_assert!(text.ends_with('*'), "{}", text),
                }
                let place = place.min(text.len());
                let spoilt = format!("{}{noise}{}", &text[..place], &text[place..]);
                let shortened = format!("{}{}", &text[..place], text.get(place + 1..).unwrap_or_default());
                for text in [spoilt, shortened, noise] {
                    let expected = expression::matches($expression, &text.to_ascii_uppercase());
                    prop_assert_eq!($id::parse(&text).is_ok(), expected, "{}", text);
                }
            }
        }
    };
}

holds_for!(operator_grammar, OperatorId, OPERATOR);
holds_for!(provider_grammar, ProviderId, PROVIDER);
holds_for!(evse_grammar, EvseId, EVSE);
holds_for!(evco_grammar, EvcoId, EVCO);
holds_for!(uid_grammar, Uid, UID);
holds_for!(session_grammar, SessionId, SESSION);
