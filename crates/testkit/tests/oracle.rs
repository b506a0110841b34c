//! The oracle sees through every broken promise: a sound story, and that story with one thing wrong in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use oicp::{OperatorId, ProviderId};
use roamhub_core::records::{AttemptEntry, DeliveryRecord, MessageRecord};
use roamhub_core::{ProcessId, SessionKey};
use roamhub_testkit::oracle::{Arrival, Call, Evidence, Said, Told, judge};

const START: usize = 0;
const END: usize = 1;

fn attempt(number: u32, outcome: &str) -> AttemptEntry {
    AttemptEntry {
        number,
        started_at: Timestamp::UNIX_EPOCH,
        took_ms: 10,
        outcome: outcome.to_owned(),
        http_status: None,
        acknowledgement: None,
        detail: String::new(),
        finding: None,
        late: false,
    }
}

fn message(session: SessionKey, kind: &str) -> MessageRecord {
    let delivery = DeliveryRecord {
        replay: None,
        state: "delivered".to_owned(),
        reason: None,
        due_at: None,
        ended_at: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1)),
        attempts: vec![attempt(1, "delivered")],
    };
    MessageRecord {
        erased_at: None,
        process: ProcessId::new(),
        session,
        operator: OperatorId::parse("DE*ABC").unwrap(),
        provider: ProviderId::parse("DE-DCB").unwrap(),
        kind: kind.to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        body: Bytes::copy_from_slice(kind.as_bytes()),
        digest: [0; 32],
        findings: Vec::new(),
        deliveries: vec![delivery],
        origin: roamhub_core::mandate::Origin::Sender,
    }
}

fn told(process: &ProcessId) -> Told {
    let took = Duration::from_millis(20);
    Told {
        status: 200,
        process: process.to_string(),
        result: true,
        code: "000".to_owned(),
        deferred: false,
        took,
    }
}

/// A Start and an End, sent, stored, accepted and answered.
fn sound() -> Evidence {
    let session = SessionKey::new();
    let messages = vec![message(session, "Start"), message(session, "End")];
    let began = Instant::now();
    let call = |message: &MessageRecord| Call {
        session: session.to_session_id().to_string(),
        body: message.body.clone(),
        told: Some(told(&message.process)),
    };
    let arrival = |(place, message): (usize, &MessageRecord)| Arrival {
        process: message.process.to_string(),
        attempt: 1,
        received_at: "then".to_owned(),
        connection: 1,
        body: message.body.clone(),
        at: began + Duration::from_secs(10 * place as u64),
        said: Said::Yes,
    };
    Evidence {
        calls: messages.iter().map(call).collect(),
        arrivals: messages.iter().enumerate().map(arrival).collect(),
        messages: vec![messages],
        timeout: Duration::from_secs(1),
        ..Evidence::default()
    }
}

/// The End arrives once more.
fn again(evidence: &mut Evidence, attempt: u32) -> &mut Arrival {
    let first = evidence.arrivals[END].clone();
    evidence.arrivals.push(Arrival { attempt, at: first.at + Duration::from_secs(5), ..first });
    evidence.arrivals.last_mut().unwrap()
}

/// The End was accepted, the hub was killed before it recorded that, and sent it again.
fn killed_before_the_record() -> Evidence {
    let mut evidence = sound();
    again(&mut evidence, 2);
    evidence.messages[0][END].deliveries[0].attempts = vec![attempt(2, "delivered")];
    let killed = evidence.arrivals[END].at + Duration::from_secs(1);
    evidence.kills.push(killed..=killed + Duration::from_secs(1));
    evidence
}

#[test]
fn a_sound_story_is_believed_also_one_with_a_kill_in_it() {
    assert_eq!(judge(&sound()).violations, [""; 0]);
    let verdict = judge(&killed_before_the_record());
    assert_eq!(verdict.violations, [""; 0]);
    assert_eq!((verdict.counts.repeats, verdict.counts.after_loss), (1, 1), "{}", verdict.counts);
}

#[test]
fn one_thing_wrong_is_enough() {
    type Wrong = fn(&mut Evidence);
    let cases: [(&str, Wrong); 19] = [
        ("not in the ledger", |it| it.messages[0].truncate(1)),
        ("never reached the provider", |it| it.arrivals.truncate(1)),
        ("the provider never said it", |it| it.arrivals[END].said = Said::Nothing),
        ("but not by the provider", |it| it.calls[END].told.as_mut().unwrap().result = false),
        ("other bytes in the ledger", |it| it.messages[0][END].body = Bytes::from_static(b"else")),
        ("reached the provider with other bytes", |it| it.arrivals[END].body = Bytes::from_static(b"else")),
        ("the ledger does not have", |it| it.arrivals[END].process = ProcessId::new().to_string()),
        ("in the ledger twice", |it| {
            let twin = MessageRecord { process: ProcessId::new(), ..it.messages[0][END].clone() };
            it.messages[0].push(twin);
        }),
        ("nobody sent it", |it| it.calls.truncate(1)),
        ("is deferred", |it| it.messages[0][END].deliveries[0].state = "deferred".to_owned()),
        ("is superseded: an End", |it| it.messages[0][END].deliveries[0].state = "superseded".to_owned()),
        ("nothing overtook it", |it| {
            it.messages[0].truncate(1);
            it.calls.truncate(1);
            it.arrivals.truncate(1);
            it.messages[0][START].deliveries[0].state = "superseded".to_owned();
        }),
        ("expired before its time", |it| it.messages[0][START].deliveries[0].state = "expired".to_owned()),
        ("arrived before", |it| it.arrivals[START].at += Duration::from_secs(60)),
        ("recorded as delivered", |it| {
            again(it, 2);
        }),
        ("though the hub ran on", |it| {
            *it = killed_before_the_record();
            it.kills.clear();
        }),
        ("two attempts with the number 1", |it| {
            *it = killed_before_the_record();
            it.arrivals[2].attempt = 1;
        }),
        ("different bytes", |it| {
            *it = killed_before_the_record();
            it.arrivals[2].body = Bytes::from_static(b"else");
        }),
        ("an answer took", |it| it.calls[END].told.as_mut().unwrap().took = Duration::from_secs(9)),
    ];
    for (expected, wrong) in cases {
        let mut evidence = sound();
        wrong(&mut evidence);
        let found = judge(&evidence).violations;
        assert!(found.iter().any(|text| text.contains(expected)), "expected {expected:?}, found {found:?}");
    }
}

#[test]
fn an_error_may_pass_what_was_put_off_and_nothing_else() {
    let mut evidence = sound();
    evidence.messages[0][END].kind = "Error".to_owned();
    evidence.arrivals[START].at += Duration::from_secs(60);
    assert_eq!(judge(&evidence).violations.len(), 1, "the Start was not put off");
    evidence.arrivals[START].attempt = 2;
    assert_eq!(judge(&evidence).violations, [""; 0]);
}
