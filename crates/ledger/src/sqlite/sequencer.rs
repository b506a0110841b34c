//! Gives messages their positions in the providers' feeds: behind the writer, from what is committed, in the order of
//! their numbers.
//!
//! A number is never committed after a greater one, so a pass sees everything up to the greatest number it saw. One
//! pass at a time; it looks on a reading connection, and writes only where a feed grows. The mark up to where everything
//! has been looked at is kept in memory and saved now and then: looking twice changes nothing, because a message has at
//! most one position.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::ProcessId;
use roamhub_core::delivery::FinalState;
use roamhub_core::feed::Sequenced;
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Mutex;

use super::history::write_history;
use super::in_hand::is_unwritten;
use super::lookup::{newest_state, number_of};
use super::rows::provider;
use super::tenure::Tenure;
use super::{Sqlite, StoreError};

/// How many positions are given in one transaction: no live message waits long for it.
const CHUNK: usize = 256;
/// The mark is saved at least once in so many messages,
const SAVE_AFTER: i64 = 100_000;
/// and at most so long after it moved.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// A message and the key of the provider whose feed it belongs to.
type Place = (i64, String);

/// How far the passes have come. Charge detail records have no place in a feed: they are fetched by a service of their own.
#[derive(Debug, Default)]
pub(super) struct Sequencer {
    pass: Mutex<Pass>,
}

#[derive(Debug, Default)]
struct Pass {
    /// Everything up to here has been looked at; unknown until the first pass.
    mark: Option<i64>,
    /// The mark as saved, and when.
    saved: Option<(i64, Instant)>,
    /// The readers of the last pass.
    readers: BTreeSet<ProviderId>,
}

/// What a look has found.
struct Seen {
    /// Up to here.
    mark: i64,
    /// The greatest number there is.
    last: i64,
    places: Vec<Place>,
}

impl Sequencer {
    /// Up to where everything has been looked at, if that is known yet.
    pub(super) async fn mark(&self) -> Option<i64> {
        self.pass.lock().await.mark
    }
}

impl Sqlite {
    /// One pass; see [`roamhub_core::ports::FeedPort::sequence`].
    pub(super) async fn sequence_once(
        &self,
        readers: Arc<BTreeSet<ProviderId>>,
        limit: u32,
    ) -> Result<Sequenced, LedgerError> {
        let mut pass = self.sequencer.pass.lock().await;
        let mark = match pass.mark {
            Some(mark) => mark,
            None => {
                let mark = self.aside.read(saved_mark).await?;
                pass.saved = Some((mark, Instant::now()));
                mark
            }
        };
        pass.mark = Some(mark);
        let mut grown = BTreeMap::new();
        let newcomers: Vec<_> = readers.difference(&pass.readers).copied().collect();
        for newcomer in newcomers {
            let tenure = self.tenure.clone();
            let owed =
                self.aside.read(move |connection| owed_before(connection, &tenure, &newcomer, mark)).await?;
            // The mark is saved with it: what came before is looked at only once, also after a crash.
            self.give_positions(owed, mark, &mut grown).await?;
            pass.saved = Some((mark, Instant::now()));
        }
        pass.readers.clone_from(&readers);
        let seen = self.aside.read(move |connection| look(connection, mark, limit, &readers)).await?;
        let stale = pass.saved.is_none_or(|(saved, at)| {
            seen.mark != saved && (seen.mark - saved >= SAVE_AFTER || at.elapsed() >= SAVE_EVERY)
        });
        if stale || !seen.places.is_empty() {
            self.give_positions(seen.places, seen.mark, &mut grown).await?;
            pass.saved = Some((seen.mark, Instant::now()));
        }
        pass.mark = Some(seen.mark);
        let grown = grown.into_iter().map(|(key, count)| Ok((provider(&key)?, count)));
        let grown = grown.collect::<Result<_, StoreError>>().map_err(|_| LedgerError::Contradiction)?;
        Ok(Sequenced { grown, behind: seen.last.saturating_sub(seen.mark).unsigned_abs() })
    }

