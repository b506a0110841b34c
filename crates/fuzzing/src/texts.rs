//! Ids, addresses, the partners document, confirmations and receipts.

use std::path::Path;

use oicp::energy::Kwh;
use oicp::paging::{LARGEST_SIZE, Paging};
use oicp::service::Service;
use oicp::status::Code;
use oicp::time::DateTime;
use oicp::{EvcoId, EvseId, OperatorId, ProviderId, SessionId, Uid};
use roamhub_ingress::partner::path;
use roamhub_ingress::seams;
use roamhub_services::partners_file;
use roamhub_services::receipts::jws;
use roamhub_services::receipts::keys::{KeySet, read_key};

/// An id keeps its text, and letter case does not make it another one.
macro_rules! same_in_any_case {
    ($text:ident, $($id:ident),*) => {$(
        if let Ok(id) = $id::parse($text) {
            assert_eq!(id.as_str(), $text);
            assert_eq!($id::parse(&$text.to_ascii_lowercase()), Ok(id));
            assert_eq!($id::parse(&$text.to_ascii_uppercase()), Ok(id));
        }
    )*};
}

/// Any text as every identifier, a time, an amount and a code.
pub fn identifiers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same_in_any_case!(text, OperatorId, ProviderId, EvseId, EvcoId, Uid, SessionId);
    let _owner = EvseId::parse(text).map(|id| id.operator());
    let _issuer = EvcoId::parse(text).map(|id| id.provider());
    if let Ok(time) = DateTime::parse(text) {
        assert_eq!(time.as_str(), text);
    }
    if let Ok(amount) = Kwh::parse(text) {
        assert_eq!(Kwh::parse(&amount.to_string()), Ok(amount));
    }
    if let Some(code) = Code::parse(text) {
        assert_eq!(Code::parse(&code.to_string()), Some(code));
    }
}

/// Any text as a path with a query: of OICP, of the hub's own services, with paging.
pub fn paths(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (address, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    if let Some((service, id)) = Service::find(address) {
        assert_eq!(Service::find(&service.path(id.as_deref())).map(|found| found.0), Some(service));
    }
    assert_eq!(
        Service::find(&Service::AuthorizeStart.path(Some(&format!("x{text}")))).map(|found| found.0),
        Some(Service::AuthorizeStart)
    );
    let _found = path::find(address);
    if let Ok(paging) = Paging::read(query) {
        assert!((1..=LARGEST_SIZE).contains(&paging.size));
    }
    if let Err(words) = seams::query(query.unwrap_or_default()) {
        assert!(words.len() < 600, "what is refused is not repeated at length");
    }
}

/// Any text as a partners document: what is wrong has a line that there is.
pub fn partners_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match partners_file::read(text, Path::new("/nowhere")) {
        Ok(directory) => {
            let _all = (directory.operators().count(), directory.providers().count());
        }
        Err(error) => assert!(error.line >= 1 && error.line <= text.split('\n').count() + 1, "{error}"),
    }
}

/// Any bytes as the confirmation of a feed.
pub fn confirmation(body: &[u8]) {
    if let Some(cursor) = seams::confirmed(body) {
        let again = seams::confirmed(format!(r#"{{"cursor":"{cursor}"}}"#).as_bytes());
        assert_eq!(again, Some(cursor));
    }
}

/// Any text as a receipt and as keys: nothing is signed by a key that nobody gave.
pub fn receipt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _key = read_key(text);
    let _keys = KeySet::read(text);
    if let Ok(none) = KeySet::read(r#"{"keys":[]}"#) {
        assert!(jws::verify(text, &none).is_err());
    }
}
