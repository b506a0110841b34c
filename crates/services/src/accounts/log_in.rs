//! Logging in and out, and who a request comes from.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use roamhub_core::account::{Actor, UserName};
use roamhub_core::contact::Secret;
use roamhub_core::ports::LedgerError;
use tokio::time::sleep;

use super::passwords::{Fit, NotNow};
use super::slowdown::{Source, Turn};
use super::{Accounts, NOTED_EVERY, Session, TOKEN_PREFIX, Visitor, secrets};

/// Why somebody was not let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogInError {
    /// No such user, or another password. Which of the two is nobody's business but the audit trail's: the user, if there
    /// is one.
    Wrong(Option<UserName>),
    /// Too many wrong ones wait for their answer already: come back after this.
    ComeBack(Duration),
    /// Too many passwords are being compared.
    Busy,
    /// It could not be written or read.
    Ledger(LedgerError),
}

impl From<LedgerError> for LogInError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<NotNow> for LogInError {
    fn from(_: NotNow) -> Self {
        Self::Busy
    }
}

/// A log-in that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who.
    pub user: UserName,
    /// Goes into the cookie; it is kept nowhere else.
    pub secret: Secret,
}

impl Accounts {
    /// Lets somebody in. An answer of no takes as long whether there is such a user or not; the more failed before, the
    /// later it comes.
    ///
    /// # Errors
    /// [`LogInError`]
    pub async fn log_in(&self, name: &str, password: Secret, from: IpAddr) -> Result<Opened, LogInError> {
        let source = Source::from(from);
        // What is no name takes the same way.
        let account: String = name.to_ascii_lowercase().chars().take(64).collect();
        self.wait_for_the_turn(&account, source).await?;
        let known = match UserName::parse(name) {
            Ok(user) => self.inner.ledger.user(user).await?,
            Err(_) => None,
        };
        let kept = known.as_ref().map(|(_, kept)| kept.clone());
        let fit = self.inner.passwords.compare(password, kept).await?;
        let (user, kept) = match (fit, known) {
            (Fit::Right, Some((user, kept))) => (user.name, kept),
            (_, known) => return Err(LogInError::Wrong(known.map(|(user, _)| user.name))),
        };
        self.slowdown(|slowdown, _| slowdown.succeeded(&account, source));
        self.open(user, kept).await
    }

    /// Opens a log-in for whoever has this password, as it is kept.
    pub(super) async fn open(&self, user: UserName, kept: Secret) -> Result<Opened, LogInError> {
        let secret = secrets::fresh("").map_err(|_| LogInError::Busy)?;
        let hash = secrets::hash(secret.expose()).ok_or(LogInError::Busy)?;
        let now = self.inner.clock.now();
        let longest = SignedDuration::try_from(self.inner.times.longest).unwrap_or(SignedDuration::MAX);
        let expires_at = now.checked_add(longest).unwrap_or(Timestamp::MAX);
        if self.inner.ledger.open_log_in(hash, user.clone(), kept, now, expires_at).await? {
            Ok(Opened { user, secret })
        } else {
            Err(LogInError::Wrong(Some(user)))
        }
    }

    pub(super) async fn wait_for_the_turn(&self, account: &str, source: Source) -> Result<(), LogInError> {
        match self.slowdown(|slowdown, now| slowdown.attempt(now, account, source)) {
            Turn::ComeBack(wait) => Err(LogInError::ComeBack(wait)),
            Turn::After { wait: Duration::ZERO, .. } => Ok(()),
            Turn::After { wait, spotless } => match self.inner.waiting.try_acquire() {
                Ok(_place) => {
                    sleep(wait).await;
                    Ok(())
                }
                // Where guesses take all the room, whoever has done nothing wrong goes ahead.
                Err(_) if spotless => Ok(()),
                Err(_) => Err(LogInError::ComeBack(wait)),
            },
        }
    }

    /// Whose log-in this cookie is; nobody's if it has ended.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn visitor_by_cookie(&self, secret: &str) -> Result<Option<Visitor>, LedgerError> {
        let Some(hash) = secrets::hash(secret) else { return Ok(None) };
        let Some(log_in) = self.inner.ledger.log_in(hash).await? else { return Ok(None) };
        let now = self.inner.clock.now();
        let unused = now.duration_since(log_in.last_seen_at);
        let idle = SignedDuration::try_from(self.inner.times.idle).unwrap_or(SignedDuration::MAX);
        if now >= log_in.expires_at || unused >= idle {
            self.inner.ledger.close_log_in(hash).await?;
            return Ok(None);
        }
        if unused >= NOTED_EVERY.min(idle / 4) {
            self.inner.ledger.touch_log_in(hash, now).await?;
        }
        Ok(Some(Visitor {
            actor: Actor::User(log_in.user.clone()),
            role: log_in.role,
            log_in: Some(Session { hash, form_token: secrets::form_token(secret) }),
            owner: Some(log_in.user),
            expires_at: None,
        }))
    }

    /// Whose token this is; nobody's if it is not good any more.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn visitor_by_token(&self, secret: &str) -> Result<Option<Visitor>, LedgerError> {
        let hash = secret.starts_with(TOKEN_PREFIX).then(|| secrets::hash(secret)).flatten();
        let Some(hash) = hash else { return Ok(None) };
        let now = self.inner.clock.now();
        let token = self.inner.ledger.token(hash).await?;
        let Some(token) = token.filter(|token| token.holds(now)) else { return Ok(None) };
        if token.last_used_at.is_none_or(|last| now.duration_since(last) >= NOTED_EVERY) {
            self.inner.ledger.touch_token(token.no, now).await?;
        }
        Ok(Some(Visitor {
            actor: Actor::Token(token.no, token.name),
            role: token.role,
            log_in: None,
            owner: token.owner,
            expires_at: token.expires_at,
        }))
    }

    /// Ends a log-in.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn log_out(&self, session: &Session) -> Result<(), LedgerError> {
        self.inner.ledger.close_log_in(session.hash).await?;
        Ok(())
    }
}
