//! Any bytes as a remote start, a reservation, or a stop.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::SessionId;
use oicp::remote::{RemoteStart, RemoteStop};

fuzz_target!(|body: &[u8]| {
    if let Ok(stop) = RemoteStop::parse(Bytes::copy_from_slice(body)) {
        assert_eq!(stop.body(), body);
    }
    for read in [RemoteStart::parse, RemoteStart::parse_reservation] {
        let Ok(request) = read(Bytes::copy_from_slice(body)) else { continue };
        assert_eq!(request.stored().len(), body.len());
        let session = SessionId::from_uuid([0xA5; 16]);
        let again = read(request.forwarded(&session)).expect("what is forwarded is a request again");
        assert_eq!((again.evco_id(), again.evse_id()), (request.evco_id(), request.evse_id()));
        assert_eq!(again.forwarded(&session), again.body());
    }
});
