//! Who calls: the partner that path and body name must be the caller's own, must be one, and registered.
//!
//! That the caller is let in at all was asked before its body was read (`Hub::admit`). Whether it is locked is not asked
//! here: a lock stops new sessions, never what the hub let begin.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oicp::violation::{Violation, Violations};
use oicp::{ChargingNotification, OperatorId, ProviderId, Rejected};
use roamhub_core::directory::{Directory, Operator, Provider};
use roamhub_core::{Partner, ProcessId};

use crate::hub::Hub;
use crate::identity::{Claim, Identity, NotAdmitted};
use crate::reply::{CallerIds, Reply, Verdict};

impl Hub {
    /// Whether a caller is let in, and may be who the path says it is; before anything of its body is read.
    ///
    /// # Errors
    /// The answer, if not.
    pub fn admit(&self, who: &Identity, claim: Option<Claim<'_>>) -> Result<(), Box<Reply>> {
        if let Identity::Claimed = who {
            return Ok(());
        }
        who.admit(claim, &self.directory(), self.inner.clock.now()).map_err(|refused| {
            let partner = proven(&refused);
            let verdict = *Box::<Verdict>::from(refused);
            Box::new(Reply {
                process: ProcessId::new(),
                verdict,
                ids: CallerIds { partner, ..CallerIds::default() },
            })
        })
    }

    /// The answer to a caller that is not let in, naming the operator that its notification claims to be from, if that
    /// much can be read of what came of it.
    #[must_use]
    pub fn in_whose_name(&self, who: &Identity, said: Bytes, refused: Box<Reply>) -> Box<Reply> {
        let claimed = match ChargingNotification::parse(said) {
            Ok(notification) => Some(notification.operator_id()),
            Err(rejected) => rejected.operator_id,
        };
        let Some(claimed) = claimed.map(|id| id.to_string()) else { return refused };
        self.admit(who, Some(Claim::Operator(&claimed))).err().unwrap_or(refused)
    }
}

/// Under whose name a refusal is kept: never under that of somebody who only was named.
fn proven(refused: &NotAdmitted) -> Option<Partner> {
    match refused {
        NotAdmitted::Unauthorised(why) => why.stands_for.first().copied(),
        NotAdmitted::Unregistered(_) => None,
    }
}

/// The registered operator that calls.
///
/// # Errors
/// [`Verdict::Unauthorised`], [`Verdict::IdMismatch`] or [`Verdict::UnknownCaller`].
pub(crate) fn operator(
    who: &Identity,
    path: &str,
    body: OperatorId,
    directory: &Directory,
) -> Result<Arc<Operator>, Box<Verdict>> {
    who.may_be(Claim::Operator(path), directory)?;
    who.may_be_partner(body.into(), directory)?;
    same(path, OperatorId::parse(path).ok(), body)?;
    directory.operator(&body).cloned().ok_or_else(|| Box::new(Verdict::UnknownCaller(body.into())))
}

/// The registered operator that calls, where the body alone says who it is.
///
/// # Errors
/// [`Verdict::Unauthorised`] or [`Verdict::UnknownCaller`].
pub(crate) fn operator_of_body<'d>(
    who: &Identity,
    body: OperatorId,
    directory: &'d Directory,
) -> Result<&'d Arc<Operator>, Box<Verdict>> {
    who.may_be_partner(body.into(), directory)?;
    directory.operator(&body).ok_or_else(|| Box::new(Verdict::UnknownCaller(body.into())))
}

/// The registered operator that calls, where the path alone says who it is.
///
/// # Errors
/// [`Verdict::Unauthorised`], [`Verdict::Rejected`] or [`Verdict::UnknownCaller`].
pub(crate) fn operator_of_path(
    who: &Identity,
    path: &str,
    directory: &Directory,
) -> Result<Arc<Operator>, Box<Verdict>> {
    who.may_be(Claim::Operator(path), directory)?;
    let Ok(id) = OperatorId::parse(path) else {
        return Err(Box::new(Verdict::Rejected(Box::new(no_operator_in(path)))));
    };
    directory.operator(&id).cloned().ok_or_else(|| Box::new(Verdict::UnknownCaller(id.into())))
}

fn no_operator_in(path: &str) -> Rejected {
    let path: String = path.chars().take(40).collect();
    let message = format!("the path names {path:?}, which is no OperatorID; one looks like DE*ABC");
    let violation = Violation { pointer: String::new(), field: String::new(), message };
    Rejected::from([violation].into_iter().collect::<Violations>())
}

/// The registered provider that calls.
///
/// # Errors
/// [`Verdict::Unauthorised`], [`Verdict::IdMismatch`] or [`Verdict::UnknownCaller`].
pub(crate) fn provider(
    who: &Identity,
    path: &str,
    body: ProviderId,
    directory: &Directory,
) -> Result<Arc<Provider>, Box<Verdict>> {
    who.may_be(Claim::Provider(path), directory)?;
    who.may_be_partner(body.into(), directory)?;
    same(path, ProviderId::parse(path).ok(), body)?;
    directory.provider(&body).cloned().ok_or_else(|| Box::new(Verdict::UnknownCaller(body.into())))
}

/// What is said about a message whose structure is broken: of one in somebody else's name, only that.
pub(crate) fn rejected(who: &Identity, rejected: Rejected, directory: &Directory) -> Box<Verdict> {
    let operator = rejected.operator_id.map(Partner::Operator);
    match operator.or(rejected.provider_id.map(Partner::Provider)) {
        Some(named) => match who.may_be_partner(named, directory) {
            Ok(()) => Box::new(Verdict::Rejected(Box::new(rejected))),
            Err(refused) => refused.into(),
        },
        None => Box::new(Verdict::Rejected(Box::new(rejected))),
    }
}

fn same<Id>(path: &str, parsed: Option<Id>, body: Id) -> Result<(), Box<Verdict>>
where
    Id: PartialEq + Into<Partner> + fmt::Display,
{
    if parsed.as_ref() == Some(&body) {
        return Ok(());
    }
    Err(Box::new(Verdict::IdMismatch { path: path.to_owned(), body: body.into() }))
}
