//! The unhurried second look at a body that is refused anyway: what did the sender probably mean?
//!
//! For a message that is accepted, only the search for placeholders runs.

use crate::json;

/// Names and values beyond these sizes help nobody and only make the answer long.
const MOST_NAMES: usize = 200;
const LONGEST_NAME: usize = 64;
const LONGEST_ECHO: usize = 40;

/// The member names on a body's top level that no field answers to.
#[derive(Debug)]
pub(crate) struct StrayNames(Vec<String>);

impl StrayNames {
    pub(crate) fn collect(body: &str, known: &[&str]) -> Self {
        let mut stray = Vec::new();
        // The body has been scanned before, so it cannot fail to parse here.
        let _parsed = json::each_name(body, |name| {
            if stray.len() < MOST_NAMES && name.len() <= LONGEST_NAME && !known.contains(&name) {
                stray.push(name.to_owned());
            }
        });
        Self(stray)
    }

    /// The stray name that most probably stands for `wanted`.
    pub(crate) fn near(&self, wanted: &str) -> Option<&str> {
        let other_case = self.0.iter().find(|name| name.trim().eq_ignore_ascii_case(wanted));
        let tolerated = if wanted.len() > 5 { 2 } else { 1 };
        let near = || {
            let about_as_long =
                self.0.iter().filter(|name| letters(name).abs_diff(letters(wanted)) <= tolerated);
            let distances = about_as_long.map(|name| (distance(name, wanted), name));
            distances.filter(|(distance, _)| *distance <= tolerated).min().map(|(_, name)| name)
        };
        other_case.or_else(near).map(String::as_str)
    }
}

/// How many letters have to be added, dropped or changed to come from one to the other, ignoring case and `_-` and
/// blanks.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(counts).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, from) in one.iter().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&other) {
            let change = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = change.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn letters(text: &str) -> usize {
    text.chars().filter(counts).count()
}

fn counts(letter: &char) -> bool {
    !matches!(letter, '_' | '-' | ' ')
}

/// The first `{{placeholder}}` in a value, braces included and not too long to be one.
pub(crate) fn placeholder(value: &str) -> Option<&str> {
    let start = opening(value)?;
    let end = start + value.get(start..)?.find("}}")? + 2;
    value.get(start..end).filter(|placeholder| placeholder.chars().count() <= LONGEST_ECHO)
}

/// Where the first `{{` is. Braces are rare, so looking for single ones is faster than looking for the pair.
fn opening(value: &str) -> Option<usize> {
    let bytes = value.as_bytes();
    memchr::memchr_iter(b'{', bytes).find(|brace| bytes.get(brace + 1) == Some(&b'{'))
}

/// A value as it may be repeated in an answer: cut, and without control characters.
pub(crate) fn echo(value: &str) -> String {
    let kept = crate::status::cut(value, LONGEST_ECHO);
    let dots = if kept.len() < value.len() { "…" } else { "" };
    format!("\"{}{dots}\"", kept.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::{StrayNames, distance, echo, placeholder};

    #[test]
    fn guesses_what_a_name_was_meant_to_be() {
        let names = StrayNames::collect(
            r#"{"evseId":1,"Operator_ID":2,"SesionID":3,"Colour":4,"Type":5}"#,
            &["Type"],
        );
        assert_eq!(names.near("EvseID"), Some("evseId"));
        assert_eq!(names.near("OperatorID"), Some("Operator_ID"));
        assert_eq!(names.near("SessionID"), Some("SesionID"));
        assert_eq!(names.near("ChargingEnd"), None);
        assert_eq!(names.near("Type"), None);
    }

    #[test]
    fn measures_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("EVSE_ID", "EvseID"), 0);
    }

    #[test]
    fn finds_placeholders() {
        assert_eq!(placeholder("DE*{{id}}*E1"), Some("{{id}}"));
        assert_eq!(placeholder("}}{{"), None);
        assert_eq!(placeholder(&format!("{{{{{}}}}}", "x".repeat(99))), None);
    }

    #[test]
    fn echoes_are_short_and_printable() {
        assert_eq!(echo("a\u{0}\"b"), r#""a\0\"b""#);
        assert_eq!(echo(&"ä".repeat(50)).chars().count(), 43);
    }
}
