//! Who is there: people with passwords, their log-ins, tokens.
//!
//! Secrets come in and go out as [`Secret`], which does not print; what is kept of them are hashes. What somebody may do is
//! decided in [`roamhub_core::access`] alone; here is only who somebody is.

mod log_in;
mod passwords;
mod people;
mod secrets;
mod slowdown;
mod tokens;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use roamhub_core::access::Role;
use roamhub_core::account::{Actor, NameError, TokenNo, UserName};
use roamhub_core::contact::Secret;
use roamhub_core::ports::accounts::SecretHash;
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use tokio::sync::Semaphore;

pub use log_in::{LogInError, Opened};
pub use passwords::PasswordError;
pub use secrets::{NoRandom, TOKEN_PREFIX, random_password, same};
pub use tokens::Wanted;

use passwords::{NotNow, Passwords};
use slowdown::Slowdown;

/// So many log-ins wait out their delay at a time; each is a connection and little else.
const MOST_WAITING: usize = 512;
/// The last use of a log-in or a token is noted this often at most: it costs a commit.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long log-ins last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogInTimes {
    /// One that is not used ends after this.
    pub idle: Duration,
    /// It ends after this, whatever happens.
    pub longest: Duration,
}

impl Default for LogInTimes {
    fn default() -> Self {
        Self { idle: Duration::from_secs(3_600), longest: Duration::from_secs(12 * 3_600) }
    }
}

/// Who makes a request, and what that lets it do.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub actor: Actor,
    /// What for.
    pub role: Role,
    /// The log-in behind it, for a person.
    pub log_in: Option<Session>,
    /// The user that it goes with: the person, or whose token it is.
    owner: Option<UserName>,
    /// Until when a token is good.
    expires_at: Option<Timestamp>,
}

impl Visitor {
    /// Whoever may open the control socket may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self { actor: Actor::Local, role: Role::Administer, log_in: None, owner: None, expires_at: None }
    }

    fn token(&self) -> Option<TokenNo> {
        match &self.actor {
            Actor::Token(no, _) => Some(*no),
            Actor::Local | Actor::User(_) | Actor::Nobody => None,
        }
    }
}

/// A person's log-in, as it came with a request.
#[derive(Clone, Debug)]
pub struct Session {
    hash: SecretHash,
    /// What a form or a script of this log-in has to carry beside the cookie.
    pub form_token: Secret,
}

/// Why something about accounts was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not a password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Somebody has this name.
    #[error("there is a user of this name already")]
    Taken,
    /// Nobody has this name.
    #[error("there is no user of this name; `roamhub users list` shows all")]
    UnknownUser,
    /// There is no such token, or it is somebody else's.
    #[error("there is no such token; GET /api/v1/tokens lists yours")]
    UnknownToken,
    /// More than the visitor may do itself.
    #[error("a token may do at most what whoever makes it may do")]
    BeyondYourRole,
    /// What makes it will be gone by then, or is already.
    #[error("a token that is made by a token does not outlive it; say an earlier end")]
    OutlivesItsMaker,
    /// Not in the future.
    #[error("a token's end lies between now and ten years from now")]
    NoSuchEnd,
    /// The old password was wrong.
    #[error("the present password is wrong")]
    WrongPassword,
    /// Only for people.
    #[error("a token has no password; log in to change yours")]
    NotAPerson,
    /// The one-time link is used up, or was never good.
    #[error("this link is not good any more; restart the hub for a new one, or use `roamhub users add`")]
    NoSetUp,
    /// Too many at a time.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// No random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// It could not be written or read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<NotNow> for AccountError {
    fn from(not_now: NotNow) -> Self {
        match not_now {
            NotNow::Busy => Self::Busy,
            NotNow::Broken => Self::NoRandom(NoRandom),
        }
    }
}

/// The accounts of one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    times: LogInTimes,
    passwords: Passwords,
    slowdown: Mutex<Slowdown>,
    /// What the time of the slowdown is counted from.
    origin: Instant,
    waiting: Semaphore,
    /// What is kept of the one-time token for the first user.
    set_up: Mutex<Option<SecretHash>>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl Accounts {
    /// The accounts in this ledger.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, times: LogInTimes) -> Self {
        Self {
            inner: Arc::new(Inner {
                ledger,
                clock,
                times,
                passwords: Passwords::default(),
                slowdown: Mutex::default(),
                origin: Instant::now(),
                waiting: Semaphore::new(MOST_WAITING),
                set_up: Mutex::default(),
            }),
        }
    }

    fn slowdown<T>(&self, look: impl FnOnce(&mut Slowdown, Duration) -> T) -> T {
        let now = self.inner.origin.elapsed();
        look(&mut self.inner.slowdown.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}
