//! Any bytes as an upload of charging spots, as one spot, and as the question for them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::evse_data(bytes));
