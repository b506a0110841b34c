//! The text of one value: which kind it is, and what a string says.

use std::borrow::Cow;
use std::fmt;

/// The kinds of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Number,
    Boolean,
    Object,
    List,
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Object => "an object",
            Self::List => "a list",
            Self::Null => "null",
        })
    }
}

/// The kind of a value whose text is valid JSON.
pub(crate) fn kind(raw: &str) -> Kind {
    match raw.as_bytes().first() {
        Some(b'"') => Kind::String,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// What a JSON string says; `None` if the value is no string, or holds half a surrogate pair.
pub(crate) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let content = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', content.as_bytes()).is_none() {
        return Some(Cow::Borrowed(content));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind, string};

    #[test]
    fn reads_strings_with_and_without_escapes() {
        assert_eq!(string(r#""plain""#).as_deref(), Some("plain"));
        assert_eq!(string(r#""a\u0000\"b""#).as_deref(), Some("a\0\"b"));
        assert_eq!(string(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
        assert_eq!(string(r#""\ud83d""#), None);
        assert_eq!(string("17"), None);
    }

    #[test]
    fn tells_kinds_apart() {
        assert_eq!(
            ["\"\"", "-1", "true", "{}", "[]", "null"].map(kind),
            [Kind::String, Kind::Number, Kind::Boolean, Kind::Object, Kind::List, Kind::Null]
        );
    }
}
