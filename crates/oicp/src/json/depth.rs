//! The limit on nesting. Nothing in this crate recurses on input, but whoever receives a forwarded body might.

/// Deeper nesting is refused.
pub(crate) const DEEPEST: usize = 128;

/// Whether brackets nest deeper than [`DEEPEST`]. Counting brackets comes first, so that an ordinary body pays for
/// one fast search only.
pub(crate) fn too_deep(text: &str) -> bool {
    let bytes = text.as_bytes();
    let many = memchr::memchr2_iter(b'{', b'[', bytes).nth(DEEPEST).is_some();
    many && deepest(bytes) > DEEPEST
}

/// The depth of nesting, not counting brackets inside strings.
fn deepest(bytes: &[u8]) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    let mut in_string = false;
    let mut escaped = false;
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, too_deep};

    #[test]
    fn counts_depth_and_not_brackets() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(!too_deep(&nested(DEEPEST)));
        assert!(too_deep(&nested(DEEPEST + 1)));
        assert!(too_deep(&nested(10_000)));
        assert!(!too_deep(&"[]".repeat(1000)));
        assert!(!too_deep(&format!("[\"\\\"{}\"]", "[".repeat(1000))));
    }
}
