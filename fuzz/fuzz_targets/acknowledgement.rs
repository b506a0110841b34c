//! Any bytes as what a provider answers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oicp::ack::{Acknowledgement, Reading};

fuzz_target!(|body: &[u8]| {
    let Reading::Acknowledged { ack, .. } = Acknowledgement::read(body) else { return };
    let Reading::Acknowledged { ack: again, completed: false } = Acknowledgement::read(&ack.to_json()) else {
        panic!("an acknowledgement that was written is not read again");
    };
    assert_eq!(
        (ack.result, ack.status.code, ack.session_id),
        (again.result, again.status.code, again.session_id)
    );
});
