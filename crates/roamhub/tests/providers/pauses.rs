//! Pausing and resuming through the services, as console, admin API and commands do: the hub's parts in this process, over
//! a real ledger and a real provider.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;
use prometheus_client::registry::Registry;
use roamhub_core::breaker::BreakerState;
use roamhub_core::ports::{Clock, Ledger, Pause};
use roamhub_ledger::Sqlite;
use roamhub_relay::metrics::RelayMetrics;
use roamhub_relay::{HttpCourier, Outgoing, Relay, Tuning};
use roamhub_services::metrics::ServiceMetrics;
use roamhub_services::{Hub, Identity, LaneError, Load, LoadBounds, Partners, Verdict, partners_file};
use roamhub_testkit::{FakeProvider, Reply, messages};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{SOON, answer_notifications, partners, provider_entry};

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "this is the clock port")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct Parts {
    provider: FakeProvider,
    ledger: Arc<dyn Ledger>,
    hub: Hub,
    relay: Relay,
    _data: TempDir,
}

impl Parts {
    /// A hub whose redelivery does not run yet.
    async fn new(lines: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let provider = FakeProvider::start().await;
        let text = partners(&[provider_entry("DE-DCB", &provider.url(), lines)]);
        let directory = partners_file::read(&text, Path::new(".")).unwrap();
        let (ledger, _gone) = Sqlite::open(data.path(), Wall.now()).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let (courier, partners) =
            (Arc::new(HttpCourier::new(Outgoing::plain())), Arc::new(Partners::new(directory)));
        let (clock, mut registry) = (Arc::new(Wall), Registry::default());
        let metrics = RelayMetrics::register(&mut registry);
        let relay = Relay::new(
            ledger.clone(),
            courier.clone(),
            clock.clone(),
            partners.clone(),
            metrics,
            Tuning::default(),
        );
        let services = ServiceMetrics::register(&mut registry);
        let load = Load::new(ledger.clone(), LoadBounds::default());
        let hub =
            Hub::new(ledger.clone(), relay.clone(), courier, clock, partners, services, load).await.unwrap();
        Self { provider, ledger, hub, relay, _data: data }
    }

    fn redeliver(&self) {
        let relay = self.relay.clone();
        tokio::spawn(async move { relay.redeliver().await });
    }

