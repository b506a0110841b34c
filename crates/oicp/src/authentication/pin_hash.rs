//! The hash of a PIN as providers upload it (OICP 2.3, HashedPINType): bcrypt, or what is left from OICP 2.1.
//!
//! The published expression for the value lacks `$`, `.` and `/`, which every bcrypt hash has, and the lengths for
//! the older ones are too short for them; here the hashes themselves say what is right.

use std::fmt;

use crate::field::{At, Judge};
use crate::identification;

const HASHED: &str = "/Identification/QRCodeIdentification/HashedPIN";
const LEGACY: &str = "/Identification/QRCodeIdentification/HashedPIN/LegacyHashData";

/// The hash of a PIN. It prints as its kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum PinHash {
    /// bcrypt, such as `$2b$10$…`, sixty characters.
    Bcrypt(String),
    /// From OICP 2.1: how the salt goes in is not documented.
    Legacy {
        /// The function.
        function: LegacyFunction,
        /// At most 100 characters.
        salt: String,
        /// The hash, as lower-case hexadecimal digits.
        hex: String,
    },
}

impl PinHash {
    /// Above this cost one comparison takes seconds.
    pub const MOST_BCRYPT_COST: u32 = 14;
}

impl fmt::Debug for PinHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bcrypt(_) => "Bcrypt",
            Self::Legacy { .. } => "Legacy",
        })
    }
}

/// The functions of OICP 2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyFunction {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
}

impl LegacyFunction {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "MD5" => Some(Self::Md5),
            "SHA-1" => Some(Self::Sha1),
            _ => None,
        }
    }

    /// How many hexadecimal digits a hash has.
    const fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
        }
    }
}

/// Reads a HashedPIN. Nothing of a hash is repeated in a violation.
pub(super) fn read(raw: &str, judge: &mut Judge<'_>) -> Option<PinHash> {
    let names = ["Value", "Function", "LegacyHashData"];
    let at = At::inner(HASHED, "");
    let [value, function, legacy] = identification::members(at, HASHED, raw, &names, judge)?;
    let value = required(At::inner(HASHED, "Value"), value, judge);
    let function = required(At::inner(HASHED, "Function"), function, judge);
    if function.is_some_and(|function| function != "Bcrypt") {
        judge.violation(At::inner(HASHED, "Function"), "expected Bcrypt");
    }
    if let Some(legacy) = legacy {
        return read_legacy(legacy, judge);
    }
    let value = value?;
    if let Err(problem) = check_bcrypt(&value) {
        judge.violation(At::inner(HASHED, "Value"), problem);
        return None;
    }
    Some(PinHash::Bcrypt(value))
}

fn read_legacy(raw: &str, judge: &mut Judge<'_>) -> Option<PinHash> {
    let names = ["Function", "Salt", "Value"];
    let at = At::inner(LEGACY, "");
    let [function, salt, value] = identification::members(at, LEGACY, raw, &names, judge)?;
    let at = At::inner(LEGACY, "Function");
    let function = required(at, function, judge)?;
    let Some(function) = LegacyFunction::parse(&function) else {
        judge.violation(at, "expected MD5 or SHA-1");
        return None;
    };
    let salt = match salt {
        Some(raw) => judge.text(At::inner(LEGACY, "Salt"), Some(raw), 100)?,
        None => String::new(),
    };
    let at = At::inner(LEGACY, "Value");
    let value = required(at, value, judge)?;
    if value.len() != function.digits() || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        judge.violation(at, format!("expected {} hexadecimal digits", function.digits()));
        return None;
    }
    Some(PinHash::Legacy { function, salt, hex: value.to_ascii_lowercase() })
}

fn required(at: At, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<String> {
    match raw {
        Some(raw) => judge.text(at, Some(raw), 100),
        None => {
            judge.violation(at, "is missing");
            None
        }
    }
}

/// `$2b$10$` and 53 characters.
fn check_bcrypt(hash: &str) -> Result<(), String> {
    const FORM: &str = "expected a bcrypt hash: $2b$, the cost, $ and 53 characters";
    let bytes = hash.as_bytes();
    let &[b'$', b'2', b'a' | b'b' | b'y', b'$', tens, ones, b'$', ref rest @ ..] = bytes else {
        return Err(FORM.to_owned());
    };
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    if rest.len() != 53 || !rest.iter().all(letter) || !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return Err(FORM.to_owned());
    }
    let cost = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    if (4..=PinHash::MOST_BCRYPT_COST).contains(&cost) {
        Ok(())
    } else {
        Err(format!("the cost {cost} is not from 4 to {}", PinHash::MOST_BCRYPT_COST))
    }
}

impl PinHash {
    /// One text, as it is kept: it tells the kinds apart.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Bcrypt(hash) => hash.clone(),
            Self::Legacy { function: LegacyFunction::Md5, salt, hex } => format!("md5:{hex}:{salt}"),
            Self::Legacy { function: LegacyFunction::Sha1, salt, hex } => format!("sha1:{hex}:{salt}"),
        }
    }

    /// From the text that was kept.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let legacy = |function, rest: &str| {
            let (hex, salt) = rest.split_once(':')?;
            Some(Self::Legacy { function, salt: salt.to_owned(), hex: hex.to_owned() })
        };
        match (text.strip_prefix("md5:"), text.strip_prefix("sha1:")) {
            (Some(rest), _) => legacy(LegacyFunction::Md5, rest),
            (_, Some(rest)) => legacy(LegacyFunction::Sha1, rest),
            (None, None) => check_bcrypt(text).is_ok().then(|| Self::Bcrypt(text.to_owned())),
        }
    }
}
