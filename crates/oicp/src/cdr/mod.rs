//! Charge detail records: what a session came to, and what is billed.
//!
//! A [`ChargeDetailRecord`] (OICP 2.3, eRoamingChargeDetailRecord 2.2) exists only for a body whose structure is right and
//! whose figures can be true; it keeps the bytes it was read from, because those are what is forwarded and what a provider
//! fetches later. A wrong End blocks a driver and is reported, a wrong record bills one and is refused: what cannot be true
//! is a violation here, what is merely odd a finding.

mod facts;
mod fetch;
mod members;
mod plausibility;
mod read;
mod signed;

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::body;
use crate::finding::Finding;
use crate::identification::Identification;
use crate::ids::{EvseId, OperatorId, ProviderId, SessionId};
use crate::rejected::Rejected;

pub use facts::CdrFacts;
pub use fetch::GetChargeDetailRecords;

pub use crate::page::Page as CdrPage;

/// A charge detail record whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct ChargeDetailRecord {
    body: Bytes,
    /// Boxed: it is large, and the record is handed around.
    content: Box<read::Content>,
}

impl ChargeDetailRecord {
    /// Reads a received body.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation: of the structure, of the Identification, and of what cannot be true (charging
    /// ends before it starts, the meter runs backwards, less than nothing or more than 1000 kWh).
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = Box::new(read::content(body::check(&body)?)?);
        Ok(Self { body, content })
    }

    /// The bytes as they were received, and as they are to be forwarded.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The session; it names operator and provider, which the record itself does not.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.content.session_id
    }

    /// The charging spot.
    #[must_use]
    pub fn evse_id(&self) -> EvseId {
        self.content.evse_id
    }

    /// What the driver identified with.
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

    /// The operator that bundles the EVSE's own, if the sender says so. Passed on, never filled in.
    #[must_use]
    pub fn hub_operator_id(&self) -> Option<OperatorId> {
        self.content.hub_operator_id
    }

    /// The provider that bundles the driver's own, if the sender says so. Passed on, never filled in.
    #[must_use]
    pub fn hub_provider_id(&self) -> Option<ProviderId> {
        self.content.hub_provider_id
    }

    /// What it says.
    #[must_use]
    pub fn facts(&self) -> &CdrFacts {
        &self.content.facts
    }

    /// What is odd about it.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.content.findings
    }

    /// Refuses a record of a session that is not over yet: SessionEnd more than five minutes after `now`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with that one violation.
    pub fn check_at(&self, now: Timestamp) -> Result<(), Rejected> {
        let violations = plausibility::in_future(&self.content.facts, now);
        if violations.is_empty() {
            return Ok(());
        }
        Err(Rejected {
            violations,
            session_id: Some(self.session_id()),
            cpo_partner_session_id: self.content.cpo_partner_session_id.clone(),
            emp_partner_session_id: self.content.emp_partner_session_id.clone(),
            ..Rejected::default()
        })
    }

    /// Whether a PIN is somewhere in the body; then keep [`crate::pin::blank`] of it once it is delivered.
    #[must_use]
    pub fn has_pin(&self) -> bool {
        self.content.has_pin
    }
}

impl fmt::Debug for ChargeDetailRecord {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ChargeDetailRecord").field("content", &self.content).finish_non_exhaustive()
    }
}
