//! A provider that fails at random, keeps book of what it meant to say, and behaves once it is told to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use roamhub_testkit::oracle::{Arrival, Said, Span};
use roamhub_testkit::{FakeProvider, Received, Reply};
use serde_json::json;
use tokio::time::sleep;

/// How long the hub waits for it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);
/// Its lines in the partners file.
pub(crate) const LINES: &str = "timeout = \"1s\"\nretry = [\"150ms\", \"300ms\"]";

/// The provider and its book.
pub(crate) struct Fickle {
    pub(crate) fake: FakeProvider,
    book: Arc<Mutex<HashMap<usize, Said>>>,
    calm: Arc<AtomicBool>,
    outages: Mutex<Vec<Span>>,
}

impl Fickle {
    /// One that misbehaves from the start.
    pub(crate) async fn start(seed: u64) -> Self {
        let (book, calm) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(AtomicBool::new(false)));
        let (noted, calmed) = (book.clone(), calm.clone());
        let script = move |request: &Received| {
            if !request.is_notification() {
                return Reply::Acknowledge;
            }
            let (reply, said) = if calmed.load(Ordering::SeqCst) {
                (Reply::Acknowledge, Said::Yes)
            } else {
                whim(request, &mut dice(seed, request.n))
            };
            noted.lock().unwrap().insert(request.n, said);
            reply
        };
        let fake = FakeProvider::builder().script(script).start().await;
        Self { fake, book, calm, outages: Mutex::default() }
    }

    /// Goes down for a short while, again and again, until it is told to behave.
    pub(crate) async fn stumble(&self, seed: u64) {
        let mut dice = fastrand::Rng::with_seed(seed);
        while !self.calm.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(dice.u64(300..1_500))).await;
            let down = Instant::now();
            self.fake.stop().await;
            sleep(Duration::from_millis(dice.u64(20..250))).await;
            self.fake.restart().await;
            self.outages.lock().unwrap().push(down..=Instant::now());
        }
    }

    /// From now on it says yes.
    pub(crate) fn behave(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// When it went down.
    pub(crate) fn outages(&self) -> Vec<Span> {
        self.outages.lock().unwrap().clone()
    }

    /// All notifications it saw, in order, with what it meant to say.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        let book = self.book.lock().unwrap();
        let seen = self.fake.notifications();
        seen.iter()
            .map(|request| Arrival::of(request, book.get(&request.n).copied().unwrap_or(Said::Nothing)))
            .collect()
    }
}

fn dice(seed: u64, n: usize) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed ^ (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// What it does with a request. What counts towards giving up (faults, unusable answers) it does to first attempts only.
fn whim(request: &Received, dice: &mut fastrand::Rng) -> (Reply, Said) {
    let first = request.header("hub-attempt") == Some("1");
    let pause = Duration::from_millis(dice.u64(1..200));
    match dice.u32(0..100) {
        0..50 => (Reply::Acknowledge, Said::Yes),
        50..62 => (Reply::After(pause, Box::new(Reply::Acknowledge)), Said::Yes),
        62..65 => (Reply::CloseAfterAnswer, Said::Yes),
        65..68 => (Reply::StaleKeepAlive, Said::Yes),
        68..71 => (Reply::NoContent, Said::Yes),
        71..76 => (Reply::ack(false, "102", "not ours"), Said::No),
        76..80 if first => (Reply::ack(false, "001", "our database is down"), Said::Fault),
        80..83 if first => (page("<html>It works!</html>"), Said::Nothing),
        80..83 => (Reply::Json(503, json!({})), Said::Nothing),
        83..88 => (Reply::Json(500, json!({"error": "oops"})), Said::Nothing),
        88..91 => (Reply::Reset, Said::Nothing),
        91..93 => (Reply::CloseBeforeAnswer, Said::Nothing),
        93..95 => (Reply::HalfJson, Said::Nothing),
        95..96 => (Reply::Hang, Said::Nothing),
        96..97 => (Reply::HangAfterHeaders, Said::Nothing),
        97..98 => (Reply::Trickle { every: Duration::from_millis(20) }, Said::Nothing),
        _ => (Reply::Json(429, json!({})), Said::Nothing),
    }
}

fn page(text: &'static str) -> Reply {
    Reply::Raw { status: 200, content_type: Some("text/html".to_owned()), body: text.into() }
}
