//! Tokens: for machines, and for people at a shell.
//!
//! A person's tokens go with the person. A partner's people and tokens share theirs. One that was made at the hub's own
//! machine goes with nobody.

use jiff::{SignedDuration, Timestamp};
use roamhub_core::access::{Access, Permission, Role, access};
use roamhub_core::account::{Actor, TokenName, TokenNo};
use roamhub_core::contact::Secret;
use roamhub_core::ports::LedgerError;
use roamhub_core::ports::accounts::{NewToken, Token};

use super::{AccountError, Accounts, NoRandom, TOKEN_PREFIX, Visitor, secrets};

/// No token is good for longer, unless it has no end.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// A token that somebody wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// What it is called.
    pub name: TokenName,
    /// What it may do.
    pub role: Role,
    /// How long it is good; as long as its maker without.
    pub lasts: Option<SignedDuration>,
}

impl Accounts {
    /// Makes a token. The secret is given once.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn make_token(
        &self,
        visitor: &Visitor,
        wanted: Wanted,
    ) -> Result<(TokenNo, Option<Timestamp>, Secret), AccountError> {
        if !visitor.role.covers(wanted.role) {
            return Err(AccountError::BeyondYourRole);
        }
        let now = self.inner.clock.now();
        let expires_at = match wanted.lasts {
            None => visitor.expires_at,
            Some(lasts) if lasts > SignedDuration::ZERO && lasts <= LONGEST => {
                Some(now.checked_add(lasts).map_err(|_| AccountError::NoSuchEnd)?)
            }
            Some(_) => return Err(AccountError::NoSuchEnd),
        };
        if visitor.expires_at.is_some_and(|makers| expires_at.is_none_or(|end| end > makers)) {
            return Err(AccountError::OutlivesItsMaker);
        }
        let secret = secrets::fresh(TOKEN_PREFIX)?;
        let token = NewToken {
            hash: secrets::hash(secret.expose()).ok_or(NoRandom)?,
            name: wanted.name,
            role: wanted.role,
            owner: visitor.owner.clone(),
            parent: visitor.token(),
            made_at: now,
            expires_at,
        };
        let no = self.inner.ledger.add_token(token).await?;
        // Its maker has gone meanwhile.
        Ok((no.ok_or(AccountError::OutlivesItsMaker)?, expires_at, secret))
    }

    /// The tokens that are the visitor's to see, the newest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn tokens(&self, visitor: &Visitor) -> Result<Vec<Token>, LedgerError> {
        let mut tokens = self.inner.ledger.tokens().await?;
        tokens.retain(|token| is_within_reach(visitor, token));
        Ok(tokens)
    }

    /// Revokes a token, and what it has made; the token as it was, and how many that were.
    ///
    /// # Errors
    /// [`AccountError`]
    pub async fn revoke_token(&self, visitor: &Visitor, no: TokenNo) -> Result<(Token, u64), AccountError> {
        let token = self.tokens(visitor).await?.into_iter().find(|token| token.no == no);
        let token = token.ok_or(AccountError::UnknownToken)?;
        if !visitor.role.covers(token.role) {
            return Err(AccountError::BeyondYourRole);
        }
        let revoked = self.inner.ledger.revoke_token(no, self.inner.clock.now()).await?;
        Ok((token, revoked))
    }
}

fn is_within_reach(visitor: &Visitor, token: &Token) -> bool {
    if matches!(access(visitor.role, Permission::Tokens), Access::Granted(_)) {
        return true;
    }
    if let Role::Partner(_) = visitor.role {
        return token.role == visitor.role;
    }
    match &visitor.actor {
        Actor::Local => true,
        Actor::Nobody => false,
        Actor::User(name) => token.owner.as_ref() == Some(name),
        Actor::Token(no, _) => token.no == *no || (token.owner.is_some() && token.owner == visitor.owner),
    }
}
