//! Tests that need what a machine may lack.

use std::process::Command;

/// Says that a test is skipped because a tool is missing. Where `ROAMHUB_TEST_REQUIRE` names the tool (names separated
/// by commas or blanks), the test fails instead.
///
/// # Panics
/// When the tool is required.
pub fn skip(missing: &str, test: &str) {
    let required = std::env::var("ROAMHUB_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split([',', ' ']).any(|name| name == missing),
        "{test} needs {missing}, and ROAMHUB_TEST_REQUIRE says that it must not be skipped"
    );
    // Past the harness, which keeps to itself what a test that passes has printed.
    let said =
        Command::new("sh").args(["-c", "echo \"SKIPPED $0: $1 is missing\" >&2", test, missing]).status();
    assert!(said.is_ok(), "SKIPPED {test}: {missing} is missing, and nobody could be told");
}
