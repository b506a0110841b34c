//! A short ASCII text kept in place, so that identifiers and time stamps are `Copy` and cost no allocation.
//!
//! Invariant: the first `len` bytes are ASCII, the others are zero.

/// At most `N` bytes of ASCII (`N` below 256).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct InlineStr<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> InlineStr<N> {
    /// `None` when `text` is too long or not ASCII.
    pub(crate) fn new(text: &str) -> Option<Self> {
        Self::from_bytes(text.bytes())
    }

    /// As [`InlineStr::new`], from single bytes: for keys that are built while they are read.
    pub(crate) fn from_bytes(source: impl Iterator<Item = u8>) -> Option<Self> {
        let mut bytes = [0; N];
        let mut len = 0_u8;
        for byte in source {
            let place = bytes.get_mut(usize::from(len))?;
            if !byte.is_ascii() {
                return None;
            }
            *place = byte;
            len = len.checked_add(1)?;
        }
        Some(Self { bytes, len })
    }

    pub(crate) fn as_str(&self) -> &str {
        let used = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::InlineStr;

    #[test]
    fn holds_exactly_its_capacity_and_only_ascii() {
        assert_eq!(InlineStr::<3>::new("abc").map(|text| text.as_str().len()), Some(3));
        assert!(InlineStr::<3>::new("abcd").is_none());
        assert!(InlineStr::<3>::new("ä").is_none());
        assert_eq!(InlineStr::<3>::new("").map(|text| text.as_str().len()), Some(0));
    }
}
