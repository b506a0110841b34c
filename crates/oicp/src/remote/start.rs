//! The request to begin: a charging session, or a reservation. The driver is known to the provider, so the only
//! Identification allowed is the contract; and the hub changes exactly two things on the way to the operator: the
//! SessionID becomes the hub's own, the EvcoID becomes upper-case.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::emp_partner_session_id;
use crate::body;
use crate::field::{At, Judge};
use crate::identification::{self, Identification, Reading};
use crate::ids::{EvcoId, EvseId, ProviderId, SessionId};
use crate::json::{self, SessionPlace, Splice};
use crate::pin;
use crate::rejected::Rejected;

const NAMES: [&str; 9] = [
    "SessionID",
    "CPOPartnerSessionID",
    "EMPPartnerSessionID",
    "EMPPartnerSessionId",
    "ProviderID",
    "EvseID",
    "Identification",
    "PartnerProductID",
    "Duration",
];

/// A remote start or the start of a reservation whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct RemoteStart {
    body: Bytes,
    content: Content,
}

#[derive(Clone, Debug)]
struct Content {
    provider_id: ProviderId,
    evse_id: EvseId,
    evco_id: EvcoId,
    cpo_partner_session_id: Option<String>,
    emp_partner_session_id: Option<String>,
    partner_product_id: Option<String>,
    duration: Option<u8>,
    session_at: SessionPlace,
    /// Where the EvcoID value stands.
    evco_at: Option<Range<usize>>,
}

/// Which of the two messages is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Charging,
    Reservation,
}

impl RemoteStart {
    /// Reads the body of an eRoamingAuthorizeRemoteStart. An incoming SessionID is ignored, whatever it is: the hub
    /// issues it.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = content(body::check(&body)?, Wanted::Charging)?;
        Ok(Self { body, content })
    }

    /// Reads the body of an eRoamingAuthorizeRemoteReservationStart, which may say for how long.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure.
    pub fn parse_reservation(body: Bytes) -> Result<Self, Rejected> {
        let content = content(body::check(&body)?, Wanted::Reservation)?;
        Ok(Self { body, content })
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The partner that asks.
    #[must_use]
    pub fn provider_id(&self) -> ProviderId {
        self.content.provider_id
    }

    /// The charging spot; it leads to the operator.
    #[must_use]
    pub fn evse_id(&self) -> EvseId {
        self.content.evse_id
    }

    /// The driver's contract. Personal data.
    #[must_use]
    pub fn evco_id(&self) -> EvcoId {
        self.content.evco_id
    }

    /// The contract as an Identification.
    #[must_use]
    pub fn identification(&self) -> Identification {
        Identification::Remote { evco: self.content.evco_id }
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

    /// For how many minutes a reservation is wanted, 1 to 99.
    #[must_use]
    pub fn duration(&self) -> Option<u8> {
        self.content.duration
    }

    /// What goes to the operator: the received bytes, with the hub's SessionID in place of the sender's (or as the first
    /// member) and with the EvcoID in upper-case.
    #[must_use]
    pub fn forwarded(&self, session: &SessionId) -> Bytes {
        let content = &self.content;
        let evco = content.evco_at.clone().map(|range| {
            let text = format!("\"{}\"", content.evco_id.as_str().to_ascii_uppercase());
            Splice { range, text }
        });
        let mut splices: Vec<Splice> = evco.into_iter().chain([content.session_at.take(session)]).collect();
        json::splice(&self.body, &mut splices).into()
    }

    /// What may be kept: the received bytes with a PIN blanked, though none belongs here.
    #[must_use]
    pub fn stored(&self) -> Bytes {
        pin::without(&self.body)
    }
}

impl fmt::Debug for RemoteStart {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RemoteStart").field("content", &self.content).finish_non_exhaustive()
    }
}

fn content(text: &str, wanted: Wanted) -> Result<Content, Rejected> {
    let (mut judge, object) = Judge::open(text, &NAMES)?;
    let [_, cpo, emp, emp_alias, provider, evse, identification, product, duration] = object.values();

    let provider_id = required(&mut judge, "ProviderID", provider, ProviderId::parse);
    let evse_id = required(&mut judge, "EvseID", evse, EvseId::parse);
    let identification = judge.required(At::member("Identification"), identification);
    let reading = identification.map(|raw| identification::read(raw, &mut judge)).unwrap_or_default();
    let evco_id = contract(&reading, &mut judge);
    let cpo_partner_session_id = judge.text(At::member("CPOPartnerSessionID"), cpo, 250);
    let emp_partner_session_id = emp_partner_session_id(&mut judge, emp, emp_alias);
    let partner_product_id = judge.text(At::member("PartnerProductID"), product, 50);
    let duration = match wanted {
        Wanted::Reservation => judge.whole(At::member("Duration"), duration, 1..=99, "minutes"),
        // Not a member of this message: handed on unread, like all that is unknown.
        Wanted::Charging => None,
    };

    match (provider_id, evse_id, evco_id) {
        (Some(provider_id), Some(evse_id), Some(evco_id)) if judge.violations.is_empty() => {
            let [session, ..] = object.raw;
            let [_, evco] = reading.ids;
            Ok(Content {
                provider_id,
                evse_id,
                evco_id,
                cpo_partner_session_id,
                emp_partner_session_id,
                partner_product_id,
                duration,
                session_at: SessionPlace::of(text, session),
                evco_at: evco.map(|raw| json::span(text, raw)),
            })
        }
        (provider_id, ..) => Err(Rejected {
            violations: judge.violations,
            provider_id,
            cpo_partner_session_id,
            emp_partner_session_id,
            ..Rejected::default()
        }),
    }
}

pub(super) fn required<'a, T>(
    judge: &mut Judge<'a>,
    name: &'static str,
    raw: Option<&'a str>,
    parse: fn(&str) -> Result<T, crate::IdError>,
) -> Option<T> {
    let at = At::member(name);
    let raw = judge.required(at, raw);
    judge.parsed(at, raw, parse)
}

/// The contract, if it is what the driver identified with.
fn contract(reading: &Reading<'_>, judge: &mut Judge<'_>) -> Option<EvcoId> {
    match reading.identification.as_ref()? {
        Identification::Remote { evco } => Some(*evco),
        other => {
            let form = other.form();
            let message = format!("{form} is not allowed here: expected RemoteIdentification");
            judge.violation(At::inner("/Identification", form), message);
            None
        }
    }
}
