//! The form of uploads: an object, in it an object, in it a list of records. Read in one pass, because the list may be
//! tens of megabytes long; its elements are handed on one by one and not kept.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::{Matched, Name, Object};
use super::splice::span;
use super::value::Kind;

/// Which members are known, and which of them lead to the list.
pub(crate) struct Shape<'n, const O: usize, const I: usize> {
    /// Names on the top level.
    pub(crate) outer: &'n [&'static str; O],
    /// Which of them holds the inner object.
    pub(crate) inner_at: usize,
    /// Names in the inner object.
    pub(crate) inner: &'n [&'static str; I],
    /// Which of them holds the list.
    pub(crate) list_at: usize,
}

/// What was found at a place.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// Nothing, or `null`.
    Absent,
    /// A value of another kind.
    Other(Kind),
    /// What was expected.
    There(T),
}

/// What was found around and at the list.
#[derive(Debug)]
pub(crate) struct Envelope<'a, const O: usize, const I: usize> {
    /// The top level; the inner object is not among its values.
    pub(crate) outer: Object<'a, O>,
    /// The inner object; the list is not among its values.
    pub(crate) inner: Found<Object<'a, I>>,
    /// Where the elements of the list stand, from the first to the last.
    pub(crate) list: Found<Range<usize>>,
}

/// Reads the object that `text` is. The caller has made sure that nesting is bounded.
pub(super) fn read<'a, const O: usize, const I: usize>(
    text: &'a str,
    shape: &Shape<'_, O, I>,
    each: impl FnMut(usize, &'a str),
) -> Result<Envelope<'a, O, I>, serde_json::Error> {
    const { assert!(O <= 64 && I <= 64, "the sets of names are 64 bits") };
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut list = Found::Absent;
    let inside = Inside { text, shape, list: &mut list, each };
    let (outer, inner) = reader.deserialize_map(Outside(inside))?;
    reader.end()?;
    Ok(Envelope { outer, inner, list })
}

/// What the readers of all three levels share.
struct Inside<'a, 's, const O: usize, const I: usize, F> {
    text: &'a str,
    shape: &'s Shape<'s, O, I>,
    list: &'s mut Found<Range<usize>>,
    each: F,
}

struct Outside<T>(T);
struct Inner<'i, T>(&'i mut T);
struct List<'i, T>(&'i mut T);

/// What a visitor makes of a value that is neither object nor list.
macro_rules! other_kinds {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Found::Other(Kind::Boolean))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Found::Other(Kind::Number))
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Found::Other(Kind::Number))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Found::Other(Kind::Number))
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Found::Other(Kind::String))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Found::Absent)
        }
    };
}

impl<'a, const O: usize, const I: usize, F: FnMut(usize, &'a str)> Visitor<'a>
    for Outside<Inside<'a, '_, O, I, F>>
{
    type Value = (Object<'a, O>, Found<Object<'a, I>>);

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(mut inside) = self;
        let (mut outer, mut inner, mut met) = (Object::empty(), Found::Absent, false);
        while let Some(name) = map.next_key_seed(Name { names: inside.shape.outer })? {
            match name {
                Matched::Known(index) if index == inside.shape.inner_at => {
                    if std::mem::replace(&mut met, true) {
                        outer.repeated |= 1 << index;
                    }
                    inner = map.next_value_seed(Inner(&mut inside))?;
                }
                name => outer.take(name, &mut map)?,
            }
        }
        Ok((outer, inner))
    }
}

