//! What all uploads of operators have in common: an action, an object of the operator, and in it a list of records.

use std::ops::Range;

use bytes::Bytes;

use crate::action::ActionType;
use crate::field::{At, Judge};
use crate::ids::OperatorId;
use crate::json::{Elements, Found, Shape};
use crate::place::Path;
use crate::violation::Violations;

/// What was read around the records; what was wrong is with the judge.
pub(crate) struct Uploaded<'a, const I: usize> {
    pub(crate) judge: Judge<'a>,
    pub(crate) action: Option<ActionType>,
    /// The values beside the list, if the inner object is there.
    pub(crate) inner: Option<[Option<&'a str>; I]>,
    /// Where the records stand.
    pub(crate) list: List,
}

/// The place of a list in the body, and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) range: Range<usize>,
    pub(crate) count: usize,
}

impl List {
    /// The elements, as slices of the body that the list was read from.
    pub(crate) fn elements<'b>(&self, body: &'b Bytes) -> Elements<'b> {
        let inside = body.get(self.range.clone()).and_then(|inside| std::str::from_utf8(inside).ok());
        Elements::inside(inside.unwrap_or_default())
    }
}

/// Reads an upload whose outer names are `ActionType` and the name of the inner object; every record goes to `each`.
pub(crate) fn read<'a, const I: usize>(
    text: &'a str,
    shape: &Shape<'a, 2, I>,
    mut each: impl FnMut(&mut Judge<'a>, Path<'_>, &'a str),
) -> Result<Uploaded<'a, I>, Violations> {
    let [_, inner_name] = *shape.outer;
    let list_name = shape.inner[shape.list_at];
    let at_inner = Path::ROOT.member(inner_name);
    let at_list = at_inner.member(list_name);

    let mut count = 0;
    let (mut judge, envelope) = Judge::open_envelope(text, shape, |judge, index, element| {
        count = index + 1;
        each(judge, at_list.element(index), element);
    })?;
    let action = action(&mut judge, envelope.outer.values()[0]);
    let mut range = 0..0;
    let inner = match envelope.inner {
        Found::There(inner) => {
            judge.names_at(at_inner, &inner, shape.inner);
            match envelope.list {
                Found::There(list) => range = list,
                Found::Other(kind) => judge.violation(at_list, format!("expected a list, found {kind}")),
                Found::Absent => judge.violation(at_list, format!("{list_name} is missing")),
            }
            Some(inner.values())
        }
        Found::Other(kind) => {
            judge.violation(at_inner, format!("expected an object, found {kind}"));
            None
        }
        Found::Absent => {
            judge.required(At::member(inner_name), None);
            None
        }
    };
    Ok(Uploaded { judge, action, inner, list: List { range, count } })
}

/// The member `ActionType`.
pub(crate) fn action<'a>(judge: &mut Judge<'a>, raw: Option<&'a str>) -> Option<ActionType> {
    let at = At::member("ActionType");
    let raw = judge.required(at, raw);
    let wanted = "expected fullLoad, insert, update or delete";
    judge.parsed(at, raw, |word| ActionType::parse(word).ok_or(wanted))
}

/// Who uploads, `OperatorID` in the inner object called `inner`, which is required; and its name, which may be.
pub(crate) fn operator<'a>(
    inner: &'static str,
    id: Option<&'a str>,
    id_other: Option<&'a str>,
    name: Option<&'a str>,
    judge: &mut Judge<'_>,
) -> (Option<OperatorId>, Option<String>) {
    let at_inner = Path::ROOT.member(inner);
    let at = at_inner.member("OperatorID");
    let id = judge.either(at, id, id_other);
    if id.is_none() {
        judge.violation(at, "OperatorID is missing");
    }
    let id = judge.parsed(at, id, OperatorId::parse);
    (id, judge.text(at_inner.member("OperatorName"), name, 100))
}
