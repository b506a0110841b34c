//! Personal values in bodies, and taking them out of texts: of what partners answer, and of what is kept of a refusal.

use serde_json::Value;

use crate::{EvcoId, Uid};

/// Shorter texts are no card numbers, and starring them out would garble what stays.
const SHORTEST: usize = 6;
/// The same for PINs.
const SHORTEST_PIN: usize = 4;
/// Behind these an explanation repeats a value.
const REPEATED: [&str; 4] = ["found \"", "names \"", "names provider \"", "names operator \""];

/// The card numbers and contract ids in a body.
#[must_use]
pub fn personal_ids(body: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    if let Ok(value) = serde_json::from_slice(body) {
        collect(&value, &mut ids);
    }
    ids
}

fn collect(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(id) if name.eq_ignore_ascii_case("UID") || name.eq_ignore_ascii_case("EvcoID") => {
                        if id.len() >= SHORTEST {
                            ids.push(id.to_owned());
                        }
                    }
                    _ => collect(value, ids),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, ids)),
        _ => {}
    }
}

/// The text with these ids, in whatever case they stand there, starred out. It keeps its length, so that the row it
/// stands in keeps its place.
#[must_use]
pub fn without(ids: &[String], text: &str) -> String {
    ids.iter().fold(text.to_owned(), |text, id| {
        // ASCII lower case keeps every byte in its place.
        let (lower, wanted) = (text.to_ascii_lowercase(), id.to_ascii_lowercase());
        let mut starred = String::with_capacity(text.len());
        let mut rest = 0;
        for (at, _) in lower.match_indices(&wanted) {
            starred.push_str(&text[rest..at]);
            starred.extend(std::iter::repeat_n('*', wanted.len()));
            rest = at + wanted.len();
        }
        starred.push_str(&text[rest..]);
        starred
    })
}

/// The PINs in a body.
#[must_use]
pub fn pins(body: &[u8]) -> Vec<String> {
    let mut pins = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        collect_pins(&value, &mut pins);
    }
    pins
}

fn collect_pins(value: &Value, pins: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(pin) if name.eq_ignore_ascii_case("PIN") && pin.len() >= SHORTEST_PIN => {
                        pins.push(pin.to_owned());
                    }
                    _ => collect_pins(value, pins),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_pins(value, pins)),
        _ => {}
    }
}

/// The text with everything in it starred out that is written like a card number or a contract id, whosever it is.
#[must_use]
pub fn starred(text: &str) -> String {
    let is_of_a_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '*');
    let mut starred = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(is_of_a_word) {
        let (before, word) = rest.split_at(from);
        let (word, behind) = word.split_at(word.find(|letter| !is_of_a_word(letter)).unwrap_or(word.len()));
        starred.push_str(before);
        match Uid::parse(word).is_ok() || EvcoId::parse(word).is_ok() {
            true => starred.extend(std::iter::repeat_n('*', word.len())),
            false => starred.push_str(word),
        }
        rest = behind;
    }
    starred.push_str(rest);
    starred
}

/// An explanation of a refusal without the values that it repeats: of each only its shape is left, `99AA` for `04AB`. What
/// is refused may be a card number in the wrong member, or one that is not written like one.
#[must_use]
pub fn shapes_only(explanation: &str) -> String {
    let mut shaped = String::with_capacity(explanation.len());
    let mut rest = explanation;
    let begin =
        |text: &str| REPEATED.iter().filter_map(|marker| Some(text.find(marker)? + marker.len())).min();
    while let Some(at) = begin(rest) {
        let (before, value) = rest.split_at(at);
        shaped.push_str(before);
        let mut escaped = false;
        let end = value.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let (value, behind) = value.split_at(end.unwrap_or(value.len()));
        shaped.extend(value.chars().map(|letter| match letter {
            '0'..='9' => '9',
            letter if letter.is_alphabetic() => 'A',
            other => other,
        }));
        rest = behind;
    }
    shaped.push_str(rest);
    shaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand_and_taken_out_in_any_case() {
        let body =
            br#"{"Identification":{"RFIDIdentification":{"UID":"044A2DAA856280","EvcoID":"DE-DCB-C1-X"}}}"#;
        let ids = personal_ids(body);
        assert_eq!(ids, ["DE-DCB-C1-X", "044A2DAA856280"]);
        let said = "\u{212a}arte 044a2daa856280 und 044A2DAA856280 von de-dcb-c1-x \u{e4}";
        assert_eq!(
            without(&ids, said),
            "\u{212a}arte ************** und ************** von *********** \u{e4}"
        );
    }

    #[test]
    fn bodies_that_are_no_json_hold_no_ids() {
        assert!(personal_ids(b"").is_empty());
        assert!(personal_ids(b"<html>").is_empty());
    }

    #[test]
    fn what_is_written_like_an_id_is_starred_out_of_any_text() {
        let text = "card 044a2daa856280, contract DE-DCB-C12345678-X; EVSE DE*ABC*E1, code 210.";
        let starred = starred(text);
        assert_eq!(starred, "card **************, contract ******************; EVSE DE*ABC*E1, code 210.");
        assert_eq!(super::starred(""), "");
        assert_eq!(super::starred("\u{e4}"), "\u{e4}");
    }

    #[test]
    fn pins_are_found_wherever_they_stand() {
        let body = br#"{"Identification":{"QRCodeIdentification":{"EvcoID":"DE-DCB-C1-X","PIN":"4711"}},"pin":"12"}"#;
        assert_eq!(pins(body), ["4711"]);
    }

    #[test]
    fn of_a_repeated_value_the_shape_is_left() {
        let said = r#"EvseID: expected an EvseID; found "04 AB\"cd", and more; SessionID: found "x"#;
        let shaped = shapes_only(said);
        assert_eq!(shaped, r#"EvseID: expected an EvseID; found "99 AA\"AA", and more; SessionID: found "A"#);
        let path = r#"the path names provider "DE-1", the body DE-DCB"#;
        assert_eq!(shapes_only(path), r#"the path names provider "AA-9", the body DE-DCB"#);
        assert_eq!(shapes_only("nothing is repeated"), "nothing is repeated");
    }
}
