//! Any bytes as a charging notification.

#![no_main]

use bytes::Bytes;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use oicp::notification::ChargingNotification;
use oicp::pin;

fuzz_target!(|body: &[u8]| {
    match ChargingNotification::parse(Bytes::copy_from_slice(body)) {
        Ok(notification) => {
            assert_eq!(notification.body(), body);
            assert_eq!(notification.has_pin(), pin::blank(body).is_some());
            let _found = notification.findings_at(Timestamp::UNIX_EPOCH);
        }
        Err(rejected) => assert!(rejected.problem.is_some() || !rejected.violations.is_empty()),
    }
    if let Some(blanked) = pin::blank(body) {
        assert_eq!(blanked.len(), body.len());
        assert_eq!(pin::blank(&blanked), None);
    }
});
