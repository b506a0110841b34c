//! Who calls: what a connection proves, and for which partners that stands.
//!
//! Invariants: a partner is who its certificate says, never who a path or a body says; both are only held against the
//! certificate. It is asked per call and of the directory as it is then, so a changed partners file counts at once. A
//! caller that has proved nothing learns nothing: not which ids are registered, and nothing from the ledger.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use roamhub_core::Partner;
use roamhub_core::certificate::CertificateRule;
use roamhub_core::directory::Directory;

use crate::tls::ShownCertificate;

/// How much of a foreign text an answer repeats, in characters.
const REPEATED: usize = 120;

/// What a connection, or what a trusted proxy says of one, proves about the caller. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nothing is asked for: a partner is who it says it is. For a laptop, and for tests.
    Claimed,
    /// The caller holds the key of this certificate.
    Certificate(Arc<ShownCertificate>),
    /// Nothing is proved.
    Nobody(NoCertificate),
}

/// Why a caller has proved nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoCertificate {
    /// It presented none.
    Missing,
    /// What it presented cannot be read; why not.
    Unusable(String),
    /// Calls come through a proxy, and this one does not come from one that is trusted.
    NotThroughProxy,
    /// The proxy's header about the certificate is not there, or not as it should be; how.
    Header(String),
}

/// Who a path says that the caller is.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'a> {
    /// An operator.
    Operator(&'a str),
    /// A provider.
    Provider(&'a str),
}

/// Why a caller is not let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotAdmitted {
    /// 401: it is not, or not known to be, who it says it is.
    Unauthorised(Box<Unauthorised>),
    /// It is a partner, and names one that is not registered.
    Unregistered(Partner),
}

/// Who was claimed, and what speaks against it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unauthorised {
    /// Side and id as they were spelt, where the call says it this early.
    claimed: Option<String>,
    /// For whom the certificate stands.
    pub stands_for: Vec<Partner>,
    because: Because,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Because {
    Nobody(NoCertificate),
    NotYet(Described),
    Expired(Described),
    Unknown(Described),
    /// It stands for others.
    Another(Described),
}

/// A certificate, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Described {
    subject: String,
    fingerprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Claim<'_> {
    /// The partner, if the id is one.
    fn partner(self) -> Option<Partner> {
        match self {
            Self::Operator(id) => OperatorId::parse(id).ok().map(Partner::Operator),
            Self::Provider(id) => ProviderId::parse(id).ok().map(Partner::Provider),
        }
    }

    fn in_words(self) -> String {
        let (side, id) = match self {
            Self::Operator(id) => ("operator", id),
            Self::Provider(id) => ("provider", id),
        };
        format!("{side} {:?}", id.chars().take(40).collect::<String>())
    }
}

impl Identity {
    /// Whether the caller is let in at all, and may be who the path says it is. Costs one look-up where no path says
    /// anything.
    ///
    /// # Errors
    /// [`NotAdmitted`], if not.
    pub fn admit(
        &self,
        claim: Option<Claim<'_>>,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(), NotAdmitted> {
        let shown = match self {
            Self::Claimed => return Ok(()),
            Self::Certificate(shown) => shown,
            Self::Nobody(why) => return Err(refused(claim, Because::Nobody(why.clone()), Vec::new())),
        };
        if now < shown.not_before() {
            return Err(refused(claim, Because::NotYet(described(shown)), shown.stands_for(directory)));
        }
        if now > shown.not_after() {
            return Err(refused(claim, Because::Expired(described(shown)), shown.stands_for(directory)));
        }
        if !shown.is_known(directory) {
            return Err(refused(claim, Because::Unknown(described(shown)), Vec::new()));
        }
        claim.map_or(Ok(()), |claim| self.may_be(claim, directory))
    }

    /// Whether the caller may be who a path or a body says it is. That its certificate is valid now was asked before.
    ///
    /// # Errors
    /// [`NotAdmitted`], if not.
    pub fn may_be(&self, claim: Claim<'_>, directory: &Directory) -> Result<(), NotAdmitted> {
        self.is(claim.partner(), || claim, directory)
    }

    /// The same of an id that was read already.
    ///
    /// # Errors
    /// [`NotAdmitted`], if not.
    pub(crate) fn may_be_partner(&self, partner: Partner, directory: &Directory) -> Result<(), NotAdmitted> {
        if let Self::Claimed = self {
            return Ok(());
        }
        if let Self::Certificate(shown) = self
            && shown.is_of(partner, directory)
        {
            return Ok(());
        }
        let id = partner.to_string();
        let claim = || match partner {
            Partner::Operator(_) => Claim::Operator(&id),
            Partner::Provider(_) => Claim::Provider(&id),
        };
        self.is(Some(partner), claim, directory)
    }

