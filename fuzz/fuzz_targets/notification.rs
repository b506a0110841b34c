//! Any bytes as a charging notification.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::notification(bytes));
