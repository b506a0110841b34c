//! The doors to the admin API, and who stands at them: every request passes `guard` before its route is served.
//!
//! * The control socket: whoever may open it may do everything.
//! * The console's address: a person with a log-in (a cookie), or a token (`Authorization: Bearer rh_…`). What a browser
//!   sends by itself changes nothing: a change made with a cookie has to carry what only a page of this console knows, and
//!   must come from such a page.
//!
//! What the visitor may do is decided in [`roamhub_core::access`]; what was tried goes into the audit trail.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, header, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oicp::{OperatorId, ProviderId};
use roamhub_core::access::{Access, Reach, access};
use roamhub_core::account::Actor;
use roamhub_services::Visitor;
use roamhub_services::accounts::Session;

use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::routes::{Need, Route};
use crate::{cookie, forms, pages, trail};

/// Whether the console's listener speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// It does.
    Tls,
    /// It does not: loopback, or somebody has said so.
    Plain,
}

/// Through which door a request has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    /// `DIR/control.sock`, or the program itself where no hub runs.
    Socket,
    /// The console's address.
    Console(Wire),
}

/// What the guard of one route knows.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) admin: Admin,
    pub(crate) door: Door,
    pub(crate) route: Route,
}

/// What a handler has to add to the audit trail.
#[derive(Clone, Default, Debug)]
pub(crate) struct Noted {
    pub(crate) actor: Option<Actor>,
    pub(crate) about: Option<String>,
    pub(crate) detail: Option<String>,
}

/// A visit: who, from where, and how far the route's permission reaches. Handlers of routes that need nobody have one
/// without a visitor.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) visitor: Option<Visitor>,
    pub(crate) reach: Reach,
    pub(crate) from: Option<IpAddr>,
    pub(crate) wire: Wire,
    noted: Arc<Mutex<Noted>>,
}

impl Visit {
    /// Who is there; asked only behind a route that needs somebody.
    pub(crate) fn visitor(&self) -> Result<&Visitor, Problem> {
        self.visitor.as_ref().ok_or_else(Problem::nobody)
    }

    /// Who, as it is kept beside what was done; a partner's people with whose they are.
    pub(crate) fn by(&self) -> String {
        match &self.visitor {
            None => Actor::Nobody.to_string(),
            Some(visitor) if visitor.role.partner().is_some() => {
                format!("{}, {}", visitor.actor, visitor.role)
            }
            Some(visitor) => visitor.actor.to_string(),
        }
    }

    /// Whether what was done by this one was done by somebody within reach.
    pub(crate) fn is_theirs(&self, by: &str) -> bool {
        match &self.visitor {
            Some(visitor) if visitor.role.partner().is_some() => by.ends_with(&format!(", {}", visitor.role)),
            _ => true,
        }
    }

    /// What this is about, for the audit trail. No secrets, no card numbers.
    pub(crate) fn about(&self, what: impl ToString) {
        self.note(|noted| noted.about = Some(what.to_string()));
    }

    /// More about it, under the same rule.
    pub(crate) fn detail(&self, what: impl Into<String>) {
        self.note(|noted| noted.detail = Some(what.into()));
    }

    /// Who it turned out to be.
    pub(crate) fn turned_out_to_be(&self, actor: Actor) {
        self.note(|noted| noted.actor = Some(actor));
    }

    /// Whether a partner is not told that there is something.
    pub(crate) fn is_hidden(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.role.partner().is_some())
    }

    fn note(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::nobody)
    }
}

/// Lets a request through to its route, or not; writes what was tried into the audit trail.
pub(crate) async fn guard(
    State(guard): State<Guard>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let Guard { admin, door, route } = guard;
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    let wire = if let Door::Console(wire) = door { wire } else { Wire::Plain };
    let mut visit = Visit { visitor: None, reach: Reach::All, from, wire, noted: Arc::default() };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let answer = match admitted(&admin, door, &route, request, &mut visit).await {
        Ok(mut request) => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
        Err(problem) => {
            note_param(&visit, &params);
            if route.is_api() { problem.into_response() } else { pages::refused(&problem, &route, &path) }
        }
    };
    if let Some(action) = route.action {
        let noted = visit.noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        trail::note(&admin, action, &visit, noted, answer.status()).await;
    }
    answer
}

