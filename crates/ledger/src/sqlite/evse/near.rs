//! Records in a circle: the tree of places gives those in its rectangles, tile by tile, so that no read is long, and the
//! exact distance decides. A circle that would take too many tiles is found by scanning all records.

use std::sync::Arc;

use roamhub_core::evse::area::{Area, Rectangle};
use roamhub_core::evse::pull::Filter;
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, Rows};

use super::heads::Heads;
use super::{EvseFile, facts, list};
use crate::sqlite::StoreError;

/// The sides of a tile at most, in degrees.
const SIDE: i32 = 1;
/// More tiles than these, and all records are scanned.
const MOST_TILES: usize = 400;
/// Rows that one read of a scan looks at.
const STEP: i64 = 4000;

impl EvseFile {
    /// The records of a version that are in the circle and pass: their operators' numbers and their own.
    pub(super) async fn near(
        &self,
        area: Area,
        heads: Arc<Heads>,
        filter: Arc<Filter>,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        let rectangles = area.rectangles();
        let tiles: Option<Vec<_>> =
            rectangles.iter().map(|rectangle| rectangle.tiles(SIDE, MOST_TILES)).collect();
        let Some(tiles) = tiles else { return self.near_by_scan(area, heads, filter).await };
        let mut found = Vec::new();
        for tile in tiles.into_iter().flatten() {
            let (heads, filter) = (heads.clone(), filter.clone());
            let inside =
                self.readers.read(move |connection| in_tile(connection, &heads, &filter, area, tile));
            found.extend(inside.await?);
        }
        Ok(found)
    }

    async fn near_by_scan(
        &self,
        area: Area,
        heads: Arc<Heads>,
        filter: Arc<Filter>,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        let (mut found, mut after) = (Vec::new(), Some(0));
        while let Some(from) = after {
            let (heads, filter) = (heads.clone(), filter.clone());
            let step = self.readers.read(move |connection| in_step(connection, &heads, &filter, area, from));
            let (inside, last) = step.await?;
            found.extend(inside);
            after = last;
        }
        Ok(found)
    }
}

fn in_tile(
    connection: &Connection,
    heads: &Heads,
    filter: &Filter,
    area: Area,
    tile: Rectangle,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let columns = facts::COLUMNS;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.no, e.operator, e.since, e.until, {columns}
         FROM place p CROSS JOIN evse e ON e.no = p.no
         WHERE p.south >= ?1 AND p.north <= ?2 AND p.west >= ?3 AND p.east <= ?4"
    ))?;
    let mut rows = statement.query((tile.south, tile.north, tile.west, tile.east))?;
    Ok(inside(&mut rows, heads, filter, area)?.0)
}

type Inside = (Vec<(i64, i64)>, Option<i64>);

fn in_step(
    connection: &Connection,
    heads: &Heads,
    filter: &Filter,
    area: Area,
    after: i64,
) -> Result<Inside, StoreError> {
    let columns = facts::COLUMNS;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.no, e.operator, e.since, e.until, {columns} FROM evse e WHERE e.no > ?1 ORDER BY e.no LIMIT ?2"
    ))?;
    let mut rows = statement.query((after, STEP))?;
    inside(&mut rows, heads, filter, area)
}

/// Those in the circle, and the last row that was looked at.
fn inside(rows: &mut Rows<'_>, heads: &Heads, filter: &Filter, area: Area) -> Result<Inside, StoreError> {
    let (mut found, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let no = row.get(0)?;
        last = Some(no);
        let Some(operator) = list::shows(heads, row, Some(filter))? else { continue };
        if area.contains(facts::position(row)?) {
            found.push((operator, no));
        }
    }
    Ok((found, last))
}
