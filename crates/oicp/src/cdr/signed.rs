//! Signed meter values and what it takes to verify them (German calibration law). The hub looks at their size only: they
//! are for the driver's software, and any character that changed would break the signature.

use crate::field::{At, Judge};
use crate::json::{self, Kind};

/// Signed values in one record, at most.
const MOST: usize = 10;
/// Characters in one of them, at most.
const LONGEST: usize = 3000;

const LIST: At = At::member("SignedMeteringValues");
const PLACES: [&str; MOST] = [
    "/SignedMeteringValues/0",
    "/SignedMeteringValues/1",
    "/SignedMeteringValues/2",
    "/SignedMeteringValues/3",
    "/SignedMeteringValues/4",
    "/SignedMeteringValues/5",
    "/SignedMeteringValues/6",
    "/SignedMeteringValues/7",
    "/SignedMeteringValues/8",
    "/SignedMeteringValues/9",
];
const VALUE: [&str; 2] = ["SignedMeteringValue", "MeteringStatus"];

const INFO: &str = "/CalibrationLawVerificationInfo";
/// Member and characters.
const VERIFICATION: [(&str, usize); 5] = [
    ("CalibrationLawCertificateID", 100),
    ("PublicKey", 1000),
    ("MeteringSignatureUrl", 200),
    ("MeteringSignatureEncodingFormat", 50),
    ("SignedMeteringValuesVerificationInstruction", 400),
];

/// Checks the value of `SignedMeteringValues`; returns how many there are.
pub(super) fn values(raw: Option<&str>, judge: &mut Judge<'_>) -> usize {
    let Some(raw) = raw else { return 0 };
    let mut count = 0;
    let walked = json::each_element(raw, |index, raw| {
        // `null` is absent; what is beyond the most is only counted.
        if json::kind(raw) == Kind::Null {
            return;
        }
        if let Some(place) = PLACES.get(index) {
            value(place, raw, judge);
        }
        count += 1;
    });
    if walked.is_err() {
        judge.violation(LIST, format!("expected a list, found {}", json::kind(raw)));
    } else if count > MOST {
        judge.violation(LIST, format!("{count} signed values where at most {MOST} are allowed"));
    }
    count
}

fn value(place: &'static str, raw: &str, judge: &mut Judge<'_>) {
    let Some([signed, status]) = object(place, raw, &VALUE, judge) else { return };
    let [signed_name, status_name] = VALUE;
    judge.text(At::inner(place, signed_name), signed, LONGEST);
    judge.parsed(At::inner(place, status_name), status, |text| match text {
        "Start" | "Progress" | "End" => Ok(()),
        _ => Err("expected Start, Progress or End"),
    });
}

/// Checks the value of `CalibrationLawVerificationInfo`. Members it does not know (there are some in the field) stay.
pub(super) fn verification(raw: Option<&str>, judge: &mut Judge<'_>) {
    let Some(raw) = raw else { return };
    let names = VERIFICATION.map(|(name, _)| name);
    let Some(values) = object(INFO, raw, &names, judge) else { return };
    for ((name, most), value) in VERIFICATION.into_iter().zip(values) {
        judge.text(At::inner(INFO, name), value, most);
    }
}

fn object<'a, const N: usize>(
    place: &'static str,
    raw: &'a str,
    names: &[&'static str; N],
    judge: &mut Judge<'_>,
) -> Option<[Option<&'a str>; N]> {
    let Ok(object) = json::scan(raw, names) else {
        judge.violation(At::inner(place, ""), format!("expected an object, found {}", json::kind(raw)));
        return None;
    };
    for (index, name) in names.iter().enumerate() {
        if json::has(object.repeated, index) {
            judge.violation(At::inner(place, name), format!("{name} occurs more than once"));
        }
    }
    Some(object.values())
}
