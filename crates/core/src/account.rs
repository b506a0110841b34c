//! People and tokens: how they are named, and how they appear in the audit trail.

use std::fmt;

use jiff::Timestamp;

/// The longest name of a user or a token, in characters.
const LONGEST_NAME: usize = 64;

/// A user's name, in lower case: letters, digits and `.`, `_`, `-`, `+`, `@`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UserName(String);

/// Why a name is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// A user's.
    #[error("a user's name has 1 to 64 letters, digits, or characters of . _ - + @")]
    User,
    /// A token's.
    #[error("a token's name has 1 to 64 characters, none of them a control character")]
    Token,
}

impl UserName {
    /// Reads a name; its case does not matter.
    ///
    /// # Errors
    /// [`NameError::User`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
        if text.is_empty() || text.len() > LONGEST_NAME || !text.chars().all(fine) {
            return Err(NameError::User);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A token's name, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenName(String);

impl TokenName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError::Token`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let long = text.chars().count() > LONGEST_NAME;
        if text.is_empty() || long || text.chars().any(char::is_control) {
            return Err(NameError::Token);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The number of a token, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TokenNo(pub i64);

/// Who does something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Whoever may open the control socket, or the ledger itself.
    Local,
    /// A person who has logged in.
    User(UserName),
    /// A token.
    Token(TokenNo, TokenName),
    /// Nobody the hub knows.
    Nobody,
}

impl Actor {
    /// `local`, `user`, `token` or `nobody`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::User(_) => "user",
            Self::Token(..) => "token",
            Self::Nobody => "nobody",
        }
    }
}

impl fmt::Display for Actor {
    /// As it is kept beside what was done: `local`, `user anna`, `token 3 (billing)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local | Self::Nobody => out.write_str(self.kind()),
            Self::User(name) => write!(out, "user {name}"),
            Self::Token(no, name) => write!(out, "token {} ({name})", no.0),
        }
    }
}

/// How what was tried has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was not allowed, or the password was wrong.
    Refused,
    /// It was allowed, and did not work: not there, not right, or the ledger was in the way.
    Failed,
}

impl AuditOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One line of the audit trail. Neither secrets nor card numbers have a place in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRecord {
    /// Its number, counted from 1; 0 until it is kept.
    pub no: i64,
    /// When.
    pub at: Timestamp,
    /// Who: [`Actor::kind`].
    pub kind: String,
    /// Who: the actor in words.
    pub who: String,
    /// From which address; nothing for `local`.
    pub from: Option<String>,
    /// What, in one word: `lane.pause`.
    pub action: String,
    /// About whom or what: `DE-DCB`, `user anna`.
    pub about: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// What else there is to say.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users_are_plain_and_their_case_does_not_matter() {
        assert_eq!(UserName::parse("Anna.B@hub.example").unwrap().as_str(), "anna.b@hub.example");
        for bad in ["", "a b", "ä", "a\n", "a/b", &"a".repeat(65)] {
            assert_eq!(UserName::parse(bad), Err(NameError::User), "{bad:?}");
        }
    }

    #[test]
    fn names_of_tokens_are_for_people() {
        assert_eq!(TokenName::parse(" Abrechnung für März ").unwrap().as_str(), "Abrechnung für März");
        for bad in ["", "  ", "a\u{7}", &"ü".repeat(65)] {
            assert_eq!(TokenName::parse(bad), Err(NameError::Token), "{bad:?}");
        }
    }
}
