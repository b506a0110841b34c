//! Remembers what cannot change about a session, so that a notification costs no read. Bounded: two generations, the
//! older of which is forgotten when the newer is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roamhub_core::SessionKey;
use roamhub_core::session::SessionFacts;

const GENERATION: usize = 16_384;

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<SessionKey, Arc<SessionFacts>>,
    old: HashMap<SessionKey, Arc<SessionFacts>>,
}

/// The cache.
#[derive(Debug, Default)]
pub(crate) struct SessionCache {
    generations: Mutex<Generations>,
}

impl SessionCache {
    pub(crate) fn get(&self, key: SessionKey) -> Option<Arc<SessionFacts>> {
        let mut generations = self.lock();
        if let Some(facts) = generations.young.get(&key) {
            return Some(facts.clone());
        }
        let facts = generations.old.remove(&key)?;
        generations.put(facts.clone());
        Some(facts)
    }

    pub(crate) fn put(&self, facts: SessionFacts) -> Arc<SessionFacts> {
        let facts = Arc::new(facts);
        self.lock().put(facts.clone());
        facts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, facts: Arc<SessionFacts>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(facts.key, facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> SessionFacts {
        SessionFacts {
            key: SessionKey::new(),
            operator: oicp::OperatorId::parse("DE*ABC").unwrap(),
            provider: oicp::ProviderId::parse("DE-DCB").unwrap(),
            evse: None,
            emp_partner_session_id: None,
        }
    }

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = SessionCache::default();
        let (used, unused) = (facts(), facts());
        cache.put(used.clone());
        cache.put(unused.clone());
        for number in 0..3 * GENERATION {
            cache.put(facts());
            if number % 1000 == 0 {
                assert!(cache.get(used.key).is_some());
            }
        }
        assert!(cache.get(unused.key).is_none());
        let generations = cache.lock();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