/// Who it is, whether they may, and whether it is really them.
async fn admitted(
    admin: &Admin,
    door: Door,
    route: &Route,
    request: Request,
    visit: &mut Visit,
) -> Result<Request, Problem> {
    let changing = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changing && matches!(door, Door::Console(_)) && !comes_from_here(request.headers()) {
        return Err(Problem::forbidden(
            "this was sent by a page of somebody else's; open the console itself and try again",
        ));
    }
    let visitor = match door {
        Door::Socket => Some(Visitor::local()),
        // Style sheets are for everybody, also while the ledger cannot be read.
        Door::Console(_) if route.path.starts_with("/assets/") => None,
        Door::Console(wire) => visitor(admin, request.headers(), wire).await?,
    };
    visit.visitor = visitor.clone();
    let Need::Permission(permission) = route.need else { return Ok(request) };
    let visitor = visitor.ok_or_else(Problem::nobody)?;
    match access(visitor.role, permission) {
        Access::Granted(reach) => visit.reach = reach,
        Access::Refused => {
            return Err(Problem::forbidden(format!(
                "your role ({}) does not allow this; ask somebody who administers the hub",
                visitor.role
            )));
        }
        Access::Hidden => return Err(Problem::nothing_here()),
    }
    match &visitor.log_in {
        Some(session) if changing => is_meant(request, session).await,
        _ => Ok(request),
    }
}

/// By a token, or else by the cookie. A token that is not good is not made up for by a cookie.
async fn visitor(admin: &Admin, headers: &HeaderMap, wire: Wire) -> Result<Option<Visitor>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else { return Err(Problem::no_good_token()) };
        let visitor = admin.accounts.visitor_by_token(token.trim()).await?;
        return visitor.map(Some).ok_or_else(Problem::no_good_token);
    }
    match cookie::read(headers, wire) {
        Some(secret) => Ok(admin.accounts.visitor_by_cookie(secret).await?),
        None => Ok(None),
    }
}

/// Whether a browser says that the request comes from a page of this very address. What says nothing is no browser of
/// these years, and has to know the form's token.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
    }
}

/// Whether a change made with a cookie carries what only this console's pages know.
async fn is_meant(request: Request, session: &Session) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let expected = session.form_token.expose();
    if let Some(given) = parts.headers.get(forms::HEADER) {
        return match given.to_str() {
            Ok(given) if roamhub_services::accounts::same(given, expected) => {
                Ok(Request::from_parts(parts, body))
            }
            _ => Err(Problem::not_meant()),
        };
    }
    let bytes = forms::bounded(body).await?;
    match forms::token(&parts.headers, &bytes).await {
        Some(given) if roamhub_services::accounts::same(&given, expected) => {
            Ok(Request::from_parts(parts, Body::from(bytes)))
        }
        _ => Err(Problem::not_meant()),
    }
}

/// What a refused request was about, as far as its path names a partner or a number: nothing else is safe to keep.
fn note_param(visit: &Visit, params: &RawPathParams) {
    for (name, value) in params {
        match name {
            "provider" => ProviderId::parse(value).into_iter().for_each(|id| visit.about(id)),
            "operator" => OperatorId::parse(value).into_iter().for_each(|id| visit.about(id)),
            "no" => value.parse::<u32>().into_iter().for_each(|no| visit.about(no)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn what_another_page_sends_is_told_from_what_this_one_sends() {
        let host = ("host", "hub.example:8081");
        for good in [
            vec![host],
            vec![host, ("sec-fetch-site", "same-origin")],
            vec![host, ("sec-fetch-site", "none"), ("origin", "null")],
            vec![host, ("origin", "https://HUB.example:8081")],
        ] {
            assert!(comes_from_here(&headers(&good)), "{good:?}");
        }
        for bad in [
            vec![host, ("sec-fetch-site", "cross-site")],
            vec![host, ("sec-fetch-site", "same-site"), ("origin", "https://hub.example:8081")],
            vec![host, ("origin", "https://evil.example")],
            vec![host, ("origin", "https://hub.example")],
            vec![host, ("origin", "null")],
            vec![("origin", "https://hub.example:8081")],
        ] {
            assert!(!comes_from_here(&headers(&bad)), "{bad:?}");
        }
    }
}
