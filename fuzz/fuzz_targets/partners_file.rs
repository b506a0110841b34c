//! Any text as a partners document.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::partners_file(bytes));
