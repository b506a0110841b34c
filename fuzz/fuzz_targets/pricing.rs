//! Any bytes as uploads of products and prices and as the questions for them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::pricing(bytes));
