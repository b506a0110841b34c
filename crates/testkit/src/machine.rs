//! What a test needs of the machine beside Rust. Where it is missing the test says so and is skipped, unless
//! `ROAMHUB_TEST_REQUIRE` (names, separated by commas) says that it must be there.

use std::io::Write;

/// What this machine has, or nothing, said aloud.
///
/// # Panics
/// When it is required and missing.
pub fn need<T>(name: &str, found: Option<T>) -> Option<T> {
    if found.is_none() {
        let required = std::env::var("ROAMHUB_TEST_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|required| required.trim() == name),
            "{name} is required by ROAMHUB_TEST_REQUIRE, and this machine lacks it"
        );
        // Not by `eprintln`: the test runner would keep it to itself.
        let _ = writeln!(std::io::stderr(), "skipped: this machine lacks {name}");
    }
    found
}
