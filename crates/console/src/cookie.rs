//! The cookie of a log-in.
//!
//! `SameSite=Strict`: nothing outside links into the console in a way that must find somebody logged in, and so no
//! request that another site causes ever carries the cookie. Under TLS it is `Secure` and its name begins with `__Host-`,
//! which binds it to this very host.

use axum::http::{HeaderMap, header};

use crate::door::Wire;

fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::Tls => "__Host-roamhub",
        Wire::Plain => "roamhub",
    }
}

/// The secret in a request's cookie.
pub(crate) fn read(headers: &HeaderMap, wire: Wire) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies =
        lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(given, _)| *given == name(wire)).map(|(_, secret)| secret)
}

/// Sets it. It goes with the browser's session; when it ends is the hub's to say.
pub(crate) fn set(secret: &str, wire: Wire) -> String {
    format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict{}", name(wire), secure(wire))
}

/// Removes it.
pub(crate) fn remove(wire: Wire) -> String {
    format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{}", name(wire), secure(wire))
}

fn secure(wire: Wire) -> &'static str {
    match wire {
        Wire::Tls => "; Secure",
        Wire::Plain => "",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_only_under_its_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; roamhub=one ;c=d"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-roamhub=two"));
        assert_eq!(read(&headers, Wire::Plain), Some("one"));
        assert_eq!(read(&headers, Wire::Tls), Some("two"));
        assert_eq!(read(&HeaderMap::new(), Wire::Tls), None);
    }

    #[test]
    fn under_tls_it_is_bound_to_the_host() {
        assert_eq!(set("s", Wire::Tls), "__Host-roamhub=s; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(set("s", Wire::Plain), "roamhub=s; Path=/; HttpOnly; SameSite=Strict");
        assert!(remove(Wire::Tls).contains("Max-Age=0; Secure"));
    }
}
