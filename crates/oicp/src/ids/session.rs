//! The id of a charging session: issued by the hub, laid out like a UUID, though OICP does not demand hexadecimal.

use super::{IdError, grammar};
use crate::inline::InlineStr;

/// A charging session's id, such as `b2688855-7f00-0002-6d8e-48d883f6abb6`. Key: lower-case.
#[derive(Clone, Copy)]
pub struct SessionId {
    pub(super) text: InlineStr<36>,
    pub(super) key: InlineStr<36>,
}

impl SessionId {
    /// Reads a SessionID (OICP 2.3, SessionIDType).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            grammar::session(text)?;
            let text = InlineStr::new(text)?;
            Some(Self { text, key: text.lowercase() })
        };
        read().ok_or(IdError::SESSION)
    }

    /// The id that writes the 16 bytes of a UUID, in lower-case.
    #[must_use]
    pub fn from_uuid(uuid: [u8; 16]) -> Self {
        let digits = uuid.into_iter().flat_map(|byte| [hexadecimal(byte >> 4), hexadecimal(byte & 0xF)]);
        let text = digits.enumerate().flat_map(|(place, digit)| {
            let dash = matches!(place, 8 | 12 | 16 | 20).then_some(b'-');
            dash.into_iter().chain([digit])
        });
        let text = InlineStr::from_bytes(text).expect("32 digits and 4 dashes are 36 ASCII characters");
        Self { text, key: text }
    }

    /// The 16 bytes of the UUID this id spells; `None` if it is not hexadecimal, which is legal.
    #[must_use]
    pub fn to_uuid(&self) -> Option<[u8; 16]> {
        let mut uuid = [0; 16];
        let mut digits = self.key.as_str().chars().filter(|letter| *letter != '-');
        for byte in &mut uuid {
            let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(uuid)
    }
}

fn hexadecimal(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}
