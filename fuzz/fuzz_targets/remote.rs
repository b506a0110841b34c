//! Any bytes as a remote start, a reservation, or a stop.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::remote(bytes));
