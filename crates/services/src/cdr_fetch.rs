//! Fetching charge detail records (OICP 2.3, eRoamingGetChargeDetailRecords): those that the hub received within a window,
//! page by page, each as it came.
//!
//! Fetching changes nothing: the hub does not remember what was fetched, and `CDRForwarded` is about the provider's
//! endpoint alone. A page is read and handed on in pieces, so that two thousand records with signed values need no more
//! memory than a few.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oicp::OperatorId;
use oicp::cdr::{CdrPage, GetChargeDetailRecords};
use oicp::paging::{LARGEST_SIZE, Paging};
use oicp::service::Service;
use oicp::violation::Violations;
use roamhub_core::allowance::Limited;
use roamhub_core::directory::Directory;
use roamhub_core::ports::cdr::{CdrListing, CdrNo, CdrWindow};
use roamhub_core::ports::{Ledger, LedgerError};
use roamhub_core::{Partner, ProcessId, SessionKey};

use crate::allowances::count;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::reply::{CallerIds, Reply, Verdict};

/// Bytes of records in a piece, except for the last record in it.
const PIECE: usize = 256 * 1024;

/// A page of records, to be read piece by piece.
pub struct Records {
    /// The id of the call.
    pub process: ProcessId,
    ledger: Arc<dyn Ledger>,
    page: CdrPage,
    note: Option<String>,
    rest: Vec<CdrNo>,
    begun: bool,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("page", &self.page).finish_non_exhaustive()
    }
}

/// A piece of a page.
#[derive(Debug)]
pub enum Piece {
    /// There is more.
    More(Bytes),
    /// It ends with this one.
    Last(Bytes),
}

impl Hub {
    /// The page that a provider asks for; `provider` is the id in the path, `paging` what could be read of the query.
    ///
    /// # Errors
    /// The refusal.
    pub async fn fetch_records(
        &self,
        who: &Identity,
        provider: &str,
        body: &Bytes,
        paging: Result<Paging, Violations>,
        arrived: Instant,
    ) -> Result<Records, Box<Reply>> {
        let process = ProcessId::new();
        let refused = |verdict, ids| Box::new(Reply { process, verdict, ids });
        let wanted = GetChargeDetailRecords::parse(body).map_err(|rejected| {
            let ids = CallerIds::of_rejected(&rejected);
            refused(*caller::rejected(who, rejected, &self.directory()), ids)
        })?;
        let ids = CallerIds { partner: Some(wanted.provider_id.into()), ..CallerIds::default() };
        match self.inner.fetch(who, process, provider, &wanted, paging, arrived).await {
            Ok(records) => Ok(records),
            Err(verdict) => Err(refused(*verdict, ids)),
        }
    }
}

impl Inner {
    async fn fetch(
        &self,
        who: &Identity,
        process: ProcessId,
        provider: &str,
        wanted: &GetChargeDetailRecords,
        paging: Result<Paging, Violations>,
        arrived: Instant,
    ) -> Result<Records, Box<Verdict>> {
        let directory = self.partners.directory();
        let provider = caller::provider(who, provider, wanted.provider_id, &directory)?;
        if provider.locked {
            return Err(Box::new(Verdict::Locked(Partner::Provider(provider.id))));
        }
        let limited = Limited::Operation(Service::GetChargeDetailRecords);
        count(self.ticket(&*provider, limited, arrived).as_ref())
            .map_err(|too_often| Box::new(Verdict::TooOften(too_often)))?;
        let paging = paging.map_err(|violations| Box::new(Verdict::Rejected(Box::new(violations.into()))))?;
        let sessions: Vec<_> = wanted.sessions.iter().filter_map(SessionKey::of).collect();
        // Of sessions that no hub of this kind has issued there is nothing.
        let nothing = sessions.is_empty() && !wanted.sessions.is_empty();
        let window = CdrWindow {
            provider: provider.id,
            from: wanted.from.instant(),
            to: wanted.to.instant(),
            sessions,
            operators: wanted.operators.iter().map(|id| registered(*id, &directory)).collect(),
            forwarded: wanted.forwarded,
        };
        let offset = paging.number.saturating_mul(paging.size);
        let listing = match nothing {
            true => Ok(CdrListing::default()),
            false => self.ledger.list_cdrs(window, self.clock.now(), offset, paging.size).await,
        };
        let CdrListing { total, page } = listing.map_err(|error| Box::new(Verdict::Ledger(error)))?;
        Ok(Records {
            process,
            ledger: self.ledger.clone(),
            page: CdrPage { number: paging.number, size: paging.size, total, records: 0 },
            note: paging.clamped.then(|| format!("a page has at most {LARGEST_SIZE} records")),
            rest: page,
            begun: false,
        })
    }
}

/// Records are kept under the operator that sent them; who names one of its sub-operators means those.
fn registered(id: OperatorId, directory: &Directory) -> OperatorId {
    directory.responsible_operator(&id).map_or(id, |operator| operator.id)
}

impl Records {
    /// The next piece.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read: then the page cannot be completed.
    pub async fn next(&mut self) -> Result<Piece, LedgerError> {
        let bodies = match self.rest.is_empty() {
            true => Vec::new(),
            false => self.ledger.cdr_bodies(self.rest.clone(), PIECE).await?,
        };
        let size = bodies.iter().flatten().map(|body| body.len() + 1).sum::<usize>();
        let mut piece = Vec::with_capacity(size + 512);
        if !self.begun {
            piece.extend_from_slice(CdrPage::HEAD);
            self.begun = true;
        }
        self.rest.drain(..bodies.len().min(self.rest.len()));
        // One that was erased since it was listed is left out.
        for body in bodies.into_iter().flatten() {
            if self.page.records > 0 {
                piece.extend_from_slice(CdrPage::BETWEEN);
            }
            piece.extend_from_slice(&body);
            self.page.records += 1;
        }
        if !self.rest.is_empty() {
            return Ok(Piece::More(piece.into()));
        }
        piece.extend_from_slice(&self.page.tail(self.note.as_deref()));
        Ok(Piece::Last(piece.into()))
    }
}
