//! Looking at the ledger from outside, read-only, also while a hub is running on it; and at whole sessions from inside.

use std::path::Path;

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use roamhub_core::account::AuditRecord;
use roamhub_core::mandate::Suspension;
use roamhub_core::media::Upload;
use roamhub_core::ports::cdr::Difference;
use roamhub_core::ports::rates::LaneRate;
use roamhub_core::ports::retention::KeptRecord;
use roamhub_core::ports::watch::{Blocked, Ghost};
use roamhub_core::ports::{LedgerTask, LookPort, Pause, Queue};
use roamhub_core::receipt::ReceiptFacts;
use roamhub_core::records::{AuthorisationRecord, ConflictRecord, MessageRecord, Refusal, SessionStory};
use roamhub_core::replay::{ReplayNo, ReplayRecord};
use roamhub_core::retention::{Ages, Counts, Outlook};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OpenFlags, params};

use super::lookup::{Standing, last_number, standing};
use super::rows::{bytes, instant, operator, provider};
use super::runs::{Known, messages_of_from_outside};
use super::{
    FILE_NAME, OpenError, Sqlite, StoreError, audit, cdr_compare, lanes, mandate, rates, receipts, records,
    replays, retention, schema, sessions, uploads, watch,
};

impl LookPort for Sqlite {
    fn session_story(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionStory>> {
        let recent = self.recent.clone();
        Box::pin(
            self.readers.read(move |connection| {
                session_story(connection, key, || recent.messages_of(connection, key))
            }),
        )
    }

    fn refusals_of(&self, partner: Option<String>, limit: usize) -> LedgerTask<'_, Vec<Refusal>> {
        Box::pin(
            self.readers.read(move |connection| records::refusals(connection, partner.as_deref(), limit)),
        )
    }
}

/// A ledger opened only to look at it.
#[derive(Debug)]
pub struct Look(Connection);

/// A message that passed, as far as `tail` shows it.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Its place in the order of arrival.
    pub number: i64,
    /// Its id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to hear it.
    pub provider: ProviderId,
    /// Its type.
    pub kind: String,
    /// When it came in.
    pub received_at: Timestamp,
}

impl Look {
    /// Opens the ledger in `folder`.
    ///
    /// # Errors
    /// [`OpenError`]: missing, of another version, or not readable.
    pub fn at(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(FILE_NAME);
        if !file.exists() {
            return Err(OpenError::Missing(folder.to_owned()));
        }
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(super::PATIENCE)?;
        schema::refuse_newer(&connection)?;
        schema::refuse_older(&connection)?;
        Ok(Self(connection))
    }

    /// A message.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn message(&self, process: ProcessId) -> Result<Option<MessageRecord>, OpenError> {
        Ok(records::message(&self.0, process)?)
    }

    /// What a receipt is made of.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn receipt(&self, process: ProcessId) -> Result<Option<ReceiptFacts>, OpenError> {
        Ok(receipts::receipt(&self.0, process)?)
    }

    /// A session with all that belongs to it.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn session(&self, key: SessionKey) -> Result<Option<SessionStory>, OpenError> {
        Ok(session_story(&self.0, key, || messages_of_from_outside(&self.0, key))?)
    }

    /// The newest refusals of a partner or of all.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn refusals(&self, partner: Option<&str>, limit: usize) -> Result<Vec<Refusal>, OpenError> {
        Ok(records::refusals(&self.0, partner, limit)?)
    }

    /// The oldest ghosts, of one operator or of all.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn ghosts(&self, operator: Option<&OperatorId>, limit: usize) -> Result<Vec<Ghost>, OpenError> {
        Ok(watch::ghosts(&self.0, operator, limit)?)
    }

    /// The partners document that is kept in the ledger, if there is one.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn partners(&self) -> Result<Option<String>, OpenError> {
        Ok(records::load_partners(&self.0)?)
    }

    /// The newest authorisations that were refused while a session of this operator (or of any) stood open.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn blocked(&self, caused_by: Option<&OperatorId>, limit: usize) -> Result<Vec<Blocked>, OpenError> {
        Ok(watch::blocked(&self.0, caused_by, limit)?)
    }

    /// The newest differences between charge detail records and Ends, of one operator or of all.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn differences(
        &self,
        operator: Option<&OperatorId>,
        limit: usize,
    ) -> Result<Vec<Difference>, OpenError> {
        Ok(cdr_compare::differences(&self.0, operator, limit)?)
    }

    /// The operators that have lost their mandate.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn suspensions(&self) -> Result<Vec<Suspension>, OpenError> {
        Ok(mandate::suspensions(&self.0)?)
    }

    /// The newest replays.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn replays(&self, limit: usize) -> Result<Vec<ReplayRecord>, OpenError> {
        Ok(replays::records(&self.0, limit)?)
    }

    /// One replay.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn replay(&self, no: ReplayNo) -> Result<Option<ReplayRecord>, OpenError> {
        Ok(replays::record(&self.0, no)?)
    }

    /// The lanes that are paused, and those in which something waits.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn lanes(&self) -> Result<(Vec<Pause>, Vec<Queue>), OpenError> {
        Ok((lanes::pauses(&self.0)?, lanes::queues(&self.0)?))
    }

    /// The drain rates that somebody has set.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn rates(&self) -> Result<Vec<LaneRate>, OpenError> {
        Ok(rates::rates(&self.0)?)
    }

    /// The newest lines of the audit trail, at most `limit`, with numbers below `before`.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRecord>, OpenError> {
        Ok(audit::newest(&self.0, before, limit)?)
    }

    /// The newest push of authentication data of each provider, with what it has now.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn newest_uploads(&self) -> Result<Vec<Upload>, OpenError> {
        Ok(uploads::newest(&self.0)?)
    }

    /// The pushes of authentication data that were carried out, the newest first, at most `limit` of each provider.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn uploads(&self, limit: usize) -> Result<Vec<Upload>, OpenError> {
        Ok(uploads::history(&self.0, limit)?)
    }

    /// Where retention stands.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn outlook(&self, ages: &Ages, now: Timestamp) -> Result<Outlook, OpenError> {
        Ok(retention::outlook::outlook(&self.0, ages, now)?)
    }

    /// What a pass of retention would remove.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn would_leave(&self, ages: &Ages, now: Timestamp) -> Result<Counts, OpenError> {
        Ok(retention::outlook::all_that_would_leave(&self.0, ages, now)?)
    }

    /// What is kept of charge detail records without identification, from behind a number on.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn kept_records(&self, after: i64, limit: usize) -> Result<Vec<KeptRecord>, OpenError> {
        Ok(retention::records::kept(&self.0, after, limit)?)
    }

    /// The number of the last message that has arrived.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn last_number(&self) -> Result<i64, OpenError> {
        Ok(last_number(&self.0)?)
    }

    /// At most `limit` messages that arrived behind a number, in order of arrival.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn passed(&self, after: i64, limit: usize) -> Result<Vec<Passed>, OpenError> {
        Ok(passed(&self.0, after, limit)?)
    }

    /// What became of a message so far: the word of its newest delivery's state. `leased` while it is being sent.
    ///
    /// # Errors
    /// [`OpenError`] if the ledger cannot be read.
    pub fn state(&self, number: i64) -> Result<String, OpenError> {
        Ok(match standing(&self.0, number)? {
            Standing::UnderWay => "leased".to_owned(),
            Standing::Deferred => "deferred".to_owned(),
            Standing::Replayed { .. } => "replayed".to_owned(),
            Standing::Ended(word) => word,
        })
    }
}

