//! The identifiers of OICP, each a `Copy` type with the spelling it came in and a canonical key.
//!
//! Partners write one identifier in several ways (`DE*ABC`, `DEABC`, `de*abc`); comparing spellings would split one
//! partner into several. So equality, order and hash all go by [`key`](OperatorId::key), while
//! [`as_str`](OperatorId::as_str) keeps the original for whoever has to repeat it.
//!
//! Accepted are the ISO and the DIN forms of OICP 2.3 (common data types), ASCII only, letters in either case. The
//! stray `|` inside some published expressions is not accepted.
//!
//! Card UIDs and contract ids are personal data: [`Uid`] and [`EvcoId`] print masked, in `Debug` and `Display`.

mod error;
mod grammar;
mod session;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::inline::InlineStr;

pub use error::IdError;
pub use session::SessionId;

/// An operator (CPO) as OICP names it: `DE*ABC`, `DEABC` (ISO) or `+49*810`, `49*810` (DIN).
///
/// Key: `DEABC`; for DIN `49*810`, where the separator stays because the calling code has no fixed length.
#[derive(Clone, Copy)]
pub struct OperatorId {
    text: InlineStr<8>,
    key: InlineStr<8>,
}

impl OperatorId {
    /// Reads an OperatorID (OICP 2.3, OperatorIDType).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            grammar::operator(text)?;
            Some(Self { text: InlineStr::new(text)?, key: operator_key(text)? })
        };
        read().ok_or(IdError::OPERATOR)
    }
}

/// A provider (EMP): `DE-DCB`, `DE*DCB`, `DEDCB`. All three are one partner.
#[derive(Clone, Copy)]
pub struct ProviderId {
    text: InlineStr<6>,
    key: InlineStr<6>,
}

impl ProviderId {
    /// Reads a ProviderID (OICP 2.3, ProviderIDType).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            grammar::provider(text)?;
            Some(Self { text: InlineStr::new(text)?, key: bare_upper(text)? })
        };
        read().ok_or(IdError::PROVIDER)
    }
}

/// A charging spot: `DE*AB7*E840*6487` (ISO) or `+49*810*000*438` (DIN).
///
/// Key: `DEAB7E8406487`; for DIN calling code, operator and the rest without stars, `49*810*000438`.
#[derive(Clone, Copy)]
pub struct EvseId {
    text: InlineStr<41>,
    key: InlineStr<40>,
    operator: u8,
}

impl EvseId {
    /// Reads an EvseID (OICP 2.3, EvseIDType).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            let operator = grammar::evse(text)?;
            let key = evse_key(text, operator)?;
            Some(Self { text: InlineStr::new(text)?, key, operator: u8::try_from(operator).ok()? })
        };
        read().ok_or(IdError::EVSE)
    }

    /// The operator this id begins with, in its own spelling. With bundles it is not always the partner that talks
    /// to the hub.
    #[must_use]
    pub fn operator(&self) -> OperatorId {
        let prefix = self.as_str().get(..usize::from(self.operator)).unwrap_or_default();
        OperatorId::parse(prefix).expect("an EvseID begins with what its grammar read as an OperatorID")
    }
}

/// A driver's contract: `DE-8EO-CAet5e4XY-3` (ISO) or `DE*8EO*Aet5e4*3` (DIN). Personal data: prints masked.
///
/// Key: upper-case without separators; 15 characters for ISO and 12 for DIN, so the two never meet.
#[derive(Clone, Copy)]
pub struct EvcoId {
    text: InlineStr<18>,
    key: InlineStr<15>,
    provider: u8,
}

impl EvcoId {
    /// Reads an EvcoID (OICP 2.3, EvcoIDType).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            let provider = grammar::evco(text)?;
            let key = bare_upper(text)?;
            Some(Self { text: InlineStr::new(text)?, key, provider: u8::try_from(provider).ok()? })
        };
        read().ok_or(IdError::EVCO)
    }

    /// The provider that issued the contract, in the spelling of this id.
    #[must_use]
    pub fn provider(&self) -> ProviderId {
        let prefix = self.as_str().get(..usize::from(self.provider)).unwrap_or_default();
        ProviderId::parse(prefix).expect("an EvcoID begins with what its grammar read as a ProviderID")
    }
}

/// A card's number: 8, 14 or 20 hexadecimal digits. Personal data: prints masked. Key: upper-case.
#[derive(Clone, Copy)]
pub struct Uid {
    text: InlineStr<20>,
    key: InlineStr<20>,
}

impl Uid {
    /// Reads a UID (OICP 2.3, UIDType), digits in either case.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let read = || {
            grammar::uid(text)?;
            let text = InlineStr::new(text)?;
            Some(Self { text, key: text.uppercase() })
        };
        read().ok_or(IdError::UID)
    }
}

/// Upper-case, without separators.
fn bare_upper<const N: usize>(text: &str) -> Option<InlineStr<N>> {
    let bare = text.bytes().filter(|byte| !matches!(byte, b'*' | b'-'));
    InlineStr::from_bytes(bare.map(|byte| byte.to_ascii_uppercase()))
}

fn operator_key(text: &str) -> Option<InlineStr<8>> {
    match din(text) {
        Some(din) => InlineStr::new(din),
        None => bare_upper(text),
    }
}

fn evse_key(text: &str, operator: usize) -> Option<InlineStr<40>> {
    if din(text).is_none() {
        return bare_upper(text);
    }
    let (operator, rest) = text.split_at_checked(operator)?;
    let operator = operator.strip_prefix('+').unwrap_or(operator);
    let spot = rest.bytes().filter(|byte| *byte != b'*');
    InlineStr::from_bytes(operator.bytes().chain([b'*']).chain(spot))
}

/// A DIN form without its optional plus; `None` for an ISO form.
fn din(text: &str) -> Option<&str> {
    let bare = text.strip_prefix('+').unwrap_or(text);
    bare.starts_with(|first: char| first.is_ascii_digit()).then_some(bare)
}

/// What all identifiers share: both spellings, comparing by key, reading from text.
macro_rules! identifier {
    ($($name:ident),*) => {$(
        impl $name {
            /// The spelling in which the identifier arrived.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.text.as_str()
            }

            /// The canonical spelling: one per identifier, whatever case and separators it came in.
            #[must_use]
            pub fn key(&self) -> &str {
                self.key.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.key().cmp(other.key())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    )*};
}

/// Identifiers that may be shown and written: printed and serialised in their original spelling.
macro_rules! printed_as_received {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

/// Identifiers of people: only a hint of them is ever printed.
macro_rules! printed_masked {
    ($($name:ident: $hint:expr),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&$hint(self))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({self})", stringify!($name))
            }
        }
    )*};
}

identifier!(OperatorId, ProviderId, EvseId, EvcoId, Uid, SessionId);
printed_as_received!(OperatorId, ProviderId, EvseId, SessionId);
printed_masked!(
    Uid: |uid: &Uid| format!("…{}", uid.key().get(uid.key().len() - 2..).unwrap_or_default()),
    EvcoId: |evco: &EvcoId| format!("{}…", evco.key().get(..5).unwrap_or_default())
);
