//! Who calls: the partner that path and body name must be one, and registered.
//!
//! Whether it is locked is not asked here: a lock stops new sessions, never what the hub let begin.

use std::fmt;
use std::sync::Arc;

use oicp::violation::{Violation, Violations};
use oicp::{OperatorId, ProviderId, Rejected};
use roamhub_core::Partner;
use roamhub_core::directory::{Directory, Operator, Provider};

use crate::reply::Verdict;

/// The registered operator that calls.
///
/// # Errors
/// [`Verdict::IdMismatch`] or [`Verdict::UnknownCaller`].
pub(crate) fn operator(
    path: &str,
    body: OperatorId,
    directory: &Directory,
) -> Result<Arc<Operator>, Box<Verdict>> {
    same(path, OperatorId::parse(path).ok(), body)?;
    directory.operator(&body).cloned().ok_or_else(|| Box::new(Verdict::UnknownCaller(body.into())))
}

/// The registered operator that calls, where the path alone says who it is.
///
/// # Errors
/// [`Verdict::Rejected`] or [`Verdict::UnknownCaller`].
pub(crate) fn operator_of_path(path: &str, directory: &Directory) -> Result<Arc<Operator>, Box<Verdict>> {
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
/// [`Verdict::IdMismatch`] or [`Verdict::UnknownCaller`].
pub(crate) fn provider(
    path: &str,
    body: ProviderId,
    directory: &Directory,
) -> Result<Arc<Provider>, Box<Verdict>> {
    same(path, ProviderId::parse(path).ok(), body)?;
    directory.provider(&body).cloned().ok_or_else(|| Box::new(Verdict::UnknownCaller(body.into())))
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
