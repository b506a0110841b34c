//! People and their log-ins. Secrets are here as hashes only, and none of them is logged.

use jiff::Timestamp;
use roamhub_core::access::Role;
use roamhub_core::account::TokenNo;
use roamhub_core::account::UserName;
use roamhub_core::contact::Secret;
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::accounts::{
    AccountPort, LogIn, NewToken, Place, SecretHash, Token, User, UserAdded, UserChanged,
};
use rusqlite::{Connection, Row, params};

use super::rows::{contradiction, instant, micros};
use super::{Sqlite, StoreError, tokens};

impl AccountPort for Sqlite {
    fn users(&self) -> LedgerTask<'_, Vec<User>> {
        Box::pin(self.aside.read(users))
    }

    fn user(&self, name: UserName) -> LedgerTask<'_, Option<(User, Secret)>> {
        Box::pin(self.aside.read(move |connection| user(connection, &name)))
    }

    fn add_user(
        &self,
        name: UserName,
        role: Role,
        password: Secret,
        place: Place,
        at: Timestamp,
    ) -> LedgerTask<'_, UserAdded> {
        Box::pin(self.writer.write(move |connection| add_user(connection, &name, role, &password, place, at)))
    }

    fn remove_user(&self, name: UserName, at: Timestamp) -> LedgerTask<'_, UserChanged> {
        Box::pin(self.writer.write(move |connection| remove_user(connection, &name, at)))
    }

    fn set_password(
        &self,
        name: UserName,
        password: Secret,
        but: Option<SecretHash>,
        at: Timestamp,
    ) -> LedgerTask<'_, UserChanged> {
        Box::pin(self.writer.write(move |connection| set_password(connection, &name, &password, but, at)))
    }

    fn set_role(&self, name: UserName, role: Role, at: Timestamp) -> LedgerTask<'_, UserChanged> {
        Box::pin(self.writer.write(move |connection| set_role(connection, &name, role, at)))
    }

    fn open_log_in(
        &self,
        hash: SecretHash,
        name: UserName,
        password: Secret,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> LedgerTask<'_, bool> {
        Box::pin(
            self.writer
                .write(move |connection| open_log_in(connection, hash, &name, &password, at, expires_at)),
        )
    }

    fn log_in(&self, hash: SecretHash) -> LedgerTask<'_, Option<LogIn>> {
        Box::pin(self.aside.read(move |connection| log_in(connection, hash)))
    }

    fn touch_log_in(&self, hash: SecretHash, at: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| {
            connection.execute(
                "UPDATE log_in SET last_seen_at = max(last_seen_at, ?2) WHERE hash = ?1",
                params![hash.0, micros(at)],
            )?;
            Ok(())
        }))
    }

    fn close_log_in(&self, hash: SecretHash) -> LedgerTask<'_, bool> {
        Box::pin(self.writer.write(move |connection| {
            Ok(connection.execute("DELETE FROM log_in WHERE hash = ?1", [hash.0])? > 0)
        }))
    }

    fn add_token(&self, token: NewToken) -> LedgerTask<'_, Option<TokenNo>> {
        Box::pin(self.writer.write(move |connection| tokens::add(connection, &token)))
    }

    fn token(&self, hash: SecretHash) -> LedgerTask<'_, Option<Token>> {
        Box::pin(self.aside.read(move |connection| tokens::by_hash(connection, hash)))
    }

    fn tokens(&self) -> LedgerTask<'_, Vec<Token>> {
        Box::pin(self.aside.read(tokens::all))
    }

    fn revoke_token(&self, no: TokenNo, at: Timestamp) -> LedgerTask<'_, u64> {
        Box::pin(self.writer.write(move |connection| tokens::revoke(connection, no, at)))
    }

    fn touch_token(&self, no: TokenNo, at: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| tokens::touch(connection, no, at)))
    }
}

/// The columns `role` and `partner`.
pub(super) fn role(row: &Row<'_>) -> Result<Role, StoreError> {
    let (word, partner): (String, Option<String>) = (row.get("role")?, row.get("partner")?);
    Role::read(&word, partner.as_deref()).map_err(|_| contradiction("role", word))
}

/// What goes into the column `partner`.
pub(super) fn partner(role: Role) -> Option<String> {
    role.partner().map(|partner| partner.to_string())
}

pub(super) fn name(text: &str) -> Result<UserName, StoreError> {
    UserName::parse(text).map_err(|_| contradiction("name", text))
}

/// An instant that may be missing.
pub(super) fn maybe(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, StoreError> {
    row.get::<_, Option<i64>>(column)?.map(|at| instant(at, column)).transpose()
}

fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        name: name(&row.get::<_, String>("name")?)?,
        role: role(row)?,
        added_at: instant(row.get("added_at")?, "added_at")?,
        password_at: instant(row.get("password_at")?, "password_at")?,
        last_log_in: maybe(row, "last_log_in")?,
    })
}

