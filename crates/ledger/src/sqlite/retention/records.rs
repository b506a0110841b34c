//! Charge detail records that are old enough: what accounts need is kept apart, without identification, and the body as
//! received is overwritten. From then on GetChargeDetailRecords does not find it.

use std::collections::BTreeMap;

use oicp::personal::{personal_ids, without};
use roamhub_core::ports::retention::KeptRecord;
use roamhub_core::retention::{Kind, Slice};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::judge::{Verdict, Why, is_finished, message};
use super::{Found, SLICE_BYTES, Work, mark, retain_for_now, retained, retained_no_longer, set_mark};
use crate::sqlite::rows::{bytes, instant, operator, provider};
use crate::sqlite::{StoreError, erasure};

pub(super) fn find(connection: &Connection, work: &Work, from: i64) -> Result<Found, StoreError> {
    let mut numbers = retained(connection, Kind::Records, from, work.limit)?;
    let room = work.limit - numbers.len();
    if room > 0 {
        let mut statement = connection.prepare_cached(
            "SELECT no, received_at FROM charge_detail_record WHERE no > ?1 ORDER BY no LIMIT ?2",
        )?;
        let behind = mark(connection, Kind::Records)?.max(from);
        let mut rows = statement.query(params![behind, i64::try_from(room).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(1)? > work.cutoff {
                break;
            }
            numbers.push(row.get(0)?);
        }
    }
    let next = numbers.last().copied().filter(|_| numbers.len() == work.limit);
    Ok(Found { numbers, next })
}

/// Whether a record's body may go; `None` if it went before.
pub(super) fn judge(connection: &Connection, work: &Work, no: i64) -> Result<Option<Verdict>, StoreError> {
    let Some(message) = message(connection, no)? else { return Ok(None) };
    if erasure::is_erased(connection, no)? {
        return Ok(None);
    }
    let compared: Option<bool> = connection
        .prepare_cached("SELECT compared_at IS NOT NULL FROM charge_detail_record WHERE no = ?1")?
        .query_row([no], |row| row.get(0))
        .optional()?;
    if compared == Some(false) {
        return Ok(Some(Verdict::Stay(Why::NotPassed)));
    }
    is_finished(connection, work, &message).map(Some)
}

pub(super) fn release(connection: &Connection, work: &Work, found: &Found) -> Result<Slice, StoreError> {
    let known = mark(connection, Kind::Records)?;
    let (mut removed, mut bytes) = (0, 0);
    for no in &found.numbers {
        if bytes > SLICE_BYTES {
            return Ok(Slice { removed, next: Some(no - 1) });
        }
        match judge(connection, work, *no)? {
            Some(Verdict::Go) => {
                bytes += keep(connection, *no)?;
                erasure::erase_notification(connection, *no, work.now)?;
                retained_no_longer(connection, Kind::Records, *no)?;
                removed += 1;
            }
            Some(Verdict::Stay(_)) => retain_for_now(connection, Kind::Records, *no)?,
            None => retained_no_longer(connection, Kind::Records, *no)?,
        }
        if *no > known {
            set_mark(connection, Kind::Records, *no)?;
        }
    }
    Ok(Slice { removed, next: found.next })
}

/// Keeps what accounts need; the length of the body.
fn keep(connection: &Connection, no: i64) -> Result<i64, StoreError> {
    let body: Vec<u8> = connection
        .prepare_cached("SELECT body FROM notification WHERE no = ?1")?
        .query_row([no], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO kept_record (no, process, session, operator, provider, received_at, digest, record)
             SELECT no, process, session, operator, provider, received_at, digest, ?2 FROM notification WHERE no = ?1
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![no, without_identification(&body)])?;
    Ok(i64::try_from(body.len()).unwrap_or(i64::MAX))
}

/// The record without its member `Identification`, and without its ids wherever else they stand. What is no object
/// leaves nothing.
pub(super) fn without_identification(body: &[u8]) -> Vec<u8> {
    let text = without(&personal_ids(body), &String::from_utf8_lossy(body));
    let members: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(&text);
    let Ok(mut members) = members else { return b"{}".to_vec() };
    members.retain(|name, _| !name.eq_ignore_ascii_case("Identification"));
    serde_json::to_vec(&members).unwrap_or_else(|_| b"{}".to_vec())
}

pub(in crate::sqlite) fn kept(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<KeptRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM kept_record WHERE no > ?1 ORDER BY no LIMIT ?2")?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(KeptRecord {
            no: row.get("no")?,
            process: ProcessId::from_bytes(bytes(row, "process")?),
            session: SessionKey::from_bytes(bytes(row, "session")?),
            operator: operator(&row.get::<_, String>("operator")?)?,
            provider: provider(&row.get::<_, String>("provider")?)?,
            received_at: instant(row.get("received_at")?, "received_at")?,
            digest: bytes(row, "digest")?,
            record: row.get::<_, Vec<u8>>("record")?.into(),
        });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::without_identification;

    #[test]
    fn a_record_is_kept_without_whose_it_was() {
        let body = br#"{"SessionID":"s","Identification":{"RFIDMifareFamilyIdentification":{"UID":"04C0FFEE000001"}},
            "ConsumedEnergy":12.50,"SignedMeteringValues":[{"SignedMeteringValue":"OCMF|{\"ID\":\"04c0ffee000001\"}"}]}"#;
        let kept = String::from_utf8(without_identification(body)).unwrap();
        assert!(kept.contains("12.50") && kept.contains("OCMF"), "{kept}");
        assert!(
            !kept.to_lowercase().contains("04c0ffee000001") && !kept.contains("Identification"),
            "{kept}"
        );
        assert_eq!(without_identification(b"no json"), b"{}");
    }
}
