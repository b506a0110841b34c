//! Whether a record can be true. What a hub in wide use is known to refuse is refused here too (OICP 2.3 says nothing; the
//! rules are those of the field): charging that ends before it starts, a meter that runs backwards, less than no energy,
//! more than 1000 kWh, a session that ends in the future. The rest is a finding.

use jiff::Timestamp;

use super::facts::CdrFacts;
use super::members::Member;
use crate::field::Judge;
use crate::finding::codes;
use crate::meter_values;
use crate::plausible;
use crate::violation::{Violation, Violations};

/// Adds what cannot be true and what is odd.
pub(super) fn judge(facts: &CdrFacts, judge: &mut Judge<'_>) {
    let (start, end) = (Some(facts.charging_start), Some(facts.charging_end));
    if let Some(text) = plausible::out_of_order(start, end) {
        judge.violation(Member::ChargingEnd.at(), format!("ChargingEnd before ChargingStart: {text}"));
    }
    if let Some((_, text)) = plausible::amount(facts.consumed_energy) {
        judge.violation(Member::ConsumedEnergy.at(), text);
    }
    let (meter_start, meter_end) = (facts.meter_value_start, facts.meter_value_end);
    if let Some(text) = plausible::runs_backwards(meter_start, meter_end) {
        judge.violation(Member::MeterValueEnd.at(), text);
    }

    let in_order = [
        (codes::SESSION_START_AFTER_CHARGING_START, Member::SessionStart, Some(facts.session_start), start),
        (codes::SESSION_END_BEFORE_CHARGING_END, Member::SessionEnd, end, Some(facts.session_end)),
    ];
    for (code, member, earlier, later) in in_order {
        if let Some(text) = plausible::out_of_order(earlier, later) {
            judge.finding(code, member.at(), text);
        }
    }
    let in_between = facts.meter_value_in_between.as_ref();
    for text in plausible::in_between(meter_start, in_between, meter_end) {
        judge.finding(codes::METER_DECREASES, meter_values::AT, text);
    }
    let energy = Some(facts.consumed_energy);
    if let Some((code, text)) = plausible::energy_against_meter(energy, meter_start, meter_end) {
        judge.finding(code, Member::ConsumedEnergy.at(), text);
    }
}

/// What lies in the future and must not.
pub(super) fn in_future(facts: &CdrFacts, now: Timestamp) -> Violations {
    let member = Member::SessionEnd.at();
    let future = plausible::in_future(facts.session_end, now);
    let violation =
        |message| Violation { pointer: member.pointer(), field: "SessionEnd".to_owned(), message };
    future.map(violation).into_iter().collect()
}
