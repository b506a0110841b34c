//! Every route of the admin API and every page, with what it needs and what it is called in the audit trail. There is no
//! other place where a route is made, so none can be forgotten; a test walks them all.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post, put};
use roamhub_core::access::Permission;

use crate::admin::problem::Problem;
use crate::admin::{
    Admin, accounts, audit, certificates, differences, erasures, ghosts, lanes, mandates, me, records,
    replays, tokens,
};
use crate::door::{self, Door};
use crate::pages;

/// What a route needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: anybody may come.
    Nothing,
    /// A visitor with this permission.
    Permission(Permission),
}

/// A route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
    /// What it is called in the audit trail; nothing for what only looks.
    pub action: Option<&'static str>,
}

impl Route {
    /// Whether it is part of the admin API; otherwise it is a page.
    #[must_use]
    pub fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }
}

/// A route with whoever answers.
type Served = (Route, MethodRouter<Admin>);

fn looks(path: &'static str, permission: Permission, handler: MethodRouter<Admin>) -> Served {
    (Route { method: "GET", path, need: Need::Permission(permission), action: None }, handler)
}

fn changes(
    method: &'static str,
    path: &'static str,
    permission: Permission,
    action: &'static str,
    handler: MethodRouter<Admin>,
) -> Served {
    (Route { method, path, need: Need::Permission(permission), action: Some(action) }, handler)
}

fn open(method: &'static str, path: &'static str, handler: MethodRouter<Admin>) -> Served {
    (Route { method, path, need: Need::Nothing, action: None }, handler)
}

fn api() -> Vec<Served> {
    use Permission as P;
    vec![
        looks("/api/v1/me", P::OwnAccount, get(me::show)),
        changes("PUT", "/api/v1/me/password", P::OwnAccount, "password.change", put(me::password)),
        looks("/api/v1/messages/{process}", P::Look, get(records::message)),
        looks("/api/v1/sessions/{session}", P::Look, get(records::session)),
        looks("/api/v1/refusals", P::Look, get(records::refusals)),
        looks("/api/v1/ghosts", P::Look, get(ghosts::list)),
        looks("/api/v1/differences", P::Look, get(differences::list)),
        looks("/api/v1/certificates", P::Look, get(certificates::list)),
        looks("/api/v1/lanes", P::Look, get(lanes::list)),
        changes("POST", "/api/v1/lanes/resume", P::ResumeAll, "lane.resume-all", post(lanes::resume_all)),
        changes("POST", "/api/v1/lanes/{provider}/pause", P::Pause, "lane.pause", post(lanes::pause)),
        changes("POST", "/api/v1/lanes/{provider}/resume", P::Pause, "lane.resume", post(lanes::resume)),
        changes(
            "PUT",
            "/api/v1/lanes/{provider}/drain-rate",
            P::DrainRate,
            "lane.drain-rate",
            put(lanes::set_rate),
        ),
        changes(
            "DELETE",
            "/api/v1/lanes/{provider}/drain-rate",
            P::DrainRate,
            "lane.drain-rate.clear",
            delete(lanes::clear_rate),
        ),
        looks("/api/v1/mandates", P::Look, get(mandates::list)),
        changes(
            "POST",
            "/api/v1/mandates/{operator}/restore",
            P::RestoreMandate,
            "mandate.restore",
            post(mandates::restore),
        ),
        looks("/api/v1/replays", P::Look, get(replays::list)),
        looks("/api/v1/replays/{no}", P::Look, get(replays::one)),
        changes("POST", "/api/v1/replays", P::Replay, "replay.order", post(replays::order)),
        changes("POST", "/api/v1/erasures", P::Erase, "erase", post(erasures::erase)),
        looks("/api/v1/users", P::Users, get(accounts::list)),
        changes("POST", "/api/v1/users", P::Users, "user.add", post(accounts::add)),
        changes("DELETE", "/api/v1/users/{name}", P::Users, "user.remove", delete(accounts::remove)),
        changes("PUT", "/api/v1/users/{name}/password", P::Users, "user.password", put(accounts::password)),
        changes("PUT", "/api/v1/users/{name}/role", P::Users, "user.role", put(accounts::role)),
        looks("/api/v1/tokens", P::OwnTokens, get(tokens::list)),
        changes("POST", "/api/v1/tokens", P::OwnTokens, "token.create", post(tokens::create)),
        changes("DELETE", "/api/v1/tokens/{no}", P::OwnTokens, "token.revoke", delete(tokens::revoke)),
        looks("/api/v1/audit", P::Audit, get(audit::list)),
    ]
}

fn pages() -> Vec<Served> {
    use Permission as P;
    let logs_in = |path, handler| {
        (Route { method: "POST", path, need: Need::Nothing, action: Some("log-in") }, handler)
    };
    vec![
        open("GET", "/assets/console.css", get(pages::style)),
        open("GET", "/login", get(pages::log_in::show)),
        logs_in("/login", post(pages::log_in::submit)),
        open("GET", "/setup", get(pages::set_up::show)),
        (
            Route { method: "POST", path: "/setup", need: Need::Nothing, action: Some("user.first") },
            post(pages::set_up::submit),
        ),
        changes("POST", "/logout", P::OwnAccount, "log-out", post(pages::log_in::leave)),
        looks("/", P::OwnAccount, get(pages::home::show)),
        looks("/password", P::OwnAccount, get(pages::password::show)),
        changes("POST", "/password", P::OwnAccount, "password.change", post(pages::password::submit)),
        looks("/tokens", P::OwnTokens, get(pages::tokens::show)),
        changes("POST", "/tokens", P::OwnTokens, "token.create", post(pages::tokens::create)),
        changes("POST", "/tokens/{no}/revoke", P::OwnTokens, "token.revoke", post(pages::tokens::revoke)),
        looks("/audit", P::Audit, get(pages::audit::show)),
    ]
}

/// All of them: the admin API first, then the pages.
#[must_use]
pub fn all() -> Vec<Route> {
    api().into_iter().chain(pages()).map(|(route, _)| route).collect()
}

/// The routes behind a door: the API behind either, the pages at the console's address alone.
pub(crate) fn behind(door: Door, admin: &Admin) -> Router {
    let mut served = api();
    if let Door::Console(_) = door {
        served.extend(pages());
    }
    let guarded = served.into_iter().fold(Router::new(), |router, (route, handler)| {
        let guard = door::Guard { admin: admin.clone(), door, route };
        router.route(route.path, handler.route_layer(from_fn_with_state(guard, door::guard)))
    });
    guarded
        .fallback(async || Problem::not_found("there is nothing here; docs/operations.md lists the paths"))
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .with_state(admin.clone())
}
