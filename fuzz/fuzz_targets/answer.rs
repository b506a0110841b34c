//! Any bytes as what comes over a connection to a provider, cut in any pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::answer(bytes));
