//! Replays: ordered, counted, and filled into their queue batch by batch.
//!
//! The cursor moves in the transaction that queues what it passed. What a batch looks through is bounded, and found by a
//! reader, so the writer is asked for little at a time and live traffic goes on in between.

use jiff::Timestamp;
use roamhub_core::MessageKind;
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::LedgerError;
use roamhub_core::replay::{Filled, Matching, ReplayNo, ReplayRecord, Selection, SelectionText};
use roamhub_core::retry::gives_up_at;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::lookup::{Standing, last_number, standing};
use super::rows::{contradiction, instant, kind, micros};
use super::runs::Recent;
use super::tenure::Tenure;
use super::{Sqlite, StoreError};

/// How many messages a batch looks at closely, at most.
const BATCH: usize = 128;
/// How many messages are passed by in one read, at most.
const PASS: i64 = 10_000;

/// A stretch of messages in order of arrival.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Behind this one.
    after: i64,
    /// Up to this one.
    up_to: i64,
}

/// What a stretch holds of a selection.
struct Found {
    /// The messages, states not looked at yet.
    numbers: Vec<i64>,
    /// How far was looked.
    looked_to: i64,
}

pub(super) async fn matching(ledger: &Sqlite, selection: Selection) -> Result<Matching, LedgerError> {
    let up_to = ledger.readers.read(last_number).await?;
    let (mut sum, mut after) = (Matching::default(), 0);
    while after < up_to {
        let (selection, stretch) = (selection.clone(), Stretch { after, up_to });
        let recent = ledger.recent.clone();
        let look = move |connection: &Connection| {
            let found = find(connection, &recent, &selection, stretch)?;
            let mut sum = Matching::default();
            for number in found.numbers {
                count(&mut sum, judge(connection, &selection, number)?);
            }
            Ok((sum, found.looked_to))
        };
        let (part, looked_to) = ledger.readers.read(look).await?;
        sum.to_send += part.to_send;
        sum.erased += part.erased;
        sum.open += part.open;
        after = looked_to;
    }
    Ok(sum)
}

/// The messages of a selection in a stretch, by what is cheap to see.
fn find(
    connection: &Connection,
    recent: &Recent,
    selection: &Selection,
    stretch: Stretch,
) -> Result<Found, StoreError> {
    match selection.session {
        Some(session) => {
            let known = recent.messages_of(connection, session)?;
            let mut numbers: Vec<i64> = known.into_iter().map(|known| known.no).collect();
            numbers.retain(|no| stretch.after < *no && *no <= stretch.up_to);
            let looked_to = numbers.get(BATCH).and(numbers.get(BATCH - 1)).copied().unwrap_or(stretch.up_to);
            numbers.truncate(BATCH);
            let mut kept = Vec::with_capacity(numbers.len());
            for no in numbers {
                kept.extend(among(connection, selection, Stretch { after: no - 1, up_to: no })?);
            }
            Ok(Found { numbers: kept, looked_to })
        }
        None => {
            let up_to = stretch.up_to.min(stretch.after.saturating_add(PASS));
            let numbers = among(connection, selection, Stretch { up_to, ..stretch })?;
            let full = numbers.len() == BATCH;
            let looked_to = numbers.last().copied().filter(|_| full).unwrap_or(up_to);
            Ok(Found { numbers, looked_to })
        }
    }
}

fn among(connection: &Connection, selection: &Selection, stretch: Stretch) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, type FROM notification
         WHERE no > ?1 AND no <= ?2 AND (?3 IS NULL OR provider = ?3) AND received_at >= ?4 AND received_at < ?5
         ORDER BY no",
    )?;
    let from = selection.from.map_or(i64::MIN, micros);
    let until = selection.until.map_or(i64::MAX, micros);
    let provider = selection.provider.as_ref().map(|id| id.key().to_owned());
    let mut rows = statement.query(params![stretch.after, stretch.up_to, provider, from, until])?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        if selection.wants_kind(kind(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?) {
            numbers.push(row.get(0)?);
        }
        if numbers.len() == BATCH {
            break;
        }
    }
    Ok(numbers)
}

/// What a replay does with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Send,
    Erased,
    Open,
    Unwanted,
}

fn judge(connection: &Connection, selection: &Selection, notification: i64) -> Result<Judged, StoreError> {
    let state = match standing(connection, notification)? {
        Standing::UnderWay | Standing::Deferred | Standing::Replayed { .. } => return Ok(Judged::Open),
        Standing::Ended(word) => FinalState::parse(&word).ok_or_else(|| contradiction("state", &word))?,
    };
    Ok(match (selection.wants_state(state), super::erasure::is_erased(connection, notification)?) {
        (false, _) => Judged::Unwanted,
        (true, true) => Judged::Erased,
        (true, false) => Judged::Send,
    })
}

fn count(sum: &mut Matching, judged: Judged) {
    match judged {
        Judged::Send => sum.to_send += 1,
        Judged::Erased => sum.erased += 1,
        Judged::Open => sum.open += 1,
        Judged::Unwanted => {}
    }
}

pub(super) fn order(
    connection: &Connection,
    selection: &Selection,
    at: Timestamp,
) -> Result<ReplayNo, StoreError> {
    let text = serde_json::to_string(&SelectionText::from(selection))
        .map_err(|error| contradiction("selection", error))?;
    connection
        .prepare_cached("INSERT INTO replay (ordered_at, selection, cursor, up_to) VALUES (?1, ?2, 0, ?3)")?
        .execute(params![micros(at), text, last_number(connection)?])?;
    Ok(ReplayNo(connection.last_insert_rowid()))
}

