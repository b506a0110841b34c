//! The clock on the wall is set forwards and backwards by hours while messages wait and are under way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, Received, Reply, messages};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{BIN, SOON, all_delivered, partners, read_ledger, skip};

/// Where Linux distributions keep the library that lies about the time.
const LIBRARIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// A hub whose clock can be set, and a provider that is busy until it is told otherwise.
struct Stage {
    hub: HubProcess,
    operator: FakeOperator,
    provider: FakeProvider,
    busy: Arc<AtomicBool>,
    offset: PathBuf,
    _folder: TempDir,
}

impl Stage {
    async fn new(test: &str, lines: &str) -> Option<Self> {
        let Some(library) = LIBRARIES.into_iter().find(|library| Path::new(library).exists()) else {
            skip("faketime", test);
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let offset = folder.path().join("offset");
        std::fs::write(&offset, "+0").unwrap();
        let busy = Arc::new(AtomicBool::new(true));
        let is_busy = busy.clone();
        let script = move |request: &Received| {
            // Ends and Errors, that is: what is never overtaken.
            let refused = matches!(request.kind(), "End" | "Error") && is_busy.load(Ordering::SeqCst);
            if refused { Reply::Json(503, json!({})) } else { Reply::Acknowledge }
        };
        let provider = FakeProvider::builder().script(script).start().await;
        let hub = HubProcess::builder(BIN)
            .partners(&partners(&provider.url(), lines))
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start()
            .await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        Some(Self { hub, operator, provider, busy, offset, _folder: folder })
    }

    /// Sets the clock so far ahead of the right time, or behind it.
    fn set_clock(&self, offset: &str) {
        // Put in place as a whole: the hub reads it at any moment.
        let fresh = self.offset.with_extension("new");
        std::fs::write(&fresh, offset).unwrap();
        std::fs::rename(&fresh, &self.offset).unwrap();
    }

    async fn end(&self) -> (String, Answer) {
        let session = self.operator.open_session().await;
        let answer = self.operator.notify(messages::end(&session)).await;
        (session, answer)
    }

    /// Waits until each of these sessions' Ends was tried so many times more.
    async fn tried_again(&self, sessions: &[&String], times: usize) {
        let tried = |seen: &[Received], session: &str| {
            seen.iter().filter(|one| one.kind() == "End" && one.session() == session).count()
        };
        let seen = self.provider.received();
        let before: Vec<_> = sessions.iter().map(|session| tried(&seen, session)).collect();
        let all = |seen: &[Received]| {
            sessions.iter().zip(&before).all(|(session, before)| tried(seen, session) >= before + times)
        };
        self.provider.wait_until(SOON, all).await;
    }
}

/// Tried again at once, whatever the breaker would say.
const QUICK: &str = "timeout = \"1s\"\nretry = [\"200ms\"]\nbreaker = { failures = 1000 }";

#[track_caller]
fn assert_code(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
}

#[tokio::test]
async fn hours_forwards_and_backwards_neither_lose_an_end_nor_stop_redelivery_nor_lock_a_session_out() {
    let Some(mut stage) = Stage::new("clock jumps", QUICK).await else {
        return;
    };
    let charging = stage.operator.open_session().await;
    assert_code(&stage.operator.notify(messages::progress(&charging, 6)).await, "000");
    let (first, answer) = stage.end().await;
    assert_code(&answer, "310");

    stage.set_clock("+5h");
    stage.tried_again(&[&first], 2).await;
    assert_code(&stage.operator.notify(messages::progress(&charging, 12)).await, "000");
    let (second, answer) = stage.end().await;
    assert_code(&answer, "310");

    // Corrected: what was put off by the wrong clock does not wait for five hours.
    stage.set_clock("+0");
    stage.tried_again(&[&first, &second], 2).await;
    assert_code(&stage.operator.notify(messages::progress(&charging, 18)).await, "000");

    stage.set_clock("-4h");
    stage.tried_again(&[&first, &second], 2).await;
    assert_code(&stage.operator.notify(messages::progress(&charging, 24)).await, "000");
    let (third, answer) = stage.end().await;
    assert_code(&answer, "310");

    stage.set_clock("+0");
    stage.tried_again(&[&first, &second, &third], 2).await;
    stage.busy.store(false, Ordering::SeqCst);
    all_delivered(&stage.hub, SOON).await;
    assert!(stage.hub.terminate().await.success());
    for session in read_ledger(stage.hub.data_dir(), &[first, second, third]).await {
        let deliveries = &session[0].deliveries;
        assert_eq!((deliveries.len(), deliveries[0].state.as_str()), (1, "delivered"), "{deliveries:?}");
    }
}

#[tokio::test]
async fn a_clock_days_ahead_gives_up_no_end() {
    let Some(mut stage) = Stage::new("a clock days ahead", QUICK).await else {
        return;
    };
    let (session, answer) = stage.end().await;
    assert_code(&answer, "310");
    stage.set_clock("+10d");
    stage.tried_again(&[&session], 3).await;
    stage.set_clock("+0");
    stage.tried_again(&[&session], 3).await;
    stage.busy.store(false, Ordering::SeqCst);
    all_delivered(&stage.hub, SOON).await;
    assert!(stage.hub.terminate().await.success());
    let messages = read_ledger(stage.hub.data_dir(), &[session]).await;
    assert_eq!(messages[0][0].deliveries[0].state, "delivered", "{:?}", messages[0][0].deliveries);
}

#[tokio::test]
async fn a_jump_while_a_message_is_under_way_costs_a_repeat_at_most() {
    let Some(mut stage) = Stage::new("a jump under way", "retry = [\"200ms\"]").await else { return };
    // Long enough for the hub to look, most times, for leases that ran out: it does so every 5 s.
    let slow = |request: &Received| match request.header("hub-attempt") {
        Some("1") => Reply::After(Duration::from_millis(4_500), Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    };
    stage.provider.set_script(slow);
    let session = stage.operator.open_session().await;
    let (operator, end) = (stage.operator.clone(), messages::end(&session));
    let call = tokio::spawn(async move { operator.notify(end).await });
    stage.provider.wait_for(1, SOON).await;
    stage.set_clock("+5h");
    let answer = call.await.unwrap();
    assert_code(&answer, "000");
    stage.set_clock("+0");
    all_delivered(&stage.hub, SOON).await;
    let seen = stage.provider.notifications();
    assert!(seen.len() <= 2, "{seen:?}");
    assert!(seen.iter().all(|request| request.header("process-id") == answer.header("process-id")));
    assert!(stage.hub.terminate().await.success());
    let messages = read_ledger(stage.hub.data_dir(), &[session]).await;
    assert_eq!(messages[0][0].deliveries[0].state, "delivered", "{:?}", messages[0][0].deliveries);
}
