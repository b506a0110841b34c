//! `GET /certificates`: partners' certificates, and until when they are valid, as far as the hub knows.

use axum::extract::State;
use serde_json::{Value, json};

use super::Admin;
use super::problem::{Json, Problem};
use crate::door::Visit;

pub(crate) async fn list(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let Some((_, certificates)) = &admin.partners else {
        return Err(Problem::unavailable("certificates are known to a running hub; start it"));
    };
    let all = certificates.all();
    let shown = all.iter().filter(|one| visit.reach.is_about(one.partner.as_ref())).map(|one| {
        json!({
            "partner": one.partner.map(|partner| partner.to_string()),
            "side": one.partner.map_or("hub", |partner| partner.side()),
            "purpose": one.purpose,
            "name": one.name,
            "expiresAt": one.expires_at.map(|at| at.to_string()),
        })
    });
    Ok(Json(json!({ "certificates": shown.collect::<Vec<Value>>() })))
}
