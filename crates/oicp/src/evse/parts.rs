//! The parts of a record: address, texts, facilities, sources of energy, opening times. They are judged and not kept.

use rust_decimal::Decimal;

use super::facts::{CountryCode, country};
use super::words::{ChargingMode, Day, EnergyType, PowerType};
use crate::field::Judge;
use crate::finding::codes;
use crate::parts::Part;
use crate::place::Path;

/// The postal address; returns its country.
pub(super) fn address(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<CountryCode> {
    const NAMES: [&str; 10] = [
        "Country",
        "City",
        "Street",
        "PostalCode",
        "HouseNum",
        "Floor",
        "Region",
        "ParkingSpot",
        "TimeZone",
        "ParkingFacility",
    ];
    /// Characters at least and at most, of the members from City to ParkingSpot.
    const LENGTHS: [(usize, usize); 7] = [(1, 50), (2, 100), (0, 10), (0, 10), (0, 5), (0, 50), (0, 5)];
    const MANDATORY: usize = 5;

    let values = judge.members(at, raw, &NAMES)?;
    let part = Part::new(&at, raw, &NAMES);
    for index in 0..MANDATORY {
        part.need(NAMES[index], values[index], judge);
    }
    for (index, (least, most)) in (1..).zip(LENGTHS) {
        judge.sized(at.member(NAMES[index]), values[index], least..=most);
    }
    let [country_code, .., time_zone, facility] = values;
    judge.formed(at.member("TimeZone"), time_zone, is_time_zone, "expected an offset such as UTC+01:00");
    judge.boolean(at.member("ParkingFacility"), facility);
    judge.parsed(at.member("Country"), country_code, country)
}

/// A list of texts in several languages.
pub(super) fn texts(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    const NAMES: [&str; 2] = ["lang", "value"];
    judge.each(at, raw, |judge, at, raw| {
        let Some([language, value]) = judge.members(at, raw, &NAMES) else { return };
        let part = Part::new(&at, raw, &NAMES);
        let language = part.need("lang", language, judge);
        judge.formed(at.member("lang"), language, is_language, "expected a language such as en or de-DE");
        let value = part.need("value", value, judge);
        judge.sized(at.member("value"), value, 0..=150);
    });
}

/// What power there is.
pub(super) fn facilities(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    const NAMES: [&str; 6] = ["PowerType", "Voltage", "Amperage", "Power", "ChargingModes", "Charging Modes"];
    judge.each(at, raw, |judge, at, raw| {
        let Some([kind, voltage, amperage, power, modes, modes_apart]) = judge.members(at, raw, &NAMES)
        else {
            return;
        };
        let part = Part::new(&at, raw, &NAMES);
        let kind = part.need("PowerType", kind, judge);
        judge.word::<PowerType>(at.member("PowerType"), kind);
        judge.bounded(at.member("Voltage"), voltage, 0..=999, true);
        let amperage = judge.bounded(at.member("Amperage"), amperage, 0..=9999, true);
        if amperage.is_some_and(|amperes| amperes > Decimal::from(99)) {
            beyond(at.member("Amperage"), "more than the two digits of the published limit", judge);
        }
        power_of(at.member("Power"), part.need("Power", power, judge), judge);
        let modes = judge.either(at.member("ChargingModes"), modes, modes_apart);
        judge.words::<ChargingMode>(at.member("ChargingModes"), modes);
    });
}

/// Kilowatts: the two published documents disagree on whether they may have a fraction.
fn power_of(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    let Some(power) = judge.decimal(at, raw) else { return };
    if power.is_sign_negative() && !power.is_zero() {
        judge.violation(at, "expected kilowatts, not below 0");
    } else if !power.fract().is_zero() || power > Decimal::from(999) {
        beyond(at, "one of the published documents has whole kilowatts up to 999", judge);
    }
}

/// What the energy is made of.
pub(super) fn energy_sources(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    const NAMES: [&str; 2] = ["Energy", "Percentage"];
    judge.each(at, raw, |judge, at, raw| {
        let Some([energy, percentage]) = judge.members(at, raw, &NAMES) else { return };
        judge.word::<EnergyType>(at.member("Energy"), energy);
        let percentage = judge.bounded(at.member("Percentage"), percentage, 0..=100, true);
        if percentage == Some(Decimal::ONE_HUNDRED) {
            beyond(at.member("Percentage"), "more than the two digits of the published limit", judge);
        }
    });
}

/// What making the energy costs the environment, in grams per kilowatt hour.
pub(super) fn environmental_impact(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    const NAMES: [&str; 2] = ["CO2Emission", "NuclearWaste"];
    let Some(values) = raw.and_then(|raw| judge.members(at, raw, &NAMES)) else { return };
    for (name, raw) in NAMES.into_iter().zip(values) {
        judge.bounded(at.member(name), raw, 0..=99_999, false);
    }
}

/// When a spot is open, or a price is valid: lists of periods on days. `usual` is how the list of periods is written, `other`
/// how it is read too.
pub(crate) fn opening_times(
    at: Path<'_>,
    raw: Option<&str>,
    usual: &'static str,
    other: &'static str,
    judge: &mut Judge<'_>,
) -> Option<usize> {
    const PERIOD: [&str; 2] = ["begin", "end"];
    let names = [usual, other, "on", "On"];
    judge.each(at, raw, |judge, at, raw| {
        let Some([periods, other_periods, on, on_upper]) = judge.members(at, raw, &names) else { return };
        let part = Part::new(&at, raw, &names);
        let on = judge.either(at.member("on"), on, on_upper);
        let on = part.need("on", on, judge);
        judge.word::<Day>(at.member("on"), on);
        let periods = judge.either(at.member(usual), periods, other_periods);
        let periods = part.need(usual, periods, judge);
        judge.each(at.member(usual), periods, |judge, at, raw| {
            let Some(times) = judge.members(at, raw, &PERIOD) else { return };
            let part = Part::new(&at, raw, &PERIOD);
            for (name, raw) in PERIOD.into_iter().zip(times) {
                let raw = part.need(name, raw, judge);
                time_of_day(at.member(name), raw, judge);
            }
        });
    })
}

fn time_of_day(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    let time = judge.parsed(at, raw, |text| hours_and_minutes(text).ok_or("expected a time such as 08:30"));
    if time.is_some_and(|(hours, minutes)| (hours, minutes) > (24, 0) || minutes > 59) {
        judge.finding(codes::NO_SUCH_TIME_OF_DAY, at, "there is no such time of day");
    }
}

/// `hh:mm`, each of two digits; the published expression bounds neither.
fn hours_and_minutes(text: &str) -> Option<(u8, u8)> {
    let &[a, b, b':', c, d] = text.as_bytes() else { return None };
    let digits = [a, b, c, d].map(|byte| byte.wrapping_sub(b'0'));
    let [a, b, c, d] = digits;
    digits.iter().all(|digit| *digit < 10).then_some((a * 10 + b, c * 10 + d))
}

/// `UTC+01:00`; the published expression is not anchored and lets a comma pass for a sign.
fn is_time_zone(text: &str) -> bool {
    let offset = text.strip_prefix("UTC").and_then(|offset| offset.strip_prefix(['+', '-']));
    offset.and_then(hours_and_minutes).is_some()
}

/// `en`, `de-DE`, `zh-CN-Hans`, `en-x-simple` (OICP 2.3, LanguageCodeType).
fn is_language(text: &str) -> bool {
    let (text, private) = match text.split_once("-x-") {
        Some((text, private)) => (text, Some(private)),
        None => (text, None),
    };
    let mut parts = text.split('-');
    let letters = |part: &str, counts: &[usize], of: fn(&u8) -> bool| {
        counts.contains(&part.len()) && part.bytes().all(|byte| of(&byte))
    };
    let language = parts.next().is_some_and(|part| letters(part, &[2, 3], u8::is_ascii_lowercase));
    let region = parts.next().is_none_or(|part| letters(part, &[2, 3], u8::is_ascii_uppercase));
    let script = parts.next().is_none_or(|part| letters(part, &[4], u8::is_ascii_alphabetic));
    let private =
        private.is_none_or(|part| letters(part, &[1, 2, 3, 4, 5, 6, 7, 8], u8::is_ascii_alphanumeric));
    language && region && script && private && parts.next().is_none()
}

/// `+49` and so on: a plus and 5 to 15 digits (OICP 2.3, PhoneNumberType).
pub(super) fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `IT*123*P456*AB789` (OICP 2.3, ChargingPoolIDType; the published expression is not anchored).
pub(super) fn is_pool_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_at_checked(2) else { return false };
    let rest = rest.strip_prefix('*').unwrap_or(rest);
    let Some((operator, rest)) = rest.split_at_checked(3) else { return false };
    let rest = rest.strip_prefix('*').unwrap_or(rest);
    let Some(pool) = rest.strip_prefix('P') else { return false };
    country.bytes().all(|byte| byte.is_ascii_alphabetic())
        && operator.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && (1..=30).contains(&pool.len())
        && pool.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'*')
}

