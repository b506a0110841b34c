//! Any bytes as an upload of states and as the three questions for them.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::evse_status::{EvseStatus, MOST_IDS, PullEvseStatus, PushEvseStatus, StatusAnswer, Wanted};
use oicp::status::{Code, Status};

fuzz_target!(|body: &[u8]| {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(push) = PushEvseStatus::parse(bytes.clone()) {
        let mut out = Vec::new();
        let mut answer = StatusAnswer::begin(&mut out);
        answer.operator(&mut out, &push.operator_id(), push.operator_name());
        let mut records = 0;
        for record in push.records() {
            assert_ne!(record.status, EvseStatus::EvseNotFound);
            answer.record(&mut out, &record.evse_id, record.status);
            records += 1;
        }
        answer.end(&mut out, &Status::new(Code::SUCCESS));
        assert_eq!(records, push.len());
        assert!(push.repeated().len() <= records);
        assert!(std::str::from_utf8(&out).is_ok());
    }
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_id, PullEvseStatus::parse_by_operator_id] {
        if let Ok(PullEvseStatus { wanted: Wanted::Spots(spots), .. }) = read(&bytes) {
            assert!(spots.len() <= MOST_IDS);
        }
    }
});
