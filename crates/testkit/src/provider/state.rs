//! What a fake provider remembers and how it is to behave: shared by its connections and the test.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use super::received::Received;
use super::reply::{Plan, Reply};

/// A provider's behaviour.
pub(super) type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// Shared by all connections of one provider, across its restarts.
pub(super) struct State {
    provider_id: String,
    script: Mutex<Script>,
    log: Mutex<Log>,
    changed: watch::Sender<()>,
    connections: watch::Sender<u64>,
}

/// Requests in the order in which they were complete.
#[derive(Default)]
struct Log {
    count: usize,
    requests: Vec<Received>,
}

impl State {
    pub(super) fn new(provider_id: String, script: Script) -> Self {
        Self {
            provider_id,
            script: Mutex::new(script),
            log: Mutex::default(),
            changed: watch::Sender::new(()),
            connections: watch::Sender::new(0),
        }
    }

    pub(super) fn provider_id(&self) -> &str {
        &self.provider_id
    }

    pub(super) fn set_script(&self, script: Script) {
        *lock(&self.script) = script;
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.log).requests.clone()
    }

    pub(super) fn forget(&self) {
        lock(&self.log).requests.clear();
    }

    pub(super) fn connections(&self) -> u64 {
        *self.connections.borrow()
    }

    /// Counts a connection and gives it its number.
    pub(super) fn connected(&self) -> u64 {
        let mut number = 0;
        self.connections.send_modify(|count| {
            *count += 1;
            number = *count;
        });
        number
    }

    /// Keeps a request, which learns its number.
    pub(super) fn record(&self, request: impl FnOnce(usize) -> Received) -> Received {
        let kept = {
            let mut log = lock(&self.log);
            log.count += 1;
            let request = request(log.count);
            log.requests.push(request.clone());
            request
        };
        self.changed.send_replace(());
        kept
    }

    /// What the script wants done with a request.
    pub(super) fn answer(&self, request: &Received) -> Plan {
        let script = lock(&self.script).clone();
        script(request).plan(request, &self.provider_id)
    }

    /// Waits until what was received satisfies the condition.
    pub(super) async fn wait_until(
        &self,
        bound: Duration,
        awaited: &str,
        by: &Location<'_>,
        condition: impl Fn(&[Received]) -> bool,
    ) -> Vec<Received> {
        let began = Instant::now();
        let mut changes = self.changed.subscribe();
        let satisfied = async {
            loop {
                changes.borrow_and_update();
                let received = self.received();
                if condition(&received) {
                    return received;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match timeout(bound, satisfied).await {
            Ok(received) => received,
            Err(_) => panic!(
                "provider {} waited {bound:?} for {awaited} (asked at {by}); it saw {}",
                self.provider_id,
                listing(&self.received(), began)
            ),
        }
    }
}

fn listing(received: &[Received], began: Instant) -> String {
    if received.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = format!("{} requests:", received.len());
    for request in received {
        let when = match request.at.checked_duration_since(began) {
            Some(after) => format!("{after:.1?} after the wait began"),
            None => "before the wait".to_owned(),
        };
        text.push_str(&format!("\n  {request}, {when}"));
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
