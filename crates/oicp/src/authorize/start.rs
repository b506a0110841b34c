//! The question. Here the Identification decides, so it has to be right; and the hub changes exactly two things on
//! the way to a provider: the SessionID becomes the hub's own, UID and EvcoID become upper-case.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::body;
use crate::field::{At, Judge};
use crate::identification::{self, Identification};
use crate::ids::{EvseId, OperatorId, SessionId};
use crate::json::{self, SessionPlace, Splice};
use crate::pin;
use crate::rejected::Rejected;

const NAMES: [&str; 7] = [
    "SessionID",
    "CPOPartnerSessionID",
    "EMPPartnerSessionID",
    "OperatorID",
    "EvseID",
    "Identification",
    "PartnerProductID",
];

/// A request for authorisation whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct AuthorizeStart {
    body: Bytes,
    content: Content,
}

#[derive(Clone, Debug)]
struct Content {
    operator_id: OperatorId,
    evse_id: Option<EvseId>,
    identification: Identification,
    cpo_partner_session_id: Option<String>,
    emp_partner_session_id: Option<String>,
    partner_product_id: Option<String>,
    session_at: SessionPlace,
    /// Where UID and EvcoID values stand.
    ids_at: [Option<Range<usize>>; 2],
}

impl AuthorizeStart {
    /// Reads a received body. An incoming SessionID is ignored, whatever it is: the hub issues it.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure; other than in notifications, those of the Identification
    /// as well.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = content(body::check(&body)?)?;
        Ok(Self { body, content })
    }

    /// The bytes as they were received; may hold a PIN.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The partner that asks.
    #[must_use]
    pub fn operator_id(&self) -> OperatorId {
        self.content.operator_id
    }

    /// The charging spot; unknown when the driver has not chosen one yet.
    #[must_use]
    pub fn evse_id(&self) -> Option<EvseId> {
        self.content.evse_id
    }

    /// What the driver identified with: a Mifare card, a code with PIN, or the contract in the car.
    #[must_use]
    pub fn identification(&self) -> &Identification {
        &self.content.identification
    }

    /// The operator's own id of the session, at most 250 characters.
    #[must_use]
    pub fn cpo_partner_session_id(&self) -> Option<&str> {
        self.content.cpo_partner_session_id.as_deref()
    }

    /// The provider's own id of the session, at most 250 characters.
    #[must_use]
    pub fn emp_partner_session_id(&self) -> Option<&str> {
        self.content.emp_partner_session_id.as_deref()
    }

    /// The product asked for, at most 50 characters.
    #[must_use]
    pub fn partner_product_id(&self) -> Option<&str> {
        self.content.partner_product_id.as_deref()
    }

    /// What goes to a provider: the received bytes, with the hub's SessionID in place of the sender's (or as the
    /// first member) and with UID and EvcoID in upper-case.
    #[must_use]
    pub fn forwarded(&self, session: &SessionId) -> Bytes {
        let content = &self.content;
        let mut splices = upper_cased(&content.identification, &content.ids_at);
        splices.push(content.session_at.take(session));
        json::splice(&self.body, &mut splices).into()
    }

    /// What may be kept: the received bytes with a PIN blanked.
    #[must_use]
    pub fn stored(&self) -> Bytes {
        pin::without(&self.body)
    }
}

impl fmt::Debug for AuthorizeStart {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AuthorizeStart").field("content", &self.content).finish_non_exhaustive()
    }
}

fn content(text: &str) -> Result<Content, Rejected> {
    let (mut judge, object) = Judge::open(text, &NAMES)?;
    let [_, cpo, emp, operator, evse, identification, product] = object.values();

    let at = At::member("OperatorID");
    let operator = judge.required(at, operator);
    let operator_id = judge.parsed(at, operator, OperatorId::parse);
    let evse_id = judge.parsed(At::member("EvseID"), evse, EvseId::parse);
    let identification = judge.required(At::member("Identification"), identification);
    let reading = identification.map(|raw| identification::read(raw, &mut judge)).unwrap_or_default();
    if let Some(identification) = &reading.identification {
        allowed(identification, &mut judge);
    }
    let cpo_partner_session_id = judge.text(At::member("CPOPartnerSessionID"), cpo, 250);
    let emp_partner_session_id = judge.text(At::member("EMPPartnerSessionID"), emp, 250);
    let partner_product_id = judge.text(At::member("PartnerProductID"), product, 50);

    match (operator_id, reading.identification) {
        (Some(operator_id), Some(identification)) if judge.violations.is_empty() => {
            let [session, ..] = object.raw;
            Ok(Content {
                operator_id,
                evse_id,
                identification,
                cpo_partner_session_id,
                emp_partner_session_id,
                partner_product_id,
                session_at: SessionPlace::of(text, session),
                ids_at: reading.ids.map(|raw| raw.map(|raw| json::span(text, raw))),
            })
        }
        (operator_id, _) => Err(Rejected {
            violations: judge.violations,
            operator_id,
            cpo_partner_session_id,
            emp_partner_session_id,
            ..Rejected::default()
        }),
    }
}

/// UID and EvcoID in upper-case, where they stand.
pub(super) fn upper_cased(identification: &Identification, at: &[Option<Range<usize>>; 2]) -> Vec<Splice> {
    let uid = identification.uid().map(|uid| uid.as_str().to_ascii_uppercase());
    let evco = identification.evco().map(|evco| evco.as_str().to_ascii_uppercase());
    let ids = at.iter().zip([uid, evco]).filter_map(|(range, id)| {
        let text = format!("\"{}\"", id?);
        Some(Splice { range: range.clone()?, text })
    });
    ids.collect()
}

/// Which identifications may ask for authorisation at a charge point.
pub(super) fn allowed(identification: &Identification, judge: &mut Judge<'_>) {
    const QR_CODE: &str = "/Identification/QRCodeIdentification";
    let mut forbidden = |form| {
        judge
            .violation(At::inner("/Identification", form), format!("{form} is not allowed in authorisation"));
    };
    match identification {
        Identification::Rfid { .. } => forbidden("RFIDIdentification"),
        Identification::Remote { .. } => forbidden("RemoteIdentification"),
        Identification::QrCode { pin, hashed_pin, .. } => {
            if pin.is_none() {
                judge.violation(At::inner(QR_CODE, "PIN"), "the PIN in clear is missing");
            }
            if *hashed_pin {
                judge.violation(
                    At::inner(QR_CODE, "HashedPIN"),
                    "must be null in authorisation: send the PIN in clear",
                );
            }
        }
        Identification::RfidMifare { .. } | Identification::PlugAndCharge { .. } => {}
    }
}
