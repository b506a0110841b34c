//! `providers/{ProviderID}/notifications`: the provider's feed, a page at a time, and confirming what was read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use roamhub_core::feed::{Confirmed, FeedEntry, Position};
use roamhub_services::load::UnderWay;
use roamhub_services::receipts::document::{hex, in_text};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault::PartnerFault;
use super::{JSON, PartnerServices, prefers, query, whole};
use crate::peer::Peer;
use crate::request;
use crate::routes::AnswerBody;

/// The longest body of a confirmation.
pub(super) const LARGEST_CONFIRMATION: usize = 4096;
/// Messages in a page, unless the caller asks for another number.
const PAGE: u32 = 100;
/// The most it may ask for.
const LARGEST_PAGE: u32 = 1000;
/// Bytes of bodies in a page, except for the first.
const PAGE_BYTES: usize = 1024 * 1024;

#[derive(Serialize)]
struct Page<'a> {
    provider: String,
    notifications: Vec<Entry<'a>>,
    next: String,
    more: bool,
    confirmed: String,
}

/// A message in the feed, as JSON.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    position: String,
    process_id: String,
    session: String,
    r#type: &'a str,
    received_at: String,
    state: &'a str,
    /// `mandate` if the hub has issued it on the operator's behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_by_hub: Option<&'static str>,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// How the JSON of an entry travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// As it is.
    Page,
    /// In lines, where carriage returns are lost.
    Stream,
}

impl<'a> Entry<'a> {
    /// The body is the received text itself wherever that is JSON. Where its bytes cannot be told from that (blanks
    /// around it, no JSON any more), they are there in base64 as well.
    pub(super) fn new(entry: &'a FeedEntry, carrier: Carrier) -> Self {
        let body: Option<&RawValue> = serde_json::from_slice(&entry.body).ok();
        let exact = body.is_some_and(|text| text.get().len() == entry.body.len())
            && (carrier == Carrier::Page || !entry.body.contains(&b'\r'));
        Self {
            position: entry.position.to_string(),
            process_id: entry.process.to_string(),
            session: entry.session.to_session_id().to_string(),
            r#type: &entry.kind,
            received_at: in_text(entry.received_at),
            state: &entry.state,
            issued_by_hub: entry.origin.word(),
            sha256: hex(&entry.digest),
            body,
            body_base64: (!exact).then(|| STANDARD.encode(&entry.body)),
        }
    }
}

impl PartnerServices {
    /// A page of the feed, or a stream of it for who accepts `text/event-stream`.
    pub(super) async fn notifications(
        &self,
        id: &str,
        head: &Parts,
        peer: &Peer,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        let provider = self.provider(id)?.id;
        let [after, limit] = query::read(head.uri.query(), ["after", "limit"])?;
        let limit = limit.map_or(Ok(PAGE), |text| page_size(&text))?;
        let after = after.map(|text| cursor(&text, "after")).transpose()?;
        let streamed = prefers(&head.headers, "text/event-stream");
        let after = match head.headers.get("last-event-id") {
            Some(last) if streamed => Some(cursor(last.to_str().unwrap_or_default(), "Last-Event-ID")?),
            _ => after,
        };
        let feed = self.hub.feed();
        let ends = feed.ends(provider).await?;
        let after = after.unwrap_or(ends.confirmed);
        if after > ends.last {
            return Err(PartnerFault::BeyondTheEnd { last: ends.last });
        }
        if streamed {
            return self.stream(provider, after, peer);
        }
        let entries = feed.read(provider, after, limit, PAGE_BYTES).await?;
        let next = entries.last().map_or(after, |entry| entry.position);
        let page = Page {
            provider: provider.to_string(),
            notifications: entries.iter().map(|entry| Entry::new(entry, Carrier::Page)).collect(),
            next: next.to_string(),
            more: next < ends.last,
            confirmed: ends.confirmed.to_string(),
        };
        Ok(whole(JSON, serde_json::to_vec(&page).expect("texts and JSON can always be written as JSON")))
    }

