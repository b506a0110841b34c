//! Who am I? And the own password.

use axum::body::Bytes;
use axum::extract::State;
use roamhub_core::access::{Access, Permission, access};
use roamhub_core::contact::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::problem::{Json, Problem, read};
use crate::door::Visit;

/// `GET /me`: who asks, what for, what that allows; and for a person the token that changes have to carry.
pub(crate) async fn show(visit: Visit) -> Result<Json, Problem> {
    let visitor = visit.visitor()?;
    let granted = Permission::ALL
        .into_iter()
        .filter(|permission| matches!(access(visitor.role, *permission), Access::Granted(_)))
        .map(|permission| Value::from(permission.as_str()));
    Ok(Json(json!({
        "who": visitor.actor.to_string(),
        "role": visitor.role.as_str(),
        "partner": visitor.role.partner().map(|partner| partner.to_string()),
        "permissions": granted.collect::<Vec<_>>(),
        "formToken": visitor.log_in.as_ref().map(|session| session.form_token.expose().to_owned()),
    })))
}

/// The present password and the next one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    present: String,
    new: String,
}

/// `PUT /me/password {"present": "…", "new": "…"}`
pub(crate) async fn password(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Result<Json, Problem> {
    let Passwords { present, new } = read(&body)?;
    change(&admin, &visit, Secret::new(present), Secret::new(new)).await?;
    Ok(Json(json!({ "changed": true })))
}

/// Changes the visitor's password.
pub(crate) async fn change(
    admin: &Admin,
    visit: &Visit,
    present: Secret,
    new: Secret,
) -> Result<(), Problem> {
    let visitor = visit.visitor()?;
    visit.about(&visitor.actor);
    let from = visit.from.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    Ok(admin.accounts.change_own_password(visitor, present, new, from).await?)
}