/// Three capital letters (ISO 4217). Whether there is such a currency is not asked: the list changes.
pub(crate) fn currency(text: &str) -> Result<(), &'static str> {
    let letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    letters.then_some(()).ok_or("expected the three capital letters of a currency (ISO 4217), such as EUR")
}

fn beyond(at: Path<'_>, text: &str, judge: &mut Judge<'_>) {
    judge.finding(codes::BEYOND_PUBLISHED_LIMIT, at, text);
}

#[cfg(test)]
mod tests {
    use super::{hours_and_minutes, is_language, is_phone_number, is_pool_id, is_time_zone};

    #[test]
    fn forms_are_those_of_the_published_expressions_anchored() {
        type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 4] = [
            (
                is_language,
                &["en", "deu", "de-DE", "zh-CHN-Hans", "en-x-1", "en-US-x-simple12"],
                &["", "e", "EN", "en-us", "en-DE-Ha", "en-x-", "en-x-123456789", "en-DE-Hans-x", "engl", "ä"],
            ),
            (
                is_phone_number,
                &["+49123", "+49123123123123", "+123456789012345"],
                &["", "+1234", "+1234567890123456", "0049123", "+49 123", "49123", "+٤٩١٢٣"],
            ),
            (
                is_pool_id,
                &["IT*123*P456*AB789", "DEABCP1", "de*abc*P**"],
                &["", "IT*123*P", "IT*123*E456", "IT*123*P456 ", "xIT*123*P456", "IT*12", "ÄÖ*123*P4"],
            ),
            (
                is_time_zone,
                &["UTC+01:00", "UTC-05:00"],
                &["", "UTC,01:00", "UTC01:00", "UTC+1:00", "UTC+01:00 ", "GMT+01:00", "+01:00"],
            ),
        ];
        for (form, good, bad) in cases {
            good.iter().for_each(|text| assert!(form(text), "{text}"));
            bad.iter().for_each(|text| assert!(!form(text), "{text}"));
        }
        assert_eq!(hours_and_minutes("24:00"), Some((24, 0)));
        assert_eq!([hours_and_minutes("9:00"), hours_and_minutes("09.00"), hours_and_minutes("")], [None; 3]);
    }
}
