//! Where in a message something stands. Places are made while reading and cost nothing; only a complaint turns one into a
//! JSON pointer.

use std::fmt::Write;

/// A place that can be named.
pub(crate) trait Place: Copy {
    /// JSON pointer (RFC 6901) to it.
    fn pointer(self) -> String;

    /// The name of the member that it is, or that it is an element of; empty for a whole body.
    fn field(self) -> &'static str;
}

/// A place in nested objects and lists, as a chain of steps on the reader's stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'p> {
    above: Option<&'p Path<'p>>,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The body, or the object that is looked at by itself.
    Root,
    Member(&'static str),
    Element(usize),
}

impl<'p> Path<'p> {
    /// The whole of what is read.
    pub(crate) const ROOT: Path<'static> = Path { above: None, step: Step::Root };

    /// A member of the object here.
    pub(crate) const fn member(&'p self, name: &'static str) -> Self {
        Self { above: Some(self), step: Step::Member(name) }
    }

    /// An element of the list here.
    pub(crate) const fn element(&'p self, index: usize) -> Self {
        Self { above: Some(self), step: Step::Element(index) }
    }

    fn write(&self, out: &mut String) {
        // As deep as the protocol nests, never as deep as an input does.
        if let Some(above) = self.above {
            above.write(out);
        }
        // Writing into a String cannot fail. Names of members need no escaping, they are ours.
        let _written = match self.step {
            Step::Root => Ok(()),
            Step::Member(name) => write!(out, "/{name}"),
            Step::Element(index) => write!(out, "/{index}"),
        };
    }
}

impl Place for Path<'_> {
    fn pointer(self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn field(self) -> &'static str {
        match (self.step, self.above) {
            (Step::Member(name), _) => name,
            (_, Some(above)) => above.field(),
            (_, None) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Path, Place};

    #[test]
    fn a_path_is_a_pointer_and_knows_its_member() {
        let list = Path::ROOT.member("List");
        let third = list.element(3);
        let member = third.member("Address");
        assert_eq!((Path::ROOT.pointer().as_str(), Path::ROOT.field()), ("", ""));
        assert_eq!((third.pointer().as_str(), third.field()), ("/List/3", "List"));
        assert_eq!((member.pointer().as_str(), member.field()), ("/List/3/Address", "Address"));
    }
}