/// A replay that has messages left to queue, and the next of them.
struct Next {
    replay: i64,
    cursor: i64,
    up_to: i64,
    selection: Selection,
    found: Found,
}

/// One batch: found by a reader, queued by the writer.
pub(super) async fn fill(ledger: &Sqlite, now: Timestamp) -> Result<Filled, LedgerError> {
    let recent = ledger.recent.clone();
    let Some(next) = ledger.readers.read(move |connection| next_batch(connection, &recent)).await? else {
        return Ok(Filled::Nothing);
    };
    let tenure = ledger.tenure.clone();
    let queued = ledger.writer.write(move |connection| queue(connection, &tenure, &next, now)).await?;
    Ok(Filled::Batch { queued })
}

fn next_batch(connection: &Connection, recent: &Recent) -> Result<Option<Next>, StoreError> {
    let unfilled = connection
        .prepare_cached(
            "SELECT no, cursor, up_to, selection FROM replay WHERE filled_at IS NULL ORDER BY no LIMIT 1",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)))
        .optional()?;
    let Some((replay, cursor, up_to, text)) = unfilled else { return Ok(None) };
    let selection = selection_of(&text)?;
    let found = find(connection, recent, &selection, Stretch { after: cursor, up_to })?;
    Ok(Some(Next { replay, cursor, up_to, selection, found }))
}

fn selection_of(text: &str) -> Result<Selection, StoreError> {
    let read: Option<SelectionText> = serde_json::from_str(text).ok();
    read.and_then(|text| text.read().ok()).ok_or_else(|| contradiction("selection", text))
}

fn queue(connection: &Connection, tenure: &Tenure, next: &Next, now: Timestamp) -> Result<u64, StoreError> {
    let looked_to = next.found.looked_to;
    let filled_at = (looked_to >= next.up_to).then(|| micros(now));
    // Whoever moved the cursor meanwhile has queued these.
    let moved = connection
        .prepare_cached("UPDATE replay SET cursor = ?3, filled_at = ?4 WHERE no = ?1 AND cursor = ?2")?
        .execute(params![next.replay, next.cursor, looked_to, filled_at])?;
    if moved == 0 {
        return Ok(0);
    }
    let mut sum = Matching::default();
    for number in &next.found.numbers {
        let judged = judge(connection, &next.selection, *number)?;
        if judged == Judged::Send {
            owe_again(connection, tenure, next.replay, *number, now)?;
        }
        count(&mut sum, judged);
    }
    connection
        .prepare_cached(
            "UPDATE replay SET queued = queued + ?2, erased = erased + ?3, open = open + ?4 WHERE no = ?1",
        )?
        .execute(params![
            next.replay,
            sum.to_send.cast_signed(),
            sum.erased.cast_signed(),
            sum.open.cast_signed()
        ])?;
    Ok(sum.to_send)
}

fn owe_again(
    connection: &Connection,
    tenure: &Tenure,
    replay: i64,
    notification: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (word, provider, attempts): (String, String, u32) = connection
        .prepare_cached(
            "SELECT type, provider,
                    (SELECT max(coalesce(h.number, 0),
                                coalesce((SELECT max(number) FROM attempt a WHERE a.delivery = h.delivery), 0))
                     FROM delivery_history h WHERE h.notification = n.no ORDER BY h.delivery DESC LIMIT 1)
             FROM notification n WHERE no = ?1",
        )?
        .query_row([notification], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let kind: MessageKind = kind(&word)?;
    connection
        .prepare_cached(
            "INSERT INTO replay_delivery (no, replay, notification, token, due_at, provider, gives_up_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            tenure.number(),
            replay,
            notification,
            // The provider can tell that it is a repeat: the attempts go on counting.
            attempts,
            micros(now),
            provider,
            micros(gives_up_at(kind, now)),
        ])?;
    Ok(())
}

const RECORD: &str =
    "SELECT no, ordered_at, selection, filled_at, queued, erased, open, delivered, refused, given_up,
    (SELECT count(*) FROM replay_delivery d WHERE d.replay = r.no) AS waiting FROM replay r";

pub(super) fn records(connection: &Connection, limit: usize) -> Result<Vec<ReplayRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{RECORD} ORDER BY no DESC LIMIT ?1"))?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record_of(row)?);
    }
    Ok(records)
}

pub(super) fn record(connection: &Connection, no: ReplayNo) -> Result<Option<ReplayRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{RECORD} WHERE no = ?1"))?;
    let mut rows = statement.query([no.0])?;
    rows.next()?.map(record_of).transpose()
}

fn record_of(row: &Row<'_>) -> Result<ReplayRecord, StoreError> {
    let number = |column| -> Result<u64, StoreError> { Ok(row.get::<_, i64>(column)?.unsigned_abs()) };
    let filled_at: Option<i64> = row.get("filled_at")?;
    Ok(ReplayRecord {
        no: ReplayNo(row.get("no")?),
        ordered_at: instant(row.get("ordered_at")?, "ordered_at")?,
        selection: selection_of(&row.get::<_, String>("selection")?)?,
        filled_at: filled_at.map(|at| instant(at, "filled_at")).transpose()?,
        so_far: Matching { to_send: number("queued")?, erased: number("erased")?, open: number("open")? },
        waiting: number("waiting")?,
        delivered: number("delivered")?,
        refused: number("refused")?,
        given_up: number("given_up")?,
    })
}
