//! The first page: who you are, and what you may do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use roamhub_core::access::{Access, Permission, Role, access};

use super::{Chrome, failed, page};
use crate::door::Visit;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    chrome: Chrome,
    who: String,
    role: String,
    meaning: &'static str,
    permissions: Vec<&'static str>,
}

/// `GET /`
pub(crate) async fn show(visit: Visit) -> Response {
    let visitor = match visit.visitor() {
        Ok(visitor) => visitor,
        Err(problem) => return failed(&problem, None),
    };
    let granted = Permission::ALL.into_iter();
    let granted = granted.filter(|needs| matches!(access(visitor.role, *needs), Access::Granted(_)));
    let home = Home {
        chrome: Chrome::of("Console", "/", Some(visitor)),
        who: visitor.actor.to_string(),
        role: visitor.role.to_string(),
        meaning: meaning(visitor.role),
        permissions: granted.map(Permission::as_str).collect(),
    };
    page(StatusCode::OK, &home)
}

fn meaning(role: Role) -> &'static str {
    match role {
        Role::Read => "you see everything and change nothing",
        Role::Operate => "you see everything, pause and resume lanes, set drain rates and replay",
        Role::Administer => "you may do everything",
        Role::Partner(_) => "you see and steer what is this partner's own",
    }
}
