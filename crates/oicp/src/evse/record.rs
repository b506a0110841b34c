//! One record, judged in full (OICP 2.3, EvseDataRecord).

use super::facts::EvseFacts;
use super::parts;
use super::words::{AccessibilityLocation, DynamicInfoAvailable, PaymentOption, Plug, ValueAddedService};
use crate::field::Judge;
use crate::geo;
use crate::ids::{EvseId, OperatorId};
use crate::json::{self, Kind};
use crate::parts::Part;
use crate::place::{Path, Place};
use crate::words::WordSet;

/// The members. The first five are those that the hub sets when a provider downloads the record; of a sender they are not
/// looked at.
const NAMES: [&str; 38] = [
    "deltaType",
    "lastUpdate",
    "OperatorID",
    "OperatorId",
    "OperatorName",
    "EvseID",
    "ChargingPoolID",
    "ChargingStationID",
    "ChargingStationId",
    "ChargingStationNames",
    "HardwareManufacturer",
    "ChargingStationImage",
    "SubOperatorName",
    "Address",
    "GeoCoordinates",
    "Plugs",
    "DynamicPowerLevel",
    "ChargingFacilities",
    "RenewableEnergy",
    "EnergySource",
    "EnvironmentalImpact",
    "CalibrationLawDataAvailability",
    "AuthenticationModes",
    "MaxCapacity",
    "PaymentOptions",
    "ValueAddedServices",
    "Accessibility",
    "AccessibilityLocation",
    "HotlinePhoneNumber",
    "AdditionalInfo",
    "ChargingStationLocationReference",
    "GeoChargingPointEntrance",
    "IsOpen24Hours",
    "OpeningTimes",
    "HubOperatorID",
    "ClearinghouseID",
    "IsHubjectCompatible",
    "DynamicInfoAvailable",
];

