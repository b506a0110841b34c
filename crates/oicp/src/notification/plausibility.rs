//! Whether what a notification says can be true. Nothing here refuses anything.
//!
//! OICP only describes how times and energies relate. The published End example breaks one of the relations itself,
//! and a dropped End blocks a driver, so all of them are findings.

use jiff::{SignedDuration, Timestamp};

use super::facts::{End, Facts, MeterValues, Progress, Start};
use super::members::Member;
use crate::energy::Kwh;
use crate::finding::{Finding, codes};
use crate::plausible;
use crate::time::DateTime;

/// Both time stamps may have been cut to whole seconds.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);
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
    plausible::in_future(moment, now)
        .map(|text| found(codes::TIME_IN_FUTURE, member, text))
        .into_iter()
        .collect()
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
    findings.extend(plausible::out_of_order(earlier, later).map(|text| found(code, member, text)));
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
    let (stated, from, to) = (end.consumed_energy, end.meter_value_start, end.meter_value_end);
    let mismatch = plausible::energy_against_meter(stated, from, to);
    findings.extend(mismatch.map(|(code, text)| found(code, Member::ConsumedEnergy, text)));
}

fn judge_energy(member: Member, energy: Option<Kwh>, findings: &mut Vec<Finding>) {
    findings.extend(energy.and_then(plausible::amount).map(|(code, text)| found(code, member, text)));
}

/// A meter never runs backwards: start, then what is in between, then end.
fn judge_meter(
    start: Option<Kwh>,
    in_between: Option<&MeterValues>,
    end: Option<Kwh>,
    findings: &mut Vec<Finding>,
) {
    let backwards = plausible::runs_backwards(start, end).map(|text| (Member::MeterValueEnd, text));
    let odd = plausible::in_between(start, in_between, end).into_iter();
    let odd = backwards.into_iter().chain(odd.map(|text| (Member::MeterValueInBetween, text)));
    findings.extend(odd.map(|(member, text)| found(codes::METER_DECREASES, member, text)));
}
