//! Whether what a notification says can be true. Nothing here refuses anything.
//!
//! OICP only describes how times and energies relate. The published End example breaks one of the relations itself,
//! and a dropped End blocks a driver, so all of them are findings.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::facts::{End, Facts, MeterValues, Progress, Start};
use super::members::Member;
use crate::energy::Kwh;
use crate::finding::{Finding, codes};
use crate::time::DateTime;

/// How far clocks of operators and hub may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Both time stamps may have been cut to whole seconds.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);
/// One watt hour: the last digit of three decimals.
const WATT_HOUR: Decimal = Decimal::from_parts(1, 0, 0, false, 3);
/// No car takes more than this in one session; watt hours were probably meant.
const MOST_KWH: Decimal = Decimal::from_parts(1000, 0, 0, false, 0);

/// Adds what does not fit together.
pub(super) fn judge(facts: &Facts, findings: &mut Vec<Finding>) {
    match facts {
        Facts::Start(start) => judge_start(start, findings),
        Facts::Progress(progress) => judge_progress(progress, findings),
        Facts::End(end) => judge_end(end, findings),
        Facts::Error(_) => {}
    }
}

/// What should have happened by now and lies in the future. A penalty may well begin later.
pub(super) fn in_future(facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let (member, moment) = match facts {
        Facts::Start(start) => (Member::ChargingStart, start.charging_start),
        Facts::Progress(progress) => (Member::EventOccurred, progress.event_occurred),
        Facts::End(end) => (Member::ChargingEnd, end.charging_end),
        Facts::Error(_) => return Vec::new(),
    };
    if moment.instant().duration_since(now) <= SKEW {
        return Vec::new();
    }
    vec![found(codes::TIME_IN_FUTURE, member, format!("{moment} lies more than five minutes in the future"))]
}

fn found(code: &'static str, member: Member, text: impl Into<String>) -> Finding {
    Finding::new(code, member.at().pointer(), text)
}

/// Reports `member` if `earlier` is in fact later.
fn in_order(
    code: &'static str,
    member: Member,
    earlier: Option<DateTime>,
    later: Option<DateTime>,
    findings: &mut Vec<Finding>,
) {
    if let (Some(earlier), Some(later)) = (earlier, later)
        && earlier.instant() > later.instant()
    {
        findings.push(found(code, member, format!("{earlier} should not be later than {later}")));
    }
}

fn judge_start(start: &Start, findings: &mut Vec<Finding>) {
    let code = codes::SESSION_START_AFTER_CHARGING_START;
    in_order(code, Member::SessionStart, start.session_start, Some(start.charging_start), findings);
}

fn judge_progress(progress: &Progress, findings: &mut Vec<Finding>) {
    let (start, event) = (Some(progress.charging_start), Some(progress.event_occurred));
    let code = codes::SESSION_START_AFTER_CHARGING_START;
    in_order(code, Member::SessionStart, progress.session_start, start, findings);
    in_order(codes::EVENT_BEFORE_CHARGING_START, Member::EventOccurred, start, event, findings);
    if let Some(stated) = progress.charging_duration_ms {
        judge_duration(stated, progress, findings);
    }
    judge_energy(Member::ConsumedEnergyProgress, progress.consumed_energy_progress, findings);
    judge_meter(progress.meter_value_start, progress.meter_value_in_between.as_ref(), None, findings);
}

fn judge_duration(stated: i64, progress: &Progress, findings: &mut Vec<Finding>) {
    let measured = progress.event_occurred.instant().duration_since(progress.charging_start.instant());
    let difference = SignedDuration::from_millis(stated).checked_sub(measured);
    if difference.is_none_or(|difference| difference.unsigned_abs() > ROUNDING.unsigned_abs()) {
        let text = format!("{stated} ms, but the time stamps are {} ms apart", measured.as_millis());
        findings.push(found(codes::DURATION_MISMATCH, Member::ChargingDuration, text));
    }
}

fn judge_end(end: &End, findings: &mut Vec<Finding>) {
    let charging_end = Some(end.charging_end);
    let code = codes::CHARGING_START_AFTER_END;
    in_order(code, Member::ChargingStart, end.charging_start, charging_end, findings);
    let code = codes::SESSION_START_AFTER_CHARGING_START;
    in_order(code, Member::SessionStart, end.session_start, end.charging_start, findings);
    let code = codes::SESSION_END_BEFORE_CHARGING_END;
    in_order(code, Member::SessionEnd, charging_end, end.session_end, findings);
    let code = codes::PENALTY_BEFORE_CHARGING_END;
    in_order(code, Member::PenaltyTimeStart, charging_end, end.penalty_time_start, findings);
    judge_energy(Member::ConsumedEnergy, end.consumed_energy, findings);
    let in_between = end.meter_value_in_between.as_ref();
    judge_meter(end.meter_value_start, in_between, end.meter_value_end, findings);
    judge_energy_against_meter(end, findings);
}

fn judge_energy(member: Member, energy: Option<Kwh>, findings: &mut Vec<Finding>) {
    let Some(energy) = energy else { return };
    if energy < Kwh::ZERO {
        findings.push(found(codes::ENERGY_NEGATIVE, member, format!("{energy} kWh is less than nothing")));
    } else if energy > Kwh::from(MOST_KWH) {
        let text = format!("{energy} kWh is more than a car takes: watt hours?");
        findings.push(found(codes::ENERGY_TOO_HIGH, member, text));
    }
}

/// A meter never runs backwards: start, then what is in between, then end.
fn judge_meter(
    start: Option<Kwh>,
    in_between: Option<&MeterValues>,
    end: Option<Kwh>,
    findings: &mut Vec<Finding>,
) {
    let mut report = |member, text: String| findings.push(found(codes::METER_DECREASES, member, text));
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        report(Member::MeterValueEnd, format!("{end} is lower than {start} at the start"));
    }
    let Some(values) = in_between else { return };
    if let Some(index) = values.first_decrease {
        report(Member::MeterValueInBetween, format!("value {index} is lower than the one before it"));
    }
    if let (Some(start), Some(lowest)) = (start, values.lowest)
        && lowest < start
    {
        report(Member::MeterValueInBetween, format!("{lowest} is lower than {start} at the start"));
    }
    if let (Some(highest), Some(end)) = (values.highest, end)
        && end < highest
    {
        report(Member::MeterValueInBetween, format!("{highest} is higher than {end} at the end"));
    }
}

fn judge_energy_against_meter(end: &End, findings: &mut Vec<Finding>) {
    let (Some(stated), Some(from), Some(to)) =
        (end.consumed_energy, end.meter_value_start, end.meter_value_end)
    else {
        return;
    };
    let difference =
        to.checked_sub(from).and_then(|measured| Some((measured, stated.checked_sub(measured)?)));
    match difference {
        None => {
            let text = "the difference of the meter values cannot be computed";
            findings.push(found(codes::ENERGY_OVERFLOW, Member::ConsumedEnergy, text));
        }
        Some((measured, off)) if off.abs() > Kwh::from(WATT_HOUR) => {
            let text = format!("{stated} kWh, but the meter values are {measured} kWh apart");
            findings.push(found(codes::ENERGY_MISMATCH, Member::ConsumedEnergy, text));
        }
        Some(_) => {}
    }
}
