//! What people were told and are still to be told, and where a provider's trouble shows: in the deliveries that wait.

use jiff::Timestamp;
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::people::{
    Channel, FailingEndpoint, MOST_OWED_MESSAGES, MessageFate, OwedMessage, PeoplePort,
};
use roamhub_core::trouble::{Side, Told, Trouble, TroubleKind};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{contradiction, instant, micros, provider};
use super::{Sqlite, StoreError};

impl PeoplePort for Sqlite {
    fn failing_endpoints(&self) -> LedgerTask<'_, Vec<FailingEndpoint>> {
        Box::pin(self.readers.read(failing_endpoints))
    }

    fn told(&self) -> LedgerTask<'_, Vec<(Trouble, Told)>> {
        Box::pin(self.readers.read(told))
    }

    fn tell(
        &self,
        states: Vec<(Trouble, Option<Told>)>,
        messages: Vec<OwedMessage>,
        now: Timestamp,
    ) -> LedgerTask<'_, usize> {
        Box::pin(self.writer.write(move |connection| tell(connection, &states, &messages, now)))
    }

    fn messages_due(&self, now: Timestamp, limit: usize) -> LedgerTask<'_, Vec<OwedMessage>> {
        Box::pin(self.readers.read(move |connection| messages_due(connection, now, limit)))
    }

    fn settle_message(&self, no: i64, fate: MessageFate) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| settle_message(connection, no, fate)))
    }
}

/// What a provider's waiting deliveries come to.
struct Waiting {
    provider: String,
    waiting: i64,
    ends: i64,
    oldest_failed: i64,
    newest_failed: i64,
}

fn failing_endpoints(connection: &Connection) -> Result<Vec<FailingEndpoint>, StoreError> {
    // One that is sent for the first time right now does not wait.
    let mut statement = connection.prepare_cached(
        "SELECT provider, count(*) AS waiting, sum(type = 'End') AS ends,
                min(CASE WHEN recorded > 0 THEN no END) AS oldest, max(CASE WHEN recorded > 0 THEN no END) AS newest
         FROM delivery WHERE recorded > 0 OR lease_until IS NULL GROUP BY provider HAVING oldest IS NOT NULL",
    )?;
    let waiting = statement.query_map([], |row| {
        Ok(Waiting {
            provider: row.get("provider")?,
            waiting: row.get("waiting")?,
            ends: row.get("ends")?,
            oldest_failed: row.get("oldest")?,
            newest_failed: row.get("newest")?,
        })
    })?;
    let mut failing = Vec::new();
    for waiting in waiting {
        let waiting = waiting?;
        let since: Option<i64> = connection
            .prepare_cached("SELECT min(started_at) FROM attempt WHERE delivery = ?1")?
            .query_row([waiting.oldest_failed], |row| row.get(0))?;
        let newest: Option<String> = connection
            .prepare_cached(
                "SELECT outcome FROM attempt WHERE delivery IN (?1, ?2) ORDER BY started_at DESC LIMIT 1",
            )?
            .query_row([waiting.oldest_failed, waiting.newest_failed], |row| row.get(0))
            .optional()?;
        // Between two statements an attempt may have settled it: then it is not failing.
        let Some(since) = since else { continue };
        failing.push(FailingEndpoint {
            provider: provider(&waiting.provider)?,
            since: instant(since, "started_at")?,
            waiting: waiting.waiting.unsigned_abs(),
            ends: waiting.ends.unsigned_abs(),
            misconfigured: newest.as_deref() == Some("misconfigured"),
        });
    }
    Ok(failing)
}

fn told(connection: &Connection) -> Result<Vec<(Trouble, Told)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM told")?;
    let mut rows = statement.query([])?;
    let mut told = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, about): (String, String) = (row.get("kind")?, row.get("about")?);
        // A newer program may know more kinds than this one: they are not this one's to speak of.
        let (Some(kind), Some(about)) = (TroubleKind::parse(&kind), Side::parse(&about)) else { continue };
        let gone_at: Option<i64> = row.get("gone_at")?;
        let state = Told {
            since: instant(row.get("since")?, "since")?,
            reminders: row.get("reminders")?,
            remind_at: instant(row.get("remind_at")?, "remind_at")?,
            gone_at: gone_at.map(|at| instant(at, "gone_at")).transpose()?,
        };
        told.push((Trouble { kind, about }, state));
    }
    Ok(told)
}

fn tell(
    connection: &Connection,
    states: &[(Trouble, Option<Told>)],
    messages: &[OwedMessage],
    now: Timestamp,
) -> Result<usize, StoreError> {
    for (trouble, told) in states {
        let (kind, about) = (trouble.kind.as_str(), trouble.about.to_string());
        let Some(told) = told else {
            connection.execute("DELETE FROM told WHERE kind = ?1 AND about = ?2", params![kind, about])?;
            continue;
        };
        connection.execute(
            "INSERT OR REPLACE INTO told (kind, about, since, reminders, remind_at, gone_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                kind,
                about,
                micros(told.since),
                told.reminders,
                micros(told.remind_at),
                told.gone_at.map(micros)
            ],
        )?;
    }
    for message in messages {
        connection.execute(
            "INSERT INTO message (channel, recipient, subject, body, due_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                message.channel.as_str(),
                message.to.to_string(),
                message.subject,
                message.body,
                micros(now)
            ],
        )?;
    }
    let dropped = connection.execute(
        "DELETE FROM message WHERE no <= (SELECT no FROM message ORDER BY no DESC LIMIT 1 OFFSET ?1)",
        [i64::try_from(MOST_OWED_MESSAGES).unwrap_or(i64::MAX)],
    )?;
    Ok(dropped)
}

fn messages_due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OwedMessage>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM message WHERE due_at <= ?1 ORDER BY no LIMIT ?2")?;
    let mut rows = statement.query(params![micros(now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let (channel, to): (String, String) = (row.get("channel")?, row.get("recipient")?);
        due.push(OwedMessage {
            no: row.get("no")?,
            channel: Channel::parse(&channel).ok_or_else(|| contradiction("channel", channel))?,
            to: Side::parse(&to).ok_or_else(|| contradiction("recipient", to))?,
            subject: row.get("subject")?,
            body: row.get("body")?,
            tries: row.get("tries")?,
        });
    }
    Ok(due)
}

fn settle_message(connection: &Connection, no: i64, fate: MessageFate) -> Result<(), StoreError> {
    match fate {
        MessageFate::Done => connection.execute("DELETE FROM message WHERE no = ?1", [no])?,
        MessageFate::Retry(due_at) => connection.execute(
            "UPDATE message SET tries = tries + 1, due_at = ?2 WHERE no = ?1",
            params![no, micros(due_at)],
        )?,
    };
    Ok(())
}
