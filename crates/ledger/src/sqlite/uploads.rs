//! Uploaded records. A push is written in portions, so that it never holds up the writer for long, under a version that
//! nobody sees until the last statement makes it the current one: whatever dies in between, the old version holds.
//!
//! Invariants: only one push of a provider is under way (its callers see to that), and nothing but [`finish`] changes
//! which version holds.

use std::sync::Arc;

use jiff::Timestamp;
use oicp::ProviderId;
use oicp::authentication::{ActionType, PinHash};
use roamhub_core::ProcessId;
use roamhub_core::media::{Form, Known, MediumHash, Staged, Upload, UploadedMedium, Version};
use roamhub_core::ports::{LedgerTask, UploadPort};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::erasure::cleanly;
use super::rows::{bytes, contradiction, instant, micros, provider};
use super::{Sqlite, StoreError};

/// Rows that one job removes at most.
const PORTION: i64 = 500;

impl UploadPort for Sqlite {
    fn begin_upload(&self, provider: ProviderId) -> LedgerTask<'_, Version> {
        Box::pin(async move {
            while self.tidy_uploads(provider).await? {}
            self.writer.write(move |connection| begin(connection, &provider)).await
        })
    }

    fn stage(
        &self,
        provider: ProviderId,
        action: ActionType,
        first: usize,
        records: Arc<Vec<UploadedMedium>>,
    ) -> LedgerTask<'_, Staged> {
        Box::pin(self.writer.write(move |connection| stage(connection, &provider, action, first, &records)))
    }

    fn finish_upload(&self, upload: Upload, change: Staged) -> LedgerTask<'_, Upload> {
        Box::pin(self.writer.write(move |connection| finish(connection, &upload, &change)))
    }

    fn tidy_uploads(&self, provider: ProviderId) -> LedgerTask<'_, bool> {
        Box::pin(self.writer.write(move |connection| tidy(connection, &provider)))
    }

    fn uploading_providers(&self) -> LedgerTask<'_, Vec<ProviderId>> {
        Box::pin(self.readers.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT provider FROM upload_head")?;
            let keys: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            keys.iter().map(|key| provider(key)).collect()
        }))
    }

    fn newest_uploads(&self) -> LedgerTask<'_, Vec<Upload>> {
        Box::pin(self.readers.read(newest))
    }

    fn uploaded(&self, medium: MediumHash) -> LedgerTask<'_, Vec<Known>> {
        Box::pin(self.readers.read(move |connection| uploaded(connection, &medium)))
    }

    fn uploads_of(&self, medium: MediumHash) -> LedgerTask<'_, u64> {
        Box::pin(self.readers.read(move |connection| {
            let count: i64 = connection.query_row(
                "SELECT count(*) FROM uploaded WHERE medium = ?1 OR contract = ?1",
                [&medium],
                |row| row.get(0),
            )?;
            Ok(count.unsigned_abs())
        }))
    }

    fn erase_uploads_of(&self, medium: MediumHash) -> LedgerTask<'_, u64> {
        Box::pin(self.writer.write(move |connection| cleanly(connection, || erase(connection, &medium))))
    }
}

/// Which of a provider's rows hold.
#[derive(Clone, Copy, Default)]
struct Head {
    version: i64,
    base: i64,
    total: i64,
}

impl Head {
    fn sees(self, row: &Found) -> bool {
        (self.base..=self.version).contains(&row.since) && row.until.is_none_or(|until| until > self.version)
    }
}

/// A row of the medium in question.
struct Found {
    no: i64,
    since: i64,
    until: Option<i64>,
}

fn head(connection: &Connection, provider: &ProviderId) -> Result<Head, StoreError> {
    let head = connection
        .prepare_cached("SELECT version, base, total FROM upload_head WHERE provider = ?1")?
        .query_row([provider.key()], |row| {
            Ok(Head { version: row.get(0)?, base: row.get(1)?, total: row.get(2)? })
        })
        .optional()?;
    Ok(head.unwrap_or_default())
}

/// From now on the provider is known to have begun a push, whatever becomes of it.
fn begin(connection: &Connection, provider: &ProviderId) -> Result<Version, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO upload_head (provider, version, base, total) VALUES (?1, 0, 0, 0)
             ON CONFLICT (provider) DO NOTHING",
        )?
        .execute([provider.key()])?;
    next_version(&head(connection, provider)?)
}

fn next_version(head: &Head) -> Result<Version, StoreError> {
    let next = head.version.checked_add(1).and_then(|next| u32::try_from(next).ok());
    next.map(Version).ok_or_else(|| contradiction("version", head.version))
}

