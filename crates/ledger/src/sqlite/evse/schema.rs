//! The file's own schema: numbered migrations, and the rule that an older program refuses what it does not understand.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::sqlite::OpenError;

const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// The oldest schema knowledge a program needs to use a file that this program has migrated.
const SERVES_FROM: i64 = 1;

/// Brings the schema up to date, or refuses a file from a newer program.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = usize::try_from(version).map_err(|_| OpenError::TooNew)?;
    if version > MIGRATIONS.len() {
        let serves_from: Option<i64> = connection
            .query_row("SELECT value FROM meta WHERE key = 'serves_from'", [], |row| row.get(0))
            .optional()?;
        let serves = serves_from.and_then(|oldest| usize::try_from(oldest).ok());
        return if serves.is_some_and(|oldest| oldest <= MIGRATIONS.len()) {
            Ok(())
        } else {
            Err(OpenError::TooNew)
        };
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS).skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO meta (key, value) VALUES ('serves_from', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [SERVES_FROM],
        )?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
