//! The question by which a provider downloads spots (OICP 2.3, eRoamingPullEVSEData): what there is now, or what has changed
//! since; filtered.

use bytes::Bytes;

use super::facts::{CountryCode, EvseFacts, country};
use super::words::{Accessibility, AuthenticationMode, CalibrationLawDataAvailability};
use crate::body;
use crate::field::{At, Judge};
use crate::geo::{GeoFormat, SearchCenter};
use crate::ids::{OperatorId, ProviderId};
use crate::json::{self, Kind};
use crate::place::Path;
use crate::rejected::Rejected;
use crate::time::DateTime;
use crate::words::{Word, WordSet};

/// `OperatorIDs` is how other services spell `OperatorIds`.
const NAMES: [&str; 13] = [
    "ProviderID",
    "GeoCoordinatesResponseFormat",
    "LastCall",
    "SearchCenter",
    "CountryCodes",
    "OperatorIds",
    "OperatorIDs",
    "AuthenticationModes",
    "Accessibility",
    "CalibrationLawDataAvailability",
    "RenewableEnergy",
    "IsHubjectCompatible",
    "IsOpen24Hours",
];

/// OICP 2.3, eRoamingPullEVSEData 2.3. What is not named is not filtered; an empty list names nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PullEvseData {
    /// Who asks.
    pub provider_id: ProviderId,
    /// The form in which it wants coordinates.
    pub format: GeoFormat,
    /// Which spots.
    pub selection: Selection,
    /// With at least one of these ways to start.
    pub authentication_modes: WordSet<AuthenticationMode>,
    /// Accessible in one of these ways.
    pub accessibility: WordSet<Accessibility>,
    /// With calibration law's data in one of these places.
    pub calibration_law: WordSet<CalibrationLawDataAvailability>,
    /// With renewable energy only, or without.
    pub renewable_energy: Option<bool>,
    /// That can be started through the hub, or not.
    pub hubject_compatible: Option<bool>,
    /// That are always open, or not.
    pub open_24_hours: Option<bool>,
}

/// Which spots are asked for; the two do not go together.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Those that there are now.
    Now {
        /// Around a point.
        center: Option<SearchCenter>,
        /// In these countries, sorted.
        countries: Vec<CountryCode>,
        /// Of these operators, sorted.
        operators: Vec<OperatorId>,
    },
    /// What has changed since then.
    Since(DateTime),
}

impl PullEvseData {
    /// Reads a received body.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation; `LastCall` beside a search, countries or operators is one.
    pub fn parse(body: &Bytes) -> Result<Self, Rejected> {
        let (mut judge, object) = Judge::open(body::check(body)?, &NAMES)?;
        let [
            provider,
            format,
            last_call,
            center,
            countries,
            operators,
            operators_other,
            modes,
            accessibility,
            calibration_law,
            renewable,
            compatible,
            open,
        ] = object.values();
        let at = |name| Path::ROOT.member(name);

        let provider = judge.required(At::member("ProviderID"), provider);
        let provider_id = judge.parsed(at("ProviderID"), provider, ProviderId::parse);
        let format = judge.required(At::member("GeoCoordinatesResponseFormat"), format);
        let format = judge.word(at("GeoCoordinatesResponseFormat"), format);
        let operators = judge.either(at("OperatorIds"), operators, operators_other);
        let selection = selection(last_call, center, countries, operators, &mut judge);
        let authentication_modes = filter(at("AuthenticationModes"), modes, &mut judge);
        let accessibility = filter(at("Accessibility"), accessibility, &mut judge);
        let calibration_law = filter(at("CalibrationLawDataAvailability"), calibration_law, &mut judge);
        let renewable_energy = judge.boolean(at("RenewableEnergy"), renewable);
        let hubject_compatible = judge.boolean(at("IsHubjectCompatible"), compatible);
        let open_24_hours = judge.boolean(at("IsOpen24Hours"), open);
        match (provider_id, format, selection) {
            (Some(provider_id), Some(format), Some(selection)) if judge.violations.is_empty() => Ok(Self {
                provider_id,
                format,
                selection,
                authentication_modes,
                accessibility,
                calibration_law,
                renewable_energy,
                hubject_compatible,
                open_24_hours,
            }),
            _ => Err(Rejected { violations: judge.violations, provider_id, ..Rejected::default() }),
        }
    }

    /// Whether a spot is asked for, as far as it depends on the spot alone: not [`Selection::Since`]. `operator` is who
    /// uploaded it; an operator counts as asked for if it uploaded the spot or owns it.
    #[must_use]
    pub fn wants(&self, facts: &EvseFacts, operator: &OperatorId) -> bool {
        let unless = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let selected = match &self.selection {
            Selection::Since(_) => true,
            Selection::Now { center, countries, operators } => {
                let of = |operator| operators.binary_search(operator).is_ok();
                (countries.is_empty() || countries.binary_search(&facts.country).is_ok())
                    && (operators.is_empty() || of(operator) || of(&facts.owner()))
                    && center.is_none_or(|center| center.holds(facts.position))
            }
        };
        let any = |wanted: WordSet<AuthenticationMode>| {
            wanted.is_empty() || wanted.meets(facts.authentication_modes)
        };
        unless(self.renewable_energy, facts.renewable_energy)
            && unless(self.hubject_compatible, facts.hubject_compatible)
            && unless(self.open_24_hours, facts.open_24_hours)
            && any(self.authentication_modes)
            && (self.accessibility.is_empty() || self.accessibility.contains(facts.accessibility))
            && (self.calibration_law.is_empty() || self.calibration_law.contains(facts.calibration_law))
            && selected
    }
}

fn selection(
    last_call: Option<&str>,
    center: Option<&str>,
    countries: Option<&str>,
    operators: Option<&str>,
    judge: &mut Judge<'_>,
) -> Option<Selection> {
    let at = |name| Path::ROOT.member(name);
    let since = judge.date_time(at("LastCall"), last_call);
    let search = center.and_then(|raw| SearchCenter::read(at("SearchCenter"), raw, judge));
    let country_codes = judge.filter(at("CountryCodes"), countries, country);
    let operator_ids = judge.filter(at("OperatorIds"), operators, OperatorId::parse);
    if last_call.is_none() {
        return Some(Selection::Now { center: search, countries: country_codes, operators: operator_ids });
    }
    for (name, given) in [
        ("SearchCenter", center.is_some()),
        ("CountryCodes", !country_codes.is_empty()),
        ("OperatorIds", !operator_ids.is_empty()),
    ] {
        if given {
            judge.violation(
                at(name),
                format!("{name} does not go together with LastCall: send one of the two"),
            );
        }
    }
    since.map(Selection::Since)
}

/// One word or a list of them.
fn filter<W: Word>(at: Path<'_>, raw: Option<&str>, judge: &mut Judge<'_>) -> WordSet<W> {
    let single = raw.is_some_and(|raw| json::kind(raw) == Kind::String);
    let words =
        if single { judge.word(at, raw).map(|word| WordSet::EMPTY.with(word)) } else { judge.words(at, raw) };
    words.unwrap_or_default()
}