/// A message of the ledger in `folder`, also while a hub is running on it.
///
/// # Errors
/// [`OpenError`]: missing, of another version, or not readable.
pub fn look_up(folder: &Path, process: ProcessId) -> Result<Option<MessageRecord>, OpenError> {
    Look::at(folder)?.message(process)
}

fn session_story(
    connection: &Connection,
    key: SessionKey,
    messages: impl FnOnce() -> Result<Vec<Known>, StoreError>,
) -> Result<Option<SessionStory>, StoreError> {
    let Some(session) = sessions::record(connection, key)? else { return Ok(None) };
    Ok(Some(SessionStory {
        session,
        authorisations: authorisations(connection, key)?,
        conflicts: conflicts(connection, key)?,
        differences: cdr_compare::of_session(connection, key)?,
        messages: records::messages(connection, mandate::with_aside(connection, key, messages()?)?)?,
    }))
}

fn authorisations(connection: &Connection, key: SessionKey) -> Result<Vec<AuthorisationRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT process, received_at, code, provider, erased_at FROM authorisation
         WHERE session = ?1 ORDER BY received_at, process",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let mut authorisations = Vec::new();
    while let Some(row) = rows.next()? {
        let erased_at: Option<i64> = row.get("erased_at")?;
        authorisations.push(AuthorisationRecord {
            process: ProcessId::from_bytes(bytes(row, "process")?),
            received_at: instant(row.get("received_at")?, "received_at")?,
            code: row.get("code")?,
            provider: row.get::<_, Option<String>>("provider")?.as_deref().map(provider).transpose()?,
            erased_at: erased_at.map(|at| instant(at, "erased_at")).transpose()?,
        });
    }
    Ok(authorisations)
}

fn conflicts(connection: &Connection, key: SessionKey) -> Result<Vec<ConflictRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT provider, at FROM conflict WHERE session = ?1 ORDER BY at")?;
    let mut rows = statement.query([key.as_bytes()])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(ConflictRecord {
            provider: provider(&row.get::<_, String>("provider")?)?,
            at: instant(row.get("at")?, "at")?,
        });
    }
    Ok(conflicts)
}

fn passed(connection: &Connection, after: i64, limit: usize) -> Result<Vec<Passed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, process, session, operator, provider, type, received_at FROM notification
         WHERE no > ?1 ORDER BY no LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut passed = Vec::new();
    while let Some(row) = rows.next()? {
        passed.push(Passed {
            number: row.get("no")?,
            process: ProcessId::from_bytes(bytes(row, "process")?),
            session: SessionKey::from_bytes(bytes(row, "session")?),
            operator: operator(&row.get::<_, String>("operator")?)?,
            provider: provider(&row.get::<_, String>("provider")?)?,
            kind: row.get("type")?,
            received_at: instant(row.get("received_at")?, "received_at")?,
        });
    }
    Ok(passed)
}
