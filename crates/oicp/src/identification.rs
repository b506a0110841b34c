//! What a driver identified with: a card, a code, a contract in the car, or the provider's app.
//!
//! OICP 2.3, IdentificationType: an object with exactly one of five members. Reading is strict here; how much an
//! oddity matters, the message decides: in authorisation it refuses, in a notification it is a finding.

use std::fmt;

use crate::explain;
use crate::field::{At, Judge};
use crate::ids::{EvcoId, IdError, Uid};
use crate::json;

/// How a driver identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identification {
    /// A card of the Mifare family (`RFIDMifareFamilyIdentification`), the form for authorisation by card.
    RfidMifare {
        /// The card's number.
        uid: Uid,
    },
    /// A card with details (`RFIDIdentification`), not allowed in authorisation.
    Rfid {
        /// The card's number.
        uid: Uid,
        /// The contract it belongs to.
        evco: Option<EvcoId>,
    },
    /// A contract and a PIN, typed in after scanning a code (`QRCodeIdentification`).
    QrCode {
        /// The contract.
        evco: EvcoId,
        /// The PIN in clear, mandatory in authorisation.
        pin: Option<Pin>,
        /// Whether a hash of the PIN is there; only uploads of authentication data may have one.
        hashed_pin: bool,
    },
    /// The contract in the car, by ISO 15118 (`PlugAndChargeIdentification`).
    PlugAndCharge {
        /// The contract.
        evco: EvcoId,
    },
    /// The provider's app (`RemoteIdentification`), only for remote start and reservation.
    Remote {
        /// The contract.
        evco: EvcoId,
    },
}

/// The kind of thing a driver identified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// A card, known by its UID.
    Card,
    /// A contract, known by its EvcoID.
    Contract,
}

/// A PIN in clear. It prints as nothing but its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(pub(crate) String);

impl Pin {
    /// The digits, for comparing with what a provider has stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pin")
    }
}

impl Identification {
    /// The card's number, if a card was used.
    #[must_use]
    pub fn uid(&self) -> Option<Uid> {
        match *self {
            Self::RfidMifare { uid } | Self::Rfid { uid, .. } => Some(uid),
            Self::QrCode { .. } | Self::PlugAndCharge { .. } | Self::Remote { .. } => None,
        }
    }

    /// The contract, if it is named.
    #[must_use]
    pub fn evco(&self) -> Option<EvcoId> {
        match *self {
            Self::RfidMifare { .. } => None,
            Self::Rfid { evco, .. } => evco,
            Self::QrCode { evco, .. } | Self::PlugAndCharge { evco } | Self::Remote { evco } => Some(evco),
        }
    }

    /// The member of the Identification that it is written in.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::RfidMifare { .. } => "RFIDMifareFamilyIdentification",
            Self::Rfid { .. } => "RFIDIdentification",
            Self::QrCode { .. } => "QRCodeIdentification",
            Self::PlugAndCharge { .. } => "PlugAndChargeIdentification",
            Self::Remote { .. } => "RemoteIdentification",
        }
    }

    /// What kind of thing was used.
    #[must_use]
    pub fn medium(&self) -> Medium {
        if self.uid().is_some() { Medium::Card } else { Medium::Contract }
    }

    /// One canonical text per medium, `uid:044A2DAA856280` or `evco:DE8EOCAET5E4XY3`: the input to a keyed hash that
    /// recognises a medium without storing it. Personal data.
    #[must_use]
    pub fn medium_text(&self) -> String {
        match *self {
            Self::RfidMifare { uid } | Self::Rfid { uid, .. } => format!("uid:{}", uid.key()),
            Self::QrCode { evco, .. } | Self::PlugAndCharge { evco } | Self::Remote { evco } => {
                format!("evco:{}", evco.key())
            }
        }
    }
}

const PARENT: &str = "/Identification";
pub(crate) const FORMS: [&str; 5] = [
    "RFIDMifareFamilyIdentification",
    "RFIDIdentification",
    "QRCodeIdentification",
    "PlugAndChargeIdentification",
    "RemoteIdentification",
];

/// An Identification and where its personal ids stand.
#[derive(Debug, Default)]
pub(crate) struct Reading<'a> {
    pub(crate) identification: Option<Identification>,
    /// The text of the UID and EvcoID values, quotes included.
    pub(crate) ids: [Option<&'a str>; 2],
}

/// Reads the value of the top-level member `Identification`; everything odd becomes a violation.
pub(crate) fn read<'a>(raw: &'a str, judge: &mut Judge<'_>) -> Reading<'a> {
    let Some(values) = members(At::member("Identification"), PARENT, raw, &FORMS, judge) else {
        return Reading::default();
    };
    let mut present = values.into_iter().zip(FORMS).filter_map(|(raw, form)| Some((raw?, form)));
    let (Some((raw, form)), None) = (present.next(), present.next()) else {
        let message = format!("expected exactly one of {}", FORMS.join(", "));
        judge.violation(At::member("Identification"), message);
        return Reading::default();
    };
    match form {
        "RFIDMifareFamilyIdentification" => mifare(raw, judge),
        "RFIDIdentification" => rfid(raw, judge),
        "QRCodeIdentification" => qr_code(raw, judge),
        "PlugAndChargeIdentification" => {
            contract(raw, judge, "/Identification/PlugAndChargeIdentification", |evco| {
                Identification::PlugAndCharge { evco }
            })
        }
        _ => contract(raw, judge, "/Identification/RemoteIdentification", |evco| Identification::Remote {
            evco,
        }),
    }
}

