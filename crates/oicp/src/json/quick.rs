//! The usual object, read in one pass over its bytes: every value is passed by and only the places of those that are
//! wanted are noted.
//!
//! Invariant: what is read here reads the same through the general parser. Whatever is unusual (an escape in a name, deep
//! nesting) or wrong is left to that one, which knows what to say about it.

use super::object::{MOST_MEMBERS, Object};

/// Reads the object that `text` is; `None` if that is for the general parser to say.
pub(super) fn scan<'a, const N: usize>(text: &'a str, names: &[&str; N]) -> Option<Object<'a, N>> {
    const { assert!(N <= 64, "the sets of names are 64 bits") };
    let mut object = Object::empty();
    let mut at = Cursor { bytes: text.as_bytes(), place: 0 };
    at.blanks();
    at.expect(b'{')?;
    at.blanks();
    if !at.takes(b'}') {
        loop {
            object.members += 1;
            if object.members > MOST_MEMBERS {
                return None;
            }
            let name = at.name(text)?;
            let start = at.place;
            at.value()?;
            if let Some(index) = names.iter().position(|known| *known == name) {
                if object.raw[index].replace(text.get(start..at.place)?).is_some() {
                    object.repeated |= 1 << index;
                }
            } else if let Some(index) = names.iter().position(|known| known.eq_ignore_ascii_case(name)) {
                object.miscased |= 1 << index;
            }
            at.blanks();
            if at.takes(b'}') {
                break;
            }
            at.expect(b',')?;
            at.blanks();
        }
    }
    at.blanks();
    (at.place == text.len()).then_some(object)
}

/// A place in a text. What returns nothing has found something that is not as usual.
struct Cursor<'a> {
    bytes: &'a [u8],
    place: usize,
}

/// What nests around a value, innermost last: a set bit is an object, a clear one a list.
#[derive(Clone, Copy, Default)]
struct Around {
    kinds: u64,
    depth: u32,
}

