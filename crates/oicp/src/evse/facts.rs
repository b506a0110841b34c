//! What the hub itself needs to know of a charging spot: for the filters of a pull, and for what else it does with spots
//! (remote services, charge detail records).

use std::fmt;

use bytes::Bytes;

use super::record;
use super::words::{Accessibility, AuthenticationMode, CalibrationLawDataAvailability, DynamicInfoAvailable};
use crate::body;
use crate::field::Judge;
use crate::geo::GeoPoint;
use crate::ids::{EvseId, OperatorId};
use crate::inline::InlineStr;
use crate::place::Path;
use crate::rejected::Rejected;
use crate::words::WordSet;

/// What a record says to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvseFacts {
    /// The spot.
    pub evse_id: EvseId,
    /// The operator that bundles the spot's own, if the record says so.
    pub hub_operator_id: Option<OperatorId>,
    /// The country of its address.
    pub country: CountryCode,
    /// Where it is, in 10⁻⁷ degrees.
    pub position: GeoPoint,
    /// How charging can be started.
    pub authentication_modes: WordSet<AuthenticationMode>,
    /// Who can get to it.
    pub accessibility: Accessibility,
    /// Where the data is that calibration law asks for. `External`: its charge detail records have to hold signed values.
    pub calibration_law: CalibrationLawDataAvailability,
    /// Whether all of its energy is renewable.
    pub renewable_energy: bool,
    /// Whether it can be started and stopped through the hub; if not, remote requests are 604.
    pub hubject_compatible: bool,
    /// Whether it is always open.
    pub open_24_hours: bool,
    /// Whether there is a status beside the record.
    pub dynamic_info: DynamicInfoAvailable,
}

impl EvseFacts {
    /// The operator that the spot belongs to, by its id. With bundles it is another one than the operator that uploads.
    #[must_use]
    pub fn owner(&self) -> OperatorId {
        self.evse_id.operator()
    }
}

/// A record as it was received, and what it says to the hub.
#[derive(Clone, Debug)]
pub struct EvseRecord {
    bytes: Bytes,
    facts: EvseFacts,
}

impl EvseRecord {
    pub(super) fn new(bytes: Bytes, facts: EvseFacts) -> Self {
        Self { bytes, facts }
    }

    /// Reads one record by itself, as an upload has it: to learn the facts of stored bytes anew.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation; the pointers begin at the record.
    pub fn read(bytes: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&bytes)?;
        // Refuses what is no object or nests too deeply; the record is read below.
        Judge::open(text, &["EvseID"])?;
        let mut judge = Judge::new(text, &[]);
        match record::read(Path::ROOT, text.trim_ascii(), &mut judge) {
            Some(facts) if judge.violations.is_empty() => Ok(Self { bytes, facts }),
            _ => Err(judge.violations.into()),
        }
    }

    /// The bytes as they were received. They are a part of the whole push, which stays in memory as long as they do: copy
    /// them where they are to stay.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What they say.
    #[must_use]
    pub fn facts(&self) -> &EvseFacts {
        &self.facts
    }
}

/// A country (ISO 3166-1, three letters), in upper-case: `DEU`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode(InlineStr<3>);

impl CountryCode {
    /// Reads three letters, in either case. Whether there is such a country is not asked: the list changes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        InlineStr::new(text).filter(|_| letters).map(|text| Self(text.uppercase()))
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// As [`CountryCode::parse`], with a message.
pub(crate) fn country(text: &str) -> Result<CountryCode, &'static str> {
    CountryCode::parse(text).ok_or("expected the three letters of a country (ISO 3166-1), such as DEU")
}

#[cfg(test)]
mod tests {
    use super::CountryCode;

    #[test]
    fn a_country_is_three_letters() {
        assert_eq!(CountryCode::parse("deu").map(|country| country.to_string()).as_deref(), Some("DEU"));
        for text in ["DE", "DEUT", "D3U", "ÄÖ", ""] {
            assert_eq!(CountryCode::parse(text), None, "{text}");
        }
    }
}
