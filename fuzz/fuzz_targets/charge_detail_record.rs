//! Any bytes as a charge detail record, and as the question for such records.

#![no_main]

use bytes::Bytes;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use oicp::cdr::{ChargeDetailRecord, GetChargeDetailRecords};
use oicp::pin;

fuzz_target!(|body: &[u8]| {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(wanted) = GetChargeDetailRecords::parse(&bytes) {
        assert!(wanted.from.instant() <= wanted.to.instant());
    }
    match ChargeDetailRecord::parse(bytes) {
        Ok(record) => {
            assert_eq!(record.body(), body);
            assert_eq!(record.has_pin(), pin::blank(body).is_some());
            assert!(record.facts().signed_values <= 10);
            let _judged = record.check_at(Timestamp::UNIX_EPOCH);
        }
        Err(rejected) => assert!(rejected.problem.is_some() || !rejected.violations.is_empty()),
    }
});
