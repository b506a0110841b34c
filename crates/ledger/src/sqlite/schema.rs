//! The schema: numbered migrations, and the rule that an older program refuses what it does not understand.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::OpenError;

/// The migrations, in order; the first one makes version 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_runs.sql"),
    include_str!("migrations/0003_lanes.sql"),
    include_str!("migrations/0004_feed.sql"),
    include_str!("migrations/0005_replay_and_erasure.sql"),
    include_str!("migrations/0006_watch.sql"),
    include_str!("migrations/0007_people.sql"),
    include_str!("migrations/0008_remote.sql"),
    include_str!("migrations/0009_cdr.sql"),
    include_str!("migrations/0010_media.sql"),
    include_str!("migrations/0011_mandate.sql"),
    include_str!("migrations/0012_accounts.sql"),
    include_str!("migrations/0013_retention.sql"),
    include_str!("migrations/0014_in_hand.sql"),
];

/// The newest schema this program knows.
pub(super) const KNOWN: usize = MIGRATIONS.len();

/// The oldest schema knowledge a program needs to use a ledger that this program has migrated: one that knows nothing of
/// deliveries without a row (0014) would never send what a crash left in hand.
const SERVES_FROM: usize = 14;

/// Brings the schema up to date, or refuses a ledger from a newer program.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    refuse_newer(connection)?;
    let version = version(connection)?;
    for (number, sql) in (1_i64..).zip(MIGRATIONS).skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO meta (key, value) VALUES ('serves_from', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![SERVES_FROM.to_string().into_bytes()],
        )?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a ledger whose schema does not serve this program any more.
pub(super) fn refuse_newer(connection: &Connection) -> Result<(), OpenError> {
    if version(connection)? <= KNOWN {
        return Ok(());
    }
    let serves_from: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE key = 'serves_from'", [], |row| row.get(0))
        .optional()?;
    let serves_from = serves_from.and_then(|text| String::from_utf8(text).ok()?.parse::<usize>().ok());
    match serves_from {
        Some(oldest) if oldest <= KNOWN => Ok(()),
        _ => Err(OpenError::TooNew),
    }
}

/// Refuses a ledger that has not been migrated to what this program reads.
pub(super) fn refuse_older(connection: &Connection) -> Result<(), OpenError> {
    if version(connection)? < KNOWN { Err(OpenError::TooOld) } else { Ok(()) }
}

fn version(connection: &Connection) -> Result<usize, OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| OpenError::TooNew)
}
