//! Bodies that are old enough, overwritten in place as an erasure does it: the row stays where it is, with its digest, its
//! findings and what became of it. What has to stay is remembered and looked at again in the next pass, so that one
//! message that nobody fetches does not keep all later ones.

use roamhub_core::retention::{Kind, Slice};
use rusqlite::{Connection, OptionalExtension, params};

use super::judge::{Message, Verdict, is_finished, is_over, message};
use super::{Found, SLICE_BYTES, Work, mark, retain_for_now, retained, retained_no_longer, set_mark};
use crate::sqlite::{StoreError, erasure};

pub(super) fn find(connection: &Connection, work: &Work, from: i64) -> Result<Found, StoreError> {
    let mut numbers = retained(connection, Kind::Bodies, from, work.limit)?;
    let room = work.limit - numbers.len();
    if room > 0 {
        let mut statement = connection
            .prepare_cached("SELECT no, received_at FROM notification WHERE no > ?1 ORDER BY no LIMIT ?2")?;
        let behind = mark(connection, Kind::Bodies)?.max(from);
        let mut rows = statement.query(params![behind, i64::try_from(room).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(1)? > work.cutoff {
                break;
            }
            numbers.push(row.get(0)?);
        }
    }
    let next = numbers.last().copied().filter(|_| numbers.len() == work.limit);
    Ok(Found { numbers, next })
}

/// What is to be done with a body whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// It goes.
    Goes,
    /// It has to stay for now.
    Stays,
    /// It went before, or is a record's, which has an age of its own.
    NotOurs,
}

pub(super) fn judge(connection: &Connection, work: &Work, message: &Message) -> Result<Body, StoreError> {
    if message.is_record || erasure::is_erased(connection, message.no)? {
        return Ok(Body::NotOurs);
    }
    if is_finished(connection, work, message)? != Verdict::Go {
        return Ok(Body::Stays);
    }
    // Over is enough: since when, the message's own age says.
    Ok(match is_over(connection, work, &message.session, i64::MAX)? {
        Verdict::Go => Body::Goes,
        Verdict::Stay(_) => Body::Stays,
    })
}

pub(super) fn overwrite(connection: &Connection, work: &Work, found: &Found) -> Result<Slice, StoreError> {
    let known = mark(connection, Kind::Bodies)?;
    let (mut removed, mut bytes) = (0, 0);
    for no in &found.numbers {
        if bytes > SLICE_BYTES {
            return Ok(Slice { removed, next: Some(no - 1) });
        }
        if let Some(message) = message(connection, *no)? {
            match judge(connection, work, &message)? {
                Body::Goes => {
                    erasure::erase_notification(connection, *no, work.now)?;
                    retained_no_longer(connection, Kind::Bodies, *no)?;
                    (removed, bytes) = (removed + 1, bytes + message.bytes);
                }
                Body::Stays => retain_for_now(connection, Kind::Bodies, *no)?,
                Body::NotOurs => retained_no_longer(connection, Kind::Bodies, *no)?,
            }
        }
        if *no > known {
            set_mark(connection, Kind::Bodies, *no)?;
        }
    }
    Ok(Slice { removed, next: found.next })
}

/// A request that opened a session, or was to.
struct Request {
    process: Option<Vec<u8>>,
    session: Vec<u8>,
    received_at: i64,
    erased: bool,
}

fn request(connection: &Connection, no: i64) -> Result<Option<Request>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT a.process, a.session, a.received_at, a.erased_at IS NOT NULL
             FROM authorisation_request r LEFT JOIN authorisation a ON a.process = r.process AND a.request_no = r.no
             WHERE r.no = ?1",
        )?
        .query_row([no], |row| {
            Ok(Request {
                process: row.get(0)?,
                session: row.get::<_, Option<_>>(1)?.unwrap_or_default(),
                received_at: row.get::<_, Option<_>>(2)?.unwrap_or(i64::MIN),
                erased: row.get::<_, Option<_>>(3)?.unwrap_or_default(),
            })
        })
        .optional()?)
}

/// The requests are taken in order of arrival, up to the first whose session is not over.
pub(super) fn find_requests(connection: &Connection, work: &Work, from: i64) -> Result<Found, StoreError> {
    let behind = mark(connection, Kind::Requests)?.max(from);
    let mut statement = connection
        .prepare_cached("SELECT no FROM authorisation_request WHERE no > ?1 ORDER BY no LIMIT ?2")?;
    let limit = i64::try_from(work.limit).unwrap_or(i64::MAX);
    let all: Vec<i64> =
        statement.query_map(params![behind, limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut numbers = Vec::with_capacity(all.len());
    for no in all {
        let Some(request) = request(connection, no)? else { break };
        let over = request.received_at <= work.cutoff
            && is_over(connection, work, &request.session, i64::MAX)? == Verdict::Go;
        if !over {
            break;
        }
        numbers.push(no);
    }
    let next = numbers.last().copied().filter(|_| numbers.len() == work.limit);
    Ok(Found { numbers, next })
}

pub(super) fn overwrite_requests(
    connection: &Connection,
    work: &Work,
    found: &Found,
) -> Result<Slice, StoreError> {
    let mut removed = 0;
    for no in &found.numbers {
        let Some(request) = request(connection, *no)? else { continue };
        if is_over(connection, work, &request.session, i64::MAX)? != Verdict::Go {
            return Ok(Slice { removed, next: None });
        }
        if let (Some(process), false) = (&request.process, request.erased) {
            removed += erasure::erase_request(connection, process, work.now)?;
        }
        set_mark(connection, Kind::Requests, *no)?;
    }
    Ok(Slice { removed, next: found.next })
}

/// Whether a request's body is still there.
pub(super) fn is_whole(connection: &Connection, no: i64) -> Result<bool, StoreError> {
    Ok(request(connection, no)?.is_some_and(|request| request.process.is_some() && !request.erased))
}
