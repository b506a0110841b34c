//! The partners and who may do what with whom: an immutable snapshot, replaced as a whole when partners change.
//!
//! Ids are looked up by their canonical key, so ISO and DIN spellings of one id are one partner. A sub-partner's id
//! leads to the registered partner that bundles it.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oicp::{NotificationType, OperatorId, ProviderId};

use crate::Partner;
use crate::address::Reach;
use crate::allowance::Figures;
use crate::certificate::{CertificateName, CertificateRule, Fingerprint};
use crate::contact::{Contact, Secret};
use crate::lane::LaneSettings;
use crate::outcome::FaultCodes;
use crate::retry::RetrySchedule;
use crate::route::{ClientCertificate, Endpoint};
use crate::session::SessionKind;

/// A service that a provider offers and that a contract can cover.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OfferedService {
    /// AuthorizeStart and AuthorizeStop.
    Authorization,
    /// Charging notifications.
    Notifications,
    /// Charge detail records.
    Cdr,
    /// Reservations (contracts only).
    Reservation,
    /// Uploads of authentication data: the provider's contract with the hub, not an endpoint.
    AuthenticationData,
}

/// A registered charge point operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// Its id.
    pub id: OperatorId,
    /// Its name for people.
    pub name: Option<String>,
    /// Where remote requests go.
    pub url: Option<String>,
    /// What it can be asked from afar, and how it is called.
    pub remote: RemoteOffer,
    /// Operators that it bundles.
    pub sub_operators: Vec<OperatorId>,
    /// The client certificates that stand for it.
    pub certificates: Vec<CertificateRule>,
    /// May it open new sessions?
    pub locked: bool,
    /// Are findings refusals for it?
    pub strict: bool,
    /// How its people hear of troubles.
    pub contact: Contact,
    /// Its mandate: after so long without a word of it, the hub ends a session on its behalf.
    pub preauthorisation_expires: Option<Duration>,
    /// Allowances of its own, over the hub's.
    pub limits: Figures,
}

/// What an operator can be asked from afar, and how it is called. Without a URL it cannot be asked anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteOffer {
    /// The kinds of session it can be asked to begin.
    pub kinds: BTreeSet<SessionKind>,
    /// What it gets for one exchange.
    pub timeout: Duration,
    /// Headers sent with every request to it.
    pub headers: Vec<(String, Secret)>,
    /// May its address be loopback or private?
    pub allow_private: bool,
    /// Extra trust for its server certificate (PEM file).
    pub ca: Option<PathBuf>,
    /// The certificate that the hub shows it, if not that of all calls.
    pub client: Option<ClientCertificate>,
}

impl Operator {
    /// Where it can be called at all, whatever for.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        Some(Endpoint {
            partner: self.id.into(),
            base_url: self.url.clone()?,
            headers: self.remote.headers.clone(),
            ca: self.remote.ca.clone(),
            client: self.remote.client.clone(),
            reach: Reach::allowing_private(self.remote.allow_private),
            timeout: self.remote.timeout,
        })
    }

    /// Where it can be asked to begin a session of this kind.
    #[must_use]
    pub fn endpoint_to_begin(&self, kind: SessionKind) -> Option<Endpoint> {
        self.endpoint().filter(|_| self.remote.kinds.contains(&kind))
    }

    /// Whether an id is this operator's own or one of its sub-operators'.
    #[must_use]
    pub fn owns(&self, id: &OperatorId) -> bool {
        self.id == *id || self.sub_operators.contains(id)
    }
}

/// What the operator is told while a provider cannot be reached.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum WhenUnreachable {
    /// The honest answer: 310, stored and delivered later.
    #[default]
    Defer,
    /// 000 with the same note.
    Accept,
}

