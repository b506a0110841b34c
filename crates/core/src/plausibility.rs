//! What is odd about a message in the light of its session and of the partners: findings, never refusals (unless
//! the operator is set to `strict`). What the hub authorised, the hub lets end.

use oicp::{EvseId, Finding};

use crate::directory::{Directory, OfferedService, Operator};
use crate::session::SessionFacts;

/// The EVSE belongs neither to the operator nor to one of its sub-operators (018 for a `strict` operator).
pub const EVSE_OUTSIDE_BUNDLE: &str = "evse-outside-bundle";
/// The EVSE is not the one the session was opened at.
pub const EVSE_CHANGED: &str = "evse-changed";
/// The operator has been locked since the session was opened.
pub const OPERATOR_LOCKED: &str = "operator-locked";
/// The provider has been locked since the session was opened.
pub const PROVIDER_LOCKED: &str = "provider-locked";
/// There is no contract between the two any more.
pub const CONTRACT_ENDED: &str = "contract-ended";

/// Compares a message that names this EVSE with its session and with the partners as they are now.
#[must_use]
pub fn against_session(
    evse: EvseId,
    session: &SessionFacts,
    operator: &Operator,
    directory: &Directory,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |code, pointer: &'static str, text: String| {
        findings.push(Finding { code, pointer: pointer.into(), text });
    };
    if !operator.owns(&evse.operator()) {
        let text = format!("{evse} belongs neither to {} nor to one of its sub-operators", operator.id);
        find(EVSE_OUTSIDE_BUNDLE, "/EvseID", text);
    }
    if let Some(opened_at) = session.evse.filter(|opened_at| *opened_at != evse) {
        find(EVSE_CHANGED, "/EvseID", format!("the session is at {opened_at}"));
    }
    if operator.locked {
        find(OPERATOR_LOCKED, "/OperatorID", format!("{} is locked", operator.id));
    }
    match directory.provider(&session.provider) {
        Some(provider) if provider.locked => {
            find(PROVIDER_LOCKED, "", format!("{} is locked", provider.id));
        }
        Some(provider) if !directory.contracted(operator, provider, OfferedService::Authorization) => {
            find(
                CONTRACT_ENDED,
                "",
                format!("no contract between {} and {} any more", operator.id, provider.id),
            );
        }
        _ => {}
    }
    findings
}
