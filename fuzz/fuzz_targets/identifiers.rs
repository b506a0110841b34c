//! Any text as every identifier, a time, an amount, a code and a path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oicp::energy::Kwh;
use oicp::service::Service;
use oicp::status::Code;
use oicp::time::DateTime;
use oicp::{EvcoId, EvseId, OperatorId, ProviderId, SessionId, Uid};

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

fuzz_target!(|text: &str| {
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
    let _found = Service::find(text);
    assert_eq!(
        Service::find(&Service::AuthorizeStart.path(Some(&format!("x{text}")))).map(|found| found.0),
        Some(Service::AuthorizeStart)
    );
});
