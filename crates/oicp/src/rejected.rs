//! A message that was refused, with all that could be read of it: the answer still names the sender's session.

use std::fmt;

use crate::body::BodyProblem;
use crate::ids::{OperatorId, ProviderId, SessionId};
use crate::notification::NotificationType;
use crate::violation::Violations;

/// Why a message was refused, and what could be read of it all the same.
#[derive(Clone, Debug, Default)]
pub struct Rejected {
    /// Set when the body is no JSON text at all; then nothing else could be read.
    pub problem: Option<BodyProblem>,
    /// All violations; not empty unless `problem` is set.
    pub violations: Violations,
    /// The session the message is about, if that much is valid.
    pub session_id: Option<SessionId>,
    /// The operator that the message says it is from, if that much is valid.
    pub operator_id: Option<OperatorId>,
    /// The provider that the message says it is from, if that much is valid.
    pub provider_id: Option<ProviderId>,
    /// The type of notification, if that much is valid.
    pub kind: Option<NotificationType>,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
}

impl From<BodyProblem> for Rejected {
    fn from(problem: BodyProblem) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }
}

impl From<Violations> for Rejected {
    fn from(violations: Violations) -> Self {
        Self { violations, ..Self::default() }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = self.problem {
            return problem.fmt(out);
        }
        let mut separator = "";
        for violation in &self.violations {
            write!(out, "{separator}{}: {}", violation.pointer, violation.message)?;
            separator = "; ";
        }
        match self.violations.truncated() {
            0 => Ok(()),
            more => write!(out, "{separator}and {more} more"),
        }
    }
}

impl std::error::Error for Rejected {}
