//! Where letters to a URL go: the URL is taken apart once, not for every message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Uri;
use roamhub_core::contact::Secret;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::ports::Letter;
use roamhub_core::route::Endpoint;

use super::pool::{Address, Pool, Stack};
use super::request::{Request, RequestStart};
use super::terms::Outgoing;

/// URLs kept at most; beyond that all are forgotten. Partners have a few each, and change them rarely.
const MOST_TARGETS: usize = 10_000;

/// A URL, taken apart, and what every request to it has in common.
#[derive(Debug)]
pub(super) struct Target {
    /// What to connect to.
    pub(super) address: Address,
    /// The idle connections to it.
    pub(super) idle: Arc<Stack>,
    /// The beginning of every request, with the endpoint's headers.
    start: RequestStart,
    /// The endpoint's headers.
    headers: Vec<(String, Secret)>,
}

impl Target {
    /// Takes a URL apart.
    pub(super) fn of(
        url: &str,
        endpoint: &Endpoint,
        outgoing: &Outgoing,
        pool: &Pool,
    ) -> Result<Self, ExchangeFailure> {
        let uri: Uri = url.parse().map_err(|_| ExchangeFailure::Address)?;
        let address = Address::of(&uri, outgoing.terms(endpoint)).ok_or(ExchangeFailure::Address)?;
        let mut start = RequestStart::post(&uri).ok_or(ExchangeFailure::Address)?;
        start.add("accept", "application/json")?;
        start.add("accept-encoding", "identity")?;
        for (name, value) in &endpoint.headers {
            start.add(name, value.expose())?;
        }
        Ok(Self { idle: pool.to(&address), address, start, headers: endpoint.headers.clone() })
    }

    /// Whether terms and headers are still those of the endpoint.
    fn is_of(&self, endpoint: &Endpoint, outgoing: &Outgoing) -> bool {
        self.address.terms.are_of(endpoint, outgoing, self.address.tls) && self.headers == endpoint.headers
    }

    /// A request without a body: no service can take it for a message.
    pub(super) fn nothing(&self) -> Result<Request, ExchangeFailure> {
        self.start.request(&[("hub-test", "1".to_owned())], &Bytes::new())
    }

    /// The request for a letter.
    pub(super) fn request(&self, letter: &Letter) -> Result<Request, ExchangeFailure> {
        self.start.request(&letter.headers, &letter.body)
    }
}

/// The targets seen so far.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: Mutex<HashMap<String, Arc<Target>>>,
}

impl Targets {
    /// The target of a URL at this endpoint.
    pub(super) fn of(
        &self,
        url: &str,
        endpoint: &Endpoint,
        outgoing: &Outgoing,
        pool: &Pool,
    ) -> Result<Arc<Target>, ExchangeFailure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known.get(url).filter(|target| target.is_of(endpoint, outgoing)) {
            return Ok(target.clone());
        }
        let target = Arc::new(Target::of(url, endpoint, outgoing, pool)?);
        if known.len() >= MOST_TARGETS {
            known.clear();
        }
        known.insert(url.to_owned(), target.clone());
        Ok(target)
    }

    /// Lets go of all: they are made anew when they are needed.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use oicp::ProviderId;
    use roamhub_core::address::Reach;
    use roamhub_core::route::ClientCertificate;

    use super::*;
    use crate::courier::terms::Terms;

    fn endpoint() -> Endpoint {
        Endpoint {
            partner: ProviderId::parse("DE-DCB").unwrap().into(),
            base_url: String::new(),
            headers: vec![("x-api-key".to_owned(), "one".into())],
            ca: None,
            client: None,
            reach: Reach::Public,
            timeout: std::time::Duration::from_secs(6),
        }
    }

    #[test]
    fn a_url_is_taken_apart_once_per_trust_and_headers() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let url = "https://emp.example:8443/base?key=1";
        let plain = endpoint();
        let first = targets.of(url, &plain, &Outgoing::default(), &pool).unwrap();
        assert!(Arc::ptr_eq(&first, &targets.of(url, &plain, &Outgoing::default(), &pool).unwrap()));

        let trusting = Endpoint { ca: Some("emp-ca.pem".into()), ..endpoint() };
        let other = targets.of(url, &trusting, &Outgoing::default(), &pool).unwrap();
        assert_eq!(other.address.terms.ca, trusting.ca);
        assert!(!Arc::ptr_eq(&first.idle, &other.idle), "connections of different trust are never mixed");

        let renewed = Endpoint { headers: vec![("x-api-key".to_owned(), "two".into())], ..endpoint() };
        let letter = Letter { url: String::new(), headers: vec![], body: "{}".into(), budget: plain.timeout };
        let request =
            targets.of(url, &renewed, &Outgoing::default(), &pool).unwrap().request(&letter).unwrap();
        let text = String::from_utf8(request.parts().concat()).unwrap();
        assert!(text.contains("x-api-key: two") && !text.contains("one"), "{text}");
    }

    #[test]
    fn as_whom_and_how_far_are_terms_too() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let of = |url: &str, endpoint: &Endpoint, outgoing: &Outgoing| {
            targets.of(url, endpoint, outgoing, &pool).unwrap()
        };
        let certificate = |name: &str| {
            Some(ClientCertificate { certificate: name.into(), key: format!("{name}.key").into() })
        };
        let (url, plain) = ("https://emp.example/", Outgoing::default());
        let usual = Outgoing { client: certificate("hub"), ..Outgoing::default() };
        let own = Endpoint { client: certificate("own"), ..endpoint() };
        let near = Endpoint { reach: Reach::Private, ..endpoint() };
        let all = [
            of(url, &endpoint(), &plain),
            of(url, &endpoint(), &usual),
            of(url, &own, &usual),
            of(url, &near, &plain),
        ];
        for (at, one) in all.iter().enumerate() {
            let mixed = all.iter().skip(at + 1).filter(|other| Arc::ptr_eq(&one.idle, &other.idle));
            assert_eq!(mixed.count(), 0, "{:?}", one.address);
        }
        assert_eq!(all[1].address.terms.client, usual.client);
        assert_eq!(all[2].address.terms.client, own.client);
        let unencrypted = of("http://emp.example/", &own, &usual);
        assert_eq!(unencrypted.address.terms, Terms::default(), "nobody is shown a certificate there");
        assert!(Arc::ptr_eq(&unencrypted, &of("http://emp.example/", &own, &usual)));
    }

    #[test]
    fn what_cannot_be_called_is_an_address_that_needs_a_look() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let broken = Endpoint { headers: vec![("content-length".to_owned(), "7".into())], ..endpoint() };
        for (url, endpoint) in
            [("ftp://emp.example/", &endpoint()), ("/", &endpoint()), ("http://emp.example", &broken)]
        {
            let failure = targets.of(url, endpoint, &Outgoing::default(), &pool).unwrap_err();
            assert_eq!(failure, ExchangeFailure::Address, "{url}");
        }
    }

    #[test]
    fn urls_of_one_address_share_its_connections() {
        let (pool, targets) = (Pool::default(), Targets::default());
        let one = targets.of("http://emp.example/one", &endpoint(), &Outgoing::default(), &pool).unwrap();
        let two = targets.of("http://emp.example/two", &endpoint(), &Outgoing::default(), &pool).unwrap();
        assert!(Arc::ptr_eq(&one.idle, &two.idle));
    }
}