impl Around {
    fn enter(&mut self, object: bool) -> Option<()> {
        self.depth = (self.depth < u64::BITS).then_some(self.depth + 1)?;
        self.kinds = self.kinds << 1 | u64::from(object);
        Some(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.kinds >>= 1;
    }

    fn is_object(self) -> bool {
        self.kinds & 1 == 1
    }
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.place).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.place += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.place += 1;
        }
    }

    /// A member's name and the colon behind it, up to its value.
    fn name(&mut self, text: &'a str) -> Option<&'a str> {
        let start = self.place + 1;
        let plain = self.string()?;
        let name = text.get(start..self.place - 1)?;
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        plain.then_some(name)
    }

    /// A string; whether it is without escapes.
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        let mut plain = true;
        loop {
            self.place += plain_bytes(self.bytes.get(self.place..)?);
            match self.peek()? {
                b'"' => {
                    self.place += 1;
                    return Some(plain);
                }
                b'\\' => {
                    plain = false;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.bytes.get(self.place + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.place += 2,
            b'u' => {
                let digits = self.bytes.get(self.place + 2..self.place + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.place += 6;
            }
            _ => return None,
        }
        Some(())
    }

    /// One value, with all that is in it.
    fn value(&mut self) -> Option<()> {
        let mut around = Around::default();
        loop {
            match self.peek()? {
                b'"' => drop(self.string()?),
                open @ (b'{' | b'[') => {
                    self.place += 1;
                    self.blanks();
                    if !self.takes(open + 2) {
                        around.enter(open == b'{')?;
                        self.named(around)?;
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => return None,
            }
            // Behind a value: out of what ends with it, or on to the next.
            loop {
                if around.depth == 0 {
                    return Some(());
                }
                self.blanks();
                if self.takes(b',') {
                    self.blanks();
                    self.named(around)?;
                    break;
                }
                self.expect(if around.is_object() { b'}' } else { b']' })?;
                around.leave();
            }
        }
    }

    /// The name of an object's next member, of whatever spelling.
    fn named(&mut self, around: Around) -> Option<()> {
        if around.is_object() {
            self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let there = self.bytes.get(self.place..)?.starts_with(word);
        self.place += word.len();
        there.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            if !self.takes(b'+') {
                self.takes(b'-');
            }
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit. What follows a number is looked at by whoever reads on.
    fn digits(&mut self) -> Option<()> {
        let start = self.place;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.place += 1;
        }
        (self.place > start).then_some(())
    }
}

/// How many bytes there are before a quote, a backslash or a control character, eight at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    /// The high bit of each byte that is zero, and of none before the first of them.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGH
    }
    let mut passed = 0;
    while let Some(eight) = bytes.get(passed..passed + 8).and_then(|eight| eight.try_into().ok()) {
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = control | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c));
        if special != 0 {
            return passed + (special.trailing_zeros() / 8) as usize;
        }
        passed += 8;
    }
    let rest = bytes.get(passed..).unwrap_or_default();
    let special = rest.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
    passed + special.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::scan;
    use crate::json::object::scan_generally;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["a", "Name", "b", "ü"];

    fn reads_the_same(text: &str) {
        let Some(quick) = scan(text, &NAMES) else { return };
        let general = scan_generally(text, &NAMES).unwrap_or_else(|error| panic!("{error} in {text}"));
        assert_eq!(quick.raw, general.raw, "{text}");
        assert_eq!((quick.repeated, quick.miscased), (general.repeated, general.miscased), "{text}");
    }

    #[test]
    fn the_usual_is_read_here() {
        for text in [
            r#"{"a":"x","Name":{"b":[1,-2.5e+3,true,null,{}],"c":[]},"b":"longer than eight bytes","x":false}"#,
            " { \"a\" : [ 1 , \"\\u00e4\\n\" ] , \"NAME\" : 0 , \"a\" : {} }\n",
            r#"{"ü":"straße und 🚗, länger als acht"}"#,
            "{}",
        ] {
            assert!(scan(text, &NAMES).is_some(), "{text}");
            reads_the_same(text);
        }
    }

    #[test]
    fn what_is_wrong_or_unusual_is_not() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(66), "]".repeat(66));
        for text in [
            "",
            "[]",
            "{",
            "{}}",
            "{} x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":-}"#,
            r#"{"a":1e}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":"x}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":{"b":1,}}"#,
            r#"{"a":{"b"}}"#,
            r#"{"a":[1}"#,
            r#"{"a":{"b":1]}"#,
            r#"{"a":tru}"#,
            r#"{"a":nulll}"#,
            r#"{a:1}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":1 "b":2}"#,
            "{\"a\":NaN}",
            "\u{feff}{}",
            &deep,
        ] {
            assert!(scan(text, &NAMES).is_none(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn whatever_is_read_here_reads_the_same_generally(text in any_text()) {
            reads_the_same(&text);
        }

        #[test]
        fn plain_bytes_ends_where_a_byte_by_byte_look_does(bytes in prop::collection::vec(any_byte(), 0..40)) {
            let slow = bytes.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            prop_assert_eq!(super::plain_bytes(&bytes), slow.unwrap_or(bytes.len()));
        }
    }

    fn any_byte() -> impl Strategy<Value = u8> {
        prop_oneof![8 => any::<u8>().prop_map(|byte| byte | 0x60), 1 => any::<u8>(), 1 => Just(b'"')]
    }

    /// Objects, and what is left of them when a character is lost or another one is put in its place.
    fn any_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"Name\"",
            "\"nAme\"",
            "\"b\"",
            "\"x\\\"y\"",
            "\"\\u00e9\"",
            "\"ü\"",
            "1",
            "-0",
            "0.5",
            "1e9",
            "-12.75E-3",
            "00",
            "true",
            "false",
            "null",
            " ",
            "\n",
            "\\",
            "\"",
            "\u{7}",
            "é",
        ]);
        let soup = prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("{{{}}}", pieces.concat()));
        let broken = (any_object(), any::<prop::sample::Index>(), prop::option::of(any::<char>())).prop_map(
            |(object, place, other)| {
                let mut characters: Vec<char> = object.chars().collect();
                let place = place.index(characters.len());
                match other {
                    Some(other) => characters[place] = other,
                    None => drop(characters.remove(place)),
                }
                characters.into_iter().collect()
            },
        );
        prop_oneof![soup, any_object(), broken]
    }

    fn any_object() -> impl Strategy<Value = String> {
        let name = prop::sample::select(NAMES.to_vec());
        prop::collection::vec((name, any_value()), 0..6).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn any_value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<f64>()
                .prop_filter("JSON has no such number", |number| number.is_finite())
                .prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            ".*".prop_map(|text| serde_json::to_string(&text).unwrap()),
            prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec((".{0,6}", inner), 0..4).prop_map(|members| {
                    let member = |(name, value): &(String, String)| {
                        format!("{}: {value}", serde_json::to_string(name).unwrap())
                    };
                    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }
}
