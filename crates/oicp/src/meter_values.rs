//! MeterValueInBetween: the meter on the way. The specification's tables show a list, its schemas an object that holds
//! one; both are read.

use crate::energy::Kwh;
use crate::field::{At, Judge};
use crate::finding::codes;
use crate::json::{self, Kind};

/// Where it stands, in whatever message.
pub(crate) const AT: At = At::member("MeterValueInBetween");

/// A summary of MeterValueInBetween. There may be a hundred thousand values; what is judged does not need them kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterValues {
    /// How many values there are; `null` is none.
    pub count: usize,
    /// The lowest value.
    pub lowest: Option<Kwh>,
    /// The highest value.
    pub highest: Option<Kwh>,
    /// Index of the first value that is lower than the one before it.
    pub first_decrease: Option<usize>,
}

/// Reads the member's value.
pub(crate) fn read(raw: Option<&str>, judge: &mut Judge<'_>) -> Option<MeterValues> {
    let raw = raw?;
    match json::kind(raw) {
        Kind::List => {
            let text = "a list where an object with the member meterValues is expected";
            judge.finding(codes::METER_VALUES_BARE_LIST, AT, text);
            list(AT, raw, judge)
        }
        Kind::Object => {
            let inner = At::inner("/MeterValueInBetween", "meterValues");
            let object = json::scan(raw, &["meterValues"]).ok()?;
            if json::has(object.repeated, 0) {
                judge.violation(inner, "meterValues occurs more than once");
            }
            let [values] = object.values();
            list(inner, values?, judge)
        }
        other => {
            judge.violation(AT, format!("expected an object or a list, found {other}"));
            None
        }
    }
}

fn list(at: At, raw: &str, judge: &mut Judge<'_>) -> Option<MeterValues> {
    let (mut values, mut last) = (MeterValues::default(), None);
    let walked = json::each_element(raw, |index, raw| {
        if json::kind(raw) == Kind::Null {
            return;
        }
        values.count += 1;
        let Some(value) = judge.kwh(at.element(index), Some(raw)) else { return };
        if last.is_some_and(|last| value < last) {
            values.first_decrease.get_or_insert(index);
        }
        last = Some(value);
        values.lowest = Some(values.lowest.map_or(value, |lowest| lowest.min(value)));
        values.highest = Some(values.highest.map_or(value, |highest| highest.max(value)));
    });
    if walked.is_err() {
        judge.violation(at, format!("expected a list, found {}", json::kind(raw)));
    }
    walked.is_ok().then_some(values)
}
