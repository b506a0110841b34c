//! The first user, by the one-time link that the hub prints at its start while there is none.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use roamhub_core::contact::Secret;
use roamhub_services::accounts::AccountError;
use serde::Deserialize;

use super::{Chrome, failed, log_in, page};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::door::Visit;
use crate::forms;

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUp<'a> {
    chrome: Chrome,
    good: bool,
    message: &'a str,
    token: &'a str,
    name: &'a str,
}

/// The one-time token.
#[derive(Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    token: String,
}

fn form(status: StatusCode, message: &str, token: &str, name: &str) -> Response {
    let good = !token.is_empty();
    page(status, &SetUp { chrome: Chrome::of("The first user", "/setup", None), good, message, token, name })
}

/// `GET /setup?token=…`
pub(crate) async fn show(State(admin): State<Admin>, Query(Given { token }): Query<Given>) -> Response {
    if admin.accounts.may_set_up(&token) {
        form(StatusCode::OK, "", &token, "")
    } else {
        form(StatusCode::FORBIDDEN, &AccountError::NoSetUp.to_string(), "", "")
    }
}

#[derive(Deserialize)]
struct Submitted {
    token: String,
    name: String,
    password: String,
    again: String,
}

/// `POST /setup`
pub(crate) async fn submit(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Response {
    let Submitted { token, name, password, again } = match forms::read(body).await {
        Ok(form) => form,
        Err(problem) => return failed(&problem, None),
    };
    if password != again && admin.accounts.may_set_up(&token) {
        return form(StatusCode::BAD_REQUEST, "the two passwords are not the same", &token, &name);
    }
    match admin.accounts.set_up_first(&token, name.trim(), Secret::new(password)).await {
        Ok(opened) => log_in::enter(&visit, &opened, "/"),
        Err(error) => {
            let message = error.to_string();
            let token = if error == AccountError::NoSetUp { "" } else { &token };
            form(Problem::from(error).status, &message, token, &name)
        }
    }
}
