//! Cards and contracts that providers have uploaded, and what may stop a session.
//!
//! A medium is named by a keyed hash, never by its number. What a provider uploaded is valid from one version of its
//! records to another: while a push is under way its records are there and nobody sees them.

use jiff::Timestamp;
use oicp::ProviderId;
use oicp::authentication::{ActionType, PinHash};
use oicp::identification::Identification;
use oicp::status::Code;

use crate::ProcessId;
use crate::SessionKey;
use crate::session::machine::Session;

/// The keyed hash of a card or contract.
pub type MediumHash = [u8; 32];

/// How a medium is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// A card is held to the reader.
    Card,
    /// A contract is named and a PIN typed in.
    Code,
    /// The car names the contract.
    Contract,
    /// The provider's app names the contract; never at a charge point.
    Remote,
}

impl Form {
    /// The form of what a driver identified with.
    #[must_use]
    pub fn of(identification: &Identification) -> Self {
        match identification {
            Identification::RfidMifare { .. } | Identification::Rfid { .. } => Self::Card,
            Identification::QrCode { .. } => Self::Code,
            Identification::PlugAndCharge { .. } => Self::Contract,
            Identification::Remote { .. } => Self::Remote,
        }
    }

    /// The code that refuses it (OICP 2.3, status codes).
    #[must_use]
    pub fn refusal(self) -> Code {
        match self {
            Self::Card => Code::RFID_REFUSED,
            Self::Code => Code::QR_REFUSED,
            Self::Contract | Self::Remote => Code::PLC_REFUSED,
        }
    }

    /// The word that is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Code => "code",
            Self::Contract => "contract",
            Self::Remote => "remote",
        }
    }

    /// From the word that was kept.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Card, Self::Code, Self::Contract, Self::Remote].into_iter().find(|form| form.as_str() == word)
    }
}

/// A medium as a provider uploads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadedMedium {
    /// Which.
    pub medium: MediumHash,
    /// How it is used.
    pub form: Form,
    /// The keyed hash of the contract that a card belongs to, if the record names it.
    pub contract: Option<MediumHash>,
    /// The provider that the contract id names.
    pub issuer: Option<ProviderId>,
    /// From then on it is not valid.
    pub expires_at: Option<Timestamp>,
    /// What a PIN is compared with.
    pub pin: Option<PinHash>,
}

/// A medium that a provider's current version holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Whose records it is in.
    pub provider: ProviderId,
    /// The record.
    pub record: UploadedMedium,
}

/// A version of a provider's records, counted from 1: one per push that was carried out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u32);

/// What some records of a push came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Staged {
    /// How many more the provider has after them.
    pub added: u64,
    /// How many fewer.
    pub removed: u64,
    /// Places in the list of those that exist and must not, or do not exist and should.
    pub unfit: Vec<usize>,
}

/// A push that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    /// Whose.
    pub provider: ProviderId,
    /// The version it made.
    pub version: Version,
    /// When it was carried out.
    pub at: Timestamp,
    /// The call.
    pub process: ProcessId,
    /// What it did.
    pub action: ActionType,
    /// How many records it held.
    pub records: u64,
    /// How many the provider has since.
    pub total: u64,
    /// SHA-256 of its bytes, which are not kept.
    pub digest: [u8; 32],
}

/// Why a session may be stopped without asking its provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grounds {
    /// Uploaded records authorised it: what started it, in this form, stops it, and nothing else.
    Uploaded(Form),
    /// Its provider named these media.
    Named(Vec<MediumHash>),
}

/// What decides whether a medium may stop a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopFacts {
    /// What the session's life depends on.
    pub life: Session,
    /// Whether the session was started with the medium.
    pub started_it: bool,
    /// Whether its provider named the medium as one that may stop it.
    pub named: bool,
    /// The form it was started with, where uploaded records authorised it.
    pub uploaded: Option<Form>,
}

/// What may stop which session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopQuestion {
    /// The session.
    pub session: SessionKey,
    /// The medium.
    pub medium: MediumHash,
}