/// A registered e-mobility provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name for people.
    pub name: Option<String>,
    /// Its base URL.
    pub url: Option<String>,
    /// The endpoints it offers.
    pub services: BTreeSet<OfferedService>,
    /// The notification types it wants.
    pub notification_types: Vec<NotificationType>,
    /// Providers that it bundles.
    pub sub_providers: Vec<ProviderId>,
    /// The client certificates that stand for it.
    pub certificates: Vec<CertificateRule>,
    /// Is it asked about cards nobody knows?
    pub broadcast: bool,
    /// See [`WhenUnreachable`].
    pub when_unreachable: WhenUnreachable,
    /// What it gets for one exchange.
    pub timeout: Duration,
    /// When a failed delivery is tried again.
    pub retry: RetrySchedule,
    /// Which refusals are faults.
    pub faults: FaultCodes,
    /// How many at a time, how fast, and when to stop asking.
    pub lane: LaneSettings,
    /// Headers sent with every request to it.
    pub headers: Vec<(String, Secret)>,
    /// May its address be loopback or private?
    pub allow_private: bool,
    /// Extra trust for its server certificate (PEM file).
    pub ca: Option<PathBuf>,
    /// The certificate that the hub shows it, if not that of all calls.
    pub client: Option<ClientCertificate>,
    /// May new sessions be opened with it?
    pub locked: bool,
    /// Does it read its feed? Then what cannot be pushed to it has reached it all the same.
    pub feed: bool,
    /// How its people hear of troubles.
    pub contact: Contact,
    /// Does it accept Ends that the hub issues on operators' behalf?
    pub accepts_mandated_end: bool,
    /// Allowances of its own, over the hub's.
    pub limits: Figures,
}

impl Provider {
    /// Its base URL, if it offers the service.
    #[must_use]
    pub fn endpoint(&self, service: OfferedService) -> Option<&str> {
        self.url.as_deref().filter(|_| self.services.contains(&service))
    }

    /// How it is called, whatever for.
    #[must_use]
    pub fn called(&self) -> Option<Endpoint> {
        Some(Endpoint {
            partner: self.id.into(),
            base_url: self.url.clone()?,
            headers: self.headers.clone(),
            ca: self.ca.clone(),
            client: self.client.clone(),
            reach: Reach::allowing_private(self.allow_private),
            timeout: self.timeout,
        })
    }

    /// Whether it may upload who may charge (OICP 2.3, eRoamingPushAuthenticationData).
    #[must_use]
    pub fn may_upload(&self) -> bool {
        self.services.contains(&OfferedService::AuthenticationData)
    }

    /// Whether it takes notifications of this type.
    #[must_use]
    pub fn hears(&self, kind: NotificationType) -> bool {
        self.endpoint(OfferedService::Notifications).is_some() && self.notification_types.contains(&kind)
    }

    /// Whether an id is this provider's own or one of its sub-providers'.
    #[must_use]
    pub fn owns(&self, id: &ProviderId) -> bool {
        self.id == *id || self.sub_providers.contains(id)
    }
}

/// One side of a contract: a partner or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party<Id> {
    /// `"*"`.
    Any,
    /// This one.
    One(Id),
}

impl<Id: PartialEq> Party<Id> {
    fn covers(&self, id: &Id) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one == id,
        }
    }
}

/// An agreement between an operator (who offers) and a provider (who subscribes).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contract {
    /// The operator's side.
    pub operator: Party<OperatorId>,
    /// The provider's side.
    pub provider: Party<ProviderId>,
    /// What it covers.
    pub services: BTreeSet<OfferedService>,
}

/// For whom certificates stand.
#[derive(Clone, Debug, Default)]
struct CertificateHolders {
    pinned: HashMap<Fingerprint, Vec<Partner>>,
    named: HashMap<CertificateName, Vec<Partner>>,
}

impl CertificateHolders {
    fn add(&mut self, partner: Partner, rules: &[CertificateRule]) {
        for rule in rules {
            let holders = match rule {
                CertificateRule::Pinned(fingerprint) => self.pinned.entry(*fingerprint).or_default(),
                CertificateRule::Named(name) => self.named.entry(name.clone()).or_default(),
            };
            if !holders.contains(&partner) {
                holders.push(partner);
            }
        }
    }
}

/// All partners and contracts, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    operators: HashMap<OperatorId, Arc<Operator>>,
    providers: HashMap<ProviderId, Arc<Provider>>,
    bundled_operators: HashMap<OperatorId, OperatorId>,
    bundled_providers: HashMap<ProviderId, ProviderId>,
    certificates: CertificateHolders,
    contracts: Vec<Contract>,
}

