//! Records in a circle: the tree of places gives those in its rectangles, tile by tile, so that no read is long, and the
//! exact distance decides. A circle that would take too many tiles is found by scanning all records.

use std::sync::Arc;

use oicp::geo::SearchCenter;
use roamhub_core::evse::pull::Filter;
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, Rows};

use super::heads::Heads;
use super::{EvseFile, facts, list};
use crate::sqlite::StoreError;

/// The sides of a tile at most: a degree, in 10⁻⁷ degrees.
const SIDE: i64 = 10_000_000;
/// More tiles than these, and all records are scanned.
const MOST_TILES: usize = 400;
/// Rows that one read of a scan looks at.
const STEP: i64 = 4000;

impl EvseFile {
    /// The records of a version that are in the circle and pass: their operators' numbers and their own.
    pub(super) async fn near(
        &self,
        area: SearchCenter,
        heads: Arc<Heads>,
        filter: Arc<Filter>,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        let Some(tiles) = tiles(area) else { return self.near_by_scan(area, heads, filter).await };
        let mut found = Vec::new();
        for tile in tiles {
            let (heads, filter) = (heads.clone(), filter.clone());
            let inside =
                self.readers.read(move |connection| in_tile(connection, &heads, &filter, area, tile));
            found.extend(inside.await?);
        }
        Ok(found)
    }

    async fn near_by_scan(
        &self,
        area: SearchCenter,
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
    area: SearchCenter,
    tile: Tile,
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
    area: SearchCenter,
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
fn inside(
    rows: &mut Rows<'_>,
    heads: &Heads,
    filter: &Filter,
    area: SearchCenter,
) -> Result<Inside, StoreError> {
    let (mut found, mut last) = (Vec::new(), None);
    // Reading the facts is most of the work.
    let filter = (*filter != Filter::default()).then_some(filter);
    while let Some(row) = rows.next()? {
        let no = row.get(0)?;
        last = Some(no);
        if !area.holds(facts::position(row)?) {
            continue;
        }
        if let Some(operator) = list::shows(heads, row, filter)? {
            found.push((operator, no));
        }
    }
    Ok((found, last))
}

/// A rectangle of positions in 10⁻⁷ degrees, its edges included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tile {
    south: i32,
    north: i32,
    west: i32,
    east: i32,
}

/// Disjoint tiles that hold the whole circle; nothing if that would take too many.
fn tiles(area: SearchCenter) -> Option<Vec<Tile>> {
    let bounds = area.bounds();
    let (first, second) = bounds.longitudes();
    let longitudes = [Some(first), second].into_iter().flatten();
    let columns: Vec<_> = longitudes.flat_map(|range| cut(*range.start(), *range.end())).collect();
    let rows = cut(bounds.south, bounds.north);
    if rows.len().checked_mul(columns.len())? > MOST_TILES {
        return None;
    }
    let row = |(south, north): (i32, i32)| {
        columns.clone().into_iter().map(move |(west, east)| Tile { south, north, west, east })
    };
    Some(rows.into_iter().flat_map(row).collect())
}

/// Cuts a closed range of whole numbers.
fn cut(from: i32, to: i32) -> Vec<(i32, i32)> {
    let (from, to) = (i64::from(from), i64::from(to));
    let narrow = |number: i64| i32::try_from(number).unwrap_or_default();
    let starts = (0..).map(|piece| from + piece * SIDE).take_while(|start| *start <= to);
    starts.map(|start| (narrow(start), narrow((start + SIDE - 1).min(to)))).collect()
}

#[cfg(test)]
mod tests {
    use oicp::geo::{GeoPoint, Radius};
    use proptest::prelude::*;

    use super::*;

    const DEGREE: i32 = 10_000_000;

    fn longitude() -> impl Strategy<Value = i32> {
        prop_oneof![-180 * DEGREE..=180 * DEGREE, 179 * DEGREE..=180 * DEGREE, -180 * DEGREE..=-179 * DEGREE]
    }

    proptest! {
        #[test]
        fn each_point_of_the_circle_is_in_one_tile(
            latitude in -89 * DEGREE..=89 * DEGREE,
            longitude in longitude(),
            tenths in prop_oneof![1..200_u16, 1..=9999_u16],
            (north, east) in (-DEGREE..=DEGREE, -DEGREE..=DEGREE),
        ) {
            let center = GeoPoint::from_e7(latitude, longitude).unwrap();
            let area = SearchCenter { center, radius: Radius::from_tenths(tenths).unwrap() };
            let near = GeoPoint::from_e7(latitude + north, longitude.saturating_add(east).clamp(-180 * DEGREE, 180 * DEGREE));
            let (Some(tiles), Some(near)) = (tiles(area), near) else { return Ok(()) };
            let holds = |tile: &&Tile| {
                (tile.south..=tile.north).contains(&near.latitude_e7())
                    && (tile.west..=tile.east).contains(&near.longitude_e7())
            };
            let holding = tiles.iter().filter(holds).count();
            prop_assert!(holding <= 1, "they are disjoint");
            prop_assert!(holding == 1 || !area.holds(near));
        }
    }
}
