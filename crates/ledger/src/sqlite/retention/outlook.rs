//! What a pass came to, where retention stands, and what the next pass would remove.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use roamhub_core::ports::LedgerError;
use roamhub_core::retention::{Ages, Counts, HeldUp, Kind, Outlook, Pass};
use rusqlite::{Connection, OptionalExtension, params};

use super::judge::{Verdict, Why, may_leave, message, passed};
use super::{PASSES, Work, bodies, find, mark, records, retained, sweeps};
use crate::sqlite::rows::{contradiction, instant, micros};
use crate::sqlite::{Sqlite, StoreError};

/// How many rows are looked at in one read when they are only counted.
const READ: usize = 1000;

pub(super) fn keep(connection: &Connection, pass: &Pass) -> Result<(), StoreError> {
    let removed: BTreeMap<&str, u64> =
        pass.removed.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let removed = serde_json::to_string(&removed).map_err(|error| contradiction("removed", error))?;
    connection
        .prepare_cached("INSERT INTO retention_pass (began_at, ended_at, removed) VALUES (?1, ?2, ?3)")?
        .execute(params![micros(pass.began_at), micros(pass.ended_at), removed])?;
    connection
        .prepare_cached("DELETE FROM retention_pass WHERE no <= ?1")?
        .execute([connection.last_insert_rowid() - PASSES])?;
    Ok(())
}

fn last(connection: &Connection) -> Result<Option<Pass>, StoreError> {
    let last: Option<(i64, i64, String)> = connection
        .query_row(
            "SELECT began_at, ended_at, removed FROM retention_pass ORDER BY no DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((began_at, ended_at, removed)) = last else { return Ok(None) };
    let counts: BTreeMap<String, u64> =
        serde_json::from_str(&removed).map_err(|_| contradiction("removed", &removed))?;
    Ok(Some(Pass {
        began_at: instant(began_at, "began_at")?,
        ended_at: instant(ended_at, "ended_at")?,
        removed: counts.into_iter().filter_map(|(word, count)| Some((Kind::parse(&word)?, count))).collect(),
    }))
}

pub(in crate::sqlite) fn outlook(
    connection: &Connection,
    ages: &Ages,
    now: Timestamp,
) -> Result<Outlook, StoreError> {
    let mut oldest = BTreeMap::new();
    for (kind, sql, from) in [
        (
            Kind::Bodies,
            "SELECT received_at FROM notification n WHERE no > ?1 AND type <> 'ChargeDetailRecord'
                 AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.notification = n.no) ORDER BY no LIMIT 1",
            first_retained(connection, Kind::Bodies)?,
        ),
        (
            Kind::Requests,
            "SELECT a.received_at FROM authorisation_request r JOIN authorisation a ON a.process = r.process
             WHERE r.no > ?1 AND a.erased_at IS NULL ORDER BY r.no LIMIT 1",
            mark(connection, Kind::Requests)?,
        ),
        (
            Kind::Records,
            "SELECT received_at FROM charge_detail_record c WHERE no > ?1
                 AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.notification = c.no) ORDER BY no LIMIT 1",
            first_retained(connection, Kind::Records)?,
        ),
        (Kind::Messages, "SELECT received_at FROM notification WHERE no > ?1 ORDER BY no LIMIT 1", 0),
        (
            Kind::Authorisations,
            "SELECT a.received_at FROM authorisation_request r JOIN authorisation a ON a.process = r.process
             WHERE r.no > ?1 ORDER BY r.no LIMIT 1",
            0,
        ),
        (Kind::KeptRecords, "SELECT received_at FROM kept_record WHERE no > ?1 ORDER BY no LIMIT 1", 0),
        (Kind::Refusals, "SELECT received_at FROM refusal WHERE no > ?1 ORDER BY no LIMIT 1", 0),
    ] {
        let at: Option<i64> = connection.prepare(sql)?.query_row([from], |row| row.get(0)).optional()?;
        if let Some(at) = at {
            oldest.insert(kind, instant(at, "received_at")?);
        }
    }
    Ok(Outlook { last: last(connection)?, oldest, held_up: held_up(connection, ages, now)? })
}

