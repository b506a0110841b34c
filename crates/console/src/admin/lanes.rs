//! Lanes: which are paused and how fast they are drained, and changing that.

use axum::body::Bytes;
use axum::extract::{Path, State};
use oicp::ProviderId;
use roamhub_core::ports::Pause;
use roamhub_core::ports::rates::LaneRate;
use serde::Deserialize;
use serde_json::json;

use super::problem::{Json, Problem, read};
use super::{Admin, view};
use crate::door::Visit;

/// The longest reason that is kept.
const LONGEST_REASON: usize = 1000;
/// A rate beyond this is no bound.
const MOST_PER_SECOND: u32 = 1_000_000;

/// `GET /lanes`
pub(crate) async fn list(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let ledger = &admin.ledger;
    let (mut pauses, mut queues) = (ledger.pauses().await?, ledger.queues().await?);
    let mut rates = ledger.rates().await?;
    let within = |provider: &ProviderId| visit.reach.takes_in(None, Some(provider));
    pauses.retain(|pause| within(&pause.provider));
    queues.retain(|queue| within(&queue.provider));
    rates.retain(|rate| within(&rate.provider));
    // Who of the hub's people did it and why is for people of the hub.
    for pause in pauses.iter_mut().filter(|pause| !visit.is_theirs(&pause.by)) {
        pause.by = "the hub".to_owned();
        pause.why.clear();
    }
    for rate in rates.iter_mut().filter(|rate| !visit.is_theirs(&rate.by)) {
        rate.by = "the hub".to_owned();
    }
    Ok(Json(view::lanes(&pauses, &queues, &rates)))
}

/// Why a lane is paused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /lanes/{provider}/pause {"reason": "…"}`
pub(crate) async fn pause(
    State(admin): State<Admin>,
    visit: Visit,
    Path(provider): Path<String>,
    body: Bytes,
) -> Result<Json, Problem> {
    let provider = provider_of(&visit, &provider)?;
    let Why { reason } = read(&body)?;
    if reason.chars().count() > LONGEST_REASON {
        return Err(Problem::bad(format!("a reason has at most {LONGEST_REASON} characters")));
    }
    let pause = Pause { provider, at: admin.clock.now(), by: visit.by(), why: reason };
    let paused = admin.ledger.pause(vec![pause]).await?;
    tracing::warn!(%provider, "lane paused: messages are stored, nothing is sent until it is resumed");
    Ok(Json(json!({ "provider": provider.to_string(), "paused": true, "changed": paused == 1 })))
}

/// `POST /lanes/{provider}/resume`
pub(crate) async fn resume(
    State(admin): State<Admin>,
    visit: Visit,
    Path(provider): Path<String>,
) -> Result<Json, Problem> {
    let provider = provider_of(&visit, &provider)?;
    let resumed = admin.ledger.resume(vec![provider], admin.clock.now(), visit.by()).await?;
    tracing::info!(%provider, "lane resumed");
    Ok(Json(json!({ "provider": provider.to_string(), "paused": false, "changed": resumed == 1 })))
}

/// `POST /lanes/resume`: all of them.
pub(crate) async fn resume_all(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let paused: Vec<_> = admin.ledger.pauses().await?.into_iter().map(|pause| pause.provider).collect();
    let named: Vec<_> = paused.iter().map(ToString::to_string).collect();
    admin.ledger.resume(paused, admin.clock.now(), visit.by()).await?;
    visit.about(named.join(", "));
    tracing::info!(lanes = named.len(), "all lanes resumed");
    Ok(Json(json!({ "resumed": named })))
}

/// How fast a lane is drained.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rate {
    per_second: u32,
}

/// `PUT /lanes/{provider}/drain-rate {"perSecond": 50}`: never above what the partners file says.
pub(crate) async fn set_rate(
    State(admin): State<Admin>,
    visit: Visit,
    Path(provider): Path<String>,
    body: Bytes,
) -> Result<Json, Problem> {
    let provider = provider_of(&visit, &provider)?;
    let Rate { per_second } = read(&body)?;
    let most = most_per_second(&admin, &provider);
    if !(1..=most).contains(&per_second) {
        return Err(Problem::bad(format!(
            "perSecond is deliveries per second, from 1 to {most}: no more than drain_rate in the partners file"
        )));
    }
    visit.detail(format!("{per_second} per second"));
    admin.ledger.set_rate(LaneRate { provider, per_second, at: admin.clock.now(), by: visit.by() }).await?;
    Ok(Json(json!({ "provider": provider.to_string(), "perSecond": per_second })))
}

/// `DELETE /lanes/{provider}/drain-rate`: back to what the partners file says.
pub(crate) async fn clear_rate(
    State(admin): State<Admin>,
    visit: Visit,
    Path(provider): Path<String>,
) -> Result<Json, Problem> {
    let provider = provider_of(&visit, &provider)?;
    let changed = admin.ledger.clear_rate(provider).await?;
    Ok(Json(json!({ "provider": provider.to_string(), "perSecond": null, "changed": changed })))
}

/// What the partners file allows; without a running hub nobody knows, and the hub keeps to the file all the same.
fn most_per_second(admin: &Admin, provider: &ProviderId) -> u32 {
    let known = admin.partners.as_ref().map(|(partners, _)| partners.directory());
    let configured = known.and_then(|directory| Some(directory.provider(provider)?.lane.drain_rate));
    configured.unwrap_or(MOST_PER_SECOND)
}

fn provider_of(visit: &Visit, text: &str) -> Result<ProviderId, Problem> {
    match ProviderId::parse(text) {
        Ok(provider) => {
            visit.about(provider);
            if visit.reach.takes_in(None, Some(&provider)) {
                Ok(provider)
            } else {
                Err(Problem::nothing_here())
            }
        }
        Err(_) if visit.is_hidden() => Err(Problem::nothing_here()),
        Err(_) => Err(Problem::bad("a ProviderID looks like DE-DCB")),
    }
}
