//! Which records belong to an answer, by their numbers.
//!
//! A version is scanned in the order of row numbers, some thousand rows in each read, and nothing but numbers is kept:
//! every page of the answer is then found without looking at those before it. What is written meanwhile lies beyond
//! the version's heads.

use std::sync::Arc;

use roamhub_core::evse::change::Version;
use roamhub_core::evse::numbers::Numbers;
use roamhub_core::evse::pull::{EvseQuery, Filter, Listing, Reach, Scope};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, Row};

use super::heads::Heads;
use super::{EvseFile, facts, heads, stamps};
use crate::sqlite::StoreError;
use crate::sqlite::rows::{instant, micros};

/// Rows that one read looks at.
const STEP: usize = 4000;

/// The answer's version and the state it starts from.
enum Between {
    State(Heads),
    States {
        before: Heads,
        after: Heads,
    },
    /// What was asked for is older than the history.
    Gone(Heads),
}

impl EvseFile {
    /// The answer to a question as of a version.
    pub(super) async fn list(&self, query: &EvseQuery, version: i64) -> Result<Listing, LedgerError> {
        let scope = query.scope;
        let filter = Arc::new(query.filter.clone());
        let between = self.readers.read(move |connection| between(connection, scope, version)).await?;
        let (mut listing, heads) = match between {
            Between::State(heads) => (empty(&heads, Reach::Exact)?, heads),
            Between::Gone(heads) => (empty(&heads, Reach::HistoryGone)?, heads),
            Between::States { before, after } => {
                let listing = empty(&after, Reach::Exact)?;
                let delta = self.delta(before, Arc::new(after), filter.clone(), listing).await?;
                let again = self.readers.read(move |connection| reaches_back(connection, scope)).await?;
                if again {
                    return Ok(delta);
                }
                // History was cut under it.
                let heads = self.readers.read(move |connection| Heads::load(connection, version)).await?;
                (empty(&heads, Reach::HistoryGone)?, heads)
            }
        };
        let heads = Arc::new(heads);
        listing.inserted = match scope {
            Scope::AsOf(_) if listing.reach == Reach::HistoryGone => Numbers::default(),
            Scope::Within(area) => {
                let mut found: Vec<_> =
                    self.near(area, heads, filter).await?.into_iter().map(|(_, no)| no).collect();
                found.sort_unstable();
                let mut numbers = Numbers::default();
                numbers.extend(found);
                numbers
            }
            Scope::Current | Scope::Since(_) | Scope::AsOf(_) => self.scan(heads, filter).await?,
        };
        Ok(listing)
    }

    async fn scan(&self, heads: Arc<Heads>, filter: Arc<Filter>) -> Result<Numbers, LedgerError> {
        let mut numbers = Numbers::default();
        let mut after = 0;
        loop {
            let (heads, filter) = (heads.clone(), filter.clone());
            let step = self.readers.read(move |connection| step(connection, &heads, &filter, after)).await?;
            numbers.extend(step.shown);
            match step.last {
                Some(last) => after = last,
                None => return Ok(numbers),
            }
        }
    }
}

fn empty(heads: &Heads, reach: Reach) -> Result<Listing, LedgerError> {
    let at = instant(heads.at, "at").map_err(|_| LedgerError::Contradiction)?;
    Ok(Listing {
        version: Version(heads.version.unsigned_abs()),
        at,
        reach,
        deleted: Numbers::default(),
        updated: Numbers::default(),
        inserted: Numbers::default(),
    })
}

fn between(connection: &Connection, scope: Scope, version: i64) -> Result<Between, StoreError> {
    let now = Heads::load(connection, version)?;
    let then = match scope {
        Scope::Current | Scope::Within(_) => return Ok(Between::State(now)),
        Scope::Since(then) | Scope::AsOf(then) => micros(then),
    };
    if !reaches_back(connection, scope)? {
        return Ok(Between::Gone(now));
    }
    let earlier = Heads::load(connection, heads::at(connection, then)?.min(version))?;
    Ok(match scope {
        Scope::Since(_) => Between::States { before: earlier, after: now },
        _ => Between::State(earlier),
    })
}

/// Whether history still reaches back to what is asked for.
fn reaches_back(connection: &Connection, scope: Scope) -> Result<bool, StoreError> {
    let (Scope::Since(then) | Scope::AsOf(then)) = scope else { return Ok(true) };
    Ok(stamps::value(connection, "history")?.is_none_or(|history| micros(then) >= history))
}

struct Step {
    shown: Vec<i64>,
    /// The last row that was looked at; nothing if there was none.
    last: Option<i64>,
}

fn step(connection: &Connection, heads: &Heads, filter: &Filter, after: i64) -> Result<Step, StoreError> {
    let all = *filter == Filter::default();
    let columns = if all { "1" } else { facts::COLUMNS };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.no, e.operator, e.since, e.until, {columns} FROM evse e WHERE e.no > ?1 ORDER BY e.no LIMIT ?2"
    ))?;
    let mut rows = statement.query((after, i64::try_from(STEP).unwrap_or(i64::MAX)))?;
    let mut step = Step { shown: Vec::new(), last: None };
    while let Some(row) = rows.next()? {
        let no = row.get(0)?;
        step.last = Some(no);
        if shows(heads, row, (!all).then_some(filter))?.is_some() {
            step.shown.push(no);
        }
    }
    Ok(step)
}

/// The operator whose row this is, if the version shows it and it passes. The row begins with number, operator, since
/// and until.
pub(super) fn shows(
    heads: &Heads,
    row: &Row<'_>,
    filter: Option<&Filter>,
) -> Result<Option<i64>, StoreError> {
    let operator: i64 = row.get(1)?;
    let Some(owner) = heads.shows(operator, row.get(2)?, row.get(3)?) else { return Ok(None) };
    let passes = match filter {
        Some(filter) => filter.passes(owner, &facts::read(row)?),
        None => true,
    };
    Ok(passes.then_some(operator))
}
