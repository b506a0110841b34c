//! Who is asked whether a driver may charge, and how several answers become one.

use std::sync::Arc;

use oicp::ProviderId;
use oicp::authorize::AuthorizeStart;
use oicp::identification::Identification;

use crate::directory::{Directory, OfferedService, Operator, Provider};

/// Who is to be asked about a card or contract.
#[derive(Clone, Debug)]
pub enum Candidates {
    /// The contract id names the provider.
    Direct(Arc<Provider>),
    /// Nobody knows whose card it is. The one that knew it last is asked first, the others if it says no.
    Broadcast {
        /// The provider that authorised this card before, if it may still be asked.
        remembered: Option<Arc<Provider>>,
        /// All others that want to be asked, in a stable order.
        others: Vec<Arc<Provider>>,
    },
}

/// Why nobody can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NobodyToAsk {
    /// No provider is registered for the contract id (OICP 300).
    UnknownProvider(ProviderId),
    /// No contract with any provider (OICP 210).
    NoContract,
    /// There is a contract, but the provider is locked or offers no authorisation (OICP 320).
    NotOffered,
}

/// Finds the candidates for a request (OICP 2.3, eRoamingAuthorizeStart).
///
/// # Errors
/// [`NobodyToAsk`], with the reason.
pub fn candidates(
    request: &AuthorizeStart,
    operator: &Operator,
    directory: &Directory,
    remembered: Option<ProviderId>,
) -> Result<Candidates, NobodyToAsk> {
    match request.identification().evco() {
        Some(evco) => direct(evco.provider(), operator, directory).map(Candidates::Direct),
        None => broadcast(operator, directory, remembered),
    }
}

/// The providers whose uploaded records may decide a request, in a stable order: those under contract and not locked that
/// may upload, also if they can be asked as well. The one that the contract id names, or all of them.
#[must_use]
pub fn uploaders(
    identification: &Identification,
    operator: &Operator,
    directory: &Directory,
) -> Vec<Arc<Provider>> {
    let may_decide = |provider: &Arc<Provider>| {
        provider.may_upload()
            && !provider.locked
            && directory.contracted(operator, provider, OfferedService::Authorization)
    };
    let mut uploaders: Vec<_> = match identification.evco() {
        Some(evco) => directory.responsible_provider(&evco.provider()).into_iter().cloned().collect(),
        None => directory.providers().cloned().collect(),
    };
    uploaders.retain(may_decide);
    uploaders.sort_by_key(|provider| provider.id);
    uploaders
}

fn can_be_asked(provider: &Provider) -> bool {
    !provider.locked && provider.endpoint(OfferedService::Authorization).is_some()
}

fn direct(id: ProviderId, operator: &Operator, directory: &Directory) -> Result<Arc<Provider>, NobodyToAsk> {
    let provider = directory.responsible_provider(&id).ok_or(NobodyToAsk::UnknownProvider(id))?;
    if !directory.contracted_as(operator, provider, &id, OfferedService::Authorization) {
        return Err(NobodyToAsk::NoContract);
    }
    if can_be_asked(provider) { Ok(provider.clone()) } else { Err(NobodyToAsk::NotOffered) }
}

fn broadcast(
    operator: &Operator,
    directory: &Directory,
    remembered: Option<ProviderId>,
) -> Result<Candidates, NobodyToAsk> {
    let mut contracted: Vec<_> = directory
        .providers()
        .filter(|provider| directory.contracted(operator, provider, OfferedService::Authorization))
        .cloned()
        .collect();
    if contracted.is_empty() {
        return Err(NobodyToAsk::NoContract);
    }
    contracted.retain(|provider| can_be_asked(provider));
    contracted.sort_by_key(|provider| provider.id);
    let known = remembered.and_then(|id| contracted.iter().position(|provider| provider.id == id));
    let remembered = known.map(|index| contracted.remove(index));
    let others: Vec<_> = contracted.into_iter().filter(|provider| provider.broadcast).collect();
    if remembered.is_none() && others.is_empty() {
        return Err(NobodyToAsk::NotOffered);
    }
    Ok(Candidates::Broadcast { remembered, others })
}
