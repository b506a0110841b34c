//! What can be looked up afterwards: messages, their deliveries, their attempts; and PINs that are gone.

use std::time::Duration;

use oicp::Finding;
use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::{AttemptRecord, Fate, Intake};

use crate::Place;
use crate::scene::*;

pub(crate) async fn a_message_shows_its_deliveries_and_attempts(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = notice(session, End, 0);
    let lease = going(&*ledger, intake.clone()).await;
    let failed = AttemptRecord {
        took: Duration::from_millis(10_250),
        http_status: Some(503),
        detail: "the provider answered HTTP 503".to_owned(),
        finding: Some(Finding::new("answer-without-result", "", "odd")),
        ..attempt(1, "unreachable", None)
    };
    let retry = Fate::Retry { due_at: at(20), faulted: false, unusable: false };
    ledger.settle(lease, at(12), failed, retry).await.unwrap();

    let waiting = message(&*ledger, intake.process).await.deliveries.pop().unwrap();
    assert_eq!((waiting.state.as_str(), waiting.due_at, waiting.ended_at), ("deferred", Some(at(20)), None));

    let lease = claim(&*ledger, 20).await.pop().unwrap().lease;
    finish(&*ledger, lease, 21, FinalState::Exhausted, Some("faulted")).await;
    let sending = reopened(&*ledger, again(&intake, 30)).await;
    deliver(&*ledger, sending.lease, 31).await;

    let record = message(&*ledger, intake.process).await;
    assert_eq!((record.process, record.session), (intake.process, session));
    assert_eq!((record.operator, record.provider), (operator(), provider()));
    assert_eq!((record.kind.as_str(), record.received_at), ("End", at(0)));
    assert_eq!((record.body, record.digest), (intake.body, intake.digest));
    assert!(record.findings.is_empty());

    let [first, second] = record.deliveries.as_slice() else { panic!("{:?}", record.deliveries) };
    assert_eq!((first.state.as_str(), first.reason.as_deref()), ("exhausted", Some("faulted")));
    assert_eq!((first.ended_at, first.due_at), (Some(at(21)), None));
    let [one, two] = first.attempts.as_slice() else { panic!("{:?}", first.attempts) };
    assert_eq!((one.number, one.started_at, one.took_ms), (1, at(1), 10_250));
    assert_eq!((one.outcome.as_str(), one.http_status), ("unreachable", Some(503)));
    assert_eq!((one.detail.as_str(), one.late), ("the provider answered HTTP 503", false));
    assert_eq!(one.acknowledgement, None);
    let finding = one.finding.as_ref().expect("what was odd is kept");
    assert_eq!((finding.code.as_str(), finding.text.as_str()), ("answer-without-result", "odd"));
    assert_eq!(two.finding, None);
    assert_eq!((two.number, two.acknowledgement.as_deref()), (2, Some(NO)));

    assert_eq!((second.state.as_str(), second.reason.as_deref()), ("delivered", None));
    assert_eq!(second.ended_at, Some(at(31)));
    assert_eq!(second.attempts.len(), 1);
    assert_eq!(second.attempts[0].acknowledgement.as_deref(), Some(YES));
}

pub(crate) async fn a_session_shows_its_messages_in_order_of_arrival(place: &dyn Place) {
    let ledger = begin(place).await;
    let (session, other) = (session(&*ledger).await, session(&*ledger).await);
    let mut expected = Vec::new();
    // The clock jumps; the order of arrival does not.
    for (kind, seconds) in [(Start, 50), (Progress, 60), (Error, 10), (End, 20)] {
        let intake = notice(session, kind, seconds);
        expected.push((intake.process, kind.to_string()));
        let lease = going(&*ledger, intake).await;
        deliver(&*ledger, lease, seconds).await;
        going(&*ledger, notice(other, Error, seconds)).await;
        assert_eq!(ledger.sweep(at(1_000)).await.unwrap(), 1, "the other session's");
    }
    let messages = ledger.messages_of(session).await.unwrap();
    let seen: Vec<_> = messages.into_iter().map(|message| (message.process, message.kind)).collect();
    assert_eq!(seen, expected);
}

pub(crate) async fn nothing_is_known_of_what_never_came(place: &dyn Place) {
    let ledger = begin(place).await;
    assert!(ledger.message(ProcessId::new()).await.unwrap().is_none());
    assert!(ledger.messages_of(SessionKey::new()).await.unwrap().is_empty());
    assert!(ledger.session(SessionKey::new()).await.unwrap().is_none());
}

pub(crate) async fn a_pin_is_overwritten_once_its_provider_has_seen_it_and_not_before(place: &dyn Place) {
    const BODY: &str = r#"{"Identification":{"QRCodeIdentification":{"PIN":"1234"}},"Note":"1234"}"#;
    const BLANKED: &str = r#"{"Identification":{"QRCodeIdentification":{"PIN":"****"}},"Note":"1234"}"#;
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = Intake { has_pin: true, ..with_body(session, End, 0, BODY) };
    let lease = going(&*ledger, intake.clone()).await;
    fail(&*ledger, lease, 1, 2).await;
    let owed = claim(&*ledger, 2).await.pop().unwrap();
    assert_eq!(owed.body, BODY, "what is sent again is what came in");
    refuse(&*ledger, owed.lease, 3).await;
    assert_eq!(message(&*ledger, intake.process).await.body, BLANKED, "its provider has seen it");

    let sending = reopened(&*ledger, again(&intake, 4)).await;
    deliver(&*ledger, sending.lease, 5).await;
    let kept = message(&*ledger, intake.process).await;
    assert_eq!(kept.body, BLANKED);
    assert_eq!(kept.digest, intake.digest, "of the bytes as received");
    assert_eq!(repeat(&*ledger, again(&intake, 6)).await.0, intake.process, "still recognised");
}

pub(crate) async fn a_pin_that_nobody_declared_stays(place: &dyn Place) {
    // Whether a member is a PIN is decided where the message is read, not here.
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = with_body(session, End, 0, r#"{"PIN":"1234"}"#);
    let lease = going(&*ledger, intake.clone()).await;
    deliver(&*ledger, lease, 1).await;
    assert_eq!(message(&*ledger, intake.process).await.body, intake.body);
}

pub(crate) async fn deferring_without_an_attempt_leaves_no_attempt(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let intake = notice(session, End, 0);
    let lease = going(&*ledger, intake.clone()).await;
    ledger.defer(lease, at(1), at(9)).await.unwrap();
    let delivery = message(&*ledger, intake.process).await.deliveries.pop().unwrap();
    assert_eq!((delivery.state.as_str(), delivery.due_at), ("deferred", Some(at(9))));
    assert!(delivery.attempts.is_empty());
}
