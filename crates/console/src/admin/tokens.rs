//! Tokens: the visitor's own; everybody's, for those who administer the hub.

use axum::body::Bytes;
use axum::extract::{Path, State};
use jiff::{SignedDuration, Timestamp};
use roamhub_core::account::{TokenName, TokenNo};
use roamhub_core::contact::Secret;
use roamhub_services::accounts::Wanted;
use serde::Deserialize;
use serde_json::{Value, json};

use super::accounts::role_of;
use super::problem::{Json, Problem, read};
use super::{Admin, view};
use crate::door::Visit;

/// `GET /tokens`
pub(crate) async fn list(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let tokens = admin.accounts.tokens(visit.visitor()?).await?;
    let now = admin.clock.now();
    Ok(Json(json!({ "tokens": tokens.iter().map(|token| view::token(token, now)).collect::<Vec<Value>>() })))
}

/// A token that is wanted. Without a role: the visitor's own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    pub(crate) partner: Option<String>,
    pub(crate) expires_in_days: Option<u32>,
}

/// A token that was made.
pub(crate) struct Made {
    pub(crate) no: TokenNo,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) secret: Secret,
}

/// `POST /tokens {"name", "role", "partner", "expiresInDays"}`; the answer has the token, this once.
pub(crate) async fn create(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Result<Json, Problem> {
    let made = make(&admin, &visit, read(&body)?).await?;
    Ok(Json(json!({
        "no": made.no.0,
        "token": made.secret.expose(),
        "expiresAt": made.expires_at.map(|at| at.to_string()),
    })))
}

/// Makes one.
pub(crate) async fn make(admin: &Admin, visit: &Visit, wanted: NewToken) -> Result<Made, Problem> {
    let visitor = visit.visitor()?;
    let name = TokenName::parse(&wanted.name).map_err(|error| Problem::bad(error.to_string()))?;
    let role = match wanted.role.as_deref().filter(|role| !role.is_empty()) {
        Some(word) => role_of(word, wanted.partner.as_deref())?,
        None => visitor.role,
    };
    let lasts = wanted.expires_in_days.map(|days| SignedDuration::from_hours(i64::from(days) * 24));
    let wanted = Wanted { name: name.clone(), role, lasts };
    let (no, expires_at, secret) = admin.accounts.make_token(visitor, wanted).await?;
    visit.about(format!("token {} ({name})", no.0));
    visit.detail(role.to_string());
    Ok(Made { no, expires_at, secret })
}

/// `DELETE /tokens/{no}`
pub(crate) async fn revoke(
    State(admin): State<Admin>,
    visit: Visit,
    Path(no): Path<String>,
) -> Result<Json, Problem> {
    let revoked = revoke_one(&admin, &visit, &no).await?;
    Ok(Json(json!({ "revoked": revoked })))
}

/// Revokes one; how many held until now.
pub(crate) async fn revoke_one(admin: &Admin, visit: &Visit, no: &str) -> Result<u64, Problem> {
    let no = no.parse().map(TokenNo).map_err(|_| Problem::bad("tokens are numbered from 1"))?;
    let (token, revoked) = admin.accounts.revoke_token(visit.visitor()?, no).await?;
    visit.about(format!("token {} ({})", no.0, token.name));
    Ok(revoked)
}
