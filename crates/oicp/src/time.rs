//! A point in time as a partner wrote it: the original text beside the instant it means.
//!
//! Tariffs depend on the local time of the charge point, so the offset must survive; and what is forwarded must not
//! be re-formatted. OICP prescribes seconds and an offset, its own examples use milliseconds and `Z`: everything
//! that is RFC 3339 is accepted, nothing else.

use std::fmt;

use jiff::tz::Offset;
use jiff::{Timestamp, civil};
use thiserror::Error;

use crate::inline::InlineStr;

/// An RFC 3339 date and time, such as `2025-06-01T09:10:00+02:00`. Fraction digits beyond nanoseconds stay in the
/// text but do not count in the instant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    text: InlineStr<40>,
    instant: Timestamp,
}

/// Why a text is not a date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DateTimeError {
    /// Not of the form RFC 3339 prescribes.
    #[error("not a date and time: expected RFC 3339, such as 2025-06-01T09:10:00+02:00")]
    Form,
    /// Date and time without `Z` or an offset: it does not name an instant.
    #[error("the offset from UTC is missing: add the charge point's, such as +02:00, or Z")]
    NoOffset,
    /// The form is right, but there is no such moment (30 February, 25 o'clock).
    #[error("there is no such date, time or offset")]
    NoSuchTime,
    /// More than 40 characters.
    #[error("too long for a date and time: at most 40 characters")]
    TooLong,
}

impl DateTime {
    /// Reads RFC 3339; the fraction is optional, the offset is not.
    pub fn parse(text: &str) -> Result<Self, DateTimeError> {
        let instant = instant(text.as_bytes())?;
        let text = InlineStr::new(text).ok_or(DateTimeError::TooLong)?;
        Ok(Self { text, instant })
    }

    /// The text as it was received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The instant it names.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.instant
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DateTime({})", self.as_str())
    }
}

fn instant(text: &[u8]) -> Result<Timestamp, DateTimeError> {
    let (local, offset) = text.split_at_checked(19).ok_or(DateTimeError::Form)?;
    let (nanoseconds, offset) = fraction(offset)?;
    let local = local_time(local, nanoseconds)?;
    offset_from_utc(offset)?.to_timestamp(local).map_err(|_| DateTimeError::NoSuchTime)
}

/// `YYYY-MM-DDThh:mm:ss`
fn local_time(text: &[u8], nanoseconds: i32) -> Result<civil::DateTime, DateTimeError> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h, b'T' | b't', i, j, b':', k, l, b':', m, n] = text else {
        return Err(DateTimeError::Form);
    };
    let (year, month, day) = (number(&[a, b, c, d])?, number(&[e, f])?, number(&[g, h])?);
    let (hour, minute, second) = (number(&[i, j])?, number(&[k, l])?, number(&[m, n])?);
    // Fewer than three digits each, so narrowing cannot cut.
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|part| part as i8);
    civil::DateTime::new(year, month, day, hour, minute, second, nanoseconds)
        .map_err(|_| DateTimeError::NoSuchTime)
}

/// Reads `.digits` if it is there; returns its first nine digits as nanoseconds and what follows.
fn fraction(text: &[u8]) -> Result<(i32, &[u8]), DateTimeError> {
    let Some(digits) = text.strip_prefix(b".") else { return Ok((0, text)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(count).ok_or(DateTimeError::Form)?;
    if digits.is_empty() {
        return Err(DateTimeError::Form);
    }
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = nine.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    Ok((nanoseconds, rest))
}

/// `Z`, `+hh:mm` or `-hh:mm`, and nothing after it.
fn offset_from_utc(text: &[u8]) -> Result<Offset, DateTimeError> {
    let (sign, hours, minutes) = match text {
        [] => return Err(DateTimeError::NoOffset),
        b"Z" | b"z" => return Ok(Offset::UTC),
        &[sign @ (b'+' | b'-'), a, b, b':', c, d] => (sign, number(&[a, b])?, number(&[c, d])?),
        _ => return Err(DateTimeError::Form),
    };
    if hours > 23 || minutes > 59 {
        return Err(DateTimeError::NoSuchTime);
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    let seconds = if sign == b'-' { -seconds } else { seconds };
    Offset::from_seconds(seconds).map_err(|_| DateTimeError::NoSuchTime)
}

/// At most four digits.
fn number(digits: &[u8]) -> Result<i16, DateTimeError> {
    digits.iter().try_fold(0, |sum: i16, byte| match byte {
        b'0'..=b'9' => Ok(sum * 10 + i16::from(byte - b'0')),
        _ => Err(DateTimeError::Form),
    })
}

#[cfg(test)]
mod tests {
    use super::{DateTime, DateTimeError};

    #[test]
    fn keeps_the_text_and_knows_the_instant() {
        let local = DateTime::parse("2025-06-01T09:10:00+02:00").unwrap();
        let utc = DateTime::parse("2025-06-01t07:10:00.000z").unwrap();
        assert_eq!(local.as_str(), "2025-06-01T09:10:00+02:00");
        assert_eq!(local.instant(), utc.instant());
        assert_eq!(utc.to_string(), "2025-06-01t07:10:00.000z");
    }

    #[test]
    fn counts_nanoseconds_and_keeps_further_digits_as_text() {
        let fine = DateTime::parse("2025-06-01T07:10:00.1234567899-00:30").unwrap();
        assert_eq!(fine.instant().subsec_nanosecond(), 123_456_789);
        assert_eq!(fine.instant().to_string(), "2025-06-01T07:40:00.123456789Z");
    }

    #[test]
    fn each_mistake_has_its_message() {
        let cases = [
            ("2025-06-01T09:10:00", DateTimeError::NoOffset),
            ("2025-06-01T09:10:00.5", DateTimeError::NoOffset),
            ("2025-02-30T09:10:00Z", DateTimeError::NoSuchTime),
            ("2025-06-01T25:10:00Z", DateTimeError::NoSuchTime),
            ("2025-06-01T09:10:00+24:00", DateTimeError::NoSuchTime),
            ("2025-06-01 09:10:00Z", DateTimeError::Form),
            ("2025-06-01T09:10:00.Z", DateTimeError::Form),
            ("2025-06-01T09:10:00+0200", DateTimeError::Form),
            ("2025-06-01T09:10:00[Europe/Berlin]", DateTimeError::Form),
            ("2025-06-01", DateTimeError::Form),
            ("", DateTimeError::Form),
            ("２０25-06-01T09:10:00Z", DateTimeError::Form),
            ("2025-06-01T09:10:00.000000000000000000000Z", DateTimeError::TooLong),
        ];
        for (text, expected) in cases {
            assert_eq!(DateTime::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_errors_not_panics() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00Z"] {
            let _whatever = DateTime::parse(text);
        }
    }
}
