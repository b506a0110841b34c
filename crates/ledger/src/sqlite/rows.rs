//! Between columns and types. A stored value that does not parse is a contradiction and says which column it was in.

use jiff::Timestamp;
use oicp::{Finding, OperatorId, ProviderId};
use roamhub_core::MessageKind;
use roamhub_core::records::StoredFinding;
use roamhub_core::session::machine::Session;
use roamhub_core::session::{Opened, SessionKind, SessionState};
use rusqlite::Row;
use serde_json::{Value, json};

use super::StoreError;

/// An instant as the ledger keeps it: microseconds since 1970 UTC.
pub(super) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

pub(super) fn instant(micros: i64, column: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| contradiction(column, micros))
}

pub(super) fn kind(word: &str) -> Result<MessageKind, StoreError> {
    MessageKind::parse(word).ok_or_else(|| contradiction("type", word))
}

/// What a session's life depends on, from the columns `kind`, `opened_by` and `state`.
pub(super) fn life(row: &Row<'_>) -> Result<Session, StoreError> {
    let word = |name| row.get_ref(name)?.as_str().map_err(rusqlite::Error::from);
    let (kind, opened) = (word("kind")?, word("opened_by")?);
    Ok(Session {
        kind: SessionKind::parse(kind).ok_or_else(|| contradiction("kind", kind))?,
        opened: Opened::parse(opened).ok_or_else(|| contradiction("opened_by", opened))?,
        state: state(word("state")?)?,
    })
}

/// A session's state from its word.
pub(super) fn state(word: &str) -> Result<SessionState, StoreError> {
    SessionState::parse(word).ok_or_else(|| contradiction("state", word))
}

/// A provider from its key, in the usual spelling: `DE-DCB`.
pub(super) fn provider(key: &str) -> Result<ProviderId, StoreError> {
    let spelt = key.split_at_checked(2).map(|(country, party)| format!("{country}-{party}"));
    spelt.and_then(|id| ProviderId::parse(&id).ok()).ok_or_else(|| contradiction("provider", key))
}

/// An operator from its key, in the usual spelling: `DE*ABC`, or `+49*810`.
pub(super) fn operator(key: &str) -> Result<OperatorId, StoreError> {
    let spelt = match key.split_at_checked(2) {
        Some((country, party)) if !key.contains('*') => format!("{country}*{party}"),
        _ => format!("+{key}"),
    };
    OperatorId::parse(&spelt).map_err(|_| contradiction("operator", key))
}

pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: &str) -> Result<[u8; N], StoreError> {
    let blob: Vec<u8> = row.get(column)?;
    blob.try_into().map_err(|blob: Vec<u8>| contradiction(column, format!("{} bytes", blob.len())))
}

/// Text that may hold NUL is kept as bytes.
pub(super) fn text(bytes: Option<Vec<u8>>, column: &str) -> Result<Option<String>, StoreError> {
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| contradiction(column, "not UTF-8"))).transpose()
}

pub(super) fn findings_json(findings: &[Finding]) -> Option<String> {
    if findings.is_empty() {
        return None;
    }
    let list: Vec<_> = findings.iter().map(finding_value).collect();
    Some(Value::Array(list).to_string())
}

pub(super) fn finding_value(finding: &Finding) -> Value {
    json!({ "code": finding.code, "pointer": finding.pointer, "text": finding.text })
}

/// A finding as it is read back: codes are open-ended, an older or newer program may have written it.
pub(super) fn findings(json: Option<&str>) -> Result<Vec<StoredFinding>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    serde_json::from_str(json).map_err(|_| contradiction("findings", json))
}

/// The finding on a provider's answer, as it is read back.
pub(super) fn finding(json: Option<&str>) -> Result<Option<StoredFinding>, StoreError> {
    json.map(|json| serde_json::from_str(json).map_err(|_| contradiction("finding", json))).transpose()
}

pub(super) fn contradiction(column: &str, value: impl std::fmt::Display) -> StoreError {
    StoreError::Contradiction(format!("{column} holds {value}"))
}
