//! The members of an object with the place of their names, for whoever writes the object anew with some of them changed.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::splice::span;

/// One member.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// Its name, without escapes.
    pub(crate) name: Cow<'a, str>,
    /// Where the name stands, quotes included.
    pub(crate) key: Range<usize>,
    /// The text of its value.
    pub(crate) value: &'a str,
    /// Where the value stands.
    pub(crate) place: Range<usize>,
}

/// Calls `each` with every member of the object `text`, in order. The caller has made sure that nesting is bounded.
pub(crate) fn each_member<'a>(text: &'a str, each: impl FnMut(Member<'a>)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Members { text, each })?;
    reader.end()
}

struct Members<'a, F> {
    text: &'a str,
    each: F,
}

impl<'a, F: FnMut(Member<'a>)> Visitor<'a> for Members<'a, F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut before = 0;
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value::<&RawValue>()?.get();
            let place = span(self.text, value);
            // Between two values stands nothing with quotes but the name.
            let between = self.text.get(before..place.start).unwrap_or_default();
            let start = before + between.find('"').unwrap_or_default();
            let end = before + between.rfind('"').map_or(0, |quote| quote + 1);
            before = place.end;
            (self.each)(Member { name, key: start..end, value, place });
        }
        Ok(())
    }
}

/// A name, borrowed where it holds no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::each_member;

    #[test]
    fn knows_where_names_and_values_stand() {
        let text = r#" { "a" : "x\"y" ,"\u0062\"":{"in":1}, "c":[ ] } "#;
        let mut found = Vec::new();
        each_member(text, |member| {
            assert_eq!(&text[member.place.clone()], member.value);
            found.push((member.name.into_owned(), &text[member.key], member.value));
        })
        .unwrap();
        assert_eq!(
            found,
            [
                ("a".to_owned(), r#""a""#, r#""x\"y""#),
                ("b\"".to_owned(), r#""\u0062\"""#, r#"{"in":1}"#),
                ("c".to_owned(), r#""c""#, "[ ]"),
            ]
        );
        assert!(each_member("[]", |_| ()).is_err());
    }
}
