//! The three forms of coordinates (OICP 2.3, GeoCoordinates): `{"Google": {"Coordinates": "52.480495 13.356465"}}`,
//! `{"DecimalDegree": {"Latitude": …, "Longitude": …}}` and `{"DegreeMinuteSeconds": {…}}` with `52°28'49.782''`.
//!
//! Read are the published expressions, and no more: a third digit of degrees must be a 1, decimals have one to six digits.
//! Between the two numbers of the Google form there must be something (a blank, a comma, a minus): the published
//! expression would let them touch, and then nobody knows where the first one ends.

use std::fmt::Write;

use thiserror::Error;

use super::{DEGREE, GeoPoint};
use crate::field::Judge;
use crate::place::Path;
use crate::words::{Word, words};

words! {
    /// The forms (OICP 2.3, GeoCoordinatesResponseFormatType).
    pub GeoFormat {
        /// Latitude and longitude in one string.
        Google = "Google",
        /// Degrees, minutes and seconds.
        DegreeMinuteSeconds = "DegreeMinuteSeconds",
        /// Degrees with decimals.
        DecimalDegree = "DecimalDegree",
    }
}

/// Why a text is not a coordinate. The messages show the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GeoError {
    /// Not of the Google form.
    #[error(
        "expected latitude and longitude with 1 to 6 decimals and a blank between, such as 47.662249 9.360922"
    )]
    Google,
    /// Not of the form with decimals.
    #[error("expected degrees with 1 to 6 decimals, such as 9.360922")]
    Decimal,
    /// Not of the form with minutes and seconds.
    #[error("expected degrees, minutes and seconds with decimals, such as 9°21'39.32''")]
    Sexagesimal,
    /// There is no such place.
    #[error(
        "out of range: latitude goes from -90 to 90, longitude from -180 to 180, minutes and seconds below 60"
    )]
    Range,
}

/// Coordinates as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) point: GeoPoint,
    pub(crate) format: GeoFormat,
    /// Whether all members were spelt as they are to be written.
    pub(crate) usual: bool,
}

const FORMS: [&str; 3] = ["Google", "DecimalDegree", "DegreeMinuteSeconds"];
/// `Coordinatea` is how one of the published documents has it.
const GOOGLE: [&str; 2] = ["Coordinates", "Coordinatea"];
const PAIR: [&str; 2] = ["Latitude", "Longitude"];

