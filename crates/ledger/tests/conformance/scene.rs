//! The cast of every story: one operator, providers, sessions, and messages with bytes of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use oicp::{EvseId, OperatorId, ProviderId};
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery};
use roamhub_core::feed::{Confirmed, FeedEntry, Position};
use roamhub_core::ports::{
    AttemptRecord, Fate, Intake, Ledger, Plan, Repeated, Sending, Settled, Taken, TurnNow,
};
use roamhub_core::records::MessageRecord;
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use sha2::{Digest, Sha256};

use crate::Place;

/// The least distance between two Progress notifications.
pub(crate) const GAP: Duration = Duration::from_secs(295);
/// What a provider that agrees says.
pub(crate) const YES: &[u8] = br#"{"Result":true,"StatusCode":{"Code":"000"}}"#;
/// What a provider that judges says.
pub(crate) const NO: &[u8] = br#"{"Result":false,"StatusCode":{"Code":"400"}}"#;

/// So many seconds after the story began.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("an instant of the story")
}

pub(crate) fn operator() -> OperatorId {
    OperatorId::parse("DE*ABC").expect("an operator")
}

pub(crate) fn provider() -> ProviderId {
    provider_named("DE-DCB")
}

pub(crate) fn provider_named(name: &str) -> ProviderId {
    ProviderId::parse(name).expect("a provider")
}

pub(crate) fn evse(text: &str) -> EvseId {
    EvseId::parse(text).expect("an EVSE")
}

/// Opens the ledger of a place when the story begins.
pub(crate) async fn begin(place: &dyn Place) -> Arc<dyn Ledger> {
    place.open(at(0)).await
}

/// A session that no provider has answered yet; no EVSE is named.
pub(crate) fn pending(key: SessionKey) -> PendingSession {
    PendingSession {
        key,
        process: ProcessId::new(),
        opened_at: at(0),
        operator: operator(),
        evse: None,
        cpo_partner_session_id: None,
        medium: [7; 32],
        request: Bytes::from_static(b"{}"),
    }
}

/// How the authorisation of such a session ends.
pub(crate) fn decision(key: SessionKey, by: Option<ProviderId>) -> AuthorisationOutcome {
    AuthorisationOutcome {
        key,
        medium: [7; 32],
        decided_at: at(0),
        authorised_by: by,
        emp_partner_session_id: None,
        code: 0,
    }
}

/// Opens a session that this provider has authorised.
pub(crate) async fn session_with(ledger: &dyn Ledger, by: ProviderId) -> SessionKey {
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.expect("a pending session");
    ledger.decide(decision(key, Some(by))).await.expect("an active session");
    key
}

/// Opens a session of the usual provider.
pub(crate) async fn session(ledger: &dyn Ledger) -> SessionKey {
    session_with(ledger, provider()).await
}

