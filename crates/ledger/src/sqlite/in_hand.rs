//! Deliveries in the hand of the request that brought the message. Nearly all of them end there within milliseconds, so
//! they have no row of their own: that the message is owed is said by its own row, until an end is written or, when the
//! delivery leaves that hand without one, its row.
//!
//! Invariants:
//! * a message whose row names a delivery is owed unless that delivery has a row or an end;
//! * such a delivery is leased, it is its message's first, and the writer knows it by heart ([`super::book`]);
//! * whatever changes a delivery writes its row first ([`InHand::written`]), but for the end that is written in its place;
//! * what a dead process had in hand has a row before anything else is done with the ledger ([`recover`]).

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::retry::gives_up_at;
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, params};

use super::StoreError;
use super::book::{Book, OpenRow};
use super::rows::{instant, kind, micros};

/// The mark is moved once in so many messages: no more, and those in hand, are looked through after a crash.
const MARK_AFTER: i64 = 8_192;

/// What the row of a delivery would say that has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwritten {
    pub(super) provider: ProviderId,
    /// In microseconds.
    pub(super) lease_until: i64,
    /// In microseconds.
    pub(super) gives_up_at: i64,
}

/// What the transaction under way has done with deliveries in hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// This one is new.
    Came(SessionKey, i64),
    /// This one has an end or a row now.
    Left(SessionKey, OpenRow),
}

/// The changes of the transaction under way, and the mark up to which nothing is in hand.
#[derive(Debug, Default)]
pub(super) struct InHand {
    changes: Vec<Change>,
    /// The last message that came in hand, with this transaction and before it.
    last: i64,
    committed: i64,
    /// Where the mark was moved last.
    marked: i64,
}

impl InHand {
    /// A delivery without a row.
    pub(super) fn came(&mut self, session: SessionKey, row: &OpenRow) {
        self.last = row.notification;
        self.changes.push(Change::Came(session, row.no));
    }

    /// It ends, or is written.
    pub(super) fn left(&mut self, session: SessionKey, row: OpenRow) {
        self.changes.push(Change::Left(session, row));
    }

    /// Sees to it that the delivery has a row.
    pub(super) fn written(
        &mut self,
        connection: &Connection,
        session: SessionKey,
        open: &mut [OpenRow],
        no: i64,
    ) -> Result<(), StoreError> {
        let Some(row) = open.iter_mut().find(|row| row.no == no) else { return Ok(()) };
        let before = *row;
        let Some(unwritten) = row.unwritten.take() else { return Ok(()) };
        self.left(session, before);
        insert(connection, session, &before, &unwritten)
    }

    /// Sees to it that all deliveries of the session have rows.
    pub(super) fn all_written(
        &mut self,
        connection: &Connection,
        session: SessionKey,
        open: &mut [OpenRow],
    ) -> Result<(), StoreError> {
        let numbers: Vec<i64> = open.iter().map(|row| row.no).collect();
        numbers.into_iter().try_for_each(|no| self.written(connection, session, open, no))
    }

    /// Before the commit: the mark follows, now and then.
    pub(super) fn before_commit(&mut self, connection: &Connection, book: &Book) -> Result<(), StoreError> {
        if self.last - self.marked < MARK_AFTER {
            return Ok(());
        }
        self.marked = self.last;
        let after = book.first_in_hand().map_or(self.last, |first| first - 1);
        connection.prepare_cached("UPDATE in_hand SET after = max(after, ?1)")?.execute([after])?;
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        self.changes.clear();
        self.committed = self.last;
    }

    /// The transaction was rolled back: its changes, the last first.
    pub(super) fn rolled_back(&mut self) -> impl Iterator<Item = Change> {
        self.last = self.committed;
        self.marked = self.marked.min(self.last);
        std::mem::take(&mut self.changes).into_iter().rev()
    }
}

/// Writes the row of a leased delivery.
pub(super) fn insert(
    connection: &Connection,
    session: SessionKey,
    row: &OpenRow,
    unwritten: &Unwritten,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO delivery
                 (session, no, notification, provider, type, has_pin, token, lease_until, gives_up_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            session.as_bytes(),
            row.no,
            row.notification,
            unwritten.provider.key(),
            row.kind.as_str(),
            row.has_pin,
            row.token,
            unwritten.lease_until,
            unwritten.gives_up_at,
        ])?;
    Ok(())
}

/// Whether this delivery, which was in hand, still has neither row nor end.
pub(super) fn is_unwritten(
    connection: &Connection,
    session: SessionKey,
    notification: i64,
    delivery: i64,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM notification WHERE no = ?2 AND delivery = ?3
             AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.session = ?1 AND d.no = ?3)
             AND NOT EXISTS (SELECT 1 FROM delivery_history h WHERE h.notification = ?2)",
    )?;
    Ok(statement.exists(params![session.as_bytes(), notification, delivery])?)
}

/// Writes the rows of what a dead process had in hand. It is due now.
pub(super) fn recover(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let mut statement = connection.prepare(
        "SELECT n.no, n.session, n.delivery, n.provider, n.type, n.received_at, n.body FROM notification n
         WHERE n.no > (SELECT after FROM in_hand) AND n.delivery IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.session = n.session AND d.no = n.delivery)
             AND NOT EXISTS (SELECT 1 FROM delivery_history h WHERE h.notification = n.no)",
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO delivery (session, no, notification, provider, type, has_pin, token, due_at, gives_up_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)",
    )?;
    let mut rows = statement.query([])?;
    let mut lost = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get("type")?;
        let kind: MessageKind = kind(&word)?;
        let received_at = instant(row.get("received_at")?, "received_at")?;
        let has_pin =
            oicp::pin::blank(row.get_ref("body")?.as_blob().map_err(rusqlite::Error::from)?).is_some();
        let (session, provider): ([u8; 16], String) = (row.get("session")?, row.get("provider")?);
        let (no, delivery): (i64, i64) = (row.get("no")?, row.get("delivery")?);
        lost.push((
            session,
            delivery,
            no,
            provider,
            word,
            has_pin,
            micros(now),
            micros(gives_up_at(kind, received_at)),
        ));
    }
    for lost in lost {
        insert.execute(lost)?;
    }
    Ok(())
}
