//! Release before authorise: the Ends still owed for a card or contract.
//!
//! A deferred End is filed under its session's medium behind the writer, so with a million of them one medium's are a
//! short read. What is not filed yet is looked through; invariant: filed or not, an End that waits is found.

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::ProcessId;
use roamhub_core::delivery::{DeliveryNo, OwedDelivery};
use roamhub_core::ports::{LedgerTask, OwedEnd, ReleasePort};
use rusqlite::{Connection, params};

use super::claims::{Candidate, Passed};
use super::deliveries::claim_or_end;
use super::rows::{bytes, provider};
use super::tenure::Taken;
use super::writer::Desk;
use super::{Sqlite, StoreError};

/// How many Ends that are not filed yet are looked through; more than are deferred between two filings.
const LOOKED_THROUGH: i64 = 5_000;

impl ReleasePort for Sqlite {
    fn owed_ends(&self, medium: [u8; 32]) -> LedgerTask<'_, Vec<OwedEnd>> {
        let tenure = self.tenure.clone();
        Box::pin(self.readers.read(move |connection| {
            // Those under way first: one that is deferred meanwhile is found among those that wait.
            let mut owed = Vec::new();
            for (_, delivery, taken) in tenure.ends_of(&medium) {
                owed.extend(leased_end(connection, delivery, &taken)?);
            }
            for waiting in owed_ends(connection, &medium)? {
                if owed.iter().all(|end| end.process != waiting.process) {
                    owed.push(waiting);
                }
            }
            Ok(owed)
        }))
    }

    fn claim_ends(
        &self,
        provider: ProviderId,
        medium: [u8; 32],
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<OwedDelivery>> {
        Box::pin(self.writer.work(move |desk| claim_ends(desk, &provider, &medium, now, lease_until, limit)))
    }

    fn file_media(&self, limit: usize) -> LedgerTask<'_, usize> {
        Box::pin(async move {
            // Most of the time there is nothing to file, and the writer need not hear of it.
            if !self.readers.read(something_unfiled).await? {
                return Ok(0);
            }
            self.writer.write(move |connection| file_media(connection, limit)).await
        })
    }
}

/// Session and number of the open deliveries that are Ends of the medium `?1`.
pub(super) const ENDS_OF_MEDIUM: &str = "
    SELECT session, no FROM delivery WHERE medium = ?1 AND type = 'End'
    UNION ALL
    SELECT unfiled.session, unfiled.no FROM
        (SELECT no, session FROM delivery
         WHERE type = 'End' AND lease_until IS NULL AND medium IS NULL ORDER BY no DESC LIMIT ?2) unfiled
        JOIN session ON session.id = unfiled.session
    WHERE session.medium = ?1";

/// An End that a request is sending, unless it has ended by now.
fn leased_end(
    connection: &Connection,
    delivery: DeliveryNo,
    taken: &Taken,
) -> Result<Option<OwedEnd>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT process FROM notification n WHERE n.no = ?1
             AND NOT EXISTS (SELECT 1 FROM delivery_history h WHERE h.notification = ?1 AND h.delivery = ?2)",
    )?;
    let mut rows = statement.query(params![taken.notification, delivery.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let process = ProcessId::from_bytes(bytes(row, "process")?);
    Ok(Some(OwedEnd { provider: taken.provider, process, under_way: true }))
}

fn owed_ends(connection: &Connection, medium: &[u8; 32]) -> Result<Vec<OwedEnd>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT d.provider, n.process, d.lease_until IS NOT NULL
         FROM delivery d JOIN notification n ON n.no = d.notification
         WHERE (d.session, d.no) IN ({ENDS_OF_MEDIUM}) ORDER BY d.no"
    ))?;
    let mut rows = statement.query(params![medium, LOOKED_THROUGH])?;
    let mut owed = Vec::new();
    while let Some(row) = rows.next()? {
        owed.push(OwedEnd {
            provider: provider(&row.get::<_, String>(0)?)?,
            process: ProcessId::from_bytes(bytes(row, "process")?),
            under_way: row.get(2)?,
        });
    }
    Ok(owed)
}

fn claim_ends(
    desk: &mut Desk<'_>,
    provider: &ProviderId,
    medium: &[u8; 32],
    now: Timestamp,
    lease_until: Timestamp,
    limit: usize,
) -> Result<Vec<OwedDelivery>, StoreError> {
    let mut candidates = Vec::new();
    {
        // Parked ones are let go by whoever settles what they wait for. The plus signs keep SQLite from going through all
        // that the provider is owed.
        let mut statement = desk.connection.prepare_cached(&format!(
            "SELECT no, notification, session, type, gives_up_at, rank, recorded, faulted, unusable,
                    type <> 'End' OR medium IS NOT NULL AS is_filed
             FROM delivery
             WHERE (session, no) IN ({ENDS_OF_MEDIUM}) AND +provider = ?3 AND +due_at IS NOT NULL ORDER BY no"
        ))?;
        let mut rows = statement.query(params![medium, LOOKED_THROUGH, provider.key()])?;
        while let Some(row) = rows.next()? {
            candidates.push(Candidate::of(row)?);
        }
    }
    let mut claimed = Vec::new();
    for candidate in &candidates {
        if claimed.len() >= limit {
            break;
        }
        if let Passed::Claimed(owed) = claim_or_end(desk, candidate, now, lease_until)? {
            claimed.push(*owed);
        }
    }
    Ok(claimed)
}

fn something_unfiled(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM delivery WHERE type = 'End' AND lease_until IS NULL AND medium IS NULL)",
    )?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn file_media(connection: &Connection, limit: usize) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE delivery SET medium = coalesce((SELECT medium FROM session WHERE id = delivery.session), x'')
         WHERE (session, no) IN (SELECT session, no FROM delivery
                      WHERE type = 'End' AND lease_until IS NULL AND medium IS NULL ORDER BY no LIMIT ?1)",
    )?;
    Ok(statement.execute([i64::try_from(limit).unwrap_or(i64::MAX)])?)
}
