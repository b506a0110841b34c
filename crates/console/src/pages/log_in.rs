//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use roamhub_core::account::Actor;
use roamhub_core::contact::Secret;
use roamhub_services::accounts::{LogInError, Opened};
use serde::Deserialize;

use super::{Chrome, failed, go_to, local_path, page};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::door::Visit;
use crate::{cookie, forms};

#[derive(Template)]
#[template(path = "log_in.html")]
struct LogIn<'a> {
    chrome: Chrome,
    message: &'a str,
    name: &'a str,
    next: &'a str,
}

/// Where to after the log-in.
#[derive(Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

fn form(status: StatusCode, message: &str, name: &str, next: &str) -> Response {
    page(status, &LogIn { chrome: Chrome::of("Log in", "/login", None), message, name, next })
}

/// `GET /login`
pub(crate) async fn show(visit: Visit, Query(Next { next }): Query<Next>) -> Response {
    let next = local_path(next.as_deref().unwrap_or("/"));
    // Whoever is there already need not come in again.
    if visit.visitor.is_some() { go_to(next) } else { form(StatusCode::OK, "", "", next) }
}

#[derive(Deserialize)]
struct Submitted {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /login`. A log-in that was there before stays as it is; the new one has a secret of its own.
pub(crate) async fn submit(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Response {
    let Submitted { name, password, next } = match forms::read(body).await {
        Ok(form) => form,
        Err(problem) => return failed(&problem, None),
    };
    let from = visit.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    match admin.accounts.log_in(name.trim(), Secret::new(password), from).await {
        Ok(opened) => enter(&visit, &opened, local_path(&next)),
        Err(error) => {
            if let LogInError::Wrong(Some(user)) = &error {
                visit.about(format!("user {user}"));
            }
            let problem = problem(&error);
            let mut answer = form(problem.status, &problem.message, name.trim(), local_path(&next));
            if let Some(wait) = problem.retry_after() {
                answer.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            answer
        }
    }
}

fn problem(error: &LogInError) -> Problem {
    match error {
        LogInError::Wrong(_) => Problem::wrong_log_in(),
        LogInError::ComeBack(wait) => Problem::too_many(*wait),
        LogInError::Busy => Problem::unavailable("too many log-ins at a time; try again in a moment"),
        LogInError::Ledger(error) => (*error).into(),
    }
}

/// Whoever has just logged in goes on, with a cookie.
pub(super) fn enter(visit: &Visit, opened: &Opened, next: &str) -> Response {
    visit.turned_out_to_be(Actor::User(opened.user.clone()));
    visit.about(format!("user {}", opened.user));
    let mut answer = go_to(next);
    if let Ok(cookie) = HeaderValue::from_str(&cookie::set(opened.secret.expose(), visit.wire)) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// `POST /logout`
pub(crate) async fn leave(State(admin): State<Admin>, visit: Visit) -> Response {
    let session = visit.visitor.as_ref().and_then(|visitor| visitor.log_in.as_ref());
    if let Some(session) = session
        && let Err(error) = admin.accounts.log_out(session).await
    {
        return failed(&error.into(), Some(&visit));
    }
    let mut answer = go_to("/login");
    if let Ok(cookie) = HeaderValue::from_str(&cookie::remove(visit.wire)) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}
