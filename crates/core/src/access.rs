//! Who may do what: roles, permissions, and the one table that decides ([`access`]).
//!
//! Every route of the admin API and every page names the [`Permission`] it needs; nobody else compares roles. What a
//! partner may not do is hidden from it rather than refused: it cannot tell what is there from what is not.

use std::fmt;

use oicp::{OperatorId, ProviderId};

use crate::Partner;

/// What a person or a token is to the hub.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Sees everything, cards masked.
    Read,
    /// Sees everything; pauses, resumes, sets drain rates, replays.
    Operate,
    /// May do everything.
    Administer,
    /// Sees and steers what is this partner's own, and nothing else.
    Partner(Partner),
}

/// What something needs. One variant per kind of thing that somebody may be allowed alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Permission {
    /// To look at messages, sessions, refusals, lanes, replays, ghosts, differences, mandates, certificates.
    Look,
    /// To pause and resume one lane.
    Pause,
    /// To resume all lanes at once.
    ResumeAll,
    /// To set how fast a lane is drained.
    DrainRate,
    /// To send messages once more.
    Replay,
    /// To give an operator its mandate back.
    RestoreMandate,
    /// To erase one contract's data.
    Erase,
    /// To see card numbers and contract ids in full.
    Unmask,
    /// To change who the partners are.
    Partners,
    /// To look at people's accounts and change them.
    Users,
    /// To have tokens of one's own, of one's own role or a lesser one.
    OwnTokens,
    /// To look at everybody's tokens, make them for any role, and revoke them.
    Tokens,
    /// To look at the audit trail.
    Audit,
    /// To change one's own password, and to ask who one is.
    OwnAccount,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Look,
        Self::Pause,
        Self::ResumeAll,
        Self::DrainRate,
        Self::Replay,
        Self::RestoreMandate,
        Self::Erase,
        Self::Unmask,
        Self::Partners,
        Self::Users,
        Self::OwnTokens,
        Self::Tokens,
        Self::Audit,
        Self::OwnAccount,
    ];

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Pause => "pause",
            Self::ResumeAll => "resume-all",
            Self::DrainRate => "drain-rate",
            Self::Replay => "replay",
            Self::RestoreMandate => "restore-mandate",
            Self::Erase => "erase",
            Self::Unmask => "unmask",
            Self::Partners => "partners",
            Self::Users => "users",
            Self::OwnTokens => "own-tokens",
            Self::Tokens => "tokens",
            Self::Audit => "audit",
            Self::OwnAccount => "own-account",
        }
    }
}

/// How far a permission reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// To everything.
    All,
    /// To what is this partner's own.
    Own(Partner),
}

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Allowed, so far.
    Granted(Reach),
    /// Not allowed, and told so.
    Refused,
    /// Not allowed, and told that there is nothing.
    Hidden,
}

/// Decides. There is no other place.
#[must_use]
pub fn access(role: Role, permission: Permission) -> Access {
    use Access::{Granted, Hidden, Refused};
    use Permission::{
        Audit, DrainRate, Erase, Look, OwnAccount, OwnTokens, Partners, Pause, Replay, RestoreMandate,
        ResumeAll, Tokens, Unmask, Users,
    };
    match (role, permission) {
        (
            Role::Administer,
            Look | Pause | ResumeAll | DrainRate | Replay | RestoreMandate | Erase | Unmask | Partners
            | Users | OwnTokens | Tokens | Audit | OwnAccount,
        ) => Granted(Reach::All),
        (
            Role::Operate,
            Look | Pause | ResumeAll | DrainRate | Replay | RestoreMandate | OwnTokens | Audit | OwnAccount,
        )
        | (Role::Read, Look | OwnTokens | Audit | OwnAccount) => Granted(Reach::All),
        (Role::Operate, Erase | Unmask | Partners | Users | Tokens)
        | (
            Role::Read,
            Pause | ResumeAll | DrainRate | Replay | RestoreMandate | Erase | Unmask | Partners | Users
            | Tokens,
        ) => Refused,
        (Role::Partner(own), Look | Pause | DrainRate | Replay | OwnTokens | OwnAccount) => {
            Granted(Reach::Own(own))
        }
        (
            Role::Partner(_),
            ResumeAll | RestoreMandate | Erase | Unmask | Partners | Users | Tokens | Audit,
        ) => Hidden,
    }
}

