//! The partners' allowances: whose figures count, and what is used up of them. What is used up survives a new partners
//! document; without any figure nothing is kept and nothing is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use oicp::service::Service;
use roamhub_core::Partner;
use roamhub_core::allowance::{Bucket, Figure, Figures, Limited, Ticket, TooOften};

use crate::hub::Inner;
use crate::reply::Verdict;

/// The hub's figures, and what is used up.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    figures: Figures,
    /// Of registered partners only.
    buckets: Mutex<HashMap<(Partner, Service), Arc<Bucket>>>,
}

impl Allowances {
    pub(crate) fn new(figures: Figures) -> Self {
        Self { figures, buckets: Mutex::default() }
    }

    /// A claim on the allowance of a registered partner, whose `own` figures go over the hub's; nothing where there is
    /// none.
    fn ticket(&self, partner: Partner, own: &Figures, limited: Limited, at: Instant) -> Option<Ticket> {
        let service = limited.service();
        let Figure::PerMinute(number) = own.of(service).or_else(|| self.figures.of(service))? else {
            return None;
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((partner, service)).or_insert_with(|| Arc::new(Bucket::full(at))).clone();
        Some(Ticket::new(bucket, limited, number, at))
    }
}

/// A registered partner that calls.
pub(crate) trait Calling {
    /// Its id, and its own figures.
    fn figures(&self) -> (Partner, &Figures);
}

impl Calling for roamhub_core::directory::Operator {
    fn figures(&self) -> (Partner, &Figures) {
        (self.id.into(), &self.limits)
    }
}

impl Calling for roamhub_core::directory::Provider {
    fn figures(&self) -> (Partner, &Figures) {
        (self.id.into(), &self.limits)
    }
}

impl Inner {
    /// A caller's claim on its allowance of an operation.
    pub(crate) fn ticket(&self, caller: &impl Calling, limited: Limited, arrived: Instant) -> Option<Ticket> {
        let (partner, own) = caller.figures();
        self.partners.allowances().ticket(partner, own, limited, arrived)
    }
}

/// Counts a call that is no repeat.
///
/// # Errors
/// [`TooOften`].
pub(crate) fn count(ticket: Option<&Ticket>) -> Result<(), TooOften> {
    ticket.map_or(Ok(()), Ticket::count)
}

/// A refusal that took some looking up: it counts like everything else, and beyond the allowance that is what is said.
pub(crate) fn counted(ticket: Option<&Ticket>, refusal: Verdict) -> Verdict {
    count(ticket).err().map_or(refusal, Verdict::TooOften)
}
