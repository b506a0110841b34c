//! What receipts are made of. Bodies are not read.

use roamhub_core::feed::Position;
use roamhub_core::ports::{LedgerTask, ReceiptPort};
use roamhub_core::receipt::ReceiptFacts;
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension};

use super::lookup::number_of;
use super::records::deliveries_of;
use super::rows::{bytes, contradiction, instant, operator, provider};
use super::{Sqlite, StoreError, mandate};

impl ReceiptPort for Sqlite {
    fn receipt(&self, process: ProcessId) -> LedgerTask<'_, Option<ReceiptFacts>> {
        Box::pin(self.aside.read(move |connection| receipt(connection, process)))
    }

    fn receipts_of(&self, session: SessionKey, limit: usize) -> LedgerTask<'_, Vec<ReceiptFacts>> {
        let recent = self.recent.clone();
        Box::pin(self.aside.read(move |connection| {
            let known = recent.messages_of(connection, session)?;
            let known = mandate::with_aside(connection, session, known)?;
            receipts_of(connection, known.iter().map(|known| known.no).take(limit))
        }))
    }
}

pub(super) fn receipt(
    connection: &Connection,
    process: ProcessId,
) -> Result<Option<ReceiptFacts>, StoreError> {
    // One snapshot, or the parts of a receipt could be of different moments.
    let snapshot = connection.unchecked_transaction()?;
    number_of(&snapshot, process)?.map(|no| facts(&snapshot, no)).transpose()
}

fn receipts_of(
    connection: &Connection,
    numbers: impl Iterator<Item = i64>,
) -> Result<Vec<ReceiptFacts>, StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    numbers.map(|no| facts(&snapshot, no)).collect()
}

fn facts(connection: &Connection, no: i64) -> Result<ReceiptFacts, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT process, session, operator, provider, type, received_at, evse, digest
         FROM notification WHERE no = ?1",
    )?;
    let mut rows = statement.query([no])?;
    let row = rows.next()?.ok_or_else(|| contradiction("notification", format!("no number {no}")))?;
    let session = SessionKey::from_bytes(bytes(row, "session")?);
    let (origin, about) = mandate::origin_of(connection, no, session)?;
    Ok(ReceiptFacts {
        process: ProcessId::from_bytes(bytes(row, "process")?),
        session: about,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        kind: row.get("type")?,
        evse: row.get("evse")?,
        received_at: instant(row.get("received_at")?, "received_at")?,
        digest: bytes(row, "digest")?,
        deliveries: deliveries_of(connection, no, session)?,
        feed: place_in_feed(connection, no)?,
        origin,
    })
}

fn place_in_feed(connection: &Connection, no: i64) -> Result<Option<(Position, bool)>, StoreError> {
    let place: Option<(i64, bool)> = connection
        .prepare_cached(
            "SELECT position, position <= confirmed FROM feed JOIN feed_ends USING (provider)
             WHERE notification = ?1",
        )?
        .query_row([no], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    place
        .map(|(position, confirmed)| {
            let position = Position::new(position).ok_or_else(|| contradiction("position", position))?;
            Ok((position, confirmed))
        })
        .transpose()
}
