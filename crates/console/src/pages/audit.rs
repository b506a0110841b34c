//! The audit trail, page by page.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use roamhub_core::account::AuditRecord;

use super::{Chrome, failed, page, when};
use crate::admin::Admin;
use crate::admin::audit::{Wanted, newest};
use crate::door::Visit;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    chrome: Chrome,
    lines: Vec<Line>,
    /// Whether this is not the first page.
    older: bool,
    /// The number below which the next page begins.
    before: Option<i64>,
}

struct Line {
    at: String,
    when: String,
    who: String,
    from: String,
    action: String,
    about: String,
    outcome: &'static str,
    detail: String,
}

impl From<AuditRecord> for Line {
    fn from(record: AuditRecord) -> Self {
        Self {
            at: record.at.to_string(),
            when: when(record.at),
            who: record.who,
            from: record.from.unwrap_or_default(),
            action: record.action,
            about: record.about.unwrap_or_default(),
            outcome: record.outcome.as_str(),
            detail: record.detail.unwrap_or_default(),
        }
    }
}

/// `GET /audit?before=NO`
pub(crate) async fn show(
    State(admin): State<Admin>,
    visit: Visit,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let older = wanted.as_ref().is_ok_and(|Query(wanted)| wanted.before.is_some());
    let lines = match newest(&admin, wanted).await {
        Ok(lines) => lines,
        Err(problem) => return failed(&problem, Some(&visit)),
    };
    // The first line of all has the number 1.
    let before = lines.last().map(|line| line.no).filter(|no| *no > 1);
    let chrome = Chrome::of("Audit trail", "/audit", visit.visitor.as_ref());
    page(StatusCode::OK, &Audit { chrome, lines: lines.into_iter().map(Line::from).collect(), older, before })
}
