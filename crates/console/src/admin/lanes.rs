//! Lanes: which are paused, and pausing and resuming them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use oicp::ProviderId;
use roamhub_core::ports::Pause;
use serde::Deserialize;
use serde_json::json;

use super::problem::{Json, Problem, read};
use super::{Admin, view};

/// Who changed a lane, for the record: accounts come later.
const BY: &str = "admin";
/// The longest reason that is kept.
const LONGEST_REASON: usize = 1000;

/// `GET /lanes`
pub(super) async fn list(State(admin): State<Admin>) -> Result<Json, Problem> {
    let (pauses, queues) = (admin.ledger.pauses().await?, admin.ledger.queues().await?);
    Ok(Json(view::lanes(&pauses, &queues)))
}

/// Why a lane is paused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /lanes/{provider}/pause {"reason": "…"}`
pub(super) async fn pause(
    State(admin): State<Admin>,
    Path(provider): Path<String>,
    body: Bytes,
) -> Result<Json, Problem> {
    let (provider, Why { reason }) = (provider_of(&provider)?, read(&body)?);
    if reason.chars().count() > LONGEST_REASON {
        return Err(Problem::bad(format!("a reason has at most {LONGEST_REASON} characters")));
    }
    let pause = Pause { provider, at: admin.clock.now(), by: BY.to_owned(), why: reason };
    let paused = admin.ledger.pause(vec![pause]).await?;
    tracing::warn!(%provider, "lane paused: messages are stored, nothing is sent until it is resumed");
    Ok(Json(json!({ "provider": provider.to_string(), "paused": true, "changed": paused == 1 })))
}

/// `POST /lanes/{provider}/resume`
pub(super) async fn resume(
    State(admin): State<Admin>,
    Path(provider): Path<String>,
) -> Result<Json, Problem> {
    let provider = provider_of(&provider)?;
    let resumed = admin.ledger.resume(vec![provider], admin.clock.now(), BY.to_owned()).await?;
    tracing::info!(%provider, "lane resumed");
    Ok(Json(json!({ "provider": provider.to_string(), "paused": false, "changed": resumed == 1 })))
}

/// `POST /lanes/resume`: all of them.
pub(super) async fn resume_all(State(admin): State<Admin>) -> Result<Json, Problem> {
    let paused: Vec<_> = admin.ledger.pauses().await?.into_iter().map(|pause| pause.provider).collect();
    let named: Vec<_> = paused.iter().map(ToString::to_string).collect();
    admin.ledger.resume(paused, admin.clock.now(), BY.to_owned()).await?;
    tracing::info!(lanes = named.len(), "all lanes resumed");
    Ok(Json(json!({ "resumed": named })))
}

fn provider_of(text: &str) -> Result<ProviderId, Problem> {
    ProviderId::parse(text).map_err(|_| Problem::bad("a ProviderID looks like DE-DCB"))
}
