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
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        text.is_ascii().then_some(Self { bytes, len })
    }

    /// As [`InlineStr::new`], from single bytes: for keys that are built while they are read.
    pub(crate) fn from_bytes(source: impl Iterator<Item = u8>) -> Option<Self> {
        let mut bytes = [0; N];
        let mut len = 0;
        for byte in source {
            *bytes.get_mut(len)? = byte;
            len += 1;
        }
        bytes.is_ascii().then_some(Self { bytes, len: u8::try_from(len).ok()? })
    }

    pub(crate) fn lowercase(mut self) -> Self {
        self.bytes.make_ascii_lowercase();
        self
    }

    pub(crate) fn uppercase(mut self) -> Self {
        self.bytes.make_ascii_uppercase();
        self
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
