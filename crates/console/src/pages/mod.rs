//! The console's pages: plain HTML from the server, complete without JavaScript. Templates are in `templates/`, compiled in;
//! what they print is escaped.

pub(crate) mod audit;
pub(crate) mod home;
pub(crate) mod log_in;
pub(crate) mod password;
pub(crate) mod set_up;
pub(crate) mod tokens;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use roamhub_core::access::{Access, Permission, access};
use roamhub_services::Visitor;

use crate::admin::problem::Problem;
use crate::door::Visit;
use crate::routes::Route;

/// What surrounds every page.
pub(crate) struct Chrome {
    title: &'static str,
    /// The path of the page among the links.
    here: &'static str,
    signed: Option<Signed>,
}

/// Who is logged in.
struct Signed {
    who: String,
    role: String,
    form_token: String,
    links: Vec<Link>,
}

struct Link {
    href: &'static str,
    text: &'static str,
}

/// Pages in the bar, with what they need.
const LINKS: [(Permission, Link); 3] = [
    (Permission::OwnTokens, Link { href: "/tokens", text: "Tokens" }),
    (Permission::Audit, Link { href: "/audit", text: "Audit trail" }),
    (Permission::OwnAccount, Link { href: "/password", text: "Password" }),
];

impl Chrome {
    fn of(title: &'static str, here: &'static str, visitor: Option<&Visitor>) -> Self {
        Self { title, here, signed: visitor.map(Signed::of) }
    }
}

impl Signed {
    fn of(visitor: &Visitor) -> Self {
        let links = LINKS.into_iter();
        let links = links.filter(|(needs, _)| matches!(access(visitor.role, *needs), Access::Granted(_)));
        Self {
            who: visitor.actor.to_string(),
            role: visitor.role.to_string(),
            form_token: form_token(visitor),
            links: links.map(|(_, link)| link).collect(),
        }
    }
}

/// What this visitor's forms carry; a token's visitor needs none.
fn form_token(visitor: &Visitor) -> String {
    visitor.log_in.as_ref().map(|session| session.form_token.expose().to_owned()).unwrap_or_default()
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// On to another page, to be fetched with GET.
fn go_to(path: &str) -> Response {
    // What comes from outside has been looked at; anything else is of this program.
    let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A path of this console, whatever was given: never another site's.
fn local_path(given: &str) -> &str {
    let plain = given.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\');
    if given.starts_with('/') && !given.starts_with("//") && plain { given } else { "/" }
}

/// An instant for people: UTC, to the second.
fn when(at: Timestamp) -> String {
    let text = format!("{at:.0}");
    text.trim_end_matches('Z').replace('T', " ")
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    chrome: Chrome,
    message: &'a str,
}

/// What somebody sees who is not let through: the log-in where nobody is logged in, a page that says why otherwise.
pub(crate) fn refused(problem: &Problem, route: &Route, path: &str) -> Response {
    if problem.status == StatusCode::UNAUTHORIZED {
        let next = if route.method == "GET" { local_path(path) } else { "/" };
        return match next {
            "/" => go_to("/login"),
            next => go_to(&format!("/login?next={}", encoded(next))),
        };
    }
    failed(problem, None)
}

/// A page that says what is wrong.
fn failed(problem: &Problem, visit: Option<&Visit>) -> Response {
    let title = match problem.status {
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "Not right",
    };
    let visitor = visit.and_then(|visit| visit.visitor.as_ref());
    let mut page = page(
        problem.status,
        &ProblemPage { chrome: Chrome::of(title, "", visitor), message: &problem.message },
    );
    if let Some(wait) = problem.retry_after() {
        page.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    page
}

/// A path as a value in a query.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// `GET /assets/console.css`
pub(crate) async fn style() -> Response {
    const STYLE: &str = include_str!("../../assets/console.css");
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, STYLE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for fine in ["/", "/audit", "/audit?before=7"] {
            assert_eq!(local_path(fine), fine);
        }
        for bad in ["", "audit", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/ä"]
        {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn a_path_survives_in_a_query() {
        assert_eq!(encoded("/audit?before=7&x"), "/audit%3Fbefore%3D7%26x");
    }

    #[test]
    fn instants_are_shown_to_the_second() {
        let at: Timestamp = "2026-03-02T14:02:07.75Z".parse().unwrap();
        assert_eq!(when(at), "2026-03-02 14:02:07");
    }
}
