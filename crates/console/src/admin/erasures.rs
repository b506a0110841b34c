//! Erasing one contract's data.

use axum::body::Bytes;
use axum::extract::State;
use roamhub_core::erasure::Undelivered;
use roamhub_services::erasure::{self, ErasureError, Extent, Subject};
use serde::Deserialize;

use super::problem::{Json, Problem, read};
use super::{Admin, view};
use crate::door::Visit;

/// Whose data, and how far to go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Order {
    /// A UID, an EvcoID or a SessionID.
    subject: String,
    #[serde(default)]
    dry_run: bool,
    /// Ends what is still owed.
    #[serde(default)]
    force: bool,
}

/// `POST /erasures {"subject": "…", "dryRun": true}`
pub(crate) async fn erase(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Result<Json, Problem> {
    let order: Order = read(&body)?;
    // What was sent is not repeated in the answer: it is personal.
    let subject = Subject::read(order.subject.trim())
        .ok_or_else(|| Problem::bad("the subject is neither a UID nor an EvcoID nor a SessionID"))?;
    let extent = match (order.dry_run, order.force) {
        (true, _) => Extent::DryRun,
        (false, true) => Extent::Erase(Undelivered::End),
        (false, false) => Extent::Erase(Undelivered::Keep),
    };
    visit.about("one contract");
    let erased = erasure::erase(&*admin.ledger, subject, extent, admin.clock.now()).await;
    match erased {
        Ok(count) => {
            let dry = if extent == Extent::DryRun { ", only counted" } else { "" };
            visit.detail(format!("{} messages, {} requests{dry}", count.messages, count.requests));
            if extent != Extent::DryRun {
                tracing::info!(
                    messages = count.messages,
                    requests = count.requests,
                    "one contract's data erased"
                );
            }
            Ok(Json(view::erased(&count, extent)))
        }
        Err(error @ ErasureError::UnknownSession) => Err(Problem::not_found(error.to_string())),
        Err(error @ ErasureError::Ledger(_)) => Err(Problem::unavailable(error.to_string())),
    }
}
