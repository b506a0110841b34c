//! Status codes: three digits that say how a request went, and the object they travel in.
//!
//! Machines decide on the code alone. Codes nobody has defined are kept and relayed, not refused.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::json;

/// A status code, `000` to `999`. Displays with three digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// The code of this number; `None` above 999.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number <= 999 { Some(Self(number)) } else { None }
    }

    /// Reads a code of one to three digits: `000`, `17`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_ascii();
        let fits = matches!(digits.len(), 1..=3) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits { digits.parse().ok().map(Self) } else { None }
    }

    /// The code as a number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// The table of defined codes (OICP 2.3, chapter on status codes), with texts of our own.
macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Code {
            $(
                #[doc = concat!("`", stringify!($number), "`: ", $text, ".")]
                pub const $name: Self = Self($number);
            )*

            /// All codes that OICP 2.3 defines.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What the code means, in a few words; for an undefined one only that.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    _ => "Undefined status code",
                }
            }
        }
    };
}

codes! {
    SUCCESS = 0, "Success";
    SYSTEM_ERROR = 1, "Hub system error";
    DATABASE_ERROR = 2, "Hub database error";
    DATA_TRANSACTION = 9, "Data transaction failed";
    UNAUTHORIZED = 17, "Access not allowed";
    EVSE_INCONSISTENT = 18, "EvseID inconsistent";
    EVCO_INCONSISTENT = 19, "EvcoID inconsistent";
    GENERIC = 21, "System error";
    DATA_ERROR = 22, "Data error";
    QR_REFUSED = 101, "QR code refused: wrong credentials";
    RFID_REFUSED = 102, "RFID card refused: UID not valid";
    CARD_UNREADABLE = 103, "RFID card not readable";
    PLC_REFUSED = 105, "Plug and charge refused: EvcoID not valid";
    NO_POSITIVE_ANSWER = 106, "No positive answer to the authorisation";
    QR_TIMED_OUT = 110, "QR code login timed out";
    CONTRACT_EVCO_INVALID = 120, "ISO 15118: EvcoID behind the certificate not valid";
    CERTIFICATE_INVALID = 121, "ISO 15118: certificate not valid";
    CERTIFICATE_TIMED_OUT = 122, "ISO 15118: authorisation timed out";
    CONTRACT_BLOCKED = 200, "Contract blocked";
    NO_CONTRACT = 210, "No valid contract between the partners";
    PARTNER_NOT_FOUND = 300, "Partner not found";
    NO_ANSWER = 310, "Partner did not answer";
    SERVICE_NOT_AVAILABLE = 320, "Service not available";
    SESSION_INVALID = 400, "Session not valid";
    EVSE_NO_COMMUNICATION = 501, "No communication with the EVSE";
    NO_VEHICLE = 510, "No vehicle connected";
    EVSE_RESERVED = 601, "EVSE already reserved";
    EVSE_IN_USE = 602, "EVSE in use or wrong medium";
    EVSE_UNKNOWN = 603, "EVSE unknown";
    EVSE_NOT_COMPATIBLE = 604, "EVSE not compatible";
    EVSE_OUT_OF_SERVICE = 700, "EVSE out of service";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:03}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Code({self})")
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A code with what people may want to read about it (OICP 2.3, StatusCodeType).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What machines decide on.
    pub code: Code,
    /// A short text; cut to 200 characters when written.
    pub description: Option<String>,
    /// Free detail; cut to 1000 characters when written.
    pub additional_info: Option<String>,
}

impl Status {
    /// A status with the code's own text as description.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, description: Some(code.text().to_owned()), additional_info: None }
    }

    /// The same with free detail.
    #[must_use]
    pub fn with_info(self, info: impl Into<String>) -> Self {
        Self { additional_info: Some(info.into()), ..self }
    }
}

impl Status {
    /// Writes the JSON text, the same as serde's.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"Code":""#);
        let number = self.code.number();
        out.extend(
            [number / 100, number / 10, number].map(|shifted| b"0123456789"[usize::from(shifted % 10)]),
        );
        out.push(b'"');
        let description = self.description.as_deref().map(|text| cut(text, 200));
        json::write_member(out, r#","Description":"#, description);
        let additional_info = self.additional_info.as_deref().map(|text| cut(text, 1000));
        json::write_member(out, r#","AdditionalInfo":"#, additional_info);
        out.push(b'}');
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire<'a> {
            code: Code,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            additional_info: Option<&'a str>,
        }
        let wire = Wire {
            code: self.code,
            description: self.description.as_deref().map(|text| cut(text, 200)),
            additional_info: self.additional_info.as_deref().map(|text| cut(text, 1000)),
        };
        wire.serialize(serializer)
    }
}

/// The first `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    // Bytes are never fewer than characters.
    if text.len() <= most {
        return text;
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Status, cut};

    #[test]
    fn codes_have_three_digits_and_unknown_ones_are_kept() {
        assert_eq!(Code::SUCCESS.to_string(), "000");
        assert_eq!(Code::parse("17"), Some(Code::UNAUTHORIZED));
        assert_eq!(Code::parse("999").map(|code| code.to_string()).as_deref(), Some("999"));
        for text in ["", "1000", "-1", "+1", "0x1", "1.0", "٠٠٠"] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
        assert_eq!(Code::new(1000), None);
    }

    #[test]
    fn the_table_is_complete_and_in_order() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers.len(), 31);
        assert!(numbers.is_sorted());
        assert!(Code::ALL.iter().all(|code| code.text() != Code::parse("999").unwrap().text()));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let status = Status {
            description: Some("é".repeat(300)),
            ..Status::new(Code::GENERIC).with_info("x".repeat(2000))
        };
        let wire = serde_json::to_value(&status).unwrap();
        assert_eq!(wire["Code"], "021");
        assert_eq!(wire["Description"].as_str().map(|text| text.chars().count()), Some(200));
        assert_eq!(wire["AdditionalInfo"].as_str().map(str::len), Some(1000));
        assert_eq!(cut("abc", 3), "abc");
    }
}
