//! Any bytes as an upload of states and as the three questions for them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::evse_status(bytes));