    async fn session(&self, number: usize) -> String {
        let body = messages::authorize_start_rfid(&format!("04CC{number:010}")).to_string();
        let reply =
            self.hub.authorise_start(&Identity::Claimed, "DE*ABC", Bytes::from(body), Instant::now()).await;
        match reply.verdict {
            Verdict::Authorised(answer) => answer.session_id.unwrap().to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Sends it and says why it was deferred; nothing if it was delivered.
    async fn notify(&self, body: serde_json::Value) -> Option<String> {
        let reply =
            self.hub.notify(&Identity::Claimed, Bytes::from(body.to_string()), None, Instant::now()).await;
        match reply.verdict {
            Verdict::Relayed(_) => None,
            Verdict::Deferred(later) => Some(later.why),
            other => panic!("{other:?}"),
        }
    }
}

fn id() -> ProviderId {
    ProviderId::parse("DE-DCB").unwrap()
}

#[tokio::test]
async fn a_paused_lane_takes_in_and_sends_nothing_until_it_is_resumed() {
    let parts =
        Parts::new("timeout = \"1s\"\nretry = [\"100ms\"]\nbreaker = { failures = 2, pause = \"100ms\" }")
            .await;
    parts.redeliver();
    let mut sessions = Vec::new();
    for number in 0..6 {
        sessions.push(parts.session(number).await);
    }
    // Two failed attempts: an open breaker, and something due for probes.
    answer_notifications(&parts.provider, |_| Reply::Json(503, json!({})));
    for session in &sessions[..2] {
        assert!(parts.notify(messages::end(session)).await.is_some());
    }
    assert!(parts.hub.pause(id(), "ops@hub", "they asked for it").await.unwrap());
    assert!(!parts.hub.pause(id(), "somebody else", "again").await.unwrap(), "it is already");
    let stranger = ProviderId::parse("DE-ZZZ").unwrap();
    assert_eq!(parts.hub.pause(stranger, "ops", "").await, Err(LaneError::UnknownProvider(stranger)));
    answer_notifications(&parts.provider, |_| Reply::Acknowledge);
    for session in &sessions[2..] {
        let why = parts.notify(messages::end(session)).await;
        assert_eq!(why.as_deref(), Some("delivery to the provider is paused"));
    }
    // An attempt that was under way may have ended after the pause began; nothing follows it.
    let lane = parts.hub.lanes().await.unwrap().pop().unwrap();
    let pause = lane.pause.clone().unwrap();
    assert_eq!((pause.by.as_str(), pause.why.as_str()), ("ops@hub", "they asked for it"));
    assert_eq!((lane.provider, lane.registered), (id(), true));
    assert!(lane.due_since.is_some(), "{lane:?}");
    let sent = parts.provider.notifications().len();
    // Nor when the card asks to start again: a person's pause holds for that too.
    let mut again = messages::authorize_start_rfid(&format!("04CC{:010}", 3));
    again["EvseID"] = "DE*ABC*E9".into();
    parts
        .hub
        .authorise_start(&Identity::Claimed, "DE*ABC", Bytes::from(again.to_string()), Instant::now())
        .await;
    assert_eq!(parts.provider.notifications().len(), sent);
    assert!(parts.hub.resume(id(), "ops@hub").await.unwrap());
    assert!(!parts.hub.resume(id(), "ops@hub").await.unwrap());
    parts
        .provider
        .wait_until(SOON, |seen| {
            let arrived = |session: &String| {
                seen.iter().any(|one| one.is_notification() && one.session() == *session && one.n > sent)
            };
            sessions.iter().all(arrived)
        })
        .await;
    let lane = parts.hub.lanes().await.unwrap().pop().unwrap();
    assert!(lane.pause.is_none() && lane.breaker != BreakerState::Open, "{lane:?}");
}

#[tokio::test]
async fn a_pause_that_another_node_wrote_holds_within_a_second() {
    let parts = Parts::new("timeout = \"1s\"").await;
    parts.redeliver();
    let session = parts.session(1).await;
    assert_eq!(parts.notify(messages::start(&session)).await, None);
    let pause = Pause { provider: id(), at: Wall.now(), by: "ops".to_owned(), why: "elsewhere".to_owned() };
    parts.ledger.pause(vec![pause]).await.unwrap();
    let written = Instant::now();
    let held = async {
        for number in 2.. {
            let session = parts.session(number).await;
            if parts.notify(messages::error(&session)).await.is_some() {
                break;
            }
        }
        written.elapsed()
    };
    let held = tokio::time::timeout(SOON, held).await.expect("the pause holds");
    assert!(held < Duration::from_secs(2), "{held:?}");
}

#[tokio::test]
async fn everything_can_be_paused_before_anything_is_sent_and_resumed_at_a_rate() {
    const OWED: usize = 12;
    let parts = Parts::new("timeout = \"1s\"\nretry = [\"100ms\"]\ndrain_rate = 5").await;
    assert_eq!(parts.hub.pause_all("roamhub", "restored from a backup").await.unwrap(), 1);
    parts.redeliver();
    for number in 0..OWED {
        let session = parts.session(number).await;
        assert!(parts.notify(messages::end(&session)).await.is_some());
    }
    assert_eq!(parts.provider.notifications().len(), 0);
    let lane = parts.hub.lanes().await.unwrap().pop().unwrap();
    assert_eq!(
        (lane.waiting, lane.pause.map(|pause| pause.why)),
        (12, Some("restored from a backup".into()))
    );
    assert_eq!(parts.hub.resume_all("ops").await.unwrap(), 1);
    let seen = parts.provider.wait_for(OWED, SOON).await;
    let took = seen[OWED - 1].at - seen[0].at;
    assert!(took > Duration::from_millis(1_900), "five a second: {took:?}");
    // First attempts do not keep to that rate.
    let began = Instant::now();
    for number in OWED..OWED + 10 {
        let session = parts.session(number).await;
        assert_eq!(parts.notify(messages::end(&session)).await, None);
    }
    assert!(began.elapsed() < Duration::from_millis(1_900), "{:?}", began.elapsed());
}
