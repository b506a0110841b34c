//! The program removes what is too old: by itself, also if it is killed meanwhile, and says what it did.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use oicp::{EvseId, OperatorId, ProviderId};
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::{AttemptRecord, DeliveryPort, Fate, Intake, IntakePort, Plan, SessionPort, Taken};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::Look;
use roamhub_testkit::{HubProcess, messages, program};
use serde_json::Value;

use crate::planted::{assert_clean, card};
use crate::stage::{BIN, SOON};

const PARTNERS: &str = "[[operator]]\nid = \"DE*ABC\"\n\n[[provider]]\nid = \"DE-DCB\"\n";

fn days_ago(days: i64) -> Timestamp {
    SystemTime::now().checked_sub(SignedDuration::from_hours(24 * days)).unwrap()
}

/// The clock of the tests: the program's own cannot be set.
struct SystemTime;

impl SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the program under test reads the same clock")]
    fn now() -> Timestamp {
        Timestamp::now()
    }
}

/// A ledger with sessions of before: each ended, its End delivered.
async fn ledger_of_before(folder: &Path, sessions: usize, days: i64) {
    let began = days_ago(days);
    let (ledger, _gone) = Sqlite::open(folder, began).unwrap();
    let provider = ProviderId::parse("DE-DCB").unwrap();
    for _ in 0..sessions {
        let key = SessionKey::new();
        let body = Bytes::from(
            messages::end(&key.to_session_id().to_string()).to_string().replace(messages::UID, &card(1)),
        );
        let pending = PendingSession {
            key,
            process: ProcessId::new(),
            opened_at: began,
            operator: OperatorId::parse("DE*ABC").unwrap(),
            evse: None,
            cpo_partner_session_id: None,
            medium: [7; 32],
            request: body.clone(),
        };
        ledger.open_pending(pending).await.unwrap();
        let outcome = AuthorisationOutcome {
            key,
            medium: [7; 32],
            decided_at: began,
            authorised_by: Some(provider),
            emp_partner_session_id: None,
            code: 0,
        };
        ledger.decide(outcome).await.unwrap();
        let intake = Intake {
            process: ProcessId::new(),
            received_at: began,
            session: key,
            operator: OperatorId::parse("DE*ABC").unwrap(),
            provider,
            kind: MessageKind::End,
            digest: digest_of(key),
            body,
            evse: EvseId::parse("DE*ABC*E1").unwrap(),
            findings: Vec::new(),
            has_pin: false,
            cpo_partner_session_id: None,
            plan: Plan::Send { lease_until: began },
            progress_gap: Duration::ZERO,
            ticket: None,
        };
        let Taken::Stored(sending) = ledger.take_in(Arc::new(intake)).await.unwrap() else {
            panic!("not stored")
        };
        let attempt = AttemptRecord {
            started_at: began,
            took: Duration::ZERO,
            outcome: "delivered",
            http_status: Some(200),
            acknowledgement: None,
            detail: String::new(),
            finding: None,
        };
        let fate = Fate::Final { state: FinalState::Delivered, reason: None };
        ledger.settle(sending.lease, began, attempt, fate).await.unwrap();
    }
}

fn digest_of(key: SessionKey) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(key.as_bytes());
    digest
}

async fn retention(hub: &HubProcess, arguments: &[&str]) -> Value {
    let data = hub.data_dir().to_str().unwrap();
    let arguments = [&["retention", "--json", "--data", data], arguments].concat();
    let ended = program::run(BIN, &arguments, b"", SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

async fn retention_when(hub: &HubProcess, condition: impl Fn(&Value) -> bool) -> Value {
    let began = std::time::Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    loop {
        looks.tick().await;
        let said = retention(hub, &[]).await;
        if condition(&said) {
            return said;
        }
        assert!(began.elapsed() < SOON, "retention stays so: {said:#}\n{}", hub.log());
    }
}

fn hub(folder: &Path) -> roamhub_testkit::hub::Builder {
    HubProcess::builder(BIN)
        .data(folder)
        .partners(PARTNERS)
        .env("ROAMHUB_RETENTION_EVERY", "300ms")
        .env("ROAMHUB_WATCHDOG_EVERY", "50ms")
}

#[tokio::test]
async fn what_is_old_enough_goes_by_itself_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    ledger_of_before(folder.path(), 100, 95).await;
    let hub = hub(folder.path()).start().await;
    let said = retention_when(&hub, |said| said["lastPass"].is_object()).await;
    assert_eq!(said["ages"]["bodies"], "90d", "{said:#}");
    hub.wait_for_log("retention: what was old enough is gone", SOON).await;
    let metrics = hub.get_console("/metrics").await.text();
    assert!(metrics.contains("roamhub_retention_removed_total{kind=\"bodies\"} 100"), "{metrics}");
    assert!(metrics.contains("roamhub_retention_removed_total{kind=\"requests\"} 100"), "{metrics}");
    assert!(metrics.contains("roamhub_retention_oldest_timestamp_seconds{kind=\"messages\"}"), "{metrics}");
    let dry = retention(&hub, &["--dry-run"]).await;
    assert_eq!(dry["wouldLeave"], serde_json::json!({}), "{dry:#}");
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        assert_clean(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn a_hub_that_is_killed_while_it_removes_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    ledger_of_before(folder.path(), 400, 500).await;
    let mut hub = hub(folder.path()).start().await;
    for gone in [30, 90, 150] {
        let began = std::time::Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        loop {
            looks.tick().await;
            let said = retention(&hub, &["--dry-run"]).await;
            if said["wouldLeave"]["bodies"].as_u64().unwrap_or_default() + gone <= 400 {
                break;
            }
            assert!(began.elapsed() < SOON, "it does not begin: {said:#}\n{}", hub.log());
        }
        hub.kill9().await;
        hub.restart().await;
    }
    let said = retention_when(&hub, |said| said["lastPass"].is_object() && said["heldUp"].is_null()).await;
    hub.terminate().await;
    let look = Look::at(folder.path()).unwrap();
    let left = look.passed(0, 1000).unwrap();
    assert_eq!(left.len(), 1, "the newest stays: {said:#}");
    let story = look.session(left[0].session).unwrap().unwrap();
    assert_eq!((story.messages.len(), story.messages[0].deliveries.len()), (1, 1));
}

#[tokio::test]
async fn ages_that_do_not_go_together_are_refused_with_their_names() {
    for (name, value, expected) in [
        ("MESSAGES", "3d", "retention.messages is at least 60d"),
        ("RECORDS", "forever", "retention.records (forever) is longer than retention.messages (400d)"),
        ("BODIES", "soon", "retention.bodies: \"soon\" is no age"),
    ] {
        let started = HubProcess::builder(BIN)
            .partners(PARTNERS)
            .env(format!("ROAMHUB_RETENTION_{name}"), value)
            .try_start()
            .await;
        let Err(failure) = started else { panic!("{name} = {value} was taken") };
        assert!(failure.log.contains(expected), "{}", failure.log);
    }
}
