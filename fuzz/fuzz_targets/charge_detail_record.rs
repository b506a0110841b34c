//! Any bytes as a charge detail record, and as the question for such records.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::charge_detail_record(bytes));
