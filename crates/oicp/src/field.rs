//! Reading single fields of a message and collecting what is wrong with them.
//!
//! A [`Judge`] never stops at the first mistake. Each method returns what it could read; what it could not is
//! among the violations or, if it does no harm, among the findings.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::energy::Kwh;
use crate::explain::{self, StrayNames};
use crate::finding::{Finding, codes};
use crate::json::{self, Envelope, Kind, NoObject, Object, Shape};
use crate::place::Place;
use crate::time::DateTime;
use crate::violation::{Violation, Violations};

/// The place of a value: a member, where it lies, and which of its elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    parent: &'static str,
    field: &'static str,
    element: Option<usize>,
}

impl At {
    /// The whole body.
    pub(crate) const BODY: Self = Self { parent: "", field: "", element: None };

    /// A member on the top level.
    pub(crate) const fn member(field: &'static str) -> Self {
        Self { parent: "", field, element: None }
    }

    /// A member of the object at the pointer `parent`.
    pub(crate) const fn inner(parent: &'static str, field: &'static str) -> Self {
        Self { parent, field, element: None }
    }

    pub(crate) const fn element(self, index: usize) -> Self {
        Self { element: Some(index), ..self }
    }

    /// JSON pointer to the place. Names of members need no escaping, they are ours.
    pub(crate) fn pointer(self) -> String {
        match (self.field, self.element) {
            ("", _) => self.parent.to_owned(),
            (field, None) => format!("{}/{field}", self.parent),
            (field, Some(index)) => format!("{}/{field}/{index}", self.parent),
        }
    }
}

impl Place for At {
    fn pointer(self) -> String {
        self.pointer()
    }

    fn field(self) -> &'static str {
        self.field
    }
}