    fn is<'a>(
        &self,
        partner: Option<Partner>,
        claim: impl FnOnce() -> Claim<'a>,
        directory: &Directory,
    ) -> Result<(), NotAdmitted> {
        let shown = match self {
            Self::Claimed => return Ok(()),
            Self::Certificate(shown) => shown,
            Self::Nobody(why) => {
                return Err(refused(Some(claim()), Because::Nobody(why.clone()), Vec::new()));
            }
        };
        if partner.is_some_and(|partner| shown.is_of(partner, directory)) {
            return Ok(());
        }
        let stands_for = shown.stands_for(directory);
        if stands_for.is_empty() {
            return Err(refused(Some(claim()), Because::Unknown(described(shown)), stands_for));
        }
        match partner.filter(|partner| directory.certificates_of(*partner).is_none()) {
            Some(unregistered) => Err(NotAdmitted::Unregistered(unregistered)),
            None => Err(refused(Some(claim()), Because::Another(described(shown)), stands_for)),
        }
    }
}

impl ShownCertificate {
    /// The partners for which it stands.
    #[must_use]
    pub fn stands_for(&self, directory: &Directory) -> Vec<Partner> {
        let mut partners = directory.pinned(&self.fingerprint()).to_vec();
        let named = directory.named(self.name());
        if !named.is_empty() && self.is_vouched() {
            partners.extend(named.iter().filter(|one| !directory.pinned(&self.fingerprint()).contains(one)));
        }
        partners
    }

    /// Whether it stands for anybody.
    fn is_known(&self, directory: &Directory) -> bool {
        !directory.pinned(&self.fingerprint()).is_empty()
            || (!directory.named(self.name()).is_empty() && self.is_vouched())
    }

    /// Whether it stands for this partner.
    fn is_of(&self, partner: Partner, directory: &Directory) -> bool {
        let fits = |rule: &CertificateRule| match rule {
            CertificateRule::Pinned(fingerprint) => *fingerprint == self.fingerprint(),
            CertificateRule::Named(name) => name == self.name() && self.is_vouched(),
        };
        directory.certificates_of(partner).is_some_and(|rules| rules.iter().any(fits))
    }
}

fn refused(claim: Option<Claim<'_>>, because: Because, stands_for: Vec<Partner>) -> NotAdmitted {
    let claimed = claim.map(Claim::in_words);
    NotAdmitted::Unauthorised(Box::new(Unauthorised { claimed, stands_for, because }))
}

fn described(shown: &ShownCertificate) -> Described {
    Described {
        subject: shown.name().subject.chars().take(REPEATED).collect(),
        fingerprint: shown.fingerprint().to_string(),
        not_before: shown.not_before(),
        not_after: shown.not_after(),
    }
}

impl Unauthorised {
    /// Whether the caller has proved to be any partner at all. The connection of one that has not is closed.
    #[must_use]
    pub fn is_a_partner(&self) -> bool {
        matches!(self.because, Because::Another(_))
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, fingerprint, not_before, not_after } = self;
        let subject = if subject.is_empty() { "without a subject" } else { subject };
        write!(f, "the certificate {subject} ({fingerprint}, valid from {not_before} until {not_after})")
    }
}

impl fmt::Display for Unauthorised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(claimed) = &self.claimed {
            write!(f, "the call is in the name of {claimed}, but ")?;
        }
        match &self.because {
            Because::Nobody(why) => why.fmt(f),
            Because::NotYet(certificate) => {
                write!(f, "{certificate} is not valid yet{}", Standing(&self.stands_for))?;
                f.write_str("; present one that is valid now")
            }
            Because::Expired(certificate) => {
                write!(f, "{certificate} has expired{}", Standing(&self.stands_for))?;
                f.write_str("; present a new one, and have it entered at this hub beside the old one")
            }
            Because::Unknown(certificate) => write!(
                f,
                "{certificate} stands for no partner of this hub; have its fingerprint entered as one of the partner's \
                 `certificates`, or present the one that is entered"
            ),
            Because::Another(certificate) => {
                write!(f, "{certificate} stands for {}", Listed(&self.stands_for))?;
                f.write_str("; use that id, or present the certificate of the one that is named")
            }
        }
    }
}

impl fmt::Display for NoCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "no client certificate was presented; set your client up with the certificate and key that are entered at \
                 this hub (it accepts any issuer, and names none in the handshake)",
            ),
            Self::Unusable(why) => write!(f, "the client certificate cannot be used: {why}; present another one"),
            Self::NotThroughProxy => f.write_str(
                "this hub is reached through its proxy, and the call does not come from there; call the address that the \
                 people who run the hub have given you",
            ),
            Self::Header(why) => write!(
                f,
                "the hub's proxy says nothing usable about your certificate ({why}); present your client certificate, or \
                 ask the people who run the hub to look at their proxy"
            ),
        }
    }
}

struct Standing<'a>(&'a [Partner]);

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            partners => write!(f, " (it stands for {})", Listed(partners)),
        }
    }
}

struct Listed<'a>(&'a [Partner]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, partner) in self.0.iter().take(8).enumerate() {
            let between = if place == 0 { "" } else { ", " };
            write!(f, "{between}{} {partner}", partner.side())?;
        }
        if self.0.len() > 8 { write!(f, " and {} more", self.0.len() - 8) } else { Ok(()) }
    }
}
