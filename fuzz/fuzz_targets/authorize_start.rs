//! Any bytes as a request for authorisation, and as the answer to one.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::SessionId;
use oicp::authorize::{AuthorizationStart, AuthorizeStart};

fuzz_target!(|body: &[u8]| {
    let _answer = AuthorizationStart::read(body);
    let Ok(request) = AuthorizeStart::parse(Bytes::copy_from_slice(body)) else { return };
    assert_eq!(request.stored().len(), body.len());
    let session = SessionId::from_uuid([0xA5; 16]);
    let again =
        AuthorizeStart::parse(request.forwarded(&session)).expect("what is forwarded is a request again");
    assert_eq!(again.identification(), request.identification());
    assert_eq!(again.forwarded(&session), again.body());
});