    /// Confirms everything up to a cursor.
    pub(super) async fn confirm(
        &self,
        id: &str,
        head: &Parts,
        body: &mut Incoming,
        call: &mut UnderWay,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        let provider = self.provider(id)?.id;
        query::read(head.uri.query(), [])?;
        let body =
            request::read(&head.headers, body, self.limits, Some(call)).await.map_err(PartnerFault::Body)?;
        match self.hub.feed().confirm(provider, confirmed_cursor(&body)?).await? {
            Confirmed::Beyond { last } => Err(PartnerFault::BeyondTheEnd { last }),
            Confirmed::UpTo { position, closed, under_way } => Ok(whole(
                JSON,
                format!(r#"{{"confirmed":"{position}","fetched":{closed},"under_way":{under_way}}}"#),
            )),
        }
    }
}

fn page_size(text: &str) -> Result<u32, PartnerFault> {
    let number = text.parse().ok().filter(|number| (1..=LARGEST_PAGE).contains(number));
    number.ok_or_else(|| PartnerFault::Query(format!("limit is a number from 1 to {LARGEST_PAGE}")))
}

fn cursor(text: &str, name: &str) -> Result<Position, PartnerFault> {
    Position::parse(text).ok_or_else(|| {
        let problem = "is not a cursor; give back `next` of the page before, or 0 for the beginning";
        PartnerFault::Query(format!("{name} {problem}"))
    })
}

pub(crate) fn confirmed_cursor(body: &[u8]) -> Result<Position, PartnerFault> {
    let expected = || PartnerFault::Query(r#"the body is one member: {"cursor":"17"}"#.to_owned());
    let body: Value = serde_json::from_slice(body).map_err(|_| expected())?;
    match body.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("cursor")) {
        Some(Value::String(text)) => cursor(text, "cursor"),
        Some(Value::Number(number)) => cursor(&number.to_string(), "cursor"),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use roamhub_core::{ProcessId, SessionKey};

    use super::*;

    fn entry(body: &'static [u8]) -> FeedEntry {
        FeedEntry {
            position: Position::new(7).unwrap(),
            process: ProcessId::new(),
            session: SessionKey::new(),
            kind: "End".to_owned(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            state: "held".to_owned(),
            body: Bytes::from_static(body),
            digest: [0; 32],
            origin: roamhub_core::mandate::Origin::Sender,
        }
    }

    fn written(body: &'static [u8], carrier: Carrier) -> String {
        serde_json::to_string(&Entry::new(&entry(body), carrier)).unwrap()
    }

    #[test]
    fn json_is_embedded_byte_for_byte() {
        let body = br#"{ "b" : 1.50e0,"a":"\u00e9" , "a":2}"#;
        let page = written(body, Carrier::Page);
        assert!(page.contains(std::str::from_utf8(body).unwrap()), "{page}");
        assert!(!page.contains("body_base64"), "{page}");
    }

    #[test]
    fn bytes_that_the_text_alone_does_not_tell_are_there_in_base64() {
        assert!(written(b"{}\n", Carrier::Page).contains(r#""body":{},"body_base64":"e30K""#));
        assert!(written(b"", Carrier::Page).ends_with(r#""body_base64":""}"#));
        assert!(written(b"\xFF{", Carrier::Page).ends_with(r#""body_base64":"/3s="}"#));
        assert!(!written(b"{\r\n}", Carrier::Page).contains("body_base64"));
        assert!(written(b"{\r\n}", Carrier::Stream).contains(r#""body_base64":"ew0KfQ==""#));
    }

    #[test]
    fn a_confirmation_is_one_cursor() {
        for body in [&br#"{"cursor":"17"}"#[..], br#"{"cursor":17}"#] {
            assert_eq!(confirmed_cursor(body), Ok(Position::new(17).unwrap()));
        }
        for body in [
            "",
            "17",
            "{}",
            r#"{"cursor":-1}"#,
            r#"{"cursor":1.5}"#,
            r#"{"cursor":"17","x":1}"#,
            r#"{"cursor":null}"#,
        ] {
            assert!(confirmed_cursor(body.as_bytes()).is_err(), "{body}");
        }
    }
}