fn stage(
    connection: &Connection,
    provider: &ProviderId,
    action: ActionType,
    first: usize,
    records: &[UploadedMedium],
) -> Result<Staged, StoreError> {
    let head = head(connection, provider)?;
    let next = i64::from(next_version(&head)?.0);
    let mut staged = Staged::default();
    for (place, record) in (first..).zip(records) {
        let rows = rows_of(connection, provider, record)?;
        let ours = rows.iter().find(|row| row.since == next);
        let theirs = rows.iter().find(|row| head.sees(row));
        // One that this push has replaced or removed already does not hold any more.
        let holds = theirs.filter(|row| row.until.is_none());
        match (action, ours, theirs) {
            (ActionType::Insert, Some(_), _)
            | (ActionType::Insert, _, Some(_))
            | (ActionType::Update, _, None) => {
                staged.unfit.push(place);
            }
            (ActionType::Delete, _, _) => match holds {
                Some(row) => {
                    end(connection, row.no, next)?;
                    staged.removed += 1;
                }
                None if theirs.is_none() => staged.unfit.push(place),
                None => {}
            },
            // The last of several records of one medium counts.
            (_, Some(row), _) => replace(connection, row.no, record)?,
            (ActionType::Update, None, Some(_)) => {
                if let Some(row) = holds {
                    end(connection, row.no, next)?;
                }
                insert(connection, provider, next, record)?;
            }
            (ActionType::FullLoad, None, _) | (ActionType::Insert, None, None) => {
                insert(connection, provider, next, record)?;
                staged.added += 1;
            }
        }
    }
    Ok(staged)
}

fn rows_of(
    connection: &Connection,
    provider: &ProviderId,
    record: &UploadedMedium,
) -> Result<Vec<Found>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, since, until FROM uploaded WHERE medium = ?1 AND provider = ?2 AND form = ?3",
    )?;
    let rows = statement.query_map(params![&record.medium, provider.key(), record.form.as_str()], |row| {
        Ok(Found { no: row.get(0)?, since: row.get(1)?, until: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn end(connection: &Connection, no: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE uploaded SET until = ?2 WHERE no = ?1")?.execute([no, until])?;
    Ok(())
}

fn insert(
    connection: &Connection,
    provider: &ProviderId,
    since: i64,
    record: &UploadedMedium,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO uploaded (provider, medium, form, since, contract, issuer, expires_at, pin)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            provider.key(),
            &record.medium,
            record.form.as_str(),
            since,
            record.contract.as_ref(),
            record.issuer.as_ref().map(ProviderId::key),
            record.expires_at.map(micros),
            record.pin.as_ref().map(|pin| pin.to_text().into_bytes()),
        ])?;
    Ok(())
}

fn replace(connection: &Connection, no: i64, record: &UploadedMedium) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE uploaded SET contract = ?2, issuer = ?3, expires_at = ?4, pin = ?5 WHERE no = ?1",
        )?
        .execute(params![
            no,
            record.contract.as_ref(),
            record.issuer.as_ref().map(ProviderId::key),
            record.expires_at.map(micros),
            record.pin.as_ref().map(|pin| pin.to_text().into_bytes()),
        ])?;
    Ok(())
}

fn finish(connection: &Connection, upload: &Upload, change: &Staged) -> Result<Upload, StoreError> {
    let head = head(connection, &upload.provider)?;
    if next_version(&head)? != upload.version {
        return Err(contradiction("version", head.version));
    }
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let next = i64::from(upload.version.0);
    let (base, before) = match upload.action {
        ActionType::FullLoad => (next, 0),
        ActionType::Insert | ActionType::Update | ActionType::Delete => (head.base, head.total),
    };
    let total = before.saturating_add(number(change.added)).saturating_sub(number(change.removed)).max(0);
    connection
        .prepare_cached(
            "INSERT INTO upload_head (provider, version, base, total) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (provider)
             DO UPDATE SET version = excluded.version, base = excluded.base, total = excluded.total",
        )?
        .execute(params![upload.provider.key(), next, base, total])?;
    connection
        .prepare_cached(
            "INSERT INTO upload (provider, version, at, process, action, records, total, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            upload.provider.key(),
            next,
            micros(upload.at),
            upload.process.as_bytes(),
            upload.action.as_str(),
            number(upload.records),
            total,
            &upload.digest,
        ])?;
    Ok(Upload { total: total.unsigned_abs(), ..upload.clone() })
}

