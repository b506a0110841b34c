//! Looking at what happened: messages with their deliveries and attempts, refusals, the backlog, the partners document.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::records::{AttemptEntry, DeliveryRecord, MessageRecord, Refusal};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::in_hand::is_unwritten;
use super::rows::{bytes, finding, findings, instant, micros, operator, provider};
use super::runs::Known;
use super::tenure::Tenure;
use super::{StoreError, erasure, mandate};

/// How many refusals are kept.
const REFUSALS: i64 = 10_000;

pub(super) fn message(
    connection: &Connection,
    process: ProcessId,
) -> Result<Option<MessageRecord>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM notification WHERE process = ?1")?;
    let mut rows = statement.query([process.as_bytes()])?;
    rows.next()?.map(|row| message_of(connection, row)).transpose()
}

pub(super) fn messages(connection: &Connection, known: Vec<Known>) -> Result<Vec<MessageRecord>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM notification WHERE no = ?1")?;
    let mut messages = Vec::with_capacity(known.len());
    for Known { no, .. } in known {
        let mut rows = statement.query([no])?;
        messages.extend(rows.next()?.map(|row| message_of(connection, row)).transpose()?);
    }
    Ok(messages)
}

fn message_of(connection: &Connection, row: &Row<'_>) -> Result<MessageRecord, StoreError> {
    let stored_findings: Option<String> = row.get("findings")?;
    let session = SessionKey::from_bytes(bytes(row, "session")?);
    let erased_at = erasure::erased_at(connection, row.get("no")?)?;
    let (origin, about) = mandate::origin_of(connection, row.get("no")?, session)?;
    Ok(MessageRecord {
        process: ProcessId::from_bytes(bytes(row, "process")?),
        session: about,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        kind: row.get("type")?,
        received_at: instant(row.get("received_at")?, "received_at")?,
        body: if erased_at.is_some() { Bytes::new() } else { row.get::<_, Vec<u8>>("body")?.into() },
        erased_at,
        digest: bytes(row, "digest")?,
        findings: findings(stored_findings.as_deref())?,
        deliveries: deliveries_of(connection, row.get("no")?, session)?,
        origin,
    })
}

pub(super) fn deliveries_of(
    connection: &Connection,
    notification: i64,
    session: SessionKey,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT delivery AS no, state, reason, NULL AS due_at, ended_at, replay
         FROM delivery_history WHERE notification = ?1
         UNION ALL
         SELECT delivery, 'leased', NULL, NULL, NULL, NULL
         FROM notification n WHERE n.no = ?1 AND delivery IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM delivery_history WHERE notification = ?1)
             AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.session = ?2 AND d.no = n.delivery)
         UNION ALL
         SELECT no, CASE WHEN lease_until IS NULL THEN 'deferred' ELSE 'leased' END, NULL, due_at, NULL, NULL
         FROM delivery WHERE session = ?2 AND notification = ?1
         UNION ALL
         SELECT no, CASE WHEN lease_until IS NULL THEN 'deferred' ELSE 'leased' END, NULL, due_at, NULL, replay
         FROM replay_delivery WHERE notification = ?1
         ORDER BY no",
    )?;
    let mut rows = statement.query(params![notification, session.as_bytes()])?;
    let mut deliveries = Vec::new();
    while let Some(row) = rows.next()? {
        let at = |column: &str| -> Result<Option<Timestamp>, StoreError> {
            row.get::<_, Option<i64>>(column)?.map(|micros| instant(micros, column)).transpose()
        };
        deliveries.push(DeliveryRecord {
            state: row.get("state")?,
            reason: row.get("reason")?,
            due_at: at("due_at")?,
            ended_at: at("ended_at")?,
            replay: row.get("replay")?,
            attempts: attempts_of(connection, notification, row.get("no")?)?,
        });
    }
    Ok(deliveries)
}

