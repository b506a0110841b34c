//! Any bytes as a request for authorisation, and as the answer to one.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::authorize_start(bytes));
