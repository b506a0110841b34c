//! Personal ids in bodies and in what providers answered.

use serde_json::Value;

/// Shorter texts are no card numbers, and starring them out would garble what stays.
const SHORTEST: usize = 6;

/// The card numbers and contract ids in a body.
pub(super) fn personal_ids(body: &[u8]) -> Vec<String> {
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
pub(super) fn without(ids: &[String], text: &str) -> String {
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
}