/// Reads fields and keeps account of what is wrong with them.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    body: &'a str,
    known: &'a [&'static str],
    stray: Option<StrayNames>,
    pub(crate) violations: Violations,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    /// Reads the top level of `body`, whose known members are `names`.
    pub(crate) fn open<const N: usize>(
        body: &'a str,
        names: &'a [&'static str; N],
    ) -> Result<(Self, Object<'a, N>), Violations> {
        let mut judge = Self::new(body, names);
        match json::parse_object(body, names) {
            Ok(object) => {
                judge.names(&object, names);
                Ok((judge, object))
            }
            Err(no_object) => {
                judge.violation(At::BODY, no_object_message(&no_object));
                Err(judge.violations)
            }
        }
    }

    /// Reads an upload: an object, in it an object, in it a list whose elements go to `each`.
    pub(crate) fn open_envelope<const O: usize, const I: usize>(
        body: &'a str,
        shape: &Shape<'a, O, I>,
        mut each: impl FnMut(&mut Self, usize, &'a str),
    ) -> Result<(Self, Envelope<'a, O, I>), Violations> {
        let mut judge = Self::new(body, shape.outer);
        match json::parse_envelope(body, shape, |index, element| each(&mut judge, index, element)) {
            Ok(envelope) => {
                judge.names(&envelope.outer, shape.outer);
                Ok((judge, envelope))
            }
            Err(no_object) => {
                // Half of a message was judged: what matters first is that it is none.
                judge.violations = Violations::new();
                judge.violation(At::BODY, no_object_message(&no_object));
                Err(judge.violations)
            }
        }
    }

    pub(crate) const fn new(body: &'a str, known: &'a [&'static str]) -> Self {
        Self { body, known, stray: None, violations: Violations::new(), findings: Vec::new() }
    }

    pub(crate) fn violation(&mut self, at: impl Place, message: impl Into<String>) {
        if self.violations.is_full() {
            return self.violations.count_one();
        }
        let field = at.field().to_owned();
        self.violations.push(Violation { pointer: at.pointer(), field, message: message.into() });
    }

    pub(crate) fn finding(&mut self, code: &'static str, at: impl Place, text: impl Into<String>) {
        // As many as there are violations at most: a hundred thousand meter values may all be strings.
        if self.findings.len() < Violations::MOST {
            self.findings.push(Finding::new(code, at.pointer(), text));
        }
    }

    /// Members that occur twice are refused; members in the wrong letter case are pointed out.
    fn names<const N: usize>(&mut self, object: &Object<'_, N>, names: &[&'static str; N]) {
        if object.repeated | object.miscased == 0 {
            return;
        }
        for (index, name) in names.iter().enumerate() {
            if json::has(object.repeated, index) {
                self.violation(At::member(name), format!("{name} occurs more than once"));
            }
            if json::has(object.miscased, index) {
                let text = format!("a member spelt like {name} but in other letter case was not read");
                self.finding(codes::MEMBER_SPELLING, At::member(name), text);
            }
        }
    }

    /// A required member of the top level, reporting its absence.
    pub(crate) fn required(&mut self, at: At, raw: Option<&'a str>) -> Option<&'a str> {
        if raw.is_none() {
            let stray = self.stray.get_or_insert_with(|| StrayNames::collect(self.body, self.known));
            let message = match stray.near(at.field) {
                Some(name) => {
                    format!(
                        "{} is missing; there is {}: did you mean {}?",
                        at.field,
                        explain::echo(name),
                        at.field
                    )
                }
                None => format!("{} is missing", at.field),
            };
            self.violation(at, message);
        }
        raw
    }

    pub(crate) fn string<'r>(&mut self, at: impl Place, raw: &'r str) -> Option<Cow<'r, str>> {
        let text = json::string(raw);
        if text.is_none() {
            let message = match json::kind(raw) {
                Kind::String => "the string holds half a surrogate pair, which is no character".to_owned(),
                other => format!("expected a string, found {other}"),
            };
            self.violation(at, message);
        }
        text
    }

    /// A string of at most `most` characters.
    pub(crate) fn text(&mut self, at: impl Place, raw: Option<&str>, most: usize) -> Option<String> {
        let text = self.string(at, raw?)?;
        // Bytes are never fewer than characters, so counting is rarely needed.
        if text.len() > most && text.chars().nth(most).is_some() {
            self.violation(at, format!("too long: at most {most} characters"));
            return None;
        }
        Some(text.into_owned())
    }

    /// A string in a form of its own; what is wrong is shown to the sender.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        at: impl Place,
        raw: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.string(at, raw?)?;
        parse(&text).map_err(|error| self.mistaken(at, &text, &error)).ok()
    }

    pub(crate) fn date_time(&mut self, at: impl Place, raw: Option<&str>) -> Option<DateTime> {
        self.parsed(at, raw, DateTime::parse)
    }

    /// An amount of energy, as a number or as a string that holds one.
    pub(crate) fn kwh(&mut self, at: At, raw: Option<&str>) -> Option<Kwh> {
        let text = self.number(at, raw?)?;
        let amount = Kwh::parse(&text).map_err(|error| self.mistaken(at, &text, &error)).ok()?;
        if amount.finer_than_watt_hours() {
            let text = format!("{} decimals where three are allowed", amount.decimals());
            self.finding(codes::MORE_THAN_THREE_DECIMALS, at, text);
        }
        Some(amount)
    }

    /// A whole number of milliseconds, as a number or as a string that holds one.
    pub(crate) fn milliseconds(&mut self, at: At, raw: Option<&str>) -> Option<i64> {
        let text = self.number(at, raw?)?;
        if let Ok(whole) = text.parse() {
            return Some(whole);
        }
        let whole = Kwh::parse(&text).ok().map(Kwh::decimal).filter(|number| number.fract().is_zero());
        let Some(whole) = whole.and_then(|number| i64::try_from(number).ok()) else {
            self.mistaken(at, &text, &"expected a whole number of milliseconds, such as 480000");
            return None;
        };
        self.finding(
            codes::DURATION_NOT_INTEGER,
            at,
            "milliseconds are written without a fraction or exponent",
        );
        Some(whole)
    }

    /// A whole number of something within bounds, as a number or as a string that holds one.
    pub(crate) fn whole(
        &mut self,
        at: At,
        raw: Option<&str>,
        bounds: RangeInclusive<u8>,
        of: &str,
    ) -> Option<u8> {
        let text = self.number(at, raw?)?;
        let decimal = Kwh::parse(&text).ok().map(Kwh::decimal).filter(|number| number.fract().is_zero());
        let whole =
            decimal.and_then(|number| u8::try_from(number).ok()).filter(|whole| bounds.contains(whole));
        if whole.is_none() {
            let wanted = format!("expected a whole number of {of}, {} to {}", bounds.start(), bounds.end());
            self.mistaken(at, &text, &wanted);
        }
        whole
    }

    pub(crate) fn number<'r>(&mut self, at: impl Place, raw: &'r str) -> Option<Cow<'r, str>> {
        match json::kind(raw) {
            Kind::Number => Some(Cow::Borrowed(raw)),
            Kind::String => {
                let text = self.string(at, raw)?;
                self.finding(codes::NUMBER_AS_STRING, at, "the number is written as a string");
                Some(text)
            }
            other => {
                self.violation(at, format!("expected a number, found {other}"));
                None
            }
        }
    }

    pub(crate) fn mistaken(&mut self, at: impl Place, text: &str, error: &dyn Display) {
        if self.violations.is_full() {
            return self.violations.count_one();
        }
        let message = match explain::placeholder(text) {
            Some(placeholder) => format!("still holds the placeholder {placeholder}; {error}"),
            None => format!("{error}; found {}", explain::echo(text)),
        };
        self.violation(at, message);
    }
}

fn no_object_message(problem: &NoObject) -> String {
    match problem {
        NoObject::TooDeep => format!("nested deeper than {} levels", json::DEEPEST),
        NoObject::OtherKind(kind) => format!("expected a JSON object, found {kind}"),
        NoObject::Syntax(error) => {
            format!("not valid JSON: line {}, column {}: {}", error.line(), error.column(), reason(error))
        }
    }
}

/// The parser's reason without the position it repeats.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}