/// From where on bodies can be whole: the first that had to stay, or the mark.
fn first_retained(connection: &Connection, kind: Kind) -> Result<i64, StoreError> {
    let stayed = retained(connection, kind, 0, 1)?.first().map(|no| no - 1);
    Ok(stayed.unwrap_or(mark(connection, kind)?))
}

fn work(kind: Kind, ages: &Ages, now: Timestamp) -> Option<Work> {
    let cutoff = micros(kind.cutoff(ages, now)?);
    Some(Work { ages: *ages, now, cutoff, limit: READ, in_hand: HashSet::new() })
}

/// Why the oldest message stays, if its age is not the reason.
fn held_up(connection: &Connection, ages: &Ages, now: Timestamp) -> Result<Option<HeldUp>, StoreError> {
    let Some(work) = work(Kind::Messages, ages, now) else { return Ok(None) };
    let front: Option<i64> =
        connection.prepare_cached("SELECT min(no) FROM notification")?.query_row([], |row| row.get(0))?;
    let Some(front) = front.map(|no| message(connection, no)).transpose()?.flatten() else { return Ok(None) };
    Ok(match may_leave(connection, &work, &front, &passed(connection)?)? {
        Verdict::Go | Verdict::Stay(Why::Young | Why::Newest) => None,
        Verdict::Stay(why) => {
            Some(HeldUp { since: instant(front.received_at, "received_at")?, why: why.in_words().to_owned() })
        }
    })
}

/// Counts in short reads: a long one would pin the log.
pub(super) async fn would_leave(ledger: &Sqlite, ages: Ages, now: Timestamp) -> Result<Counts, LedgerError> {
    let mut counts = Counts::new();
    for kind in Kind::ALL {
        let Some(work) = work(kind, &ages, now) else { continue };
        let mut count = 0;
        let mut from = Some(0);
        while let Some(behind) = from {
            let work = work.clone();
            let read = move |connection: &Connection| part(connection, kind, &work, behind);
            let (more, next) = ledger.aside.read(read).await?;
            count += more;
            from = next;
        }
        if count > 0 {
            counts.insert(kind, count);
        }
    }
    Ok(counts)
}

/// The same for somebody who looks in from outside.
pub(in crate::sqlite) fn all_that_would_leave(
    connection: &Connection,
    ages: &Ages,
    now: Timestamp,
) -> Result<Counts, StoreError> {
    let mut counts = Counts::new();
    for kind in Kind::ALL {
        let Some(work) = work(kind, ages, now) else { continue };
        let (mut count, mut from) = (0, Some(0));
        while let Some(behind) = from {
            let (more, next) = part(connection, kind, &work, behind)?;
            count += more;
            from = next;
        }
        if count > 0 {
            counts.insert(kind, count);
        }
    }
    Ok(counts)
}

/// How much of a stretch would go, and where the next stretch begins.
fn part(
    connection: &Connection,
    kind: Kind,
    work: &Work,
    from: i64,
) -> Result<(u64, Option<i64>), StoreError> {
    let found = match kind {
        Kind::Runs => return Ok((0, None)),
        Kind::KeptRecords | Kind::Cards | Kind::Uploads | Kind::Refusals | Kind::Audit => {
            return Ok((sweeps::count(connection, kind, work.cutoff)?, None));
        }
        kind => find(connection, kind, work, from)?,
    };
    let mut count = 0;
    for no in found.numbers {
        let goes = match kind {
            Kind::Bodies => match message(connection, no)? {
                Some(message) => bodies::judge(connection, work, &message)? == bodies::Body::Goes,
                None => false,
            },
            Kind::Records => records::judge(connection, work, no)? == Some(Verdict::Go),
            Kind::Requests => bodies::is_whole(connection, no)?,
            _ => true,
        };
        count += u64::from(goes);
    }
    Ok((count, found.next))
}
