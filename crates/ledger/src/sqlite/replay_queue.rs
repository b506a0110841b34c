//! The queue of replays: due, claimed, settled. Apart from what is owed, so that it takes part in no session's order.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery, Tries};
use roamhub_core::mandate::Origin;
use roamhub_core::ports::{AttemptRecord, Due, Fate, LedgerTask, ReplayPort, Settled};
use roamhub_core::replay::{Filled, Matching, ReplayNo, ReplayRecord, Selection};
use roamhub_core::retry::later;
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::deliveries::{may_need_its_pin, overwrite_pin};
use super::history::{End, record_attempt, too_old, write_end};
use super::rows::{bytes, contradiction, instant, kind, micros, operator, provider};
use super::{Sqlite, StoreError, cdr, replays};

/// How long a replay stands back while the message itself is being delivered.
const STAND_BACK: std::time::Duration = std::time::Duration::from_secs(5);

impl ReplayPort for Sqlite {
    fn matching(&self, selection: Selection) -> LedgerTask<'_, Matching> {
        Box::pin(replays::matching(self, selection))
    }

    fn order_replay(&self, selection: Selection, at: Timestamp) -> LedgerTask<'_, ReplayNo> {
        Box::pin(self.writer.write(move |connection| replays::order(connection, &selection, at)))
    }

    fn replays(&self, limit: usize) -> LedgerTask<'_, Vec<ReplayRecord>> {
        Box::pin(self.readers.read(move |connection| replays::records(connection, limit)))
    }

    fn replay(&self, no: ReplayNo) -> LedgerTask<'_, Option<ReplayRecord>> {
        Box::pin(self.readers.read(move |connection| replays::record(connection, no)))
    }

    fn fill_replays(&self, now: Timestamp) -> LedgerTask<'_, Filled> {
        Box::pin(replays::fill(self, now))
    }

    fn replays_due(&self, now: Timestamp) -> LedgerTask<'_, Due> {
        Box::pin(self.readers.read(move |connection| due(connection, now)))
    }

    fn claim_replays(
        &self,
        provider: ProviderId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<OwedDelivery>> {
        Box::pin(
            self.writer.write(move |connection| claim_due(connection, &provider, now, lease_until, limit)),
        )
    }

    fn defer_replay(&self, lease: Lease, due_at: Timestamp) -> LedgerTask<'_, Settled> {
        Box::pin(self.writer.write(move |connection| defer(connection, lease, due_at)))
    }

    fn settle_replay(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
    ) -> LedgerTask<'_, Settled> {
        Box::pin(self.writer.write(move |connection| settle(connection, lease, now, &attempt, &fate)))
    }
}

/// Replays leased by a process that is no more are due at once.
pub(super) fn void_leases(connection: &Connection, now: Timestamp) -> Result<(), rusqlite::Error> {
    connection.execute(
        "UPDATE replay_delivery SET lease_until = NULL, due_at = ?1 WHERE lease_until IS NOT NULL",
        [micros(now)],
    )?;
    Ok(())
}

fn due(connection: &Connection, now: Timestamp) -> Result<Due, StoreError> {
    // Hops from provider to provider along the index instead of reading the whole queue. A lease that ran out is
    // returned when somebody claims, so it counts as due.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE hop (provider) AS (
             SELECT (SELECT min(provider) FROM replay_delivery WHERE due_at IS NOT NULL)
             UNION ALL
             SELECT (SELECT min(provider) FROM replay_delivery WHERE due_at IS NOT NULL AND provider > hop.provider)
             FROM hop WHERE hop.provider IS NOT NULL
         )
         SELECT provider, (SELECT min(due_at) FROM replay_delivery d WHERE d.provider = hop.provider
                           AND due_at IS NOT NULL)
         FROM hop WHERE provider IS NOT NULL
         UNION ALL
         SELECT provider, min(lease_until) FROM replay_delivery WHERE lease_until < ?1 GROUP BY provider",
    )?;
    let mut rows = statement.query([micros(now)])?;
    let mut due = Due::default();
    while let Some(row) = rows.next()? {
        let at = instant(row.get(1)?, "due_at")?;
        if at > now {
            due.next = Some(due.next.map_or(at, |next| next.min(at)));
            continue;
        }
        let provider = provider(&row.get::<_, String>(0)?)?;
        if !due.providers.contains(&provider) {
            due.providers.push(provider);
        }
    }
    Ok(due)
}

