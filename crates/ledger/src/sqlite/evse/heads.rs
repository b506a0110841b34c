//! Which rows a version of the store shows.
//!
//! A row belongs to one operator and lasts from one of its pushes to another. Pushes of different operators are under
//! way at the same time, so their numbers say nothing about each other; but those of one operator are carried out in
//! the order of their numbers. So a version is, for each operator, its newest push at that time (its head), and what a
//! push has written that is not finished, or never will be, lies beyond its operator's head.

use std::collections::HashMap;

use oicp::OperatorId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::StoreError;
use crate::sqlite::rows::operator;

/// A version.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    /// Its number.
    pub(super) version: i64,
    /// Its time stamp, in microseconds; 0 before the first push.
    pub(super) at: i64,
    /// By the operator's number.
    pub(super) of: HashMap<i64, Head>,
}

/// An operator in a version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) push: i64,
    pub(super) operator: OperatorId,
}

impl Heads {
    pub(super) fn load(connection: &Connection, version: i64) -> Result<Self, StoreError> {
        let at: Option<i64> = connection
            .prepare_cached("SELECT at FROM push WHERE version <= ?1 ORDER BY version DESC LIMIT 1")?
            .query_row([version], |row| row.get(0))
            .optional()?;
        let mut statement = connection.prepare_cached(
            "SELECT o.no, o.key, (SELECT p.no FROM push p WHERE p.operator = o.no AND p.version <= ?1
                                  ORDER BY p.version DESC LIMIT 1)
             FROM operator o",
        )?;
        let mut rows = statement.query([version])?;
        let mut of = HashMap::new();
        while let Some(row) = rows.next()? {
            let Some(push) = row.get(2)? else { continue };
            let key: String = row.get(1)?;
            of.insert(row.get(0)?, Head { push, operator: operator(&key)? });
        }
        Ok(Self { version, at: at.unwrap_or_default(), of })
    }

    /// The operator whose row this is, if the version shows it.
    pub(super) fn shows(&self, operator: i64, since: i64, until: Option<i64>) -> Option<&OperatorId> {
        let head = self.of.get(&operator)?;
        (since <= head.push && until.is_none_or(|until| until > head.push)).then_some(&head.operator)
    }

    /// The operator's newest push in this version; 0 if it had none yet.
    pub(super) fn push_of(&self, operator: i64) -> i64 {
        self.of.get(&operator).map_or(0, |head| head.push)
    }
}

/// The newest version; 0 before the first push.
pub(super) fn newest(connection: &Connection) -> Result<i64, StoreError> {
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(version) FROM push")?.query_row([], |row| row.get(0))?;
    Ok(newest.unwrap_or_default())
}

/// The version that held at an instant, in microseconds.
pub(super) fn at(connection: &Connection, instant: i64) -> Result<i64, StoreError> {
    let version: Option<i64> = connection
        .prepare_cached("SELECT version FROM push WHERE at <= ?1 ORDER BY at DESC LIMIT 1")?
        .query_row([instant], |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or_default())
}

/// An operator's number, head and number of records, if it has ever pushed anything.
pub(super) fn of(
    connection: &Connection,
    operator: &OperatorId,
) -> Result<Option<(i64, i64, i64)>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT no, head, total FROM operator WHERE key = ?1")?
        .query_row([operator.key()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?)
}

/// The operator's number, a new one if need be.
pub(super) fn number(connection: &Connection, operator: &OperatorId) -> Result<i64, StoreError> {
    if let Some((no, ..)) = of(connection, operator)? {
        return Ok(no);
    }
    connection.prepare_cached("INSERT INTO operator (key) VALUES (?1)")?.execute(params![operator.key()])?;
    Ok(connection.last_insert_rowid())
}
