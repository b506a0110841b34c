//! Any bytes as an upload of authentication data.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::authentication::{AuthenticationRecord, PinHash, PushAuthenticationData, UploadedPin};

fuzz_target!(|body: &[u8]| {
    let Ok(push) = PushAuthenticationData::parse(Bytes::copy_from_slice(body)) else { return };
    let (mut records, mut clear_pins) = (0, 0);
    push.each_record(|index, record| {
        assert_eq!(index, records);
        records += 1;
        match record {
            AuthenticationRecord::Code { pin: UploadedPin::Clear(_), .. } => clear_pins += 1,
            AuthenticationRecord::Code { pin: UploadedPin::Hashed(hash), .. } => {
                assert_eq!(PinHash::from_text(&hash.to_text()), Some(hash));
            }
            _ => {}
        }
    });
    assert_eq!((records, clear_pins), (push.records(), push.clear_pins()));
});
