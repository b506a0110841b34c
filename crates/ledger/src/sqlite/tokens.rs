//! Tokens. One that made others takes them with it when it is revoked, and a user's go with the user.

use jiff::Timestamp;
use roamhub_core::access::Role;
use roamhub_core::account::{TokenName, TokenNo, UserName};
use roamhub_core::ports::accounts::{NewToken, SecretHash, Token};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::accounts::{maybe, name, partner, role};
use super::rows::{contradiction, instant, micros};

pub(super) fn add(connection: &Connection, token: &NewToken) -> Result<Option<TokenNo>, StoreError> {
    let owner = token.owner.as_ref().map(UserName::as_str);
    let no = connection
        .query_row(
            "INSERT INTO api_token (hash, name, role, partner, owner, parent, made_at, expires_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
             WHERE (?5 IS NULL OR EXISTS (SELECT 1 FROM user_account WHERE name = ?5))
               AND (?6 IS NULL OR EXISTS (SELECT 1 FROM api_token WHERE no = ?6 AND revoked_at IS NULL))
             RETURNING no",
            params![
                token.hash.0,
                token.name.as_str(),
                token.role.as_str(),
                partner(token.role),
                owner,
                token.parent.map(|parent| parent.0),
                micros(token.made_at),
                token.expires_at.map(micros),
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(no.map(TokenNo))
}

pub(super) fn by_hash(connection: &Connection, hash: SecretHash) -> Result<Option<Token>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM api_token WHERE hash = ?1")?;
    let mut rows = statement.query([hash.0])?;
    rows.next()?.map(read).transpose()
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Token>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM api_token ORDER BY no DESC")?;
    let mut rows = statement.query([])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(read(row)?);
    }
    Ok(tokens)
}

fn read(row: &Row<'_>) -> Result<Token, StoreError> {
    let called: String = row.get("name")?;
    Ok(Token {
        no: TokenNo(row.get("no")?),
        name: TokenName::parse(&called).map_err(|_| contradiction("name", called))?,
        role: role(row)?,
        owner: row.get::<_, Option<String>>("owner")?.as_deref().map(name).transpose()?,
        made_at: instant(row.get("made_at")?, "made_at")?,
        expires_at: maybe(row, "expires_at")?,
        last_used_at: maybe(row, "last_used_at")?,
        revoked_at: maybe(row, "revoked_at")?,
    })
}

/// Revokes a token and what it made.
pub(super) fn revoke(connection: &Connection, no: TokenNo, at: Timestamp) -> Result<u64, StoreError> {
    let revoked = connection.execute(
        "WITH RECURSIVE family (no) AS (
             SELECT ?1 UNION SELECT api_token.no FROM api_token JOIN family ON parent = family.no
         )
         UPDATE api_token SET revoked_at = ?2 WHERE no IN family AND revoked_at IS NULL",
        params![no.0, micros(at)],
    )?;
    Ok(u64::try_from(revoked).unwrap_or(u64::MAX))
}

/// Revokes those of a user's tokens whose role is unwanted.
pub(super) fn revoke_of(
    connection: &Connection,
    owner: &UserName,
    unwanted: impl Fn(Role) -> bool,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM api_token WHERE owner = ?1 AND revoked_at IS NULL")?;
    let mut rows = statement.query([owner.as_str()])?;
    let mut to_revoke = Vec::new();
    while let Some(row) = rows.next()? {
        let token = read(row)?;
        if unwanted(token.role) {
            to_revoke.push(token.no);
        }
    }
    to_revoke.into_iter().try_fold(0, |count, no| Ok(count + revoke(connection, no, at)?))
}

pub(super) fn touch(connection: &Connection, no: TokenNo, at: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE api_token SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE no = ?1",
        params![no.0, micros(at)],
    )?;
    Ok(())
}