    /// Positions in small transactions, in order; the mark goes with the last one.
    async fn give_positions(
        &self,
        places: Vec<Place>,
        mark: i64,
        grown: &mut BTreeMap<String, u64>,
    ) -> Result<(), LedgerError> {
        let mut rest = places.as_slice();
        loop {
            let (chunk, later) = rest.split_at(rest.len().min(CHUNK));
            let (places, mark) = (chunk.to_vec(), later.is_empty().then_some(mark));
            let new = self.writer.write(move |connection| append(connection, &places, mark)).await?;
            for key in new {
                *grown.entry(key).or_default() += 1;
            }
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    /// See [`roamhub_core::ports::FeedPort::hold_in_feed`]. No pass runs meanwhile.
    pub(super) async fn hold_one(&self, process: ProcessId, now: Timestamp) -> Result<(), LedgerError> {
        let _no_pass = self.sequencer.pass.lock().await;
        let tenure = self.tenure.clone();
        self.writer.write(move |connection| hold(connection, &tenure, process, now)).await
    }
}

fn saved_mark(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("SELECT coalesce(max(no), 0) FROM feed_mark", [], |row| row.get(0))?)
}

/// What a provider is owed from before it read its feed, in order of arrival.
fn owed_before(
    connection: &Connection,
    tenure: &Tenure,
    provider: &ProviderId,
    mark: i64,
) -> Result<Vec<Place>, StoreError> {
    // First what is in hand: what leaves it meanwhile has a row or an end.
    let in_hand = tenure.taken();
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare(
        "SELECT notification FROM delivery
             WHERE provider = ?1 AND notification <= ?2 AND type <> 'ChargeDetailRecord'",
    )?;
    let numbers = statement.query_map(params![provider.key(), mark], |row| row.get(0))?;
    let mut owed: BTreeSet<i64> = numbers.collect::<Result<_, _>>()?;
    for (session, delivery, taken) in in_hand {
        let wanted = taken.provider == *provider && taken.notification <= mark;
        if wanted && is_unwritten(&snapshot, session, taken.notification, delivery.0)? {
            owed.insert(taken.notification);
        }
    }
    Ok(owed.into_iter().map(|no| (no, provider.key().to_owned())).collect())
}

fn look(
    connection: &Connection,
    mark: i64,
    limit: u32,
    readers: &BTreeSet<ProviderId>,
) -> Result<Seen, StoreError> {
    let last: i64 = connection
        .prepare_cached("SELECT coalesce(max(no), 0) FROM notification")?
        .query_row([], |row| row.get(0))?;
    let to = last.min(mark.saturating_add(i64::from(limit))).max(mark);
    let mut places = BTreeMap::new();
    let mut collect = |sql: &str, wanted: &dyn Fn(&str) -> bool| -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([mark, to])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if wanted(key) {
                places.insert(row.get::<_, i64>(0)?, key.to_owned());
            }
        }
        Ok(())
    };
    if to > mark {
        collect(
            "SELECT h.notification, n.provider FROM delivery_history h JOIN notification n ON n.no = h.notification
             WHERE h.notification > ?1 AND h.notification <= ?2 AND h.state = 'held'
                 AND n.type <> 'ChargeDetailRecord'",
            &|_| true,
        )?;
        if !readers.is_empty() {
            let keys: BTreeSet<&str> = readers.iter().map(ProviderId::key).collect();
            collect(
                "SELECT no, provider FROM notification
                 WHERE no > ?1 AND no <= ?2 AND type <> 'ChargeDetailRecord'",
                &|key| keys.contains(key),
            )?;
        }
    }
    Ok(Seen { mark: to, last, places: places.into_iter().collect() })
}

/// Returns, for each new position, the provider whose feed has grown.
fn append(connection: &Connection, places: &[Place], mark: Option<i64>) -> Result<Vec<String>, StoreError> {
    let mut grown = Vec::new();
    for (notification, provider) in places {
        if append_one(connection, *notification, provider)? {
            grown.push(provider.clone());
        }
    }
    if let Some(mark) = mark {
        connection.prepare_cached("UPDATE feed_mark SET no = ?1")?.execute([mark])?;
    }
    Ok(grown)
}

/// Gives a message the next position of its feed; `false` if it has one.
fn append_one(connection: &Connection, notification: i64, provider: &str) -> Result<bool, StoreError> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT position FROM feed WHERE notification = ?1")?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(false);
    }
    let position: i64 = connection
        .prepare_cached(
            "INSERT INTO feed_ends (provider, last) VALUES (?1, 1)
             ON CONFLICT (provider) DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row([provider], |row| row.get(0))?;
    connection
        .prepare_cached("INSERT INTO feed (provider, position, notification) VALUES (?1, ?2, ?3)")?
        .execute(params![provider, position, notification])?;
    Ok(true)
}

/// A message that will not be sent waits in the feed.
fn hold(
    connection: &Connection,
    tenure: &Tenure,
    process: ProcessId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(no) = number_of(connection, process)? else { return Ok(()) };
    let (session, provider): (Vec<u8>, String) = connection
        .prepare_cached("SELECT session, provider FROM notification WHERE no = ?1")?
        .query_row([no], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let state = newest_state(connection, no, &session)?;
    match state.as_deref().and_then(FinalState::parse) {
        Some(FinalState::Held) => {}
        Some(FinalState::Refused | FinalState::Exhausted | FinalState::Expired) => {
            write_history(connection, tenure.number(), no, FinalState::Held, None, now)?;
        }
        // It is being sent, or there is nothing left to send.
        Some(FinalState::Delivered | FinalState::Superseded | FinalState::Fetched) | None => return Ok(()),
    }
    append_one(connection, no, &provider)?;
    Ok(())
}
