//! The partners as of now: a snapshot that is replaced as a whole, and the routes that follow from it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use oicp::ProviderId;
use roamhub_core::allowance::Figures;
use roamhub_core::directory::{Directory, OfferedService, Provider};
use roamhub_core::route::{Route, Routes};
use tokio::sync::watch;

use crate::allowances::Allowances;

/// What a provider gets for taking a charge detail record, at least: nobody waits for it, and checking signed meter values
/// takes time.
const LEAST_FOR_A_RECORD: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Snapshot {
    directory: Arc<Directory>,
    routes: HashMap<ProviderId, Arc<Route>>,
    record_routes: HashMap<ProviderId, Arc<Route>>,
}

/// The current partners. Reading costs nothing; replacing is seen by the next call.
#[derive(Debug, Default)]
pub struct Partners {
    current: ArcSwap<Snapshot>,
    allowances: Allowances,
    changes: watch::Sender<u64>,
}

impl Partners {
    /// Starts with these partners.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        let partners = Self::default();
        partners.replace(directory);
        partners
    }

    /// The same, whose calls are counted against these allowances.
    #[must_use]
    pub fn with_allowances(self, figures: Figures) -> Self {
        Self { allowances: Allowances::new(figures), ..self }
    }

    pub(crate) fn allowances(&self) -> &Allowances {
        &self.allowances
    }

    /// Replaces all partners at once.
    pub fn replace(&self, directory: Directory) {
        let routes = directory
            .providers()
            .filter_map(|provider| {
                Some((provider.id, Arc::new(route(provider, OfferedService::Notifications)?)))
            })
            .collect();
        let record_routes = directory
            .providers()
            .filter_map(|provider| Some((provider.id, Arc::new(record_route(provider)?))))
            .collect();
        self.current.store(Arc::new(Snapshot { directory: Arc::new(directory), routes, record_routes }));
        self.look_again();
    }

    /// Has whoever follows the changes look at the partners again: something else has changed that their identity depends
    /// on.
    pub fn look_again(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes whenever the partners do.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The partners as of now.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.current.load().directory.clone()
    }
}

impl Routes for Partners {
    fn route(&self, provider: &ProviderId) -> Option<Arc<Route>> {
        self.current.load().routes.get(provider).cloned()
    }

    fn record_route(&self, provider: &ProviderId) -> Option<Arc<Route>> {
        self.current.load().record_routes.get(provider).cloned()
    }
}

/// How to reach a provider with charge detail records, if it takes them and is not locked.
fn record_route(provider: &Provider) -> Option<Route> {
    let mut route = route(provider, OfferedService::Cdr).filter(|_| !provider.locked)?;
    route.endpoint.timeout = route.endpoint.timeout.max(LEAST_FOR_A_RECORD);
    Some(route)
}

/// How to reach a provider for a service, if it offers it.
pub(crate) fn route(provider: &Provider, service: OfferedService) -> Option<Route> {
    Some(Route {
        provider: provider.id,
        endpoint: provider.called().filter(|_| provider.services.contains(&service))?,
        retry: provider.retry.clone(),
        faults: provider.faults.clone(),
        lane: provider.lane,
    })
}
