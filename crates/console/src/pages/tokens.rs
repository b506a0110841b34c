//! Tokens: the visitor's own, or everybody's for those who administer the hub.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use roamhub_core::access::Role;
use roamhub_core::ports::accounts::Token;
use roamhub_services::accounts::TOKEN_PREFIX;
use serde::Deserialize;

use super::{Chrome, failed, form_token, go_to, page, when};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::tokens::{Made, NewToken, make, revoke_one};
use crate::door::Visit;
use crate::forms;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    chrome: Chrome,
    made: Option<Shown>,
    message: String,
    tokens: Vec<Row>,
    roles: Vec<&'static str>,
    names_partner: bool,
    form_token: String,
}

/// A token that was just made.
struct Shown {
    secret: String,
    secret_head: &'static str,
    expires: String,
}

struct Row {
    no: i64,
    name: String,
    role: String,
    owner: String,
    made: String,
    made_at: String,
    last_used: String,
    until: String,
    good: bool,
}

impl Row {
    fn of(token: &Token, now: Timestamp) -> Self {
        Self {
            no: token.no.0,
            name: token.name.to_string(),
            role: token.role.to_string(),
            owner: token.owner.as_ref().map_or_else(|| "the hub".to_owned(), ToString::to_string),
            made: when(token.made_at),
            made_at: token.made_at.to_string(),
            last_used: token.last_used_at.map_or_else(|| "never".to_owned(), when),
            until: match (token.revoked_at, token.expires_at) {
                (Some(revoked), _) => format!("revoked {}", when(revoked)),
                (None, Some(expires)) => when(expires),
                (None, None) => "no end".to_owned(),
            },
            good: token.holds(now),
        }
    }
}

async fn list(admin: &Admin, visit: &Visit, done: Result<Option<Made>, Problem>) -> Response {
    let shown = async {
        let visitor = visit.visitor()?;
        Ok::<_, Problem>((visitor, admin.accounts.tokens(visitor).await?))
    };
    let (visitor, tokens) = match shown.await {
        Ok(shown) => shown,
        Err(problem) => return failed(&problem, Some(visit)),
    };
    let now = admin.clock.now();
    let (status, made, message) = match done {
        Ok(made) => (StatusCode::OK, made, String::new()),
        Err(problem) => (problem.status, None, problem.message),
    };
    let made = made.map(|made| Shown {
        secret: made.secret.expose().to_owned(),
        secret_head: TOKEN_PREFIX,
        expires: made.expires_at.map(when).unwrap_or_default(),
    });
    let page_of = Tokens {
        chrome: Chrome::of("Tokens", "/tokens", Some(visitor)),
        made,
        message,
        tokens: tokens.iter().map(|token| Row::of(token, now)).collect(),
        roles: roles(visitor.role),
        names_partner: visitor.role == Role::Administer,
        form_token: form_token(visitor),
    };
    page(status, &page_of)
}

/// The roles that somebody may give away, the least one first.
fn roles(own: Role) -> Vec<&'static str> {
    match own {
        Role::Read => vec!["read"],
        Role::Operate => vec!["read", "operate"],
        Role::Administer => vec!["read", "operate", "administer", "partner"],
        Role::Partner(_) => vec!["partner"],
    }
}

/// `GET /tokens`
pub(crate) async fn show(State(admin): State<Admin>, visit: Visit) -> Response {
    list(&admin, &visit, Ok(None)).await
}

#[derive(Deserialize)]
struct Submitted {
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    partner: String,
    #[serde(default)]
    days: String,
}

/// `POST /tokens`: the page shows the token, this once.
pub(crate) async fn create(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Response {
    let made = async {
        let form: Submitted = forms::read(body).await?;
        let own = visit.visitor()?.role;
        let expires_in_days = match form.days.trim() {
            "" => None,
            days => Some(days.parse().map_err(|_| Problem::bad("say for how many days, or leave it empty"))?),
        };
        // A partner's are always of its own scope: there is nothing to choose.
        let role = if own.partner().is_some() { None } else { Some(form.role) };
        let wanted = NewToken { name: form.name, role, partner: Some(form.partner), expires_in_days };
        make(&admin, &visit, wanted).await
    };
    let made = made.await.map(Some);
    list(&admin, &visit, made).await
}

/// `POST /tokens/{no}/revoke`
pub(crate) async fn revoke(State(admin): State<Admin>, visit: Visit, Path(no): Path<String>) -> Response {
    match revoke_one(&admin, &visit, &no).await {
        Ok(_) => go_to("/tokens"),
        Err(problem) => list(&admin, &visit, Err(problem)).await,
    }
}
