//! Energy in kilowatt hours, as an exact decimal: what is billed must not pass through a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

/// Kilowatt hours. OICP asks for at most three decimals; more are kept, and reported as a finding by the messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kwh(Decimal);

/// Why a text is not an amount of energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KwhError {
    /// Not a decimal number; a decimal comma is a frequent reason.
    #[error("not a number: expected kWh with a decimal point, such as 18.345")]
    NotANumber,
    /// A number of a size that no meter shows.
    #[error("out of range: expected kWh, such as 18.345")]
    OutOfRange,
}

impl Kwh {
    /// No energy at all, a legal and frequent amount.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// One watt hour, the finest amount that OICP asks for.
    pub const WATT_HOUR: Self = Self(Decimal::from_parts(1, 0, 0, false, 3));

    /// Reads the text of a JSON number or the content of a numeric string: `10`, `10.500`, `1.05e1`.
    pub fn parse(text: &str) -> Result<Self, KwhError> {
        let text = text.trim_ascii();
        if let Some(amount) = plain(text) {
            return Ok(Self(amount));
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, signed(exponent)?),
            None => (text, 0),
        };
        let mantissa = decimal(mantissa)?;
        scaled(mantissa, exponent).map(Self).ok_or(KwhError::OutOfRange)
    }

    /// The amount as a decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// How many decimals the amount needs; trailing zeros do not count.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.0.normalize().scale()
    }

    /// Whether the amount needs more than the three decimals that OICP asks for.
    pub(crate) fn finer_than_watt_hours(self) -> bool {
        self.0.scale() > 3 && self.decimals() > 3
    }

    /// The difference; `None` when it cannot be represented.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The amount without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl From<Decimal> for Kwh {
    fn from(amount: Decimal) -> Self {
        Self(amount)
    }
}

impl fmt::Display for Kwh {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl fmt::Debug for Kwh {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Kwh({})", self.0)
    }
}

/// What meters show: no sign, no exponent, and so few digits that they fit an integer. `None` leaves the text to the
/// thorough reading.
fn plain(text: &str) -> Option<Decimal> {
    const MOST: usize = 18;
    let (whole, fraction) = match text.bytes().position(|byte| byte == b'.') {
        Some(point) => (text.get(..point)?, text.get(point + 1..)?),
        None => (text, ""),
    };
    if whole.is_empty() || whole.len() + fraction.len() > MOST {
        return None;
    }
    let mantissa = append(append(0, whole)?, fraction)?;
    Some(Decimal::new(mantissa, u32::try_from(fraction.len()).ok()?))
}

/// `number` with the digits of `text` written behind it; the caller has made sure that it fits.
fn append(number: i64, text: &str) -> Option<i64> {
    text.bytes()
        .try_fold(number, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Sign, digits and at most one point; at least one digit.
fn decimal(text: &str) -> Result<Decimal, KwhError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !all_digits || (whole.is_empty() && fraction.is_empty()) {
        return Err(KwhError::NotANumber);
    }
    Decimal::from_str(text).map_err(|_| KwhError::OutOfRange)
}

/// An exponent; one beyond 32 bits is read as the largest, it is out of range in any case.
fn signed(text: &str) -> Result<i32, KwhError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(KwhError::NotANumber);
    }
    let limit = if text.starts_with('-') { i32::MIN } else { i32::MAX };
    Ok(text.parse().unwrap_or(limit))
}

/// `mantissa * 10^exponent`; what is smaller than the smallest decimal becomes zero.
fn scaled(mantissa: Decimal, exponent: i32) -> Option<Decimal> {
    if mantissa.is_zero() || exponent == 0 {
        return Some(mantissa);
    }
    let power = |digits: u32| {
        10_i128.checked_pow(digits).and_then(|power| Decimal::try_from_i128_with_scale(power, 0).ok())
    };
    match power(exponent.unsigned_abs()) {
        Some(power) if exponent > 0 => mantissa.checked_mul(power),
        Some(power) => mantissa.checked_div(power),
        None if exponent > 0 => None,
        None => Some(Decimal::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kwh, KwhError, decimal, plain};

    #[test]
    fn reads_numbers_as_partners_write_them() {
        for (text, expected) in [
            ("10", "10"),
            ("10.500", "10.500"),
            ("-0.001", "-0.001"),
            (" 18.345 ", "18.345"),
            (".5", "0.5"),
            ("+7.", "7"),
        ] {
            assert_eq!(Kwh::parse(text).map(|kwh| kwh.to_string()).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in
            [("1.05e1", "10.5"), ("105E-1", "10.5"), ("0e999", "0"), ("1e-400", "0"), ("1e28", "1e28")]
        {
            let amount = Kwh::parse(text).unwrap();
            assert_eq!(amount, Kwh::parse(expected).unwrap(), "{text}");
        }
    }

    #[test]
    fn reads_the_plain_as_thoroughly_as_the_rest() {
        for text in ["0", "10", "0.000", "18.345", "7.", "007", "123456789012345678", "12345678901234567.8"] {
            let (plain, thorough) = (plain(text), decimal(text).ok());
            assert_eq!(plain.map(|amount| amount.unpack()), thorough.map(|amount| amount.unpack()), "{text}");
        }
        for text in ["", ".", ".5", "-1", "+1", "1e3", "1.2.3", "1,5", "١٢", "1234567890123456789"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in [
            "10,5", "", ".", "-", "NaN", "Infinity", "1_000", "0x10", "1e", "1e+", "e5", "1.2.3", "١٢", "1 0",
        ] {
            assert_eq!(Kwh::parse(text), Err(KwhError::NotANumber), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        for text in ["1e308", "1e400", "-1e29", "1e99999999999", "99999999999999999999999999999999"] {
            assert_eq!(Kwh::parse(text), Err(KwhError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn counts_the_decimals_that_matter() {
        assert_eq!(Kwh::parse("10.5000").unwrap().decimals(), 1);
        assert_eq!(Kwh::parse("10.0001").unwrap().decimals(), 4);
        assert_eq!(Kwh::parse("1e3").unwrap().decimals(), 0);
    }

    #[test]
    fn a_difference_that_overflows_is_none() {
        let huge = Kwh::parse("7.9e28").unwrap();
        let tiny = Kwh::parse("-7.9e28").unwrap();
        assert_eq!(huge.checked_sub(tiny), None);
        assert_eq!(huge.checked_sub(huge), Some(Kwh::ZERO));
    }
}
