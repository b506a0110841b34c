//! The identifier grammars, as small readers over bytes.
//!
//! Hand-written because the published regular expressions carry stray `|` characters in their classes and one of
//! them is not anchored; here only what they mean is accepted. Letters count in either case everywhere.

/// Reads a grammar from the front of an ASCII text; each step returns `None` when the text does not fit.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes() }
    }

    /// Between `least` and `most` bytes of one class; takes as many as it can.
    fn some(&mut self, least: usize, most: usize, class: impl Fn(&u8) -> bool) -> Option<usize> {
        let count = self.rest.iter().take(most).take_while(|byte| class(byte)).count();
        self.rest = self.rest.get(count..)?;
        (count >= least).then_some(count)
    }

    fn exactly(&mut self, count: usize, class: impl Fn(&u8) -> bool) -> Option<()> {
        self.some(count, count, class).map(drop)
    }

    /// One byte out of `choices`, in either case.
    fn one_of(&mut self, choices: &[u8]) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        choices.iter().any(|choice| choice.eq_ignore_ascii_case(first)).then_some(())?;
        self.rest = rest;
        Some(())
    }

    /// One separator, if there is one.
    fn maybe(&mut self, choices: &[u8]) {
        let _absent = self.one_of(choices);
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

fn alphanumeric_or_star(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'*'
}

fn digit_or_star(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'*'
}

/// Country and party with an optional separator: `DE*ABC`, `DE-ABC`, `DEABC`.
fn party(reader: &mut Reader<'_>, separators: &[u8]) -> Option<()> {
    reader.exactly(2, u8::is_ascii_alphabetic)?;
    reader.maybe(separators);
    reader.exactly(3, u8::is_ascii_alphanumeric)
}

/// Calling code and operator: `+49*810`, `49*810`. The separator is mandatory.
fn din_operator(reader: &mut Reader<'_>) -> Option<()> {
    reader.maybe(b"+");
    reader.some(1, 3, u8::is_ascii_digit)?;
    reader.one_of(b"*")?;
    reader.exactly(3, u8::is_ascii_digit)
}

fn starts_like_din(text: &str) -> bool {
    text.starts_with(|first: char| first == '+' || first.is_ascii_digit())
}

/// The leading operator of `text` (ISO or DIN) and what follows it.
fn operator_then<'a>(text: &'a str) -> Option<Reader<'a>> {
    let mut reader = Reader::new(text);
    if starts_like_din(text) {
        din_operator(&mut reader)?
    } else {
        party(&mut reader, b"*")?
    }
    Some(reader)
}

pub(super) fn operator(text: &str) -> Option<()> {
    operator_then(text)?.end()
}

pub(super) fn provider(text: &str) -> Option<()> {
    let mut reader = Reader::new(text);
    party(&mut reader, b"*-")?;
    reader.end()
}

/// Checks an EvseID; returns the length of the operator it begins with.
pub(super) fn evse(text: &str) -> Option<usize> {
    let mut reader = operator_then(text)?;
    let operator = text.len() - reader.rest.len();
    if starts_like_din(text) {
        reader.one_of(b"*")?;
        reader.some(1, 32, digit_or_star)?;
    } else {
        reader.maybe(b"*");
        reader.one_of(b"E")?;
        reader.some(1, 30, alphanumeric_or_star)?;
    }
    reader.end()?;
    Some(operator)
}

/// Checks an EvcoID; returns the length of the provider it begins with.
pub(super) fn evco(text: &str) -> Option<usize> {
    evco_iso(text).or_else(|| evco_din(text))
}

fn evco_iso(text: &str) -> Option<usize> {
    let mut reader = Reader::new(text);
    party(&mut reader, b"-")?;
    let provider = text.len() - reader.rest.len();
    reader.maybe(b"-");
    reader.one_of(b"C")?;
    reader.exactly(8, u8::is_ascii_alphanumeric)?;
    reader.maybe(b"-");
    reader.exactly(1, u8::is_ascii_alphanumeric)?;
    reader.end()?;
    Some(provider)
}

fn evco_din(text: &str) -> Option<usize> {
    let mut reader = Reader::new(text);
    party(&mut reader, b"*-")?;
    let provider = text.len() - reader.rest.len();
    reader.maybe(b"*-");
    reader.exactly(6, u8::is_ascii_alphanumeric)?;
    reader.maybe(b"*-");
    reader.one_of(b"0123456789X")?;
    reader.end()?;
    Some(provider)
}

pub(super) fn uid(text: &str) -> Option<()> {
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && matches!(text.len(), 8 | 14 | 20)).then_some(())
}

pub(super) fn session(text: &str) -> Option<()> {
    let mut reader = Reader::new(text);
    reader.exactly(8, u8::is_ascii_alphanumeric)?;
    for group in [4, 4, 4, 12] {
        reader.one_of(b"-")?;
        reader.exactly(group, u8::is_ascii_alphanumeric)?;
    }
    reader.end()
}
