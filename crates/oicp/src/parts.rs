//! Reading the parts of records: nested objects, lists, words, numbers with bounds. What [`Judge`] is to a message's top
//! level, this is to what lies below it; nothing is allocated unless something is wrong.

use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use rust_decimal::Decimal;

use crate::energy::Kwh;
use crate::explain::{self, StrayNames};
use crate::field::Judge;
use crate::finding::codes;
use crate::json::{self, Kind, Object};
use crate::place::{Path, Place};
use crate::words::{Expected, Word, WordSet};

/// How many values a filter may have.
pub(crate) const MOST_FILTERS: usize = 1000;

/// An object that is a part of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a, 'p> {
    at: &'p Path<'p>,
    text: &'a str,
    known: &'p [&'static str],
}

impl<'a, 'p> Part<'a, 'p> {
    /// The object at `at` with this text, of which these members are known.
    pub(crate) const fn new(at: &'p Path<'p>, text: &'a str, known: &'p [&'static str]) -> Self {
        Self { at, text, known }
    }

    /// A member that must be there, reporting its absence.
    pub(crate) fn need<T>(&self, name: &'static str, raw: Option<T>, judge: &mut Judge<'_>) -> Option<T> {
        if raw.is_none() {
            self.missing(name, judge);
        }
        raw
    }

    fn missing(&self, name: &'static str, judge: &mut Judge<'_>) {
        let mut message = format!("{name} is missing");
        // The second look costs a multiple of the first: only where its result is kept.
        if !judge.violations.is_full()
            && let stray = StrayNames::collect(self.text, self.known)
            && let Some(near) = stray.near(name)
        {
            message = format!("{message}; there is {}: did you mean {name}?", explain::echo(near));
        }
        judge.violation(self.at.member(name), message);
    }
}

impl Judge<'_> {
    /// The members of the object at a place. `null` is absent.
    pub(crate) fn members<'a, const N: usize>(
        &mut self,
        at: Path<'_>,
        raw: &'a str,
        names: &[&'static str; N],
    ) -> Option<[Option<&'a str>; N]> {
        // The text has been scanned as a part of the body, so only another kind of value can fail here.
        let Ok(object) = json::scan(raw, names) else {
            self.violation(at, format!("expected an object, found {}", json::kind(raw)));
            return None;
        };
        self.names_at(at, &object, names);
        Some(object.values())
    }

