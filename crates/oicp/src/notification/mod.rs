//! Charging notifications: what an operator says about a running session, above all its End.
//!
//! One endpoint, four messages (OICP 2.3, eRoamingChargingNotifications Start, Progress, End, Error). A
//! [`ChargingNotification`] exists only for a body whose structure is right; it keeps the bytes it was read from,
//! because those are what is forwarded. What is merely implausible is among its findings.

mod facts;
mod issue;
mod members;
mod plausibility;
mod read;

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::body;
use crate::finding::Finding;
use crate::identification::Identification;
use crate::ids::{EvseId, OperatorId, SessionId};
use crate::rejected::Rejected;

pub use facts::{End, Error, ErrorType, Facts, MeterValues, Progress, Start};
pub use issue::NothingCharged;

/// The four notifications, as the member `Type` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationType {
    /// Energy has begun to flow.
    Start,
    /// Energy is flowing.
    Progress,
    /// Energy has stopped flowing; the car may still block the spot.
    End,
    /// Something is broken.
    Error,
}

impl NotificationType {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Start, Self::Progress, Self::End, Self::Error];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Progress => "Progress",
            Self::End => "End",
            Self::Error => "Error",
        }
    }

    /// Reads the word on the wire; letter case counts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for NotificationType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A notification whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct ChargingNotification {
    body: Bytes,
    /// Boxed: it is large, and the notification is handed around.
    content: Box<read::Content>,
}

impl ChargingNotification {
    /// Reads a received body.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure: missing members, wrong kinds, grammars, lengths, known
    /// members that occur twice, and what is not JSON in UTF-8 at all.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = Box::new(read::content(body::check(&body)?)?);
        Ok(Self { body, content })
    }

    /// The bytes as they were received, and as they are to be forwarded.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Which of the four it is.
    #[must_use]
    pub fn kind(&self) -> NotificationType {
        self.content.facts.kind()
    }

    /// The session, and with it the provider that is to hear of it.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.content.session_id
    }

    /// The partner that sent it; for a bundle not the operator inside the EvseID.
    #[must_use]
    pub fn operator_id(&self) -> OperatorId {
        self.content.operator_id
    }

    /// The charging spot.
    #[must_use]
    pub fn evse_id(&self) -> EvseId {
        self.content.evse_id
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

    /// What the driver identified with. It informs and never routes, so an odd one is a finding and then absent here.
    #[must_use]
    pub fn identification(&self) -> Option<&Identification> {
        self.content.identification.as_ref()
    }

    /// What the notification says.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.content.facts
    }

    /// What is odd about it, whenever it is looked at.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.content.findings
    }

    /// What is odd about it at this moment: times that should have passed and have not.
    #[must_use]
    pub fn findings_at(&self, now: Timestamp) -> Vec<Finding> {
        plausibility::in_future(&self.content.facts, now)
    }

    /// Whether a PIN is somewhere in the body; then keep [`crate::pin::blank`] of it instead.
    #[must_use]
    pub fn has_pin(&self) -> bool {
        self.content.has_pin
    }
}

impl fmt::Debug for ChargingNotification {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ChargingNotification").field("content", &self.content).finish_non_exhaustive()
    }
}
