//! Between the columns of a record and its facts.

use oicp::{EvseId, OperatorId};
use roamhub_core::evse::{Accessibility, AuthenticationModes, Calibration, EvseFacts, Position};
use rusqlite::Row;

use crate::sqlite::StoreError;
use crate::sqlite::rows::{bytes, contradiction, operator};

/// The columns of [`read`], of a table that is called `e`.
pub(super) const COLUMNS: &str = "e.country, e.latitude, e.longitude, e.modes, e.accessibility, e.calibration, \
     e.renewable, e.compatible, e.open_24h, e.dynamic_auto, e.sub_operator";

/// The facts of a record of this operator.
pub(super) fn read(row: &Row<'_>, owner: &OperatorId) -> Result<EvseFacts, StoreError> {
    let accessibility: u8 = row.get("accessibility")?;
    let calibration: u8 = row.get("calibration")?;
    let sub_operator = match row.get_ref("sub_operator")?.as_str_or_null().map_err(rusqlite::Error::from)? {
        Some(key) => operator(key)?,
        None => *owner,
    };
    Ok(EvseFacts {
        country: bytes(row, "country")?,
        position: position(row)?,
        modes: AuthenticationModes(row.get("modes")?),
        accessibility: *Accessibility::ALL
            .get(usize::from(accessibility))
            .ok_or_else(|| contradiction("accessibility", accessibility))?,
        calibration: *Calibration::ALL
            .get(usize::from(calibration))
            .ok_or_else(|| contradiction("calibration", calibration))?,
        renewable: row.get("renewable")?,
        compatible: row.get("compatible")?,
        open_24h: row.get("open_24h")?,
        dynamic_auto: row.get("dynamic_auto")?,
        sub_operator,
    })
}

pub(super) fn position(row: &Row<'_>) -> Result<Position, StoreError> {
    Position::new(row.get("latitude")?, row.get("longitude")?)
        .ok_or_else(|| contradiction("latitude or longitude", "more than there is"))
}

/// An EvseID from its key, without separators; the record's bytes have it as its operator spells it.
pub(super) fn evse(key: &str) -> Result<EvseId, StoreError> {
    EvseId::parse(key).map_err(|_| contradiction("key", key))
}
