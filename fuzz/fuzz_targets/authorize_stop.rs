//! Any bytes as a request to stop, and as the answer to one.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::authorize::{AuthorizationStop, AuthorizeStop};

fuzz_target!(|body: &[u8]| {
    let _media = AuthorizationStop::read(body).map(|answer| answer.stop_media());
    let Ok(request) = AuthorizeStop::parse(Bytes::copy_from_slice(body)) else { return };
    let again = AuthorizeStop::parse(request.forwarded()).expect("what is forwarded is a request again");
    assert_eq!(again.session_id(), request.session_id());
    assert_eq!(again.identification(), request.identification());
    assert_eq!(again.forwarded(), again.body());
});
