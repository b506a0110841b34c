//! Between the columns of a record and its facts. A word is stored as its place in the protocol's list, which only ever
//! grows at its end.

use oicp::EvseId;
use oicp::evse::{CountryCode, EvseFacts};
use oicp::geo::GeoPoint;
use oicp::words::{Word, WordSet};
use rusqlite::Row;

use crate::sqlite::StoreError;
use crate::sqlite::rows::{contradiction, operator};

/// The columns of [`read`], of a table that is called `e`.
pub(super) const COLUMNS: &str = "e.key, e.country, e.latitude, e.longitude, e.modes, e.accessibility, e.calibration, \
     e.renewable, e.compatible, e.open_24h, e.dynamic, e.hub_operator";

pub(super) fn read(row: &Row<'_>) -> Result<EvseFacts, StoreError> {
    let country: String = row.get("country")?;
    let hub_operator: Option<String> = row.get("hub_operator")?;
    Ok(EvseFacts {
        evse_id: evse(row.get_ref("key")?.as_str().map_err(rusqlite::Error::from)?)?,
        hub_operator_id: hub_operator.as_deref().map(operator).transpose()?,
        country: CountryCode::parse(&country).ok_or_else(|| contradiction("country", country))?,
        position: position(row)?,
        authentication_modes: WordSet::from_bits(row.get("modes")?),
        accessibility: word(row.get("accessibility")?, "accessibility")?,
        calibration_law: word(row.get("calibration")?, "calibration")?,
        renewable_energy: row.get("renewable")?,
        hubject_compatible: row.get("compatible")?,
        open_24_hours: row.get("open_24h")?,
        dynamic_info: word(row.get("dynamic")?, "dynamic")?,
    })
}

pub(super) fn position(row: &Row<'_>) -> Result<GeoPoint, StoreError> {
    GeoPoint::from_e7(row.get("latitude")?, row.get("longitude")?)
        .ok_or_else(|| contradiction("latitude or longitude", "more than there is"))
}

/// An EvseID from its key, without separators; the record's bytes have it as its operator spells it.
pub(super) fn evse(key: &str) -> Result<EvseId, StoreError> {
    EvseId::parse(key).map_err(|_| contradiction("key", key))
}

/// A word's place in its list.
pub(super) fn number<W: Word>(word: W) -> Option<u32> {
    u32::try_from(W::ALL.iter().position(|known| *known == word)?).ok()
}

/// The word at a place in its list.
pub(super) fn word<W: Word>(number: u32, column: &str) -> Result<W, StoreError> {
    let word = usize::try_from(number).ok().and_then(|number| W::ALL.get(number));
    word.copied().ok_or_else(|| contradiction(column, number))
}