/// A notification that came in `seconds` after the story began, to be sent by whoever brought it. Its bytes differ
/// from those of every other notification.
pub(crate) fn notice(session: SessionKey, kind: MessageKind, seconds: i64) -> Intake {
    let process = ProcessId::new();
    with_body(session, kind, seconds, format!(r#"{{"Type":"{kind}","Note":"{process}"}}"#).into_bytes())
}

/// A notification of these bytes.
pub(crate) fn with_body(
    session: SessionKey,
    kind: MessageKind,
    seconds: i64,
    body: impl Into<Bytes>,
) -> Intake {
    let body = body.into();
    Intake {
        process: ProcessId::new(),
        received_at: at(seconds),
        session,
        operator: operator(),
        provider: provider(),
        kind,
        digest: Sha256::digest(&body).into(),
        body,
        evse: evse("DE*ABC*E1"),
        findings: Vec::new(),
        has_pin: false,
        cpo_partner_session_id: None,
        plan: Plan::Send { lease_until: at(seconds + 40) },
        progress_gap: GAP,
        ticket: None,
    }
}

/// The same notification, owed to another provider: that of its session.
pub(crate) fn owed_to(provider: ProviderId, intake: Intake) -> Intake {
    Intake { provider, ..intake }
}

/// The same bytes again, later, as a request of its own.
pub(crate) fn again(first: &Intake, seconds: i64) -> Intake {
    Intake {
        process: ProcessId::new(),
        received_at: at(seconds),
        plan: Plan::Send { lease_until: at(seconds + 40) },
        ..first.clone()
    }
}

/// Takes it in.
pub(crate) async fn take_in(ledger: &dyn Ledger, intake: Intake) -> Taken {
    ledger.take_in(intake.into()).await.expect("the ledger has an answer")
}

/// Takes in what must be stored and sent.
pub(crate) async fn stored(ledger: &dyn Ledger, intake: Intake) -> Sending {
    match take_in(ledger, intake).await {
        Taken::Stored(sending) => sending,
        other => panic!("expected it to be stored, not {other:?}"),
    }
}

/// Takes in what must be stored and may go at once.
pub(crate) async fn going(ledger: &dyn Ledger, intake: Intake) -> Lease {
    let sending = stored(ledger, intake).await;
    assert_eq!(sending.turn, TurnNow::Go);
    sending.lease
}

/// Takes in what must be a repeat, and says where the first stands and under which id.
pub(crate) async fn repeat(ledger: &dyn Ledger, intake: Intake) -> (ProcessId, Repeated) {
    match take_in(ledger, intake).await {
        Taken::Repeat { first, standing, .. } => (first, standing),
        other => panic!("expected a repeat, not {other:?}"),
    }
}

/// Takes in what must be reopened.
pub(crate) async fn reopened(ledger: &dyn Ledger, intake: Intake) -> Sending {
    match repeat(ledger, intake).await.1 {
        Repeated::Reopened(sending) => sending,
        other => panic!("expected it to be reopened, not {other:?}"),
    }
}

/// An attempt that began at this instant and took a second.
pub(crate) fn attempt(seconds: i64, outcome: &'static str, acknowledgement: Option<&[u8]>) -> AttemptRecord {
    AttemptRecord {
        started_at: at(seconds),
        took: Duration::from_secs(1),
        outcome,
        http_status: acknowledgement.map(|_| 200),
        acknowledgement: acknowledgement.map(Bytes::copy_from_slice),
        detail: format!("it was {outcome}"),
        finding: None,
    }
}

/// The provider says yes.
pub(crate) async fn deliver(ledger: &dyn Ledger, lease: Lease, seconds: i64) -> Settled {
    let fate = Fate::Final { state: FinalState::Delivered, reason: None };
    let attempt = attempt(seconds, "delivered", Some(YES));
    ledger.settle(lease, at(seconds), attempt, fate).await.expect("a result is written")
}

/// The provider says no.
pub(crate) async fn refuse(ledger: &dyn Ledger, lease: Lease, seconds: i64) -> Settled {
    finish(ledger, lease, seconds, FinalState::Refused, None).await
}

/// The delivery ends in this way.
pub(crate) async fn finish(
    ledger: &dyn Ledger,
    lease: Lease,
    seconds: i64,
    state: FinalState,
    reason: Option<&'static str>,
) -> Settled {
    let attempt = attempt(seconds, "refused", Some(NO));
    ledger
        .settle(lease, at(seconds), attempt, Fate::Final { state, reason })
        .await
        .expect("a result is written")
}

/// Nobody answered; the next attempt is due at `due`.
pub(crate) async fn fail(ledger: &dyn Ledger, lease: Lease, seconds: i64, due: i64) -> Settled {
    let fate = Fate::Retry { due_at: at(due), faulted: false, unusable: false };
    let attempt = attempt(seconds, "unreachable", None);
    ledger.settle(lease, at(seconds), attempt, fate).await.expect("a result is written")
}

/// Claims everything that the usual provider is owed by then, for 40 seconds.
pub(crate) async fn claim(ledger: &dyn Ledger, seconds: i64) -> Vec<OwedDelivery> {
    ledger.claim_due(provider(), None, at(seconds), at(seconds + 40), 100).await.expect("a claim").owed
}

/// The deliveries that such a claim brings.
pub(crate) async fn claimed(ledger: &dyn Ledger, seconds: i64) -> Vec<DeliveryNo> {
    claim(ledger, seconds).await.into_iter().map(|owed| owed.lease.delivery).collect()
}

/// A message that must be known.
pub(crate) async fn message(ledger: &dyn Ledger, process: ProcessId) -> MessageRecord {
    ledger.message(process).await.expect("the ledger can be read").expect("the message is known")
}

/// The states of the deliveries of a message, oldest first.
pub(crate) async fn states(ledger: &dyn Ledger, process: ProcessId) -> Vec<String> {
    message(ledger, process).await.deliveries.into_iter().map(|delivery| delivery.state).collect()
}

/// `at(seconds)` plus so many microseconds.
pub(crate) fn at_micros(seconds: i64, micros: i64) -> Timestamp {
    at(seconds).checked_add(SignedDuration::from_micros(micros)).expect("an instant of the story")
}

/// The same notification, to be kept for the feed.
pub(crate) fn held(intake: Intake) -> Intake {
    Intake { plan: Plan::Hold, ..intake }
}

/// Takes in what is only kept for the feed; its id.
pub(crate) async fn hold(ledger: &dyn Ledger, intake: Intake) -> ProcessId {
    let process = intake.process;
    assert_eq!(take_in(ledger, held(intake)).await, Taken::Held);
    process
}

/// Gives all positions that are to be given, while these providers read their feeds.
pub(crate) async fn sequence(ledger: &dyn Ledger, readers: &[ProviderId]) {
    let readers: Arc<BTreeSet<ProviderId>> = Arc::new(readers.iter().copied().collect());
    while ledger.sequence(readers.clone(), 100).await.expect("a pass").behind > 0 {}
}

/// The whole feed of a provider.
pub(crate) async fn feed_of(ledger: &dyn Ledger, provider: ProviderId) -> Vec<FeedEntry> {
    let entries = ledger.read_feed(provider, Position::BEGINNING, 1000, usize::MAX).await;
    entries.expect("the feed can be read")
}

/// The messages in a feed, in its order.
pub(crate) async fn processes_in_feed(ledger: &dyn Ledger, provider: ProviderId) -> Vec<ProcessId> {
    feed_of(ledger, provider).await.into_iter().map(|entry| entry.process).collect()
}

/// A position that must be one.
pub(crate) fn position(number: i64) -> Position {
    Position::new(number).expect("a position")
}

/// The usual provider confirms up to a position; how many deliveries were closed, and how many are under way.
pub(crate) async fn confirm(ledger: &dyn Ledger, cursor: i64, seconds: i64) -> (u64, u64) {
    let confirmed = ledger.confirm_feed(provider(), position(cursor), at(seconds), 1000).await;
    match confirmed.expect("a confirmation") {
        Confirmed::UpTo { position, closed, under_way } => {
            assert_eq!(position.number(), cursor);
            (closed, under_way)
        }
        beyond => panic!("expected {cursor} to be in the feed, not {beyond:?}"),
    }
}
