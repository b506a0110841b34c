//! What does not fit together within a message, in words. Whether that refuses the message or is a finding, each message
//! decides.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::energy::Kwh;
use crate::finding::codes;
use crate::meter_values::MeterValues;
use crate::time::DateTime;

/// How far clocks of operators and hub may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// No car takes more than this in one session; watt hours were probably meant.
const MOST_KWH: Decimal = Decimal::from_parts(1000, 0, 0, false, 0);

/// A finding's code and its words.
pub(crate) type Oddity = (&'static str, String);

/// Whether `moment` lies in the future, beyond what clocks may differ.
pub(crate) fn in_future(moment: DateTime, now: Timestamp) -> Option<String> {
    (moment.instant().duration_since(now) > SKEW)
        .then(|| format!("{moment} lies more than five minutes in the future"))
}

/// `earlier` should not be later than `later`.
pub(crate) fn out_of_order(earlier: Option<DateTime>, later: Option<DateTime>) -> Option<String> {
    let (earlier, later) = (earlier?, later?);
    (earlier.instant() > later.instant()).then(|| format!("{earlier} should not be later than {later}"))
}

/// Less than nothing, or more than a car takes.
pub(crate) fn amount(energy: Kwh) -> Option<Oddity> {
    if energy < Kwh::ZERO {
        return Some((codes::ENERGY_NEGATIVE, format!("{energy} kWh is less than nothing")));
    }
    let too_high = energy > Kwh::from(MOST_KWH);
    too_high.then(|| (codes::ENERGY_TOO_HIGH, format!("{energy} kWh is more than a car takes: watt hours?")))
}

/// The meter at the end is lower than at the start.
pub(crate) fn runs_backwards(start: Option<Kwh>, end: Option<Kwh>) -> Option<String> {
    let (start, end) = (start?, end?);
    (end < start).then(|| format!("{end} is lower than {start} at the start"))
}

/// What is in between is not between start and end, or does not grow.
pub(crate) fn in_between(start: Option<Kwh>, values: Option<&MeterValues>, end: Option<Kwh>) -> Vec<String> {
    let mut odd = Vec::new();
    let Some(values) = values else { return odd };
    if let Some(index) = values.first_decrease {
        odd.push(format!("value {index} is lower than the one before it"));
    }
    if let (Some(start), Some(lowest)) = (start, values.lowest)
        && lowest < start
    {
        odd.push(format!("{lowest} is lower than {start} at the start"));
    }
    if let (Some(highest), Some(end)) = (values.highest, end)
        && end < highest
    {
        odd.push(format!("{highest} is higher than {end} at the end"));
    }
    odd
}

/// The energy stated is not what the meter says, give or take a watt hour.
pub(crate) fn energy_against_meter(
    stated: Option<Kwh>,
    start: Option<Kwh>,
    end: Option<Kwh>,
) -> Option<Oddity> {
    let (stated, from, to) = (stated?, start?, end?);
    let difference =
        to.checked_sub(from).and_then(|measured| Some((measured, stated.checked_sub(measured)?)));
    match difference {
        None => {
            let text = "the difference of the meter values cannot be computed".to_owned();
            Some((codes::ENERGY_OVERFLOW, text))
        }
        Some((measured, off)) if off.abs() > Kwh::WATT_HOUR => {
            let text = format!("{stated} kWh, but the meter values are {measured} kWh apart");
            Some((codes::ENERGY_MISMATCH, text))
        }
        Some(_) => None,
    }
}
