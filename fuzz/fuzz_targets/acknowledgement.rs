//! Any bytes as what a provider answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::acknowledgement(bytes));
