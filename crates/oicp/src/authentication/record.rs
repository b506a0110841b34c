//! One record: a card, a contract with a PIN, a contract in a car, or one for the provider's app.

use std::fmt;

use super::pin_hash::{self, PinHash};
use crate::field::{At, Judge};
use crate::identification::{self, FORMS, Identification, Pin};
use crate::ids::{EvcoId, Uid};
use crate::json;
use crate::time::DateTime;

/// The kinds of card that OICP knows.
const KINDS_OF_CARD: [&str; 5] = ["mifareCls", "mifareDes", "calypso", "nfc", "mifareFamily"];
const RFID: &str = "/Identification/RFIDIdentification";
const QR_CODE: &str = "/Identification/QRCodeIdentification";

/// What a provider says of one medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationRecord {
    /// A card.
    Card {
        /// Its number.
        uid: Uid,
        /// The contract it belongs to, if the record says so.
        evco: Option<EvcoId>,
        /// From then on it is not valid.
        expires: Option<DateTime>,
    },
    /// A contract that is used with a PIN.
    Code {
        /// The contract.
        evco: EvcoId,
        /// What its PIN is compared with.
        pin: UploadedPin,
    },
    /// A contract in a car.
    Contract {
        /// The contract.
        evco: EvcoId,
    },
    /// A contract of the provider's app; it never decides at a charge point.
    Remote {
        /// The contract.
        evco: EvcoId,
    },
}

/// A PIN as it is uploaded.
#[derive(Clone, PartialEq, Eq)]
pub enum UploadedPin {
    /// In clear: to be hashed at once.
    Clear(Pin),
    /// Hashed.
    Hashed(PinHash),
}

impl fmt::Debug for UploadedPin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Clear(_) => "Clear",
            Self::Hashed(_) => "Hashed",
        })
    }
}

impl AuthenticationRecord {
    /// The contract, if the record names one.
    #[must_use]
    pub fn evco(&self) -> Option<EvcoId> {
        match *self {
            Self::Card { evco, .. } => evco,
            Self::Code { evco, .. } | Self::Contract { evco } | Self::Remote { evco } => Some(evco),
        }
    }

    /// How whoever has the medium identifies. Personal data.
    #[must_use]
    pub fn identification(&self) -> Identification {
        match *self {
            Self::Card { uid, .. } => Identification::RfidMifare { uid },
            Self::Code { evco, .. } => Identification::QrCode { evco, pin: None, hashed_pin: false },
            Self::Contract { evco } => Identification::PlugAndCharge { evco },
            Self::Remote { evco } => Identification::Remote { evco },
        }
    }
}

/// Reads one element of the list. Every violation's pointer begins at the record.
pub(super) fn read(raw: &str, judge: &mut Judge<'_>) -> Option<AuthenticationRecord> {
    let names = ["Identification", FORMS[0], FORMS[1], FORMS[2], FORMS[3], FORMS[4]];
    let [identification, astray @ ..] = identification::members(At::BODY, "", raw, &names, judge)?;
    for (raw, form) in astray.into_iter().zip(FORMS) {
        if raw.is_some() {
            judge
                .violation(At::inner("", form), format!("{form} belongs inside Identification, one of them"));
        }
    }
    let Some(raw) = identification else {
        judge.violation(At::member("Identification"), "is missing");
        return None;
    };
    let identified = identification::read(raw, judge).identification?;
    match identified {
        Identification::RfidMifare { uid } => {
            Some(AuthenticationRecord::Card { uid, evco: None, expires: None })
        }
        Identification::Rfid { uid, evco } => {
            let expires = card(form(raw, "RFIDIdentification")?, judge);
            Some(AuthenticationRecord::Card { uid, evco, expires })
        }
        Identification::QrCode { evco, pin, .. } => {
            let pin = code(form(raw, "QRCodeIdentification")?, pin, judge)?;
            Some(AuthenticationRecord::Code { evco, pin })
        }
        Identification::PlugAndCharge { evco } => Some(AuthenticationRecord::Contract { evco }),
        Identification::Remote { evco } => Some(AuthenticationRecord::Remote { evco }),
    }
}

/// The text of one form of an Identification that has been read before.
fn form<'a>(raw: &'a str, name: &'static str) -> Option<&'a str> {
    json::scan(raw, &[name]).ok()?.values()[0]
}

/// What a card has beside its numbers; its expiry.
fn card(raw: &str, judge: &mut Judge<'_>) -> Option<DateTime> {
    // Read as an object before, where repeated members were reported.
    let [kind, printed, expires] = json::scan(raw, &["RFID", "PrintedNumber", "ExpiryDate"]).ok()?.values();
    let at = At::inner(RFID, "RFID");
    match kind.map(|raw| judge.string(at, raw)) {
        None => judge.violation(at, "is missing"),
        Some(Some(kind)) if !KINDS_OF_CARD.contains(&&*kind) => {
            judge.violation(at, format!("expected one of {}", KINDS_OF_CARD.join(", ")));
        }
        Some(_) => {}
    }
    judge.text(At::inner(RFID, "PrintedNumber"), printed, 150);
    judge.date_time(At::inner(RFID, "ExpiryDate"), expires)
}

/// The PIN: exactly one of in clear and hashed.
fn code(raw: &str, clear: Option<Pin>, judge: &mut Judge<'_>) -> Option<UploadedPin> {
    let [pin, hashed] = json::scan(raw, &["PIN", "HashedPIN"]).ok()?.values();
    match (pin, hashed) {
        (Some(_), None) => clear.map(UploadedPin::Clear),
        (None, Some(hashed)) => pin_hash::read(hashed, judge).map(UploadedPin::Hashed),
        (Some(_), Some(_)) | (None, None) => {
            judge.violation(At::inner(QR_CODE, ""), "expected exactly one of PIN, HashedPIN");
            None
        }
    }
}
