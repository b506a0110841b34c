//! Erasing what the ledger holds about one contract: found by the keyed hash of its medium, never by the UID as a key.
//!
//! Invariants: a message that is being sent is not touched; one that is still owed only if that is asked for; when the
//! work is done, nothing of what was overwritten is left in the ledger's files.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::authorize::AuthorizeStart;
use oicp::identification::Identification;
use oicp::ids::{EvcoId, SessionId, Uid};
use oicp::remote::RemoteStart;
use roamhub_core::SessionKey;
use roamhub_core::erasure::{ErasureCount, Undelivered};
use roamhub_core::ports::{Ledger, LedgerError};

use crate::medium::MediumKey;

/// How many requests are read at a time.
const BATCH: usize = 500;

/// Whose data: any of these names one contract. It does not print.
#[derive(Clone)]
pub enum Subject {
    /// A card.
    Card(Uid),
    /// A contract id.
    Contract(EvcoId),
    /// Whoever charged in this session.
    Session(SessionKey),
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject")
    }
}

impl Subject {
    /// Reads a UID, an EvcoID or a SessionID; `None` if it is none of them. Their lengths keep them apart.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let card = || Uid::parse(text).ok().map(Self::Card);
        let contract = || EvcoId::parse(text).ok().map(Self::Contract);
        let session = || SessionId::parse(text).ok().and_then(|id| SessionKey::of(&id)).map(Self::Session);
        card().or_else(contract).or_else(session)
    }
}

/// Whether anything is overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Only counted.
    DryRun,
    /// Erased; this is what becomes of what is still owed.
    Erase(Undelivered),
}

/// Why nothing was erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ErasureError {
    /// No such session.
    #[error("there is no such session; a UID or an EvcoID finds its data too")]
    UnknownSession,
    /// The ledger does not answer, or its log could not be cut.
    #[error("{0}; what was erased so far stays erased, ask again")]
    Ledger(#[from] LedgerError),
}

/// Erases, or counts, the data of one contract.
///
/// # Errors
/// [`ErasureError`]
pub async fn erase(
    ledger: &dyn Ledger,
    subject: Subject,
    extent: Extent,
    now: Timestamp,
) -> Result<ErasureCount, ErasureError> {
    let key = MediumKey::new(&ledger.medium_key().await?);
    let medium = match subject {
        Subject::Card(uid) => key.hash(&Identification::RfidMifare { uid }),
        Subject::Contract(evco) => key.hash(&Identification::PlugAndCharge { evco }),
        Subject::Session(session) => {
            ledger.medium_of_session(session).await?.ok_or(ErasureError::UnknownSession)?
        }
    };
    let mut count = ErasureCount::default();
    for session in ledger.sessions_of_medium(medium).await? {
        count = count.and(match extent {
            Extent::DryRun => ledger.erasable(session).await?,
            Extent::Erase(undelivered) => ledger.erase_session(session, undelivered, now).await?,
        });
    }
    count = count.and(requests_without_session(ledger, &key, medium, extent, now).await?);
    if ledger.remembered_provider(medium).await?.is_some() {
        count.cards += 1;
    }
    count.uploads = match extent {
        Extent::DryRun => ledger.uploads_of(medium).await?,
        Extent::Erase(_) => ledger.erase_uploads_of(medium).await?,
    };
    if let Extent::Erase(_) = extent {
        ledger.forget_medium(medium).await?;
        ledger.purge().await?;
    }
    Ok(count)
}

/// Authorisations that were refused left a request and no session: each is read to see whose it is.
async fn requests_without_session(
    ledger: &dyn Ledger,
    key: &MediumKey,
    medium: [u8; 32],
    extent: Extent,
    now: Timestamp,
) -> Result<ErasureCount, LedgerError> {
    let (mut count, mut after) = (ErasureCount::default(), None);
    loop {
        let requests = ledger.requests_without_session(after, BATCH).await?;
        let Some((last, _)) = requests.last() else { return Ok(count) };
        after = Some(*last);
        for (process, body) in requests {
            let theirs = identification(body).is_some_and(|of| key.hash(&of) == medium);
            count = match (theirs, extent) {
                (false, _) => count,
                (true, Extent::DryRun) => count.and(ErasureCount { requests: 1, ..ErasureCount::default() }),
                (true, Extent::Erase(_)) => count.and(ledger.erase_request(process, now).await?),
            };
        }
    }
}

/// Whose request it was: one that came from a charge point, or from afar.
fn identification(request: Bytes) -> Option<Identification> {
    match AuthorizeStart::parse(request.clone()) {
        Ok(request) => Some(request.identification().clone()),
        Err(_) => RemoteStart::parse(request).ok().map(|request| request.identification()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_card_a_contract_or_a_session() {
        assert!(matches!(Subject::read("044A2DAA856280"), Some(Subject::Card(_))));
        assert!(matches!(Subject::read("DE-DCB-C12345678-X"), Some(Subject::Contract(_))));
        let session = "b2688855-7f00-0002-6d8e-48d883f6abb6";
        assert!(matches!(Subject::read(session), Some(Subject::Session(_))));
        assert!(Subject::read("nonsense").is_none());
    }
}
