//! Users, for those who administer the hub.

use axum::body::Bytes;
use axum::extract::{Path, State};
use roamhub_core::access::Role;
use roamhub_core::account::UserName;
use roamhub_core::contact::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem, read};
use super::{Admin, view};
use crate::door::Visit;

/// `GET /users`
pub(crate) async fn list(State(admin): State<Admin>) -> Result<Json, Problem> {
    let users = admin.accounts.users().await?;
    Ok(Json(json!({ "users": users.iter().map(view::user).collect::<Vec<Value>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    role: String,
    partner: Option<String>,
    password: String,
}

/// `POST /users {"name", "role", "partner", "password"}`
pub(crate) async fn add(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Result<Json, Problem> {
    let NewUser { name, role, partner, password } = read(&body)?;
    let name = user_name(&name)?;
    let role = role_of(&role, partner.as_deref())?;
    admin.accounts.add_user(name.clone(), role, Secret::new(password)).await?;
    visit.about(format!("user {name}"));
    visit.detail(role.to_string());
    tracing::info!(user = %name, %role, "a user was added");
    Ok(Json(json!({ "name": name.as_str(), "role": role.as_str() })))
}

/// `DELETE /users/{name}`
pub(crate) async fn remove(
    State(admin): State<Admin>,
    visit: Visit,
    Path(name): Path<String>,
) -> Result<Json, Problem> {
    let name = user_name(&name)?;
    let ended = admin.accounts.remove_user(name.clone()).await?;
    visit.about(format!("user {name}"));
    tracing::info!(user = %name, "a user was removed");
    Ok(ended_with(&name, ended))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

/// `PUT /users/{name}/password {"password"}`
pub(crate) async fn password(
    State(admin): State<Admin>,
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json, Problem> {
    let (name, NewPassword { password }) = (user_name(&name)?, read(&body)?);
    let ended = admin.accounts.set_password(name.clone(), Secret::new(password)).await?;
    visit.about(format!("user {name}"));
    tracing::info!(user = %name, "a user has another password");
    Ok(ended_with(&name, ended))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: String,
    partner: Option<String>,
}

/// `PUT /users/{name}/role {"role", "partner"}`
pub(crate) async fn role(
    State(admin): State<Admin>,
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json, Problem> {
    let (name, NewRole { role, partner }) = (user_name(&name)?, read(&body)?);
    let role = role_of(&role, partner.as_deref())?;
    let ended = admin.accounts.set_role(name.clone(), role).await?;
    visit.about(format!("user {name}"));
    visit.detail(role.to_string());
    tracing::info!(user = %name, %role, "a user has another role");
    Ok(ended_with(&name, ended))
}

fn ended_with(name: &UserName, (log_ins, tokens): (u64, u64)) -> Json {
    Json(json!({ "name": name.as_str(), "logInsEnded": log_ins, "tokensRevoked": tokens }))
}

fn user_name(text: &str) -> Result<UserName, Problem> {
    UserName::parse(text).map_err(|error| Problem::bad(error.to_string()))
}

/// A role as it is written in two words.
pub(crate) fn role_of(word: &str, partner: Option<&str>) -> Result<Role, Problem> {
    let partner = partner.filter(|partner| !partner.is_empty());
    Role::read(word, partner).map_err(|error| Problem::bad(error.to_string()))
}
