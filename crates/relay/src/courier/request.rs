//! A request as bytes. What all requests to one address have in common is written once; a message adds its own headers
//! and its body.
//!
//! Invariant: nothing that a partners file or a message says can end a header line early or change where the body ends.

use std::io::Write;

use bytes::Bytes;
use http::Uri;
use http::header::HeaderName;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::route;

/// Bodies up to this size are copied behind their head, so that both leave in one piece.
const LONGEST_COPIED: usize = 16 * 1024;
/// Room for the headers that a message adds.
const MESSAGE_HEADERS: usize = 256;

/// The beginning of every request to one address: the request line and the headers that do not change.
#[derive(Debug)]
pub(super) struct RequestStart(Vec<u8>);

impl RequestStart {
    /// A POST of JSON; `None` for a URL without a host.
    pub(super) fn post(uri: &Uri) -> Option<Self> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let host = uri.authority()?.as_str();
        // Credentials in a URL are not for the Host header.
        let host = host.rsplit('@').next().unwrap_or(host);
        let start = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nuser-agent: {}\r\n",
            concat!("roamhub/", env!("CARGO_PKG_VERSION"))
        );
        Some(Self(start.into_bytes()))
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`ExchangeFailure::Address`]: it is none, or one that only the hub itself may write.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), ExchangeFailure> {
        let name = HeaderName::try_from(name).map_err(|_| ExchangeFailure::Address)?;
        if route::is_of_the_connection(name.as_str()) {
            return Err(ExchangeFailure::Address);
        }
        write_header(&mut self.0, name.as_str(), value)
    }

    /// The request with this body and these headers beside those that never change.
    ///
    /// # Errors
    /// [`ExchangeFailure::Address`]: a value is none.
    pub(super) fn request(
        &self,
        headers: &[(&'static str, String)],
        body: &Bytes,
    ) -> Result<Request, ExchangeFailure> {
        let copied = if body.len() <= LONGEST_COPIED { body.len() } else { 0 };
        let mut first = Vec::with_capacity(self.0.len() + MESSAGE_HEADERS + copied);
        first.extend_from_slice(&self.0);
        for (name, value) in headers {
            write_header(&mut first, name, value)?;
        }
        // Writing to memory does not fail.
        let _written = write!(first, "content-length: {}\r\n\r\n", body.len());
        if copied == body.len() {
            first.extend_from_slice(body);
            return Ok(Request { first, rest: Bytes::new() });
        }
        Ok(Request { first, rest: body.clone() })
    }
}

fn write_header(to: &mut Vec<u8>, name: &str, value: &str) -> Result<(), ExchangeFailure> {
    if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(ExchangeFailure::Address);
    }
    for part in [name, ": ", value, "\r\n"] {
        to.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// A whole request.
#[derive(Debug)]
pub(super) struct Request {
    first: Vec<u8>,
    rest: Bytes,
}

impl Request {
    /// Its bytes: the head with a small body, and a long body.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [&self.first, &self.rest]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(url: &str) -> RequestStart {
        RequestStart::post(&url.parse().unwrap()).unwrap()
    }

    fn text(request: &Request) -> String {
        String::from_utf8(request.parts().concat()).unwrap()
    }

    #[test]
    fn a_request_is_a_head_with_a_length_and_the_body() {
        let mut start = start("https://user:secret@emp.example:8443/base?key=1");
        start.add("x-api-key", "let me in").unwrap();
        let request = start.request(&[("process-id", "7".to_owned())], &"{}".into()).unwrap();
        let expected = "POST /base?key=1 HTTP/1.1\r\nhost: emp.example:8443\r\ncontent-type: application/json\r\n\
                        user-agent: roamhub/VERSION\r\nx-api-key: let me in\r\nprocess-id: 7\r\n\
                        content-length: 2\r\n\r\n{}";
        assert_eq!(text(&request), expected.replace("VERSION", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn a_long_body_is_not_copied() {
        let body = Bytes::from(vec![b' '; LONGEST_COPIED + 1]);
        let request = start("http://emp.example").request(&[], &body).unwrap();
        let [head, rest] = request.parts();
        assert!(head.ends_with(b"content-length: 16385\r\n\r\n"));
        assert_eq!(rest.as_ptr(), body.as_ptr());
    }

    #[test]
    fn no_header_ends_early_or_speaks_about_the_connection() {
        let mut start = start("http://emp.example");
        for (name, value) in [
            ("x-key", "a\r\nx: b"),
            ("x-key", "a\0"),
            ("x-key", "\u{e4}"),
            ("x key", "a"),
            ("", "a"),
            ("Content-Length", "3"),
            ("transfer-encoding", "chunked"),
            ("host", "other.example"),
            ("connection", "close"),
        ] {
            assert_eq!(start.add(name, value), Err(ExchangeFailure::Address), "{name}: {value:?}");
        }
        let broken = start.request(&[("process-id", "1\n2".to_owned())], &Bytes::new());
        assert_eq!(broken.unwrap_err(), ExchangeFailure::Address);
    }
}
