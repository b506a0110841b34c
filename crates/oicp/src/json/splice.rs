//! Replacing single values in a body while every other byte stays as it came.

use std::ops::Range;

use crate::ids::SessionId;

/// One replacement.
#[derive(Clone, Debug)]
pub(crate) struct Splice {
    /// What is replaced, as byte offsets; empty to insert.
    pub(crate) range: Range<usize>,
    /// What comes in its place.
    pub(crate) text: String,
}

/// Where the hub's own SessionID goes in a request that it passes on.
#[derive(Clone, Debug)]
pub(crate) enum SessionPlace {
    /// In place of the sender's value.
    Value(Range<usize>),
    /// As the first of the members, which begin here.
    FirstMember(usize),
}

impl SessionPlace {
    /// The place in an object whose SessionID has this value, if it has one.
    pub(crate) fn of(object: &str, session: Option<&str>) -> Self {
        match session {
            Some(raw) => Self::Value(span(object, raw)),
            None => Self::FirstMember(object.find('{').map_or(0, |brace| brace + 1)),
        }
    }

    /// Puts this SessionID there.
    pub(crate) fn take(&self, session: &SessionId) -> Splice {
        match self {
            Self::Value(range) => Splice { range: range.clone(), text: format!("\"{session}\"") },
            Self::FirstMember(at) => {
                Splice { range: *at..*at, text: format!("\"SessionID\":\"{session}\",") }
            }
        }
    }
}

/// Where `part`, a slice of `whole`, lies in it.
pub(crate) fn span(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start + part.len()
}

/// The body with all splices applied. They must not overlap; one that does, or lies outside, is left out.
pub(crate) fn splice(body: &[u8], splices: &mut [Splice]) -> Vec<u8> {
    let mut spliced = Vec::new();
    splice_into(&mut spliced, body, splices);
    spliced
}

/// As [`splice`], behind what `out` holds already.
pub(crate) fn splice_into(out: &mut Vec<u8>, body: &[u8], splices: &mut [Splice]) {
    splices.sort_by_key(|splice| splice.range.start);
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    out.reserve(body.len() + added);
    let mut done = 0;
    for Splice { range, text } in splices {
        let Some(before) = body.get(done..range.start) else { continue };
        out.extend_from_slice(before);
        out.extend_from_slice(text.as_bytes());
        done = range.end;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{Splice, span, splice};

    #[test]
    fn replaces_and_inserts() {
        let body = "abcdef";
        let mut splices = [
            Splice { range: span(body, &body[4..5]), text: "EEE".into() },
            Splice { range: 1..1, text: "-".into() },
            Splice { range: 99..100, text: "lost".into() },
        ];
        assert_eq!(splice(body.as_bytes(), &mut splices), b"a-bcdEEEf");
    }
}
