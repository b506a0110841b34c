//! A session's charge detail record beside its End: both come from the same operator and are about the same car, so they
//! should say the same. What they do not is a finding of the session; nothing is refused for it.

use jiff::SignedDuration;
use oicp::Finding;
use oicp::cdr::CdrFacts;
use oicp::energy::Kwh;
use oicp::notification::End;

/// There is no End: the provider learned only from the bill that the car had stopped charging.
pub const RECORD_WITHOUT_END: &str = "record-without-end";
/// The two name different amounts of energy.
pub const ENERGY_DIFFERS: &str = "record-energy-differs";
/// The two name different ends of charging.
pub const CHARGING_END_DIFFERS: &str = "record-charging-end-differs";
/// The two name different beginnings of charging.
pub const CHARGING_START_DIFFERS: &str = "record-charging-start-differs";
/// The driver stayed beyond PenaltyTimeStart.
pub const STAYED_INTO_PENALTY: &str = "stayed-into-penalty";

/// Both time stamps may have been cut to whole seconds.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

/// Compares a record with the last End of its session. Pointers are into the record.
#[must_use]
pub fn compare(record: &CdrFacts, end: Option<&End>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |code, pointer: &'static str, text: String| {
        findings.push(Finding { code, pointer: pointer.into(), text });
    };
    let Some(end) = end else {
        find(RECORD_WITHOUT_END, "", "no End came before this record".to_owned());
        return findings;
    };
    let measured = match (end.meter_value_start, end.meter_value_end) {
        (Some(from), Some(to)) => to.checked_sub(from),
        _ => None,
    };
    if let Some(ended) = end.consumed_energy.or(measured)
        && record.consumed_energy.checked_sub(ended).is_none_or(|off| off.abs() > Kwh::WATT_HOUR)
    {
        let text = format!("{} kWh, but the End says {ended}", record.consumed_energy);
        find(ENERGY_DIFFERS, "/ConsumedEnergy", text);
    }
    let apart = |one: oicp::time::DateTime, other: oicp::time::DateTime| {
        one.instant().duration_since(other.instant()).abs() > ROUNDING
    };
    if apart(record.charging_end, end.charging_end) {
        let text = format!("{}, but the End says {}", record.charging_end, end.charging_end);
        find(CHARGING_END_DIFFERS, "/ChargingEnd", text);
    }
    if let Some(started) = end.charging_start
        && apart(record.charging_start, started)
    {
        let text = format!("{}, but the End says {started}", record.charging_start);
        find(CHARGING_START_DIFFERS, "/ChargingStart", text);
    }
    if let Some(penalty) = end.penalty_time_start {
        let stayed = record.session_end.instant().duration_since(penalty.instant());
        if stayed > ROUNDING {
            let idle = record.session_end.instant().duration_since(record.charging_end.instant());
            let text = format!(
                "{} min beyond PenaltyTimeStart, {} min after charging had ended",
                stayed.as_mins(),
                idle.as_mins()
            );
            find(STAYED_INTO_PENALTY, "/SessionEnd", text);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use oicp::notification::Facts;
    use oicp::{ChargeDetailRecord, ChargingNotification};
    use serde_json::{Value, json};

    use super::*;

    const SESSION: &str = "3fe7378a-238f-4cf3-bca6-de657881f8c2";

    fn record(energy: &str, charging_end: &str, session_end: &str) -> ChargeDetailRecord {
        let body = json!({
            "SessionID": SESSION, "EvseID": "DE*ABC*E1", "ConsumedEnergy": energy,
            "ChargingStart": "2025-06-01T08:00:00Z", "ChargingEnd": charging_end,
            "SessionStart": "2025-06-01T08:00:00Z", "SessionEnd": session_end,
            "Identification": {"RFIDMifareFamilyIdentification": {"UID": "044A2DAA856280"}},
        });
        ChargeDetailRecord::parse(Bytes::from(body.to_string())).unwrap()
    }

    fn end(more: &Value) -> End {
        let mut body = json!({
            "Type": "End", "SessionID": SESSION, "OperatorID": "DE*ABC", "EvseID": "DE*ABC*E1",
            "ChargingEnd": "2025-06-01T09:00:00Z",
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        match ChargingNotification::parse(Bytes::from(body.to_string())).unwrap().facts() {
            Facts::End(end) => end.clone(),
            other => panic!("no End: {other:?}"),
        }
    }

    fn codes(record: &ChargeDetailRecord, end: Option<&End>) -> Vec<&'static str> {
        compare(record.facts(), end).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_says_the_same_differs_in_nothing() {
        let record = record("10.000", "2025-06-01T11:00:01+02:00", "2025-06-01T09:20:00Z");
        for more in [
            json!({}),
            json!({"ConsumedEnergy": 10.001, "ChargingStart": "2025-06-01T10:00:00+02:00"}),
            json!({"MeterValueStart": 5, "MeterValueEnd": 15, "PenaltyTimeStart": "2025-06-01T09:20:00Z"}),
        ] {
            assert_eq!(codes(&record, Some(&end(&more))), [""; 0], "{more}");
        }
    }

    #[test]
    fn each_difference_has_its_own_word() {
        let late = record("10.002", "2025-06-01T09:00:02Z", "2025-06-01T09:20:02Z");
        let said = end(&json!({
            "ConsumedEnergy": 10, "ChargingStart": "2025-06-01T08:00:02Z",
            "PenaltyTimeStart": "2025-06-01T09:05:00Z",
        }));
        let expected = [ENERGY_DIFFERS, CHARGING_END_DIFFERS, CHARGING_START_DIFFERS, STAYED_INTO_PENALTY];
        assert_eq!(codes(&late, Some(&said)), expected);
        let texts: Vec<_> = compare(late.facts(), Some(&said)).into_iter().map(|one| one.text).collect();
        assert_eq!(texts[3], "15 min beyond PenaltyTimeStart, 20 min after charging had ended");
        let metered = end(&json!({"MeterValueStart": 5, "MeterValueEnd": 16}));
        assert_eq!(codes(&late, Some(&metered)), [ENERGY_DIFFERS, CHARGING_END_DIFFERS]);
        assert_eq!(codes(&late, None), [RECORD_WITHOUT_END]);
    }
}
