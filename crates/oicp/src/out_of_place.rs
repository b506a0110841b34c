//! What has no place in a body, wherever in it: a PIN, and what a template engine forgot to fill in.

use crate::explain;
use crate::finding::{Finding, codes};
use crate::pin;

/// Looks through the whole body of a message, called `what` in words; returns whether there is a PIN.
pub(crate) fn judge(text: &str, what: &str, findings: &mut Vec<Finding>) -> bool {
    let has_pin = pin::blank(text.as_bytes()).is_some();
    if has_pin {
        findings.push(Finding::new(
            codes::PIN_IN_NOTIFICATION,
            "",
            format!("a PIN has no place in a {what}"),
        ));
    }
    if explain::placeholder(text).is_some() {
        findings.push(Finding::new(codes::PLACEHOLDER, "", "the body still holds a {{placeholder}}"));
    }
    has_pin
}
