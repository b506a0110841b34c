//! Who may change something at the console's address: nobody whose request a foreign web page could have made.
//!
//! A page can make a browser send a request to a loopback address, also under a name of its own that leads there, but
//! neither with a header of its choice nor with a loopback name as host. Accounts are a matter of their own.

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// The header without which nothing is changed; its value is `1`.
pub const HEADER: &str = "hub-admin";

/// These routes, guarded. `loopback`: whether the console can only be reached from this machine.
pub(super) fn guarded(routes: Router, loopback: bool) -> Router {
    routes.layer(from_fn_with_state(loopback, guard))
}

async fn guard(State(loopback): State<bool>, request: Request, next: Next) -> Response {
    match allowed(request.method(), request.headers(), loopback) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn allowed(method: &Method, headers: &HeaderMap, loopback: bool) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !loopback {
        return Err(Problem::forbidden(
            "changes are not taken here, because this console listens beyond loopback; use the roamhub command on the \
             hub's machine, or the socket control.sock in its data folder",
        ));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text(HEADER) != Some("1") {
        return Err(Problem::forbidden("changes need the header Hub-Admin: 1"));
    }
    if !text(header::HOST.as_str()).is_some_and(is_loopback) {
        return Err(Problem::forbidden(
            "changes need a loopback name as host: call 127.0.0.1, [::1] or localhost",
        ));
    }
    Ok(())
}

/// Whether a Host header names this machine and nothing that could be anything else.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if port.is_empty() || port.starts_with(':') => address,
        Some(_) => return false,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(admin: Option<&'static str>, host: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(value) = admin {
            headers.insert(HEADER, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn loopback_names_are_told_from_names_that_look_like_them() {
        for host in ["localhost", "LocalHost:8081", "127.0.0.1", "127.8.8.8:1", "[::1]", "[::1]:8081"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.evil.example", "evil.example:8081", "127.0.0.1.evil.example", "10.0.0.1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
        for host in ["[::1].evil.example", "[::2]", "0.0.0.0", "[127.0.0.1", "127.1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn reading_is_free_and_changing_needs_all_three() {
        let allowed =
            |method, admin, host, loopback| allowed(&method, &headers(admin, host), loopback).is_ok();
        assert!(allowed(Method::GET, None, "evil.example", false));
        assert!(allowed(Method::POST, Some("1"), "127.0.0.1:8081", true));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert!(!allowed(method.clone(), Some("1"), "127.0.0.1:8081", false));
            assert!(!allowed(method.clone(), None, "127.0.0.1:8081", true));
            assert!(!allowed(method.clone(), Some("yes"), "127.0.0.1:8081", true));
            assert!(!allowed(method, Some("1"), "evil.example", true));
        }
    }
}