impl Role {
    /// Whether whoever has this role may give the other one away.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Administer, _)
            | (Self::Operate, Self::Operate | Self::Read)
            | (Self::Read, Self::Read) => true,
            (Self::Operate, Self::Administer | Self::Partner(_))
            | (Self::Read, Self::Operate | Self::Administer | Self::Partner(_))
            | (Self::Partner(_), Self::Read | Self::Operate | Self::Administer) => false,
            (Self::Partner(own), Self::Partner(other)) => own == other,
        }
    }

    /// The word: `read`, `operate`, `administer`, `partner`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Administer => "administer",
            Self::Partner(_) => "partner",
        }
    }

    /// Whose it is, for [`Role::Partner`].
    #[must_use]
    pub fn partner(self) -> Option<Partner> {
        match self {
            Self::Partner(partner) => Some(partner),
            Self::Read | Self::Operate | Self::Administer => None,
        }
    }

    /// Puts a word and a partner's id together. An id is an operator's or a provider's by its spelling: `DE*ABC` and
    /// `+49*810` are operators, `DE-DCB` is a provider.
    ///
    /// # Errors
    /// [`RoleError`], which says what fits.
    pub fn read(word: &str, partner: Option<&str>) -> Result<Self, RoleError> {
        let role = match word {
            "read" => Self::Read,
            "operate" => Self::Operate,
            "administer" => Self::Administer,
            "partner" => {
                let id = partner.ok_or(RoleError::NoPartner)?;
                return partner_of(id).map(Self::Partner).ok_or(RoleError::NotAPartner);
            }
            _ => return Err(RoleError::Unknown),
        };
        if partner.is_some() { Err(RoleError::PartnerUnwanted) } else { Ok(role) }
    }
}

/// A partner by its id as people write it.
#[must_use]
pub fn partner_of(id: &str) -> Option<Partner> {
    if id.contains('*') {
        return OperatorId::parse(id).ok().map(Partner::Operator);
    }
    ProviderId::parse(id).ok().map(Partner::Provider)
}

impl fmt::Display for Role {
    /// `operate`, or `partner DE-DCB`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partner(partner) => write!(out, "partner {partner}"),
            Self::Read | Self::Operate | Self::Administer => out.write_str(self.as_str()),
        }
    }
}

/// Why there is no such role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RoleError {
    /// No such word.
    #[error("a role is read, operate, administer or partner")]
    Unknown,
    /// `partner` without saying which.
    #[error("the role partner needs to know which: an id such as DE-DCB or DE*ABC")]
    NoPartner,
    /// Not an id.
    #[error("a partner's id looks like DE-DCB (a provider) or DE*ABC (an operator)")]
    NotAPartner,
    /// A partner's id beside another role.
    #[error("only the role partner goes with a partner's id; the others are for the hub's own people")]
    PartnerUnwanted,
}

impl Reach {
    /// Whether what is this partner's is within reach; without one it is the hub's.
    #[must_use]
    pub fn is_about(self, partner: Option<&Partner>) -> bool {
        match self {
            Self::All => true,
            Self::Own(own) => partner == Some(&own),
        }
    }

    /// Whether what belongs to this operator and this provider is within reach.
    #[must_use]
    pub fn takes_in(self, operator: Option<&OperatorId>, provider: Option<&ProviderId>) -> bool {
        match self {
            Self::All => true,
            Self::Own(Partner::Operator(own)) => operator == Some(&own),
            Self::Own(Partner::Provider(own)) => provider == Some(&own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str) -> Role {
        Role::Partner(Partner::Provider(ProviderId::parse(id).unwrap()))
    }

    #[test]
    fn a_greater_role_may_all_that_a_lesser_one_may() {
        let granted = |role, permission| matches!(access(role, permission), Access::Granted(Reach::All));
        for permission in Permission::ALL {
            assert!(granted(Role::Administer, permission), "{permission:?}");
            assert!(granted(Role::Operate, permission) || !granted(Role::Read, permission), "{permission:?}");
        }
    }

    #[test]
    fn a_partner_is_never_refused_and_never_reaches_beyond_itself() {
        let own = provider("DE-DCB");
        for permission in Permission::ALL {
            match access(own, permission) {
                Access::Granted(reach) => assert_eq!(reach, Reach::Own(own.partner().unwrap())),
                Access::Hidden => {}
                Access::Refused => panic!("{permission:?} tells a partner that there is something"),
            }
        }
    }

    #[test]
    fn nobody_gives_away_more_than_they_have() {
        let all = [Role::Read, Role::Operate, Role::Administer, provider("DE-DCB"), provider("DE-XYZ")];
        for role in all {
            assert!(role.covers(role) && Role::Administer.covers(role));
            for other in all {
                let more = Permission::ALL.iter().any(|permission| {
                    matches!(access(other, *permission), Access::Granted(Reach::All))
                        && !matches!(access(role, *permission), Access::Granted(Reach::All))
                });
                assert!(!(role.covers(other) && more), "{role} {other}");
            }
        }
        assert!(!provider("DE-DCB").covers(provider("DE-XYZ")));
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        assert_eq!(Role::read("operate", None), Ok(Role::Operate));
        assert_eq!(Role::read("partner", Some("DE-DCB")).unwrap().to_string(), "partner DE-DCB");
        assert_eq!(Role::read("partner", Some("DE*ABC")).unwrap().to_string(), "partner DE*ABC");
        for (word, partner, error) in [
            ("root", None, RoleError::Unknown),
            ("partner", None, RoleError::NoPartner),
            ("partner", Some("nobody"), RoleError::NotAPartner),
            ("read", Some("DE-DCB"), RoleError::PartnerUnwanted),
        ] {
            assert_eq!(Role::read(word, partner), Err(error), "{word} {partner:?}");
        }
    }
}