/// A replay that is due, and its message.
struct Candidate {
    no: i64,
    notification: i64,
    kind: MessageKind,
    gives_up_at: Timestamp,
}

fn claim_due(
    connection: &Connection,
    provider: &ProviderId,
    now: Timestamp,
    lease_until: Timestamp,
    limit: usize,
) -> Result<Vec<OwedDelivery>, StoreError> {
    connection
        .prepare_cached("UPDATE replay_delivery SET due_at = ?1, lease_until = NULL WHERE lease_until < ?1")?
        .execute([micros(now)])?;
    let mut claimed = Vec::new();
    for candidate in candidates(connection, provider, now, limit)? {
        if let Some(owed) = claim(connection, &candidate, now, lease_until)? {
            claimed.push(owed);
        }
    }
    Ok(claimed)
}

fn candidates(
    connection: &Connection,
    provider: &ProviderId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.no, d.notification, n.type, d.gives_up_at
         FROM replay_delivery d JOIN notification n ON n.no = d.notification
         WHERE d.provider = ?1 AND d.due_at <= ?2 ORDER BY d.due_at, d.no LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![provider.key(), micros(now), limit])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        candidates.push(Candidate {
            no: row.get(0)?,
            notification: row.get(1)?,
            kind: kind(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            gives_up_at: instant(row.get(3)?, "gives_up_at")?,
        });
    }
    Ok(candidates)
}

fn claim(
    connection: &Connection,
    candidate: &Candidate,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<OwedDelivery>, StoreError> {
    if super::erasure::is_erased(connection, candidate.notification)? {
        end(connection, candidate.no, FinalState::Exhausted, Some(roamhub_core::erasure::REASON), now)?;
        return Ok(None);
    }
    if candidate.gives_up_at <= now {
        let (state, reason) = too_old(candidate.kind);
        end(connection, candidate.no, state, reason, now)?;
        return Ok(None);
    }
    if is_owed(connection, candidate.notification)? {
        // Its sender sent it again meanwhile.
        connection
            .prepare_cached("UPDATE replay_delivery SET due_at = ?2 WHERE no = ?1")?
            .execute(params![candidate.no, micros(later(now, STAND_BACK))])?;
        return Ok(None);
    }
    lease(connection, candidate, lease_until).map(Some)
}

fn is_owed(connection: &Connection, notification: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE notification = ?1
                            AND session = (SELECT session FROM notification WHERE no = ?1))",
        )?
        .query_row([notification], |row| row.get(0))?)
}

fn lease(
    connection: &Connection,
    candidate: &Candidate,
    lease_until: Timestamp,
) -> Result<OwedDelivery, StoreError> {
    connection
        .prepare_cached(
            "UPDATE replay_delivery SET token = token + 1, lease_until = ?2, due_at = NULL WHERE no = ?1",
        )?
        .execute(params![candidate.no, micros(lease_until)])?;
    let mut statement = connection.prepare_cached(
        "SELECT n.process, n.session, n.operator, n.provider, n.body, n.received_at, d.token, d.recorded, d.faulted, d.unusable,
             EXISTS (SELECT 1 FROM issued i WHERE i.notification = n.no) AS issued
         FROM replay_delivery d JOIN notification n ON n.no = d.notification WHERE d.no = ?1",
    )?;
    let mut rows = statement.query([candidate.no])?;
    let row = rows
        .next()?
        .ok_or_else(|| contradiction("replay_delivery", format!("{} without its message", candidate.no)))?;
    Ok(OwedDelivery {
        lease: Lease { delivery: DeliveryNo(candidate.no), token: row.get("token")? },
        process: ProcessId::from_bytes(bytes(row, "process")?),
        session: SessionKey::from_bytes(bytes(row, "session")?),
        kind: candidate.kind,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
        received_at: instant(row.get("received_at")?, "received_at")?,
        gives_up_at: candidate.gives_up_at,
        tries: Tries {
            recorded: row.get("recorded")?,
            faulted: row.get("faulted")?,
            unusable: row.get("unusable")?,
        },
        origin: Origin::of(row.get("issued")?),
    })
}

