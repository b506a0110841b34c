//! One object, scanned once: each known member as the slice of text that is its value.
//!
//! Unknown members are skipped without allocating; known ones that occur twice are noticed, because JSON readers
//! disagree on which of the two counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::quick;

/// More members than this are refused: each name is compared with all that are asked for.
pub(super) const MOST_MEMBERS: usize = 4096;

/// The known members of an object, in the order of the names asked for.
#[derive(Debug)]
pub(crate) struct Object<'a, const N: usize> {
    /// The value's text, `null` included.
    pub(crate) raw: [Option<&'a str>; N],
    /// Bit per name: occurs more than once.
    pub(crate) repeated: u64,
    /// Bit per name: a member of this name in other letter case was skipped.
    pub(crate) miscased: u64,
    /// How many it has, known or not.
    pub(super) members: usize,
}

impl<'a, const N: usize> Object<'a, N> {
    pub(super) const fn empty() -> Self {
        Self { raw: [None; N], repeated: 0, miscased: 0, members: 0 }
    }

    /// Takes the value that belongs to a name that was just read.
    pub(super) fn take<A: MapAccess<'a>>(&mut self, name: Matched, map: &mut A) -> Result<(), A::Error> {
        self.members += 1;
        if self.members > MOST_MEMBERS {
            return Err(Error::custom(format_args!("an object of more than {MOST_MEMBERS} members")));
        }
        match name {
            Matched::Known(index) => {
                let value = map.next_value::<&RawValue>()?.get();
                if self.raw[index].replace(value).is_some() {
                    self.repeated |= 1 << index;
                }
            }
            Matched::Miscased(index) => {
                self.miscased |= 1 << index;
                map.next_value::<IgnoredAny>()?;
            }
            Matched::Unknown => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    /// The values, where `null` is as good as absent.
    pub(crate) fn values(&self) -> [Option<&'a str>; N] {
        self.raw.map(|raw| raw.filter(|text| *text != "null"))
    }
}

/// Whether bit `index` is set in a set of names.
pub(crate) fn has(set: u64, index: usize) -> bool {
    1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).is_some_and(|bit| set & bit != 0)
}

/// Reads the object that `text` is. The caller has made sure that nesting is bounded.
pub(crate) fn scan<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<Object<'a, N>, serde_json::Error> {
    match quick::scan(text, names) {
        Some(object) => Ok(object),
        None => scan_generally(text, names),
    }
}

/// The same through the general parser, which takes everything and says what is wrong.
pub(super) fn scan_generally<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<Object<'a, N>, serde_json::Error> {
    const { assert!(N <= 64, "the sets of names are 64 bits") };
    let mut reader = serde_json::Deserializer::from_str(text);
    let object = reader.deserialize_map(Members { names })?;
    reader.end()?;
    Ok(object)
}

/// Calls `each` with every member name on the top level of the object `text`.
pub(crate) fn each_name(text: &str, each: impl FnMut(&str)) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(text).deserialize_map(Names(each))
}

/// Calls `each` with index and text of every element of the list `text`, keeping none of them.
pub(crate) fn each_element<'a>(
    text: &'a str,
    each: impl FnMut(usize, &'a str),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(text).deserialize_seq(Elements(each))
}

struct Members<'n, const N: usize> {
    names: &'n [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = Object<'de, N>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::empty();
        while let Some(name) = map.next_key_seed(Name { names: self.names })? {
            object.take(name, &mut map)?;
        }
        Ok(object)
    }
}

/// A member's name, looked up in the names asked for. Indices are valid for them by construction.
pub(super) enum Matched {
    Known(usize),
    Miscased(usize),
    Unknown,
}

pub(super) struct Name<'n, const N: usize> {
    pub(super) names: &'n [&'n str; N],
}

impl<'de, const N: usize> DeserializeSeed<'de> for Name<'_, N> {
    type Value = Matched;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Matched, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Name<'_, N> {
    type Value = Matched;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Matched, E> {
        let find = |same: fn(&str, &str) -> bool| self.names.iter().position(|known| same(known, name));
        Ok(match find(|known, name| known == name) {
            Some(index) => Matched::Known(index),
            None => find(str::eq_ignore_ascii_case).map_or(Matched::Unknown, Matched::Miscased),
        })
    }
}

struct Names<F>(F);

impl<'de, F: FnMut(&str)> Visitor<'de> for Names<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Hand(&mut self.0))?.is_some() {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Hands a string on without keeping it.
struct Hand<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for Hand<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnMut(&str)> Visitor<'_> for Hand<'_, F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        (self.0)(name);
        Ok(())
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(usize, &'de str)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(element) = list.next_element::<&RawValue>()? {
            (self.0)(index, element.get());
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_MEMBERS, each_name, has, scan};

    #[test]
    fn takes_known_members_as_they_are_written() {
        let text = r#"{"b": [1, {"a":2}] ,"A":0,"x":9,"\u0061":"q\n","c":null,"b":7,"x":8}"#;
        let object = scan(text, &["a", "b", "c", "d"]).unwrap();
        assert_eq!(object.raw, [Some(r#""q\n""#), Some("7"), Some("null"), None]);
        assert_eq!(object.values(), [Some(r#""q\n""#), Some("7"), None, None]);
        assert!(has(object.repeated, 1) && !has(object.repeated, 0));
        assert!(has(object.miscased, 0));
        assert!(!has(u64::MAX, 64));
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for text in ["{} {}", "{\"a\":1", "{\"a\":01}", "{a:1}", "[]", "{\"a\":\"\u{1}\"}", "{\"a\":NaN}"] {
            assert!(scan(text, &["a"]).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_objects_of_very_many_members() {
        let members = |number: usize| format!("{{\"a\":1{}}}", ",\"x\":0".repeat(number - 1));
        assert_eq!(scan(&members(MOST_MEMBERS), &["a"]).unwrap().raw, [Some("1")]);
        let refused = scan(&members(MOST_MEMBERS + 1), &["a"]).unwrap_err().to_string();
        assert!(refused.contains("more than 4096 members"), "{refused}");
    }

    #[test]
    fn lists_the_names_of_the_top_level_only() {
        let mut names = Vec::new();
        each_name(r#"{"one":{"inner":1},"two":2}"#, |name| names.push(name.to_owned())).unwrap();
        assert_eq!(names, ["one", "two"]);
    }
}
