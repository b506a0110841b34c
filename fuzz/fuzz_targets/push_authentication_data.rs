//! Any bytes as an upload of authentication data.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::push_authentication_data(bytes));