fn defer(connection: &Connection, lease: Lease, due_at: Timestamp) -> Result<Settled, StoreError> {
    let deferred = connection
        .prepare_cached(
            "UPDATE replay_delivery SET lease_until = NULL, due_at = ?3
             WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL",
        )?
        .execute(params![lease.delivery.0, lease.token, micros(due_at)])?;
    Ok(if deferred == 1 { Settled::Recorded } else { Settled::Late })
}

fn settle(
    connection: &Connection,
    lease: Lease,
    now: Timestamp,
    attempt: &AttemptRecord,
    fate: &Fate,
) -> Result<Settled, StoreError> {
    let held: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM replay_delivery
                            WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL)",
        )?
        .query_row(params![lease.delivery.0, lease.token], |row| row.get(0))?;
    if !held {
        record_attempt(connection, lease, attempt, true)?;
        return Ok(Settled::Late);
    }
    match *fate {
        Fate::Retry { due_at, faulted, unusable } => {
            connection
                .prepare_cached(
                    "UPDATE replay_delivery SET lease_until = NULL, due_at = ?2, recorded = recorded + 1,
                         faulted = faulted + ?3, unusable = unusable + ?4 WHERE no = ?1",
                )?
                .execute(params![lease.delivery.0, micros(due_at), faulted, unusable])?;
            record_attempt(connection, lease, attempt, false)?;
        }
        Fate::Final { state, reason } => {
            let attempt = Some((lease.token, attempt));
            let notification = end_with(connection, lease.delivery.0, state, reason, now, attempt)?;
            if !may_need_its_pin(state) {
                overwrite_pin(connection, notification)?;
            }
            if state == FinalState::Delivered {
                cdr::forwarded(connection, notification, now)?;
            }
        }
    }
    Ok(Settled::Recorded)
}

/// Ends a replay without an attempt. Returns the number of its message.
pub(super) fn end(
    connection: &Connection,
    no: i64,
    state: FinalState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    end_with(connection, no, state, reason, now, None)
}

/// Moves a replay from its queue to the history, with the attempt that ended it, and counts it.
fn end_with(
    connection: &Connection,
    no: i64,
    state: FinalState,
    reason: Option<&str>,
    at: Timestamp,
    attempt: Option<(u32, &AttemptRecord)>,
) -> Result<i64, StoreError> {
    let ended: Option<(i64, i64)> = connection
        .prepare_cached("DELETE FROM replay_delivery WHERE no = ?1 RETURNING notification, replay")?
        .query_row([no], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (notification, replay) =
        ended.ok_or_else(|| contradiction("replay_delivery", format!("nothing under {no}")))?;
    write_end(
        connection,
        &End { notification, delivery: no, state, reason, at, attempt, replay: Some(replay) },
    )?;
    let count = match state {
        FinalState::Delivered => "UPDATE replay SET delivered = delivered + 1 WHERE no = ?1",
        FinalState::Refused => "UPDATE replay SET refused = refused + 1 WHERE no = ?1",
        FinalState::Exhausted
        | FinalState::Expired
        | FinalState::Superseded
        | FinalState::Held
        | FinalState::Fetched => "UPDATE replay SET given_up = given_up + 1 WHERE no = ?1",
    };
    connection.prepare_cached(count)?.execute([replay])?;
    Ok(notification)
}