impl Directory {
    /// Builds the snapshot. Uniqueness of ids is the reader's duty; here the last one wins.
    #[must_use]
    pub fn new(operators: Vec<Operator>, providers: Vec<Provider>, contracts: Vec<Contract>) -> Self {
        let bundled_operators = operators
            .iter()
            .flat_map(|operator| operator.sub_operators.iter().map(|sub| (*sub, operator.id)))
            .collect();
        let bundled_providers = providers
            .iter()
            .flat_map(|provider| provider.sub_providers.iter().map(|sub| (*sub, provider.id)))
            .collect();
        let mut certificates = CertificateHolders::default();
        operators.iter().for_each(|one| certificates.add(one.id.into(), &one.certificates));
        providers.iter().for_each(|one| certificates.add(one.id.into(), &one.certificates));
        Self {
            certificates,
            operators: operators.into_iter().map(|operator| (operator.id, Arc::new(operator))).collect(),
            providers: providers.into_iter().map(|provider| (provider.id, Arc::new(provider))).collect(),
            bundled_operators,
            bundled_providers,
            contracts,
        }
    }

    /// The same partners under these contracts.
    #[must_use]
    pub fn with_contracts(self, contracts: Vec<Contract>) -> Self {
        Self { contracts, ..self }
    }

    /// The registered operator of this id (sub-operators do not talk to the hub themselves).
    #[must_use]
    pub fn operator(&self, id: &OperatorId) -> Option<&Arc<Operator>> {
        self.operators.get(id)
    }

    /// The registered provider of this id.
    #[must_use]
    pub fn provider(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.providers.get(id)
    }

    /// The registered operator that answers for this id: itself, or the one that bundles it.
    #[must_use]
    pub fn responsible_operator(&self, id: &OperatorId) -> Option<&Arc<Operator>> {
        self.operators.get(id).or_else(|| self.operators.get(self.bundled_operators.get(id)?))
    }

    /// The registered provider that answers for this id: itself, or the one that bundles it.
    #[must_use]
    pub fn responsible_provider(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.providers.get(id).or_else(|| self.providers.get(self.bundled_providers.get(id)?))
    }

    /// The partners for which a certificate of this fingerprint stands.
    #[must_use]
    pub fn pinned(&self, fingerprint: &Fingerprint) -> &[Partner] {
        self.certificates.pinned.get(fingerprint).map_or(&[], Vec::as_slice)
    }

    /// The partners for which a certificate of this issuer and subject stands, if that issuer signed it.
    #[must_use]
    pub fn named(&self, name: &CertificateName) -> &[Partner] {
        self.certificates.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// The rules of a partner's certificates; `None` if it is not registered.
    #[must_use]
    pub fn certificates_of(&self, partner: Partner) -> Option<&[CertificateRule]> {
        match partner {
            Partner::Operator(id) => self.operator(&id).map(|operator| operator.certificates.as_slice()),
            Partner::Provider(id) => self.provider(&id).map(|provider| provider.certificates.as_slice()),
        }
    }

    /// Whether a partner is registered and not locked.
    #[must_use]
    pub fn is_free(&self, partner: Partner) -> bool {
        match partner {
            Partner::Operator(id) => self.operator(&id).is_some_and(|operator| !operator.locked),
            Partner::Provider(id) => self.provider(&id).is_some_and(|provider| !provider.locked),
        }
    }

    /// All registered operators, in no order.
    pub fn operators(&self) -> impl Iterator<Item = &Arc<Operator>> {
        self.operators.values()
    }

    /// All registered providers, in no order.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// Is there a contract for this service between the two, whichever of the provider's sub-providers it names?
    #[must_use]
    pub fn contracted(&self, operator: &Operator, provider: &Provider, service: OfferedService) -> bool {
        self.any_contract(operator, service, |id| provider.owns(id))
    }

    /// Is there a contract for this service under which `named`, the provider itself or a sub-provider of it, is meant?
    /// One with the provider is one with all that it bundles; one with a sub-provider is with that one alone.
    #[must_use]
    pub fn contracted_as(
        &self,
        operator: &Operator,
        provider: &Provider,
        named: &ProviderId,
        service: OfferedService,
    ) -> bool {
        self.any_contract(operator, service, |id| provider.id == *id || (named == id && provider.owns(id)))
    }

    fn any_contract(
        &self,
        operator: &Operator,
        service: OfferedService,
        means: impl Fn(&ProviderId) -> bool,
    ) -> bool {
        self.contracts.iter().any(|contract| {
            contract.services.contains(&service)
                && contract.operator.covers(&operator.id)
                && match &contract.provider {
                    Party::Any => true,
                    Party::One(id) => means(id),
                }
        })
    }
}
