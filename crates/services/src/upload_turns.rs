//! Pushes of one provider are carried out one after the other, in the order in which they arrived; of all providers only
//! a few at a time, because a push may be large. Whose turn it is not yet, its body is not even read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oicp::ProviderId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

/// Pushes of one provider that may wait.
const MOST_WAITING: usize = 16;
/// Pushes of all providers that are read and carried out at once.
const AT_ONCE: usize = 3;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(120);

/// The providers' queues.
#[derive(Debug)]
pub(crate) struct UploadTurns {
    lines: Mutex<HashMap<ProviderId, Line>>,
    at_once: Arc<Semaphore>,
}

impl Default for UploadTurns {
    fn default() -> Self {
        Self { lines: Mutex::default(), at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

#[derive(Debug)]
struct Line {
    last: oneshot::Receiver<Left>,
    waiting: Arc<AtomicUsize>,
}

/// Somebody has left the queue: done, or, with whom it waited for itself, before its turn came.
#[derive(Debug)]
struct Left(Option<oneshot::Receiver<Left>>);

/// A place in a queue. Dropping it lets the next one in, once those before are done too.
#[derive(Debug)]
pub(crate) struct Turn {
    before: Option<oneshot::Receiver<Left>>,
    done: Option<oneshot::Sender<Left>>,
    waiting: Arc<AtomicUsize>,
    at_once: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl UploadTurns {
    /// The last place in the provider's queue; none if too many wait.
    pub(crate) fn queue_up(&self, provider: ProviderId) -> Option<Turn> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get(&provider);
        let waiting = line.map_or_else(Arc::default, |line| line.waiting.clone());
        if waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            return None;
        }
        waiting.fetch_add(1, Ordering::Relaxed);
        let (done, last) = oneshot::channel();
        let before = lines.insert(provider, Line { last, waiting: waiting.clone() });
        let before = before.map(|line| line.last);
        Some(Turn { before, done: Some(done), waiting, at_once: self.at_once.clone(), permit: None })
    }
}

impl Turn {
    /// Waits until all before are done; `None` if that takes too long.
    pub(crate) async fn come(&mut self) -> Option<()> {
        let turn = async {
            while let Some(before) = &mut self.before {
                // Whoever vanished without a word waits for nobody.
                self.before = before.await.ok().and_then(|Left(earlier)| earlier);
            }
            self.permit = self.at_once.clone().acquire_owned().await.ok();
        };
        timeout(PATIENCE, turn).await.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(done) = self.done.take() {
            // Nobody may wait.
            let _ = done.send(Left(self.before.take()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    fn provider() -> ProviderId {
        ProviderId::parse("DE-DCB").unwrap()
    }

    async fn has_come(turn: &mut Turn) -> bool {
        let mut coming = pin!(turn.come());
        poll_fn(|cx| Poll::Ready(coming.as_mut().poll(cx).is_ready())).await
    }

    #[tokio::test]
    async fn turns_come_in_order_also_when_somebody_leaves_the_queue() {
        let turns = UploadTurns::default();
        let [mut first, mut second, mut third] = [0; 3].map(|_| turns.queue_up(provider()).unwrap());
        assert!(has_come(&mut first).await);
        assert!(!has_come(&mut second).await);
        drop(second);
        assert!(!has_come(&mut third).await, "the first is not done");
        let mut other = turns.queue_up(ProviderId::parse("DE-AAA").unwrap()).unwrap();
        assert!(has_come(&mut other).await, "another provider waits for nobody");
        drop(first);
        assert!(has_come(&mut third).await);
    }

    #[test]
    fn only_so_many_wait() {
        let turns = UploadTurns::default();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| turns.queue_up(provider()).unwrap()).collect();
        assert!(turns.queue_up(provider()).is_none());
        waiting.pop();
        assert!(turns.queue_up(provider()).is_some());
    }
}
