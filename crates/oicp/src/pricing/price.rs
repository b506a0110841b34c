//! A price: a decimal number, net of tax, in the spelling in which it came.

use std::fmt;

use rust_decimal::Decimal;

use crate::field::Judge;
use crate::json::{self, Kind};
use crate::place::Path;

/// A price. Equal are those of one amount, whatever the spelling.
#[derive(Clone)]
pub struct Price {
    text: String,
    amount: Decimal,
}

impl Price {
    /// Reads the text of a JSON number: `0.50`, `1e-2`. What was written by [`Price::as_str`] is read back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?.get();
        if json::kind(number) != Kind::Number {
            return None;
        }
        let amount = crate::energy::Kwh::parse(number).ok()?.decimal();
        Some(Self { text: number.to_owned(), amount })
    }

    /// As a JSON number, spelt as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How much.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// Reads the value at a place, as a number or as a string that holds one.
    pub(super) fn read(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<Self> {
        let amount = judge.decimal(at, raw)?;
        let raw = raw?;
        let spelt = json::string(raw).unwrap_or(raw.into());
        // A string may hold a spelling that is no JSON number, such as `.5`.
        Some(Self::parse(&spelt).unwrap_or_else(|| Self { text: amount.to_string(), amount }))
    }
}

impl PartialEq for Price {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Price {}

impl fmt::Display for Price {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Price({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Price;

    #[test]
    fn a_price_keeps_its_spelling() {
        for text in ["0", "0.50", "1e-2", "-3.000", "12345678901234567890.12"] {
            assert_eq!(Price::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(Price::parse("0.50"), Price::parse("5e-1"));
        for text in ["", ".5", "+1", "1.", "0,5", "\"1\"", "null", "[1]", "1 2", "1e99"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
