//! The own password.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use roamhub_core::contact::Secret;
use serde::Deserialize;

use super::{Chrome, failed, form_token, page};
use crate::admin::problem::Problem;
use crate::admin::{Admin, me};
use crate::door::Visit;
use crate::forms;

#[derive(Template)]
#[template(path = "password.html")]
struct Password<'a> {
    chrome: Chrome,
    message: &'a str,
    changed: bool,
    form_token: String,
}

fn form(visit: &Visit, done: Option<Result<(), Problem>>) -> Response {
    let visitor = match visit.visitor() {
        Ok(visitor) => visitor,
        Err(problem) => return failed(&problem, None),
    };
    let changed = matches!(done, Some(Ok(())));
    let (status, message) = match done {
        None => (StatusCode::OK, String::new()),
        Some(Ok(())) => (StatusCode::OK, "Your password is changed.".to_owned()),
        Some(Err(problem)) => (problem.status, problem.message),
    };
    let chrome = Chrome::of("Your password", "/password", Some(visitor));
    page(status, &Password { chrome, message: &message, changed, form_token: form_token(visitor) })
}

/// `GET /password`
pub(crate) async fn show(visit: Visit) -> Response {
    form(&visit, None)
}

#[derive(Deserialize)]
struct Submitted {
    present: String,
    new: String,
    again: String,
}

/// `POST /password`
pub(crate) async fn submit(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Response {
    let done = match forms::read::<Submitted>(body).await {
        Err(problem) => Err(problem),
        Ok(form) if form.new != form.again => Err(Problem::bad("the two new passwords are not the same")),
        Ok(form) => me::change(&admin, &visit, Secret::new(form.present), Secret::new(form.new)).await,
    };
    form(&visit, Some(done))
}
