//! Any text as a receipt and as keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roamhub_fuzzing::receipt(bytes));
