//! Where letters to a URL go: the URL is taken apart once, not for every message.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Uri};
use http_body_util::Full;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::ports::Letter;
use roamhub_core::route::Endpoint;

use super::pool::{Address, Pool, Stack};

/// URLs kept at most; beyond that all are forgotten. Partners have a few each, and change them rarely.
const MOST_TARGETS: usize = 10_000;
/// Room for the headers of a request: most routes add none or few of their own.
const HEADERS: usize = 12;

/// A URL, taken apart.
#[derive(Debug)]
pub(super) struct Target {
    /// What to connect to.
    pub(super) address: Address,
    /// The idle connections to it.
    pub(super) idle: Arc<Stack>,
    /// Path and query.
    path: Uri,
    /// For the `Host` header.
    host: HeaderValue,
}

impl Target {
    fn of(url: &str, ca: Option<&Path>, pool: &Pool) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let address = Address::of(&uri, ca)?;
        let host = uri.authority()?.as_str();
        // Credentials in a URL are not for the Host header.
        let host = HeaderValue::from_str(host.rsplit('@').next().unwrap_or(host)).ok()?;
        let path = uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
        Some(Self { idle: pool.to(&address), address, path, host })
    }

    fn trusts(&self, ca: Option<&Path>) -> bool {
        self.address.ca.as_deref() == ca.filter(|_| self.address.tls)
    }

    /// The request for a letter; built again for a fresh connection.
    pub(super) fn request(
        &self,
        endpoint: &Endpoint,
        letter: &Letter,
    ) -> Result<Request<Full<bytes::Bytes>>, ExchangeFailure> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
        const US: HeaderValue = HeaderValue::from_static(concat!("roamhub/", env!("CARGO_PKG_VERSION")));

        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.append(HOST, self.host.clone());
        headers.append(CONTENT_TYPE, JSON);
        headers.append(ACCEPT, JSON);
        headers.append(ACCEPT_ENCODING, IDENTITY);
        headers.append(USER_AGENT, US);
        for (name, value) in &letter.headers {
            let value = HeaderValue::from_str(value).map_err(|_| ExchangeFailure::Address)?;
            headers.append(HeaderName::from_static(name), value);
        }
        for (name, value) in &endpoint.headers {
            let name = HeaderName::try_from(name).map_err(|_| ExchangeFailure::Address)?;
            let value = HeaderValue::from_str(value).map_err(|_| ExchangeFailure::Address)?;
            headers.append(name, value);
        }
        let mut request = Request::new(Full::new(letter.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The targets seen so far.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: Mutex<HashMap<String, Arc<Target>>>,
}

impl Targets {
    /// The target of a URL under this trust.
    pub(super) fn of(
        &self,
        url: &str,
        ca: Option<&Path>,
        pool: &Pool,
    ) -> Result<Arc<Target>, ExchangeFailure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known.get(url).filter(|target| target.trusts(ca)) {
            return Ok(target.clone());
        }
        let target = Arc::new(Target::of(url, ca, pool).ok_or(ExchangeFailure::Address)?);
        if known.len() >= MOST_TARGETS {
            known.clear();
        }
        known.insert(url.to_owned(), target.clone());
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_once_per_trust() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let url = "https://user:secret@emp.example:8443/base?key=1";
        let first = targets.of(url, None, &pool).unwrap();
        assert_eq!(first.host, "emp.example:8443");
        assert_eq!(first.path, "/base?key=1");
        assert!(Arc::ptr_eq(&first, &targets.of(url, None, &pool).unwrap()));

        let ca = Some(Path::new("emp-ca.pem"));
        let other = targets.of(url, ca, &pool).unwrap();
        assert_eq!(other.address.ca.as_deref(), ca);
        assert!(!Arc::ptr_eq(&first.idle, &other.idle), "connections of different trust are never mixed");
        assert_eq!(targets.of("ftp://emp.example/", None, &pool).unwrap_err(), ExchangeFailure::Address);
    }

    #[test]
    fn urls_of_one_address_share_its_connections() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let one = targets.of("http://emp.example/one", None, &pool).unwrap();
        let two = targets.of("http://emp.example/two", None, &pool).unwrap();
        assert!(Arc::ptr_eq(&one.idle, &two.idle));
    }
}
