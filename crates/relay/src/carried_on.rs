//! Work that goes on when nobody waits for it any more.
//!
//! It runs within its caller's task, which costs nothing; a caller that goes, or that has waited long enough, leaves it
//! to a task of its own. Each step happens once: the work moves as it stands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work under way. Resolves to `None` if it panicked.
#[derive(Debug)]
pub(crate) struct CarriedOn<F: Future<Output: Send> + Send + 'static> {
    /// `None` once it has ended.
    work: Option<Pin<Box<F>>>,
}

impl<F: Future<Output: Send> + Send + 'static> CarriedOn<F> {
    /// Begins with the first poll; from then on it runs to its end.
    pub(crate) fn new(work: F) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for CarriedOn<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        // As in a task of its own: a panic ends the work, not the connection that it came in by. Nothing polls it again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Some(output),
            Err(_) => None,
        };
        self.work = None;
        Poll::Ready(ended)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for CarriedOn<F> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::{Notify, oneshot};
    use tokio::time::timeout;

    use super::CarriedOn;

    /// Work that waits for a call and then says that it has ended.
    fn work() -> (Arc<Notify>, oneshot::Receiver<u8>, impl Future<Output = u8> + Send + 'static) {
        let call = Arc::new(Notify::new());
        let (ended, end) = oneshot::channel();
        let called = call.clone();
        let work = async move {
            called.notified().await;
            let _ = ended.send(7);
            7
        };
        (call, end, work)
    }

    #[tokio::test]
    async fn work_that_is_waited_for_gives_its_result() {
        let (call, _end, work) = work();
        call.notify_one();
        assert_eq!(CarriedOn::new(work).await, Some(7));
    }

    #[tokio::test]
    async fn work_goes_on_from_where_it_was_when_nobody_waits_any_more() {
        let (call, end, work) = work();
        let mut carried = CarriedOn::new(work);
        assert!(timeout(Duration::ZERO, &mut carried).await.is_err(), "it waits for the call");
        drop(carried);
        call.notify_one();
        assert_eq!(timeout(Duration::from_secs(5), end).await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_panics_answers_nothing_and_harms_nobody() {
        let work = async { assert!(std::hint::black_box(false), "as a mistake in the program would") };
        assert_eq!(CarriedOn::new(work).await, None);
    }
}
