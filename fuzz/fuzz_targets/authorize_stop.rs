//! Any bytes as a request to stop, and as the answer to one.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::authorize_stop(bytes));
