//! The elements of a list that has been read before, one after the other, for whoever wants an iterator.

use serde_json::value::RawValue;

/// Iterates over `element , element , …` as it stands between a list's brackets. Ends at what is no element.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Elements<'a> {
    /// Over the inside of a list, without its brackets.
    pub(crate) const fn inside(list: &'a str) -> Self {
        Self { rest: list }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let element = values.next()?.ok()?.get();
        self.rest = rest.get(values.byte_offset()..).unwrap_or_default();
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::Elements;

    #[test]
    fn finds_elements_of_every_kind_as_they_stand() {
        let list = r#" {"a":[1,2]} ,"x,\"]" ,7,null , [ ] , -1.0e3"#;
        let found: Vec<_> = Elements::inside(list).collect();
        assert_eq!(found, [r#"{"a":[1,2]}"#, r#""x,\"]""#, "7", "null", "[ ]", "-1.0e3"]);
        for nothing in ["", "  ", "]", "}", ",,"] {
            assert_eq!(Elements::inside(nothing).next(), None, "{nothing}");
        }
    }
}
