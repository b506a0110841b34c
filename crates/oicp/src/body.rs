//! The first look at a received body: is it text that could be JSON at all?
//!
//! JSON libraries say "expected value at line 1 column 1" to a byte order mark, UTF-16 and a multipart form alike.
//! The partner who has to find the reason deserves to have it named.

use std::fmt;

/// Why a body cannot be JSON in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProblem {
    /// Nothing, or only blanks.
    Empty,
    /// UTF-8 with a byte order mark in front.
    ByteOrderMark,
    /// UTF-16, with or without a byte order mark.
    Utf16,
    /// A multipart form.
    Multipart,
    /// No text at all: compressed, encrypted or otherwise binary.
    Binary,
    /// Text in another encoding.
    NotUtf8 {
        /// Offset of the first byte that is not UTF-8.
        at: usize,
    },
}

impl BodyProblem {
    /// Whether this is a wrong kind of body (HTTP 415) rather than a damaged JSON text (HTTP 400).
    #[must_use]
    pub fn unsupported_media(self) -> bool {
        matches!(self, Self::Multipart | Self::Utf16 | Self::Binary)
    }
}

impl fmt::Display for BodyProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the body is empty: expected a JSON object"),
            Self::ByteOrderMark => {
                out.write_str("the body begins with a byte order mark: send JSON in UTF-8 without one")
            }
            Self::Utf16 => out.write_str("the body is UTF-16: send JSON in UTF-8"),
            Self::Multipart => out.write_str("the body is a multipart form: send the JSON object itself"),
            Self::Binary => out.write_str("the body is not text: send JSON in UTF-8"),
            Self::NotUtf8 { at } => write!(out, "the body is not UTF-8 (byte {at}): send JSON in UTF-8"),
        }
    }
}

impl std::error::Error for BodyProblem {}

/// The body as text, if it may be JSON. Whether it is, the parser decides.
pub fn check(body: &[u8]) -> Result<&str, BodyProblem> {
    let trimmed = body.trim_ascii_start();
    match *trimmed {
        [] => return Err(BodyProblem::Empty),
        [0xEF, 0xBB, 0xBF, ..] => return Err(BodyProblem::ByteOrderMark),
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] => {
            return Err(BodyProblem::Utf16);
        }
        [b'-', b'-', ..] => return Err(BodyProblem::Multipart),
        [first, ..] if first.is_ascii_control() => return Err(BodyProblem::Binary),
        _ => {}
    }
    std::str::from_utf8(body).map_err(|error| {
        // Text in a legacy encoding still begins like JSON; anything else is no text.
        let textual = trimmed.first().is_some_and(u8::is_ascii);
        if textual { BodyProblem::NotUtf8 { at: error.valid_up_to() } } else { BodyProblem::Binary }
    })
}

#[cfg(test)]
mod tests {
    use super::{BodyProblem, check};

    #[test]
    fn names_what_cannot_be_json() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let cases: [(&[u8], BodyProblem); 10] = [
            (b"", BodyProblem::Empty),
            (b" \r\n\t", BodyProblem::Empty),
            (b"\xEF\xBB\xBF{}", BodyProblem::ByteOrderMark),
            (b"\xFF\xFE{\0}\0", BodyProblem::Utf16),
            (&utf16("{\"a\":1}"), BodyProblem::Utf16),
            (b"\0{\0}", BodyProblem::Utf16),
            (b"--boundary\r\n", BodyProblem::Multipart),
            (b"\x1F\x8B\x08\x00", BodyProblem::Binary),
            (b"\xDE\xAD\xBE\xEF", BodyProblem::Binary),
            (b"{\"a\":\"M\xFCller\"}", BodyProblem::NotUtf8 { at: 7 }),
        ];
        for (body, expected) in cases {
            assert_eq!(check(body), Err(expected), "{body:?}");
        }
        assert_eq!(check(b" {\"a\":\"M\xC3\xBCller\"}"), Ok(" {\"a\":\"Müller\"}"));
    }

    #[test]
    fn only_other_kinds_of_content_are_unsupported_media() {
        assert!(BodyProblem::Multipart.unsupported_media());
        assert!(!BodyProblem::NotUtf8 { at: 3 }.unsupported_media());
        assert!(!BodyProblem::ByteOrderMark.unsupported_media());
    }
}
