//! Any text as every identifier, a time, an amount and a code.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::identifiers(bytes));
