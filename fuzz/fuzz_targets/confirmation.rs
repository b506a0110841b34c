//! Any bytes as the confirmation of a feed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::confirmation(bytes));
