//! People, their log-ins, tokens, and the audit trail, as the ledger keeps them. It sees hashes only: of passwords with
//! salt and cost, of sessions and tokens, which are random, plain SHA-256.

use jiff::Timestamp;

use super::LedgerTask;
use crate::access::Role;
use crate::account::{AuditRecord, TokenName, TokenNo, UserName};
use crate::contact::Secret;

/// SHA-256 of a random secret: finds a session or a token, and is of no use to whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// What the person may do.
    pub role: Role,
    /// Since when there is the account.
    pub added_at: Timestamp,
    /// Since when it has this password.
    pub password_at: Timestamp,
    /// The last log-in.
    pub last_log_in: Option<Timestamp>,
}

/// Whether a user may be added to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Only as the very first.
    First,
    /// Beside whoever is there.
    Any,
}

/// What adding a user came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserAdded {
    /// It is there.
    Added,
    /// Somebody has this name.
    Taken,
    /// Somebody else was first.
    NotFirst,
}

/// What changing a user came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserChanged {
    /// Done. Log-ins were ended and tokens revoked, so many.
    Changed {
        /// Log-ins that were ended.
        log_ins: u64,
        /// Tokens that were revoked.
        tokens: u64,
    },
    /// Nobody has this name.
    Unknown,
}

/// A log-in that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogIn {
    /// Who.
    pub user: UserName,
    /// What the person may do, as of now.
    pub role: Role,
    /// Since when.
    pub opened_at: Timestamp,
    /// When it was used last, give or take a minute.
    pub last_seen_at: Timestamp,
    /// It ends then, whatever happens.
    pub expires_at: Timestamp,
}

/// A token to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewToken {
    /// Finds it.
    pub hash: SecretHash,
    /// Its name.
    pub name: TokenName,
    /// What it may do.
    pub role: Role,
    /// The user it goes with: when that one goes, or may not do as much any more, it is revoked. None: made at the hub's
    /// own machine.
    pub owner: Option<UserName>,
    /// The token that made it: when that one is revoked, so is this.
    pub parent: Option<TokenNo>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// A token as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its number.
    pub no: TokenNo,
    /// Its name.
    pub name: TokenName,
    /// What it may do.
    pub role: Role,
    /// The user it goes with.
    pub owner: Option<UserName>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, give or take a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether it is good now.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// How many lines of the audit trail about nobody the hub knows are kept; the oldest go.
pub const MOST_AUDITED_STRANGERS: usize = 10_000;

/// People, log-ins, tokens.
pub trait AccountPort: Send + Sync {
    /// All users, by name.
    fn users(&self) -> LedgerTask<'_, Vec<User>>;
    /// A user, with the hash of the password.
    fn user(&self, name: UserName) -> LedgerTask<'_, Option<(User, Secret)>>;
    /// Adds a user.
    fn add_user(
        &self,
        name: UserName,
        role: Role,
        password: Secret,
        place: Place,
        at: Timestamp,
    ) -> LedgerTask<'_, UserAdded>;
    /// Removes a user, ends the log-ins and revokes the tokens that go with it.
    fn remove_user(&self, name: UserName, at: Timestamp) -> LedgerTask<'_, UserChanged>;
    /// Sets a password and ends all log-ins but this one.
    fn set_password(
        &self,
        name: UserName,
        password: Secret,
        but: Option<SecretHash>,
        at: Timestamp,
    ) -> LedgerTask<'_, UserChanged>;
    /// Sets a role, ends all log-ins, and revokes the tokens that may do more than the role.
    fn set_role(&self, name: UserName, role: Role, at: Timestamp) -> LedgerTask<'_, UserChanged>;
    /// Notes a log-in. `false` if there is no such user any more, or its password is not this one any more. Log-ins that
    /// have expired are forgotten on the way.
    fn open_log_in(
        &self,
        hash: SecretHash,
        name: UserName,
        password: Secret,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> LedgerTask<'_, bool>;
    /// A log-in by its hash, with the role of its user as of now. Whether it has expired is the caller's to say.
    fn log_in(&self, hash: SecretHash) -> LedgerTask<'_, Option<LogIn>>;
    /// A log-in was used.
    fn touch_log_in(&self, hash: SecretHash, at: Timestamp) -> LedgerTask<'_, ()>;
    /// Ends a log-in; whether there was one.
    fn close_log_in(&self, hash: SecretHash) -> LedgerTask<'_, bool>;
    /// Keeps a token. `None` if its owner is gone, or its parent revoked.
    fn add_token(&self, token: NewToken) -> LedgerTask<'_, Option<TokenNo>>;
    /// A token by its hash, revoked or not.
    fn token(&self, hash: SecretHash) -> LedgerTask<'_, Option<Token>>;
    /// All tokens, the newest first, also those that were revoked or have expired.
    fn tokens(&self) -> LedgerTask<'_, Vec<Token>>;
    /// Revokes a token and what it made; how many held until now.
    fn revoke_token(&self, no: TokenNo, at: Timestamp) -> LedgerTask<'_, u64>;
    /// A token was used.
    fn touch_token(&self, no: TokenNo, at: Timestamp) -> LedgerTask<'_, ()>;
}

/// The audit trail.
pub trait AuditPort: Send + Sync {
    /// Keeps a line.
    fn note_audit(&self, record: AuditRecord) -> LedgerTask<'_, ()>;
    /// The newest lines first, at most `limit`, with numbers below `before`.
    fn audit(&self, before: Option<i64>, limit: usize) -> LedgerTask<'_, Vec<AuditRecord>>;
}