fn tidy(connection: &Connection, provider: &ProviderId) -> Result<bool, StoreError> {
    let head = head(connection, provider)?;
    let mut changed = 0;
    for (sql, version) in [
        (
            "UPDATE uploaded SET until = NULL WHERE no IN
             (SELECT no FROM uploaded WHERE provider = ?1 AND until > ?2 AND until IS NOT NULL LIMIT ?3)",
            head.version,
        ),
        (
            "DELETE FROM uploaded WHERE no IN
             (SELECT no FROM uploaded WHERE provider = ?1 AND since > ?2 LIMIT ?3)",
            head.version,
        ),
        (
            "DELETE FROM uploaded WHERE no IN
             (SELECT no FROM uploaded WHERE provider = ?1 AND since < ?2 LIMIT ?3)",
            head.base,
        ),
        (
            "DELETE FROM uploaded WHERE no IN
             (SELECT no FROM uploaded WHERE provider = ?1 AND until <= ?2 AND until IS NOT NULL LIMIT ?3)",
            head.version,
        ),
    ] {
        changed += connection.prepare_cached(sql)?.execute(params![provider.key(), version, PORTION])?;
    }
    Ok(changed > 0)
}

/// The newest push of each provider, with what it has now.
pub(super) fn newest(connection: &Connection) -> Result<Vec<Upload>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT u.provider, u.version, u.at, u.process, u.action, u.records, h.total, u.digest
         FROM upload_head h JOIN upload u ON u.provider = h.provider AND u.version = h.version ORDER BY u.provider",
    )?;
    read_all(&mut statement.query([])?)
}

/// The pushes that were carried out, the newest first, at most `limit` of each provider.
pub(super) fn history(connection: &Connection, limit: usize) -> Result<Vec<Upload>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT u.* FROM upload_head h JOIN upload u ON u.provider = h.provider AND u.version > h.version - ?1
         ORDER BY u.provider, u.version DESC",
    )?;
    read_all(&mut statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?)
}

fn read_all(rows: &mut rusqlite::Rows<'_>) -> Result<Vec<Upload>, StoreError> {
    let mut uploads = Vec::new();
    while let Some(row) = rows.next()? {
        let action: String = row.get("action")?;
        let number = |column: &str| -> Result<u64, StoreError> {
            let number: i64 = row.get(column)?;
            u64::try_from(number).map_err(|_| contradiction(column, number))
        };
        uploads.push(Upload {
            provider: provider(&row.get::<_, String>("provider")?)?,
            version: Version(row.get("version")?),
            at: instant(row.get("at")?, "at")?,
            process: ProcessId::from_bytes(bytes(row, "process")?),
            action: ActionType::parse(&action).ok_or_else(|| contradiction("action", action))?,
            records: number("records")?,
            total: number("total")?,
            digest: bytes(row, "digest")?,
        });
    }
    Ok(uploads)
}

fn uploaded(connection: &Connection, medium: &MediumHash) -> Result<Vec<Known>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT u.* FROM uploaded u JOIN upload_head h ON h.provider = u.provider
         WHERE u.medium = ?1 AND u.since BETWEEN h.base AND h.version AND (u.until IS NULL OR u.until > h.version)
         ORDER BY u.provider",
    )?;
    let mut rows = statement.query([medium])?;
    let mut known = Vec::new();
    while let Some(row) = rows.next()? {
        known.push(Known { provider: provider(&row.get::<_, String>("provider")?)?, record: record(row)? });
    }
    Ok(known)
}

fn record(row: &Row<'_>) -> Result<UploadedMedium, StoreError> {
    let form: String = row.get("form")?;
    let pin: Option<Vec<u8>> = row.get("pin")?;
    let read = |text: Vec<u8>| PinHash::from_text(std::str::from_utf8(&text).ok()?);
    let expires_at: Option<i64> = row.get("expires_at")?;
    let contract: Option<Vec<u8>> = row.get("contract")?;
    Ok(UploadedMedium {
        medium: bytes(row, "medium")?,
        form: Form::parse(&form).ok_or_else(|| contradiction("form", form))?,
        contract: contract.map(|_| bytes(row, "contract")).transpose()?,
        issuer: row.get::<_, Option<String>>("issuer")?.as_deref().map(provider).transpose()?,
        expires_at: expires_at
            .map(|at: i64| -> Result<Timestamp, StoreError> { instant(at, "expires_at") })
            .transpose()?,
        pin: pin.map(|text| read(text).ok_or_else(|| contradiction("pin", "no hash"))).transpose()?,
    })
}

fn erase(connection: &Connection, medium: &MediumHash) -> Result<u64, StoreError> {
    connection.execute(
        "UPDATE upload_head SET total = max(0, total - (
             SELECT count(*) FROM uploaded u
             WHERE u.provider = upload_head.provider AND (u.medium = ?1 OR u.contract = ?1)
               AND u.since BETWEEN upload_head.base AND upload_head.version
               AND (u.until IS NULL OR u.until > upload_head.version)))",
        [medium],
    )?;
    let erased = connection.execute("DELETE FROM uploaded WHERE medium = ?1 OR contract = ?1", [medium])?;
    connection.execute("DELETE FROM pin_guess WHERE guessed = ?1", [medium])?;
    Ok(erased.try_into().unwrap_or_default())
}
