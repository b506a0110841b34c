//! Any bytes as a body packed with gzip.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::gzip_body(bytes));