/// Reads the record at `at`; `None` if it is so wrong that not even its facts are known.
pub(super) fn read(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<EvseFacts> {
    let [
        _delta,
        _updated,
        operator,
        operator_other,
        _operator_name,
        evse_id,
        pool,
        station,
        station_other,
        station_names,
        manufacturer,
        image,
        sub_operator,
        address,
        coordinates,
        plugs,
        power_level,
        facilities,
        renewable,
        energy_source,
        impact,
        calibration_law,
        authentication_modes,
        capacity,
        payment,
        services,
        accessibility,
        accessibility_location,
        hotline,
        additional,
        reference,
        entrance,
        open,
        opening_times,
        hub_operator,
        clearinghouse,
        compatible,
        dynamic_info,
    ] = judge.members(at, raw, &NAMES)?;
    let part = Part::new(&at, raw, &NAMES);
    macro_rules! need {
        ($name:literal, $value:ident) => {
            (at.member($name), part.need($name, $value, judge))
        };
    }

    let (place, value) = need!("EvseID", evse_id);
    let evse_id = judge.parsed(place, value, EvseId::parse);
    let (place, value) = need!("ChargingStationNames", station_names);
    parts::texts(place, value, judge);
    let (place, value) = need!("Address", address);
    let country = value.and_then(|raw| parts::address(place, raw, judge));
    let (place, value) = need!("GeoCoordinates", coordinates);
    let located = value.and_then(|raw| geo::read(place, raw, judge));
    let (place, value) = need!("Plugs", plugs);
    self::plugs(place, value, judge);
    let (place, value) = need!("ChargingFacilities", facilities);
    parts::facilities(place, value, judge);
    let (place, value) = need!("RenewableEnergy", renewable);
    let renewable_energy = judge.boolean(place, value);
    let (place, value) = need!("CalibrationLawDataAvailability", calibration_law);
    let calibration_law = judge.word(place, value);
    let (place, value) = need!("AuthenticationModes", authentication_modes);
    let authentication_modes = judge.words(place, value);
    let (place, value) = need!("PaymentOptions", payment);
    let payment: Option<WordSet<PaymentOption>> = judge.words(place, value);
    if payment.is_some_and(|payment| payment.contains(PaymentOption::NoPayment) && payment.iter().count() > 1)
    {
        judge.violation(place, "No Payment excludes other options");
    }
    let (place, value) = need!("ValueAddedServices", services);
    judge.words::<ValueAddedService>(place, value);
    let (place, value) = need!("Accessibility", accessibility);
    let accessibility = judge.word(place, value);
    let (place, value) = need!("HotlinePhoneNumber", hotline);
    judge.formed(place, value, parts::is_phone_number, "expected + and 5 to 15 digits, such as +49305132787");
    let (place, value) = need!("IsOpen24Hours", open);
    let open_24_hours = judge.boolean(place, value);
    let (place, value) = need!("IsHubjectCompatible", compatible);
    let hubject_compatible = judge.boolean(place, value);
    let (place, value) = need!("DynamicInfoAvailable", dynamic_info);
    let dynamic_info = self::dynamic_info(place, value, judge);

    judge.either(at.member("OperatorID"), operator, operator_other);
    judge.formed(
        at.member("ChargingPoolID"),
        pool,
        parts::is_pool_id,
        "expected operator, P and 1 to 30 characters or stars, such as IT*123*P456*AB789",
    );
    let station = judge.either(at.member("ChargingStationID"), station, station_other);
    for (name, value, most) in [
        ("ChargingStationID", station, 50),
        ("HardwareManufacturer", manufacturer, 50),
        ("ChargingStationImage", image, 200),
        ("SubOperatorName", sub_operator, 100),
        ("ClearinghouseID", clearinghouse, 20),
    ] {
        judge.sized(at.member(name), value, 0..=most);
    }
    judge.boolean(at.member("DynamicPowerLevel"), power_level);
    parts::energy_sources(at.member("EnergySource"), energy_source, judge);
    parts::environmental_impact(at.member("EnvironmentalImpact"), impact, judge);
    judge.bounded(at.member("MaxCapacity"), capacity, 0..=u32::MAX, true);
    judge.word::<AccessibilityLocation>(at.member("AccessibilityLocation"), accessibility_location);
    parts::texts(at.member("AdditionalInfo"), additional, judge);
    parts::texts(at.member("ChargingStationLocationReference"), reference, judge);
    if let Some(raw) = entrance {
        geo::read(at.member("GeoChargingPointEntrance"), raw, judge);
    }
    let hub_operator_id = judge.parsed(at.member("HubOperatorID"), hub_operator, OperatorId::parse);
    self::opening_times(at.member("OpeningTimes"), opening_times, open_24_hours, judge);

    Some(EvseFacts {
        evse_id: evse_id?,
        hub_operator_id,
        country: country?,
        position: located?.point,
        authentication_modes: authentication_modes?,
        accessibility: accessibility?,
        calibration_law: calibration_law?,
        renewable_energy: renewable_energy?,
        hubject_compatible: hubject_compatible?,
        open_24_hours: open_24_hours?,
        dynamic_info: dynamic_info?,
    })
}

fn plugs(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) {
    judge.each(at, raw, |judge, at, raw| {
        if json::string(raw).is_some_and(|plug| plug == "Unspecified") {
            judge.violation(at, "Unspecified is not accepted since OICP 2.3: name the plug");
        } else {
            judge.word::<Plug>(at, Some(raw));
        }
    });
}

/// A string that looks like a boolean, and that many take for one.
fn dynamic_info(at: impl Place, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<DynamicInfoAvailable> {
    let raw = raw?;
    if json::kind(raw) == Kind::Boolean {
        judge.violation(at, format!("expected a string: \"{raw}\", in quotes"));
        return None;
    }
    judge.word(at, Some(raw))
}

/// Needed where a spot is not always open.
fn opening_times(at: Path<'_>, raw: Option<&str>, always: Option<bool>, judge: &mut Judge<'_>) {
    let count = parts::opening_times(at, raw, "Period", "Periods", judge);
    let none = raw.is_none() || count == Some(0);
    if always == Some(false) && none {
        judge.violation(at, "OpeningTimes is needed where IsOpen24Hours is false");
    }
}