/// Reads the object at `at`, in exactly one of the forms.
pub(crate) fn read(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<Located> {
    let [google, decimal, sexagesimal] = judge.members(at, raw, &FORMS)?;
    match (google, decimal, sexagesimal) {
        (Some(raw), None, None) => in_one_string(at.member(FORMS[0]), raw, judge),
        (None, Some(raw), None) => {
            let point = pair(at.member(FORMS[1]), raw, GeoPoint::parse_decimal, judge)?;
            Some(Located { point, format: GeoFormat::DecimalDegree, usual: true })
        }
        (None, None, Some(raw)) => {
            let point = pair(at.member(FORMS[2]), raw, GeoPoint::parse_sexagesimal, judge)?;
            Some(Located { point, format: GeoFormat::DegreeMinuteSeconds, usual: true })
        }
        _ => {
            judge.violation(at, format!("expected exactly one of {}", FORMS.join(", ")));
            None
        }
    }
}

fn in_one_string(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<Located> {
    let [usual, mistyped] = judge.members(at, raw, &GOOGLE)?;
    let text = judge.either(at.member(GOOGLE[0]), usual, mistyped);
    if text.is_none() {
        judge.violation(at.member(GOOGLE[0]), "Coordinates is missing");
    }
    let point = judge.parsed(at.member(GOOGLE[0]), text, GeoPoint::parse_google)?;
    Some(Located { point, format: GeoFormat::Google, usual: usual.is_some() })
}

fn pair(
    at: Path<'_>,
    raw: &str,
    parse: fn(&str) -> Result<i32, GeoError>,
    judge: &mut Judge<'_>,
) -> Option<GeoPoint> {
    let values = judge.members(at, raw, &PAIR)?;
    let [latitude, longitude] = [0, 1].map(|index| {
        let (name, value) = (PAIR[index], values[index]);
        if value.is_none() {
            judge.violation(at.member(name), format!("{name} is missing"));
        }
        let degrees = judge.parsed(at.member(name), value, parse)?;
        let most = if index == 0 { 90 } else { 180 };
        if degrees.unsigned_abs() > most * DEGREE.unsigned_abs() {
            judge.violation(at.member(name), GeoError::Range.to_string());
        }
        Some(degrees)
    });
    GeoPoint::from_e7(latitude?, longitude?)
}

impl GeoPoint {
    /// Reads the Google form, `52.480495 13.356465`.
    ///
    /// # Errors
    /// [`GeoError::Google`], or [`GeoError::Range`] for what is no place.
    pub fn parse_google(text: &str) -> Result<Self, GeoError> {
        let (latitude, rest) = leading_decimal(text).ok_or(GeoError::Google)?;
        let gap = rest.trim_ascii_start();
        let after = gap.strip_prefix(',').unwrap_or(gap).trim_ascii_start();
        let apart = after.len() < rest.len() || after.starts_with('-');
        let (longitude, rest) = leading_decimal(after).filter(|_| apart).ok_or(GeoError::Google)?;
        if !rest.is_empty() {
            return Err(GeoError::Google);
        }
        Self::from_e7(latitude, longitude).ok_or(GeoError::Range)
    }

    /// Reads degrees with decimals, in 10⁻⁷ degrees.
    ///
    /// # Errors
    /// [`GeoError::Decimal`].
    pub fn parse_decimal(text: &str) -> Result<i32, GeoError> {
        let read = leading_decimal(text).filter(|(_, rest)| rest.is_empty());
        read.map(|(degrees, _)| degrees).ok_or(GeoError::Decimal)
    }

    /// Reads degrees, minutes and seconds, rounded to 10⁻⁷ degrees.
    ///
    /// # Errors
    /// [`GeoError::Sexagesimal`], or [`GeoError::Range`] for 60 minutes or seconds and more.
    pub fn parse_sexagesimal(text: &str) -> Result<i32, GeoError> {
        let (negative, degrees, minutes, seconds, fraction) = split(text).ok_or(GeoError::Sexagesimal)?;
        if minutes > 59 || seconds > 59 {
            return Err(GeoError::Range);
        }
        // Below 200 degrees in billionths of a second of arc: far from overflowing.
        let whole = (i64::from(degrees) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
        let billionths = whole * 1_000_000_000 + fraction;
        let e7 = i32::try_from((billionths + 180_000) / 360_000).map_err(|_| GeoError::Range)?;
        Ok(if negative { -e7 } else { e7 })
    }

    /// Appends the object in this form. Decimals are rounded to 10⁻⁶ degrees, as many as the published expressions allow;
    /// degrees, minutes and seconds are exact.
    pub(crate) fn write(self, format: GeoFormat, out: &mut String) {
        let Self { latitude, longitude } = self;
        // Writing into a String cannot fail.
        let _written = match format {
            GeoFormat::Google => write!(
                out,
                "{{\"Google\":{{\"Coordinates\":\"{} {}\"}}}}",
                DecimalText(latitude),
                DecimalText(longitude)
            ),
            GeoFormat::DecimalDegree => write!(
                out,
                "{{\"{}\":{{\"Longitude\":\"{}\",\"Latitude\":\"{}\"}}}}",
                format.as_str(),
                DecimalText(longitude),
                DecimalText(latitude)
            ),
            GeoFormat::DegreeMinuteSeconds => write!(
                out,
                "{{\"{}\":{{\"Longitude\":\"{}\",\"Latitude\":\"{}\"}}}}",
                format.as_str(),
                SexagesimalText(longitude),
                SexagesimalText(latitude)
            ),
        };
    }

    /// The object in this form, as text.
    #[must_use]
    pub fn to_json(self, format: GeoFormat) -> String {
        let mut text = String::new();
        self.write(format, &mut text);
        text
    }
}

/// Sign, degrees and 1 to 6 decimals from the front of a text, in 10⁻⁷ degrees, and what follows them.
fn leading_decimal(text: &str) -> Option<(i32, &str)> {
    let (negative, text) = sign(text);
    let (degrees, rest) = leading_degrees(text)?;
    let (decimals, rest) = digits(rest.strip_prefix('.')?, 6);
    if decimals.is_empty() {
        return None;
    }
    let places = u32::try_from(decimals.len()).ok()?;
    let fraction = decimals.parse::<i32>().ok()?.checked_mul(10_i32.checked_pow(7 - places)?)?;
    let e7 = degrees.checked_mul(DEGREE)?.checked_add(fraction)?;
    Some((if negative { -e7 } else { e7 }, rest))
}

/// `-9°21'39.32''` as sign, degrees, minutes, whole seconds and billionths of a second.
fn split(text: &str) -> Option<(bool, i32, i32, i32, i64)> {
    let (negative, text) = sign(text);
    let (degrees, rest) = leading_degrees(text)?;
    let rest = rest.strip_prefix('°')?;
    let (minutes, rest) = leading_number(rest.strip_prefix(' ').unwrap_or(rest))?;
    let rest = rest.strip_prefix('\'')?;
    let (seconds, rest) = leading_number(rest.strip_prefix(' ').unwrap_or(rest))?;
    let (decimals, rest) = digits(rest.strip_prefix('.')?, usize::MAX);
    if decimals.is_empty() || rest != "''" {
        return None;
    }
    let nine = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
    let fraction = nine.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((negative, degrees, minutes, seconds, fraction))
}

fn sign(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |rest| (true, rest))
}

/// One or two digits, or three that begin with a 1.
fn leading_degrees(text: &str) -> Option<(i32, &str)> {
    let (number, rest) = digits(text, 3);
    let fits = matches!(number.len(), 1 | 2) || number.starts_with('1');
    Some((number.parse().ok().filter(|_| fits)?, rest))
}

/// One or two digits.
fn leading_number(text: &str) -> Option<(i32, &str)> {
    let (number, rest) = digits(text, 2);
    Some((number.parse().ok()?, rest))
}

/// As many digits as there are, at most `most`.
fn digits(text: &str, most: usize) -> (&str, &str) {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    text.split_at_checked(count).unwrap_or(("", text))
}

/// Degrees with six decimals.
struct DecimalText(i32);

impl std::fmt::Display for DecimalText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millionths = (self.0.unsigned_abs() + 5) / 10;
        let sign = if self.0 < 0 && millionths > 0 { "-" } else { "" };
        write!(out, "{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    }
}

/// Degrees, minutes and seconds; of the seconds' decimals as many as there are, at least one, at most five.
struct SexagesimalText(i32);

impl std::fmt::Display for SexagesimalText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        // 10⁻⁷ degrees are 36·10⁻⁵ seconds.
        let arc = u64::from(self.0.unsigned_abs()) * 36;
        let (seconds, mut fraction) = (arc / 100_000, arc % 100_000);
        let mut places = 5;
        while places > 1 && fraction % 10 == 0 {
            fraction /= 10;
            places -= 1;
        }
        let (degrees, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(out, "{sign}{degrees}°{minutes}'{seconds}.{fraction:0places$}''")
    }
}

#[cfg(test)]
mod tests {
    use super::{GeoError, GeoFormat, GeoPoint};

    #[test]
    fn reads_the_google_form() {
        let point = GeoPoint::from_e7(476_622_490, 93_609_220).unwrap();
        for text in
            ["47.662249 9.360922", "47.662249,9.360922", "47.662249 , 9.360922", "47.662249\t\n9.360922"]
        {
            assert_eq!(GeoPoint::parse_google(text), Ok(point), "{text}");
        }
        let south_west = GeoPoint::from_e7(-5_000_000, -1_700_000_000).unwrap();
        assert_eq!(GeoPoint::parse_google("-0.5-170.0"), Ok(south_west));
        for text in [
            "",
            "47.6",
            "47.6 ",
            "47 9.3",
            "47.66224999.360922",
            "47.6622491 9.3",
            "47.6 9.3 ",
            " 47.6 9.3",
            "47.6,,9.3",
            "299.5 9.3",
            "047.5 9.3",
            "47,6 9,3",
            "+47.6 9.3",
            "٤٧.٦ 9.3",
            "47.6 9.",
        ] {
            assert_eq!(GeoPoint::parse_google(text), Err(GeoError::Google), "{text}");
        }
        for text in ["90.000001 0.0", "-91.0 0.0", "0.0 180.1", "0.0 -199.999999"] {
            assert_eq!(GeoPoint::parse_google(text), Err(GeoError::Range), "{text}");
        }
        assert!(GeoPoint::parse_google("-90.0 180.0").is_ok());
    }

    #[test]
    fn reads_degrees_minutes_and_seconds() {
        for (text, e7) in [
            ("9°21'39.32''", 93_609_222),
            ("-21°34'23.16''", -215_731_000),
            ("9° 21' 39.32''", 93_609_222),
            ("0°0'0.00036''", 1),
            ("-0°0'0.00017''", 0),
            ("0°0'0.00018''", 1),
            ("179°59'59.99999999999999999999''", 1_800_000_000),
        ] {
            assert_eq!(GeoPoint::parse_sexagesimal(text), Ok(e7), "{text}");
        }
        for text in [
            "9°21'39''",
            "9°21'39.32\"",
            "9°21'39.32'",
            "9°21'.3''",
            "9°'39.3''",
            "9 21 39.32",
            "9°21'39.3''x",
        ] {
            assert_eq!(GeoPoint::parse_sexagesimal(text), Err(GeoError::Sexagesimal), "{text}");
        }
        assert_eq!(GeoPoint::parse_sexagesimal("9°60'0.0''"), Err(GeoError::Range));
        assert_eq!(GeoPoint::parse_sexagesimal("9°0'60.0''"), Err(GeoError::Range));
    }

    #[test]
    fn writes_all_three_forms() {
        let point = GeoPoint::parse_google("52.480495 -13.356465").unwrap();
        assert_eq!(point.to_json(GeoFormat::Google), r#"{"Google":{"Coordinates":"52.480495 -13.356465"}}"#);
        assert_eq!(
            point.to_json(GeoFormat::DecimalDegree),
            r#"{"DecimalDegree":{"Longitude":"-13.356465","Latitude":"52.480495"}}"#
        );
        assert_eq!(
            point.to_json(GeoFormat::DegreeMinuteSeconds),
            r#"{"DegreeMinuteSeconds":{"Longitude":"-13°21'23.274''","Latitude":"52°28'49.782''"}}"#
        );
        let tiny = GeoPoint::from_e7(-4, 1_800_000_000).unwrap();
        assert_eq!(tiny.to_json(GeoFormat::Google), r#"{"Google":{"Coordinates":"0.000000 180.000000"}}"#);
        assert_eq!(
            tiny.to_json(GeoFormat::DegreeMinuteSeconds),
            r#"{"DegreeMinuteSeconds":{"Longitude":"180°0'0.0''","Latitude":"-0°0'0.00144''"}}"#
        );
    }
}