    /// Members that occur twice are refused; members in the wrong letter case are pointed out.
    pub(crate) fn names_at<const N: usize>(
        &mut self,
        at: Path<'_>,
        object: &Object<'_, N>,
        names: &[&'static str; N],
    ) {
        if object.repeated | object.miscased == 0 {
            return;
        }
        for (index, name) in names.iter().enumerate() {
            if json::has(object.repeated, index) {
                self.violation(at.member(name), format!("{name} occurs more than once"));
            }
            if json::has(object.miscased, index) {
                let text = format!("a member spelt like {name} but in other letter case was not read");
                self.finding(codes::MEMBER_SPELLING, at.member(name), text);
            }
        }
    }

    /// One member that has two spellings; both at once are refused.
    pub(crate) fn either<'a>(
        &mut self,
        at: impl Place,
        usual: Option<&'a str>,
        other: Option<&'a str>,
    ) -> Option<&'a str> {
        if usual.is_some() && other.is_some() {
            self.violation(at, format!("{} occurs more than once, in two spellings", at.field()));
        }
        usual.or(other)
    }

    /// A string whose length in characters lies within bounds; what it says does not matter.
    pub(crate) fn sized(&mut self, at: impl Place, raw: Option<&str>, bounds: RangeInclusive<usize>) {
        let Some(raw) = raw else { return };
        let Some(text) = self.string(at, raw) else { return };
        // Bytes are never fewer than characters, so counting is rarely needed.
        if text.len() > *bounds.end() && text.chars().nth(*bounds.end()).is_some() {
            self.violation(at, format!("too long: at most {} characters", bounds.end()));
        } else if *bounds.start() > 0 && text.chars().nth(bounds.start() - 1).is_none() {
            self.violation(at, format!("too short: at least {} characters", bounds.start()));
        }
    }

    /// A string of a certain form.
    pub(crate) fn formed(
        &mut self,
        at: impl Place,
        raw: Option<&str>,
        form: fn(&str) -> bool,
        wanted: &'static str,
    ) -> Option<()> {
        self.parsed(at, raw, |text| form(text).then_some(()).ok_or(wanted))
    }

    /// true or false.
    pub(crate) fn boolean(&mut self, at: impl Place, raw: Option<&str>) -> Option<bool> {
        match raw? {
            "true" => Some(true),
            "false" => Some(false),
            raw => {
                let quoted = if json::kind(raw) == Kind::String { ": leave out the quotes" } else { "" };
                let kind = json::kind(raw);
                self.violation(at, format!("expected true or false, found {kind}{quoted}"));
                None
            }
        }
    }

    /// A decimal number, as a number or as a string that holds one.
    pub(crate) fn decimal(&mut self, at: impl Place, raw: Option<&str>) -> Option<Decimal> {
        let text = self.number(at, raw?)?;
        let number = Kwh::parse(&text).ok().map(Kwh::decimal);
        if number.is_none() {
            self.mistaken(at, &text, &"expected a number with a decimal point, such as 18.345");
        }
        number
    }

    /// A decimal number within bounds; with `whole`, one without a fraction.
    pub(crate) fn bounded(
        &mut self,
        at: impl Place,
        raw: Option<&str>,
        bounds: RangeInclusive<u32>,
        whole: bool,
    ) -> Option<Decimal> {
        let number = self.decimal(at, raw)?;
        let (least, most) = (Decimal::from(*bounds.start()), Decimal::from(*bounds.end()));
        if number < least || number > most || (whole && !number.fract().is_zero()) {
            let kind = if whole { "whole number" } else { "number" };
            let wanted = format!("expected a {kind} from {} to {}", bounds.start(), bounds.end());
            self.mistaken(at, raw.unwrap_or_default(), &wanted);
            return None;
        }
        Some(number)
    }

    /// One word out of a list.
    pub(crate) fn word<W: Word>(&mut self, at: impl Place, raw: Option<&str>) -> Option<W> {
        let text = self.string(at, raw?)?;
        let word = W::parse(&text);
        if word.is_none() {
            self.mistaken(at, &text, &Expected(PhantomData::<W>));
        }
        word
    }

    /// Every element of a list; `None` if it is none.
    pub(crate) fn each<'a>(
        &mut self,
        at: Path<'_>,
        raw: Option<&'a str>,
        mut each: impl FnMut(&mut Self, Path<'_>, &'a str),
    ) -> Option<usize> {
        let raw = raw?;
        if json::kind(raw) != Kind::List {
            self.violation(at, format!("expected a list, found {}", json::kind(raw)));
            return None;
        }
        let mut count = 0;
        let walked = json::each_element(raw, |index, element| {
            count = index + 1;
            each(self, at.element(index), element);
        });
        if walked.is_err() {
            // It was read as a part of the body before, so this cannot happen; if it does, it is refused.
            self.violation(at, "expected a list");
            return None;
        }
        Some(count)
    }

    /// A list of words.
    pub(crate) fn words<W: Word>(&mut self, at: Path<'_>, raw: Option<&str>) -> Option<WordSet<W>> {
        let mut set = WordSet::EMPTY;
        self.each(at, raw, |judge, at, raw| {
            set = judge.word(at, Some(raw)).map_or(set, |word| set.with(word))
        })?;
        Some(set)
    }

    /// The values of a filter as [`Judge::one_or_many`] has them, sorted and each of them once.
    pub(crate) fn filter<T: Ord, E: Display>(
        &mut self,
        at: Path<'_>,
        raw: Option<&str>,
        parse: fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut values = self.one_or_many(at, raw, MOST_FILTERS, parse);
        values.sort_unstable();
        values.dedup();
        values
    }

    /// The values of a filter: one, or a list of at most `most`. `null` is no value.
    pub(crate) fn one_or_many<T, E: Display>(
        &mut self,
        at: Path<'_>,
        raw: Option<&str>,
        most: usize,
        parse: fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        let Some(raw) = raw else { return values };
        if json::kind(raw) != Kind::List {
            values.extend(self.parsed(at, Some(raw), parse));
            return values;
        }
        let mut count = 0_usize;
        self.each(at, Some(raw), |judge, at, raw| {
            if json::kind(raw) != Kind::Null {
                count += 1;
                if count <= most {
                    values.extend(judge.parsed(at, Some(raw), parse));
                }
            }
        });
        if count > most {
            self.violation(at, format!("{count} values: at most {most}"));
        }
        values
    }
}