impl<'a, const O: usize, const I: usize, F: FnMut(usize, &'a str)> DeserializeSeed<'a>
    for Inner<'_, Inside<'a, '_, O, I, F>>
{
    type Value = Found<Object<'a, I>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, const O: usize, const I: usize, F: FnMut(usize, &'a str)> Visitor<'a>
    for Inner<'_, Inside<'a, '_, O, I, F>>
{
    type Value = Found<Object<'a, I>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(inside) = self;
        let (mut inner, mut met) = (Object::empty(), false);
        while let Some(name) = map.next_key_seed(Name { names: inside.shape.inner })? {
            match name {
                Matched::Known(index) if index == inside.shape.list_at => {
                    if std::mem::replace(&mut met, true) {
                        inner.repeated |= 1 << index;
                    }
                    *inside.list = map.next_value_seed(List(inside))?;
                }
                name => inner.take(name, &mut map)?,
            }
        }
        Ok(Found::There(inner))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Other(Kind::List))
    }

    other_kinds!();
}

impl<'a, const O: usize, const I: usize, F: FnMut(usize, &'a str)> DeserializeSeed<'a>
    for List<'_, Inside<'a, '_, O, I, F>>
{
    type Value = Found<Range<usize>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, const O: usize, const I: usize, F: FnMut(usize, &'a str)> Visitor<'a>
    for List<'_, Inside<'a, '_, O, I, F>>
{
    type Value = Found<Range<usize>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Self(inside) = self;
        let mut elements: Option<Range<usize>> = None;
        let mut index = 0;
        while let Some(element) = list.next_element::<&RawValue>()? {
            let place = span(inside.text, element.get());
            elements = Some(elements.map_or(place.start, |elements| elements.start)..place.end);
            (inside.each)(index, element.get());
            index += 1;
        }
        Ok(Found::There(elements.unwrap_or(0..0)))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other(Kind::Object))
    }

    other_kinds!();
}

#[cfg(test)]
mod tests {
    use super::{Envelope, Found, Shape, read};
    use crate::json::Kind;

    const SHAPE: Shape<'static, 2, 2> =
        Shape { outer: &["A", "B"], inner_at: 1, inner: &["C", "L"], list_at: 1 };

    fn found(text: &str) -> (Vec<(usize, &str)>, Envelope<'_, 2, 2>) {
        let mut elements = Vec::new();
        let envelope = read(text, &SHAPE, |index, element| elements.push((index, element))).unwrap();
        (elements, envelope)
    }

    #[test]
    fn hands_on_elements_and_keeps_what_is_around_them() {
        let text = r#"{"x":[{"L":[9]}],"B":{"L":[ {"a":1} , "t" ],"C":7},"A":"z"}"#;
        let (elements, envelope) = found(text);
        assert_eq!(elements, [(0, r#"{"a":1}"#), (1, r#""t""#)]);
        assert_eq!(envelope.outer.raw, [Some("\"z\""), None]);
        let Found::There(inner) = envelope.inner else { panic!("an object") };
        assert_eq!(inner.raw, [Some("7"), None]);
        let Found::There(list) = envelope.list else { panic!("a list") };
        assert_eq!(&text[list], r#"{"a":1} , "t""#);
    }

    #[test]
    fn other_kinds_are_named_and_repeats_noticed() {
        for (value, kind) in [("[1]", Kind::List), ("\"x\"", Kind::String), ("-1", Kind::Number)] {
            assert!(
                matches!(found(&format!("{{\"B\":{value}}}")).1.inner, Found::Other(other) if other == kind)
            );
        }
        for (value, kind) in [("{\"a\":[]}", Kind::Object), ("true", Kind::Boolean), ("1.5", Kind::Number)] {
            let text = format!("{{\"B\":{{\"L\":{value}}}}}");
            assert!(matches!(found(&text).1.list, Found::Other(other) if other == kind));
        }
        assert!(matches!(found("{\"B\":null}").1.inner, Found::Absent));
        assert!(matches!(found("{\"B\":{\"L\":[]}}").1.list, Found::There(range) if range.is_empty()));
        let (_, twice) = found(r#"{"B":{},"B":{"L":[],"L":[1]}}"#);
        assert_eq!(twice.outer.repeated, 2);
        assert!(matches!(twice.inner, Found::There(inner) if inner.repeated == 2));
        assert!(read("{\"B\":{\"L\":[1,}}", &SHAPE, |_, _| ()).is_err());
    }
}
