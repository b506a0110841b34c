//! Load for benchmarks: so many requests, bounded in number and in how many are under way, and how long they took.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// How many are under way at a time.
const AT_ONCE: usize = 64;

/// How long it took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    requests: usize,
    whole: Duration,
    p50: Duration,
    p99: Duration,
}

impl fmt::Display for Took {
    /// A line for scripts: durations in microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, whole, p50, p99 } = self;
        let [us, p50, p99] = [whole, p50, p99].map(Duration::as_micros);
        write!(f, "RESULT requests={requests} us={us} p50={p50} p99={p99}")
    }
}

/// Asks once for each input; the answers are in no order.
///
/// # Panics
/// When asking panics: a benchmark without all its answers is none.
pub async fn ask_all<I, T, F>(inputs: Vec<I>, ask: impl Fn(I) -> F) -> (Vec<T>, Took)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (requests, began) = (inputs.len(), Instant::now());
    let (mut answers, mut times) = (Vec::with_capacity(requests), Vec::with_capacity(requests));
    let mut under_way = JoinSet::new();
    let mut inputs = inputs.into_iter();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(input) = inputs.next()
        {
            let asked = ask(input);
            under_way.spawn(async move {
                let began = Instant::now();
                (asked.await, began.elapsed())
            });
        }
        let Some(answered) = under_way.join_next().await else { break };
        let (answer, took) = answered.expect("asking does not panic");
        answers.push(answer);
        times.push(took);
    }
    times.sort_unstable();
    let share = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let took = Took { requests, whole: began.elapsed(), p50: share(50), p99: share(99) };
    (answers, took)
}
