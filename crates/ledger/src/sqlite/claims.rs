//! What is due, in which order it is drained, and claiming it.
//!
//! A backlog is drained by rank: End and Error before Start and Progress, charge detail records behind them and by
//! themselves, first attempts before retries; within a rank the
//! longest due first. The index is by provider, rank and instant, so that with a million open rows a claim reads no more
//! than it takes.

use std::ops::Range;

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::delivery::{FinalState, OwedDelivery, Tries};
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{Claimed, Due};
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, Row, params};

use super::StoreError;
use super::deliveries::claim_or_end;
use super::rows::{bytes, instant, kind, micros, provider};
use super::writer::Desk;

/// A due row and its message, as claimed.
pub(super) struct Candidate {
    pub(super) no: i64,
    pub(super) notification: i64,
    pub(super) session: SessionKey,
    pub(super) kind: MessageKind,
    pub(super) gives_up_at: Timestamp,
    pub(super) tries: Tries,
    /// Nothing but an End is filed under its medium.
    pub(super) is_filed: bool,
    rank: u8,
}

impl Candidate {
    /// From a row of `delivery`.
    pub(super) fn of(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            no: row.get("no")?,
            notification: row.get("notification")?,
            session: SessionKey::from_bytes(bytes(row, "session")?),
            kind: kind(row.get_ref("type")?.as_str().map_err(rusqlite::Error::from)?)?,
            gives_up_at: instant(row.get("gives_up_at")?, "gives_up_at")?,
            tries: Tries {
                recorded: row.get("recorded")?,
                faulted: row.get("faulted")?,
                unusable: row.get("unusable")?,
            },
            is_filed: row.get("is_filed")?,
            rank: row.get("rank")?,
        })
    }

    /// An End, Error or charge detail record that nobody has tried yet, because its lane was paused or its provider not
    /// asked: it is not given up without having been tried.
    pub(super) fn is_untried(&self) -> bool {
        matches!(self.rank, 0 | 4)
    }
}

/// The ranks of charge detail records.
const RECORDS: Range<u8> = 4..6;

/// The ranks of the column of that name, in the order in which they are drained.
fn ranks(only: Option<Urgency>) -> Range<u8> {
    match only {
        None => 0..4,
        Some(Urgency::Urgent) => 0..2,
        Some(Urgency::Usual) => 2..4,
        Some(Urgency::Record) => RECORDS,
    }
}

/// What is to be claimed.
pub(super) struct Wanted {
    pub(super) provider: ProviderId,
    pub(super) only: Option<Urgency>,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// How many times as many deliveries as can be sent are looked at, at most.
const LOOKS: usize = 64;

pub(super) fn claim_due(
    desk: &mut Desk<'_>,
    wanted: &Wanted,
    lease_until: Timestamp,
) -> Result<Claimed, StoreError> {
    let mut claimed = Claimed::default();
    // What is too old or parked on the way is no reason to stop: there may be something to send behind it.
    for _ in 0..LOOKS {
        let left = wanted.limit - claimed.owed.len();
        let looked_at = candidates(desk.connection, wanted, left)?;
        let exhausted = looked_at.len() < left;
        for candidate in looked_at {
            match claim_or_end(desk, &candidate, wanted.now, lease_until)? {
                Passed::Claimed(owed) => claimed.owed.push(*owed),
                Passed::Ended(FinalState::Expired) => claimed.expired += 1,
                Passed::Ended(_) => claimed.exhausted += 1,
                Passed::Over => {}
            }
        }
        if exhausted || claimed.owed.len() >= wanted.limit {
            break;
        }
    }
    Ok(claimed)
}

/// What became of a candidate.
pub(super) enum Passed {
    /// To be sent.
    Claimed(Box<OwedDelivery>),
    /// Too old.
    Ended(FinalState),
    /// Not its turn, or not there any more.
    Over,
}

const CANDIDATES: &str =
    "SELECT no, notification, session, type, gives_up_at, rank, recorded, faulted, unusable,
         type <> 'End' OR medium IS NOT NULL AS is_filed
     FROM delivery
     WHERE provider = ?1 AND rank = ?2 AND due_at <= ?3 ORDER BY due_at, no LIMIT ?4";

fn candidates(connection: &Connection, wanted: &Wanted, limit: usize) -> Result<Vec<Candidate>, StoreError> {
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let mut candidates = Vec::new();
    for rank in ranks(wanted.only) {
        let left = i64::try_from(limit - candidates.len()).unwrap_or(i64::MAX);
        if left == 0 {
            break;
        }
        let mut rows = statement.query(params![wanted.provider.key(), rank, micros(wanted.now), left])?;
        while let Some(row) = rows.next()? {
            candidates.push(Candidate::of(row)?);
        }
    }
    Ok(candidates)
}

/// Hops from provider to provider, and within one from rank to rank, along the index instead of reading every open
/// delivery.
const DUE: &str = "WITH RECURSIVE hop (provider) AS (
         SELECT (SELECT min(provider) FROM delivery WHERE due_at IS NOT NULL)
         UNION ALL
         SELECT (SELECT min(provider) FROM delivery WHERE due_at IS NOT NULL AND provider > hop.provider)
         FROM hop WHERE hop.provider IS NOT NULL
     ), ranks (rank) AS (VALUES (0), (1), (2), (3), (4), (5))
     SELECT hop.provider,
            (SELECT min(due_at) FROM delivery d
             WHERE d.provider = hop.provider AND d.rank = ranks.rank AND d.due_at IS NOT NULL) <= ?1,
            (SELECT min(due_at) FROM delivery d
             WHERE d.provider = hop.provider AND d.rank = ranks.rank AND d.due_at > ?1),
            ranks.rank
     FROM hop CROSS JOIN ranks WHERE hop.provider IS NOT NULL";

pub(super) fn due(connection: &Connection, now: Timestamp) -> Result<Due, StoreError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query([micros(now)])?;
    let mut due = Due::default();
    while let Some(row) = rows.next()? {
        if row.get::<_, Option<bool>>(1)? == Some(true) {
            let key: String = row.get(0)?;
            let provider = provider(&key)?;
            let queue = match RECORDS.contains(&row.get(3)?) {
                true => &mut due.records,
                false => &mut due.providers,
            };
            if queue.last() != Some(&provider) {
                queue.push(provider);
            }
        }
        if let Some(later) = row.get::<_, Option<i64>>(2)? {
            let later = instant(later, "due_at")?;
            due.next = Some(due.next.map_or(later, |next| next.min(later)));
        }
    }
    Ok(due)
}

#[cfg(test)]
mod tests;