fn attempts_of(
    connection: &Connection,
    notification: i64,
    delivery: i64,
) -> Result<Vec<AttemptEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, late, started_at, took_ms, outcome, http_status, acknowledgement, detail, finding
             FROM attempt WHERE delivery = ?2
             UNION ALL
             SELECT number, 0, started_at, took_ms, outcome, http_status, acknowledgement, detail, finding
             FROM delivery_history WHERE notification = ?1 AND delivery = ?2 AND number IS NOT NULL
             ORDER BY number, late",
    )?;
    let mut rows = statement.query([notification, delivery])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(AttemptEntry {
            number: row.get("number")?,
            started_at: instant(row.get("started_at")?, "started_at")?,
            took_ms: row.get::<_, i64>("took_ms")?.unsigned_abs(),
            outcome: row.get("outcome")?,
            http_status: row.get("http_status")?,
            acknowledgement: row.get::<_, Option<Vec<u8>>>("acknowledgement")?.map(Bytes::from),
            detail: row.get("detail")?,
            finding: finding(row.get::<_, Option<String>>("finding")?.as_deref())?,
            late: row.get("late")?,
        });
    }
    Ok(attempts)
}

pub(super) fn note_refusal(connection: &Connection, refusal: &Refusal) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO refusal (process, received_at, service, partner, session, http_status, code, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            refusal.process.as_bytes(),
            micros(refusal.received_at),
            refusal.service,
            refusal.partner,
            refusal.session,
            refusal.http_status,
            refusal.code,
            refusal.reason,
        ])?;
    connection
        .prepare_cached("DELETE FROM refusal WHERE no <= ?1")?
        .execute([connection.last_insert_rowid() - REFUSALS])?;
    Ok(())
}

pub(super) fn refusals(
    connection: &Connection,
    partner: Option<&str>,
    limit: usize,
) -> Result<Vec<Refusal>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM refusal WHERE ?2 IS NULL OR partner = ?2 COLLATE NOCASE ORDER BY no DESC LIMIT ?1",
    )?;
    let mut rows = statement.query(params![i64::try_from(limit).unwrap_or(i64::MAX), partner])?;
    let mut refusals = Vec::new();
    while let Some(row) = rows.next()? {
        refusals.push(Refusal {
            process: ProcessId::from_bytes(bytes(row, "process")?),
            received_at: instant(row.get("received_at")?, "received_at")?,
            service: row.get("service")?,
            partner: row.get("partner")?,
            session: row.get("session")?,
            http_status: row.get("http_status")?,
            code: row.get("code")?,
            reason: row.get("reason")?,
        });
    }
    Ok(refusals)
}

pub(super) fn backlog(
    connection: &Connection,
    tenure: &Tenure,
) -> Result<Vec<(ProviderId, u64)>, StoreError> {
    // First what is in hand: what leaves it meanwhile has a row or an end.
    let in_hand = tenure.taken();
    let snapshot = connection.unchecked_transaction()?;
    let mut statement =
        snapshot.prepare_cached("SELECT provider, count(*) FROM delivery GROUP BY provider")?;
    let mut rows = statement.query([])?;
    let mut counts: HashMap<ProviderId, u64> = HashMap::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        counts.insert(provider(&key)?, row.get::<_, i64>(1)?.unsigned_abs());
    }
    for (session, delivery, taken) in in_hand {
        if is_unwritten(&snapshot, session, taken.notification, delivery.0)? {
            *counts.entry(taken.provider).or_default() += 1;
        }
    }
    Ok(counts.into_iter().collect())
}

pub(super) fn load_partners(connection: &Connection) -> Result<Option<String>, StoreError> {
    let document = connection
        .query_row("SELECT document FROM partners ORDER BY version DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(document)
}

pub(super) fn store_partners(
    connection: &Connection,
    document: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .execute("INSERT INTO partners (at, document) VALUES (?1, ?2)", params![micros(at), document])?;
    Ok(())
}

/// A small commit, to know that one is possible.
pub(super) fn probe(connection: &Connection, at: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES ('probed_at', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([micros(at).to_be_bytes()])?;
    Ok(())
}
