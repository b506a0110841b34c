//! Users: the first one, and changing who they are.

use std::net::IpAddr;
use std::sync::PoisonError;

use roamhub_core::access::Role;
use roamhub_core::account::{Actor, UserName};
use roamhub_core::contact::Secret;
use roamhub_core::ports::LedgerError;
use roamhub_core::ports::accounts::{Place, SecretHash, User, UserAdded, UserChanged};

use super::log_in::{LogInError, Opened};
use super::passwords::{self, Fit};
use super::slowdown::Source;
use super::{AccountError, Accounts, Visitor, secrets};

impl Accounts {
    /// Where there is no user yet: the one-time token with which the first one can be made, until it is used. It is kept
    /// nowhere; a later one replaces it.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn first_user_token(&self) -> Result<Option<Secret>, AccountError> {
        if !self.inner.ledger.users().await?.is_empty() {
            return Ok(None);
        }
        let secret = secrets::fresh("")?;
        *self.set_up() = secrets::hash(secret.expose());
        Ok(Some(secret))
    }

    /// Whether this is the one-time token for the first user.
    #[must_use]
    pub fn may_set_up(&self, token: &str) -> bool {
        let given = secrets::hash(token);
        given.is_some() && given == *self.set_up()
    }

    /// Makes the first user, an administrator, and logs in. The token is used up.
    ///
    /// # Errors
    /// [`AccountError`]; the token is good still, unless somebody else was faster.
    pub async fn set_up_first(
        &self,
        token: &str,
        name: &str,
        password: Secret,
    ) -> Result<Opened, AccountError> {
        if !self.may_set_up(token) {
            return Err(AccountError::NoSetUp);
        }
        let name = UserName::parse(name)?;
        let kept = self.add(name.clone(), Role::Administer, password, Place::First).await?;
        *self.set_up() = None;
        self.open(name, kept).await.map_err(|error| match error {
            LogInError::Ledger(error) => AccountError::Ledger(error),
            LogInError::Wrong(_) | LogInError::ComeBack(_) | LogInError::Busy => AccountError::Busy,
        })
    }

    fn set_up(&self) -> std::sync::MutexGuard<'_, Option<SecretHash>> {
        self.inner.set_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All users, by name.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn users(&self) -> Result<Vec<User>, LedgerError> {
        self.inner.ledger.users().await
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn add_user(&self, name: UserName, role: Role, password: Secret) -> Result<(), AccountError> {
        self.add(name, role, password, Place::Any).await.map(|_| ())
    }

    /// Adds a user; what is kept of the password.
    async fn add(
        &self,
        name: UserName,
        role: Role,
        password: Secret,
        place: Place,
    ) -> Result<Secret, AccountError> {
        passwords::check(&password, &name)?;
        let kept = self.inner.passwords.hash(password).await?;
        let now = self.inner.clock.now();
        match self.inner.ledger.add_user(name, role, kept.clone(), place, now).await? {
            UserAdded::Added => Ok(kept),
            UserAdded::Taken => Err(AccountError::Taken),
            UserAdded::NotFirst => Err(AccountError::NoSetUp),
        }
    }

    /// Removes a user, with log-ins and tokens; how many log-ins and tokens that were.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn remove_user(&self, name: UserName) -> Result<(u64, u64), AccountError> {
        counted(self.inner.ledger.remove_user(name, self.inner.clock.now()).await?)
    }

    /// Gives a user another role and ends the log-ins; how many log-ins and tokens that ended.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn set_role(&self, name: UserName, role: Role) -> Result<(u64, u64), AccountError> {
        counted(self.inner.ledger.set_role(name, role, self.inner.clock.now()).await?)
    }

    /// Gives a user another password and ends the log-ins; how many.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn set_password(&self, name: UserName, password: Secret) -> Result<(u64, u64), AccountError> {
        passwords::check(&password, &name)?;
        let kept = self.inner.passwords.hash(password).await?;
        counted(self.inner.ledger.set_password(name, kept, None, self.inner.clock.now()).await?)
    }

    /// A person changes the own password: the other log-ins end. Guessing the present one is slowed down as at a log-in.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn change_own_password(
        &self,
        visitor: &Visitor,
        present: Secret,
        new: Secret,
        from: IpAddr,
    ) -> Result<(), AccountError> {
        let (Actor::User(name), Some(session)) = (&visitor.actor, &visitor.log_in) else {
            return Err(AccountError::NotAPerson);
        };
        passwords::check(&new, name)?;
        let source = Source::from(from);
        self.wait_for_the_turn(name.as_str(), source).await.map_err(|_| AccountError::Busy)?;
        let known = self.inner.ledger.user(name.clone()).await?;
        let kept = known.map(|(_, kept)| kept);
        if self.inner.passwords.compare(present, kept).await? == Fit::Wrong {
            return Err(AccountError::WrongPassword);
        }
        self.slowdown(|slowdown, _| slowdown.succeeded(name.as_str(), source));
        let new = self.inner.passwords.hash(new).await?;
        let now = self.inner.clock.now();
        counted(self.inner.ledger.set_password(name.clone(), new, Some(session.hash), now).await?)?;
        Ok(())
    }
}

fn counted(changed: UserChanged) -> Result<(u64, u64), AccountError> {
    match changed {
        UserChanged::Changed { log_ins, tokens } => Ok((log_ins, tokens)),
        UserChanged::Unknown => Err(AccountError::UnknownUser),
    }
}