fn users(connection: &Connection) -> Result<Vec<User>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM user_account ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        users.push(read_user(row)?);
    }
    Ok(users)
}

fn user(connection: &Connection, name: &UserName) -> Result<Option<(User, Secret)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM user_account WHERE name = ?1")?;
    let mut rows = statement.query([name.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((read_user(row)?, Secret::new(row.get("password")?))))
}

fn add_user(
    connection: &Connection,
    name: &UserName,
    role: Role,
    password: &Secret,
    place: Place,
    at: Timestamp,
) -> Result<UserAdded, StoreError> {
    if place == Place::First {
        let others =
            connection.query_row("SELECT EXISTS (SELECT 1 FROM user_account)", [], |row| row.get(0))?;
        if others {
            return Ok(UserAdded::NotFirst);
        }
    }
    let added = connection.execute(
        "INSERT INTO user_account (name, role, partner, password, added_at, password_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (name) DO NOTHING",
        params![name.as_str(), role.as_str(), partner(role), password.expose(), micros(at)],
    )?;
    Ok(if added == 1 { UserAdded::Added } else { UserAdded::Taken })
}

fn remove_user(connection: &Connection, name: &UserName, at: Timestamp) -> Result<UserChanged, StoreError> {
    if connection.execute("DELETE FROM user_account WHERE name = ?1", [name.as_str()])? == 0 {
        return Ok(UserChanged::Unknown);
    }
    let log_ins = end_log_ins(connection, name, None)?;
    let tokens = tokens::revoke_of(connection, name, |_| true, at)?;
    Ok(UserChanged::Changed { log_ins, tokens })
}

fn set_password(
    connection: &Connection,
    name: &UserName,
    password: &Secret,
    but: Option<SecretHash>,
    at: Timestamp,
) -> Result<UserChanged, StoreError> {
    let changed = connection.execute(
        "UPDATE user_account SET password = ?2, password_at = ?3 WHERE name = ?1",
        params![name.as_str(), password.expose(), micros(at)],
    )?;
    if changed == 0 {
        return Ok(UserChanged::Unknown);
    }
    Ok(UserChanged::Changed { log_ins: end_log_ins(connection, name, but)?, tokens: 0 })
}

fn set_role(
    connection: &Connection,
    name: &UserName,
    role: Role,
    at: Timestamp,
) -> Result<UserChanged, StoreError> {
    let changed = connection.execute(
        "UPDATE user_account SET role = ?2, partner = ?3 WHERE name = ?1",
        params![name.as_str(), role.as_str(), partner(role)],
    )?;
    if changed == 0 {
        return Ok(UserChanged::Unknown);
    }
    let log_ins = end_log_ins(connection, name, None)?;
    let tokens = tokens::revoke_of(connection, name, |of_token| !role.covers(of_token), at)?;
    Ok(UserChanged::Changed { log_ins, tokens })
}

fn end_log_ins(connection: &Connection, name: &UserName, but: Option<SecretHash>) -> Result<u64, StoreError> {
    let ended = connection.execute(
        "DELETE FROM log_in WHERE user = ?1 AND hash IS NOT ?2",
        params![name.as_str(), but.map(|hash| hash.0)],
    )?;
    Ok(u64::try_from(ended).unwrap_or(u64::MAX))
}

fn open_log_in(
    connection: &Connection,
    hash: SecretHash,
    name: &UserName,
    password: &Secret,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    // Between the look at the password and now it may have been changed.
    let known = connection.execute(
        "UPDATE user_account SET last_log_in = ?3 WHERE name = ?1 AND password = ?2",
        params![name.as_str(), password.expose(), micros(at)],
    )?;
    if known == 0 {
        return Ok(false);
    }
    connection.execute("DELETE FROM log_in WHERE expires_at <= ?1", [micros(at)])?;
    connection.execute(
        "INSERT INTO log_in (hash, user, opened_at, last_seen_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
        params![hash.0, name.as_str(), micros(at), micros(expires_at)],
    )?;
    Ok(true)
}

fn log_in(connection: &Connection, hash: SecretHash) -> Result<Option<LogIn>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT log_in.*, role, partner FROM log_in JOIN user_account ON name = user WHERE hash = ?1",
    )?;
    let mut rows = statement.query([hash.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(LogIn {
        user: name(&row.get::<_, String>("user")?)?,
        role: role(row)?,
        opened_at: instant(row.get("opened_at")?, "opened_at")?,
        last_seen_at: instant(row.get("last_seen_at")?, "last_seen_at")?,
        expires_at: instant(row.get("expires_at")?, "expires_at")?,
    }))
}