fn mifare<'a>(raw: &'a str, judge: &mut Judge<'_>) -> Reading<'a> {
    const PLACE: &str = "/Identification/RFIDMifareFamilyIdentification";
    let Some([uid_raw]) = form(PLACE, raw, &["UID"], judge) else { return Reading::default() };
    let uid = required_id(At::inner(PLACE, "UID"), uid_raw, judge, Uid::parse);
    Reading { identification: uid.map(|uid| Identification::RfidMifare { uid }), ids: [uid_raw, None] }
}

fn rfid<'a>(raw: &'a str, judge: &mut Judge<'_>) -> Reading<'a> {
    const PLACE: &str = "/Identification/RFIDIdentification";
    let Some([uid_raw, evco_raw]) = form(PLACE, raw, &["UID", "EvcoID"], judge) else {
        return Reading::default();
    };
    let uid = required_id(At::inner(PLACE, "UID"), uid_raw, judge, Uid::parse);
    let evco = evco_raw.map(|raw| id(At::inner(PLACE, "EvcoID"), raw, judge, EvcoId::parse));
    let identification = match (uid, evco) {
        (Some(uid), None) => Some(Identification::Rfid { uid, evco: None }),
        (Some(uid), Some(Some(evco))) => Some(Identification::Rfid { uid, evco: Some(evco) }),
        _ => None,
    };
    Reading { identification, ids: [uid_raw, evco_raw] }
}

fn qr_code<'a>(raw: &'a str, judge: &mut Judge<'_>) -> Reading<'a> {
    const PLACE: &str = "/Identification/QRCodeIdentification";
    let Some([evco_raw, pin, hashed]) = form(PLACE, raw, &["EvcoID", "PIN", "HashedPIN"], judge) else {
        return Reading::default();
    };
    let evco = required_id(At::inner(PLACE, "EvcoID"), evco_raw, judge, EvcoId::parse);
    let pin = judge.text(At::inner(PLACE, "PIN"), pin, 20).map(Pin);
    let qr_code = |evco| Identification::QrCode { evco, pin, hashed_pin: hashed.is_some() };
    Reading { identification: evco.map(qr_code), ids: [None, evco_raw] }
}

fn contract<'a>(
    raw: &'a str,
    judge: &mut Judge<'_>,
    place: &'static str,
    form_of: fn(EvcoId) -> Identification,
) -> Reading<'a> {
    let Some([evco_raw]) = form(place, raw, &["EvcoID"], judge) else { return Reading::default() };
    let evco = required_id(At::inner(place, "EvcoID"), evco_raw, judge, EvcoId::parse);
    Reading { identification: evco.map(form_of), ids: [None, evco_raw] }
}

fn form<'a, const N: usize>(
    place: &'static str,
    raw: &'a str,
    names: &[&'static str; N],
    judge: &mut Judge<'_>,
) -> Option<[Option<&'a str>; N]> {
    members(At::inner(place, ""), place, raw, names, judge)
}

/// The members of an object that lies at `parent`.
pub(crate) fn members<'a, const N: usize>(
    at: At,
    parent: &'static str,
    raw: &'a str,
    names: &[&'static str; N],
    judge: &mut Judge<'_>,
) -> Option<[Option<&'a str>; N]> {
    // The text has been scanned as a part of the body, so only another kind of value can fail here.
    let Ok(object) = json::scan(raw, names) else {
        judge.violation(at, format!("expected an object, found {}", json::kind(raw)));
        return None;
    };
    for (index, name) in names.iter().enumerate() {
        if json::has(object.repeated, index) {
            judge.violation(At::inner(parent, name), format!("{name} occurs more than once"));
        }
    }
    Some(object.values())
}

fn required_id<T>(
    at: At,
    raw: Option<&str>,
    judge: &mut Judge<'_>,
    parse: fn(&str) -> Result<T, IdError>,
) -> Option<T> {
    let Some(raw) = raw else {
        judge.violation(at, "is missing");
        return None;
    };
    id(at, raw, judge, parse)
}

/// An id of a person: whatever is wrong with it, its text is not repeated.
fn id<T>(at: At, raw: &str, judge: &mut Judge<'_>, parse: fn(&str) -> Result<T, IdError>) -> Option<T> {
    let text = judge.string(at, raw)?;
    let mistaken = |error| match explain::placeholder(&text) {
        Some(_) => judge.violation(at, format!("still holds a {{{{placeholder}}}}; {error}")),
        None => judge.violation(at, format!("{error}")),
    };
    parse(&text).map_err(mistaken).ok()
}
