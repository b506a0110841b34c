//! JSON read in place: members as slices of the received text, no tree, no recursion.
//!
//! [`parse_object`] is the way in for everything that comes from outside; it refuses what is nested too deeply
//! before anything else looks at it.

mod depth;
mod elements;
mod envelope;
mod member;
mod object;
mod splice;
mod value;
mod write;

pub(crate) use depth::DEEPEST;
pub(crate) use elements::Elements;
pub(crate) use envelope::{Envelope, Found, Shape};
pub(crate) use member::{Member, each_member};
pub(crate) use object::{Object, each_element, each_name, has, scan};
pub(crate) use splice::{SessionPlace, Splice, span, splice, splice_into};
pub(crate) use value::{Kind, kind, string};
pub(crate) use write::{write_member, write_string};

/// Why a text is not a JSON object that can be read.
#[derive(Debug)]
pub(crate) enum NoObject {
    TooDeep,
    OtherKind(Kind),
    Syntax(serde_json::Error),
}

/// Scans the top level of an untrusted text for the members called `names`.
pub(crate) fn parse_object<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<Object<'a, N>, NoObject> {
    may_be_object(text)?;
    scan(text, names).map_err(NoObject::Syntax)
}

/// Reads an untrusted text as an object around an object around a list, in one pass; `each` gets index and text of
/// every element of the list.
pub(crate) fn parse_envelope<'a, const O: usize, const I: usize>(
    text: &'a str,
    shape: &Shape<'_, O, I>,
    each: impl FnMut(usize, &'a str),
) -> Result<Envelope<'a, O, I>, NoObject> {
    may_be_object(text)?;
    envelope::read(text, shape, each).map_err(NoObject::Syntax)
}

fn may_be_object(text: &str) -> Result<(), NoObject> {
    if depth::too_deep(text) {
        return Err(NoObject::TooDeep);
    }
    if !text.trim_ascii_start().starts_with('{') {
        let other = serde_json::from_str(text).map(|raw: &serde_json::value::RawValue| kind(raw.get()));
        return Err(other.map_or_else(NoObject::Syntax, NoObject::OtherKind));
    }
    Ok(())
}
