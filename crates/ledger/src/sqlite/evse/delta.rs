//! What differs between two states.
//!
//! Only rows that began or ended between them count, so the cost follows the changes, not the records. A record is
//! compared as the filter shows it: one that does not match any more is gone, and one that came back with the same
//! bytes has not changed.

use std::collections::HashMap;
use std::sync::Arc;

use oicp::OperatorId;
use roamhub_core::evse::pull::{Filter, Listing};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, Rows};

use super::heads::Heads;
use super::plan::ShortDigest;
use super::{EvseFile, facts};
use crate::sqlite::StoreError;
use crate::sqlite::rows::bytes;

/// Rows that one read looks at.
const STEP: i64 = 2000;

/// A record that may differ.
#[derive(Default)]
struct Differing {
    before: Option<(i64, ShortDigest)>,
    after: Option<(i64, ShortDigest)>,
    /// The newest row that ended: what it was last.
    gone: i64,
}

/// Rows of one operator that began, or ended, with one of its pushes from `from` (not included) to `to`.
#[derive(Clone, Copy)]
struct Walk {
    operator: i64,
    owner: OperatorId,
    from: i64,
    to: i64,
    /// The push that is being read, and the last row of it.
    push: i64,
    row: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Began,
    Ended,
}

struct Found {
    key: String,
    no: i64,
    since: i64,
    until: Option<i64>,
    digest: ShortDigest,
    passes: bool,
}

impl EvseFile {
    pub(super) async fn delta(
        &self,
        before: Heads,
        after: Arc<Heads>,
        filter: Arc<Filter>,
        mut listing: Listing,
    ) -> Result<Listing, LedgerError> {
        let (mut deleted, mut updated, mut inserted) = (Vec::new(), Vec::new(), Vec::new());
        for (operator, head) in &after.of {
            let (from, to) = (before.push_of(*operator), head.push);
            if from == to {
                continue;
            }
            let walk = Walk { operator: *operator, owner: head.operator, from, to, push: from, row: 0 };
            let mut records: HashMap<String, Differing> = HashMap::new();
            for edge in [Edge::Began, Edge::Ended] {
                self.walk(walk, edge, &filter, &mut records).await?;
            }
            for record in records.into_values() {
                match (record.before, record.after) {
                    (Some((_, old)), Some((_, new))) if old == new => {}
                    (Some(_), Some((no, _))) => updated.push(no),
                    (Some(_), None) => deleted.push(record.gone),
                    (None, Some((no, _))) => inserted.push(no),
                    (None, None) => {}
                }
            }
        }
        for (numbers, mut found) in [
            (&mut listing.deleted, deleted),
            (&mut listing.updated, updated),
            (&mut listing.inserted, inserted),
        ] {
            found.sort_unstable();
            numbers.extend(found);
        }
        Ok(listing)
    }

    async fn walk(
        &self,
        mut walk: Walk,
        edge: Edge,
        filter: &Arc<Filter>,
        records: &mut HashMap<String, Differing>,
    ) -> Result<(), LedgerError> {
        loop {
            let filter = filter.clone();
            let (next, found) =
                self.readers.read(move |connection| step(connection, walk, edge, &filter)).await?;
            for row in found {
                note(records, row, &walk);
            }
            match next {
                Some(next) => walk = next,
                None => return Ok(()),
            }
        }
    }
}

fn note(records: &mut HashMap<String, Differing>, row: Found, walk: &Walk) {
    // It began and ended in between, or was there before, or is there after.
    if !row.passes {
        return;
    }
    let record = records.entry(row.key).or_default();
    if row.until.is_none_or(|until| until > walk.to) {
        record.after = Some((row.no, row.digest));
        return;
    }
    record.gone = record.gone.max(row.no);
    if row.since <= walk.from {
        record.before = Some((row.no, row.digest));
    }
}

/// Some of the rows, and where to go on.
fn step(
    connection: &Connection,
    mut walk: Walk,
    edge: Edge,
    filter: &Filter,
) -> Result<(Option<Walk>, Vec<Found>), StoreError> {
    let (next, rows) = match edge {
        Edge::Began => {
            ("SELECT min(since) FROM evse WHERE operator = ?1 AND since > ?2 AND since <= ?3", "e.since = ?2")
        }
        Edge::Ended => (
            "SELECT min(until) FROM evse WHERE operator = ?1 AND until > ?2 AND until <= ?3 AND until IS NOT NULL",
            "e.until = ?2 AND e.until IS NOT NULL",
        ),
    };
    let columns = facts::COLUMNS;
    let mut rows = connection.prepare_cached(&format!(
        "SELECT e.no, e.operator, e.since, e.until, e.digest, {columns} FROM evse e
         WHERE e.operator = ?1 AND {rows} AND e.no > ?3 ORDER BY e.no LIMIT ?4"
    ))?;
    let mut next = connection.prepare_cached(next)?;
    let (mut found, mut looked) = (Vec::new(), 0);
    while looked < STEP {
        if walk.push > walk.from {
            let count = of_push(
                &mut rows.query((walk.operator, walk.push, walk.row, STEP))?,
                &mut walk,
                edge,
                filter,
                &mut found,
            )?;
            looked += count;
            if count == STEP {
                continue;
            }
        }
        let push: Option<i64> = next.query_row((walk.operator, walk.push, walk.to), |row| row.get(0))?;
        let Some(push) = push else { return Ok((None, found)) };
        (walk.push, walk.row) = (push, 0);
    }
    Ok((Some(walk), found))
}

/// Reads rows of one push; how many.
fn of_push(
    rows: &mut Rows<'_>,
    walk: &mut Walk,
    edge: Edge,
    filter: &Filter,
    found: &mut Vec<Found>,
) -> Result<i64, StoreError> {
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        let (no, since) = (row.get(0)?, row.get(2)?);
        walk.row = no;
        // What began after the earlier state is met where it began.
        if edge == Edge::Ended && since > walk.from {
            continue;
        }
        found.push(Found {
            key: row.get("key")?,
            no,
            since,
            until: row.get(3)?,
            digest: bytes(row, "digest")?,
            passes: filter.passes(&walk.owner, &facts::read(row)?),
        });
    }
    Ok(count)
}
