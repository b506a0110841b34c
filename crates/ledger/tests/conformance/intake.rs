//! Taking notifications in: what is stored, what is declined, and that the bytes stay what they were.

use bytes::Bytes;
use oicp::{Finding, OperatorId};
use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::SessionKey;
use roamhub_core::ports::{Declined, Intake, Plan, Taken, TurnNow};
use roamhub_core::records::StoredFinding;
use roamhub_core::session::PendingSession;

use crate::Place;
use crate::scene::*;

fn declined(taken: Taken) -> Declined {
    match taken {
        Taken::Declined(declined) => declined,
        other => panic!("expected it to be declined, not {other:?}"),
    }
}

pub(crate) async fn a_notification_is_stored_with_the_lease_and_may_go(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for kind in [Start, Progress, Error, End] {
        let intake = notice(session, kind, 0);
        let process = intake.process;
        let sending = stored(&*ledger, intake).await;
        assert_eq!((sending.turn, sending.lease.token), (TurnNow::Go, 1), "{kind}");
        assert_eq!(states(&*ledger, process).await, ["leased"], "{kind}");
        deliver(&*ledger, sending.lease, 1).await;
    }
    assert_eq!(claimed(&*ledger, 30).await, [], "whoever brought it sends it");
}

pub(crate) async fn what_nobody_opened_is_declined(place: &dyn Place) {
    let ledger = begin(place).await;
    let intake = notice(SessionKey::new(), End, 0);
    let process = intake.process;
    assert_eq!(declined(take_in(&*ledger, intake).await), Declined::SessionInvalid);
    assert!(ledger.message(process).await.unwrap().is_none());
}

pub(crate) async fn a_session_that_is_still_pending_or_was_refused_takes_nothing(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.unwrap();
    let taken = take_in(&*ledger, notice(key, Start, 1)).await;
    assert_eq!(declined(taken), Declined::SessionInvalid, "pending");
    ledger.decide(decision(key, None)).await.unwrap();
    let taken = take_in(&*ledger, notice(key, Start, 2)).await;
    assert_eq!(declined(taken), Declined::SessionInvalid, "void");
}

pub(crate) async fn another_operator_is_declined_even_with_the_same_bytes(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let own = notice(session, Start, 0);
    let foreign = Intake { operator: OperatorId::parse("DE*XYZ").unwrap(), ..again(&own, 1) };
    assert_eq!(declined(take_in(&*ledger, foreign.clone()).await), Declined::SessionInvalid);
    going(&*ledger, own.clone()).await;
    assert_eq!(declined(take_in(&*ledger, foreign).await), Declined::SessionInvalid);
    // Another spelling is the same operator.
    let spelled = Intake { operator: OperatorId::parse("deabc").unwrap(), ..again(&own, 2) };
    assert_eq!(repeat(&*ledger, spelled).await.0, own.process);
}

pub(crate) async fn a_progress_too_soon_is_declined_and_does_not_restart_the_clock(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = going(&*ledger, notice(session, Progress, 0)).await;
    deliver(&*ledger, first, 1).await;
    for seconds in [0, 1, 200, 294] {
        let taken = take_in(&*ledger, notice(session, Progress, seconds)).await;
        assert_eq!(declined(taken), Declined::TooSoon { last: at(0) }, "{seconds} s later");
    }
    let nearly = Intake { received_at: at_micros(295, -1), ..notice(session, Progress, 295) };
    assert_eq!(declined(take_in(&*ledger, nearly).await), Declined::TooSoon { last: at(0) });
    going(&*ledger, notice(session, Progress, 295)).await;
    let taken = take_in(&*ledger, notice(session, Progress, 296)).await;
    assert_eq!(declined(taken), Declined::TooSoon { last: at(295) });
}

pub(crate) async fn only_progress_is_spaced(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for kind in [Start, Start, Error, Progress, Error, End, End, Start] {
        let lease = going(&*ledger, notice(session, kind, 0)).await;
        deliver(&*ledger, lease, 0).await;
    }
    let other = crate::scene::session(&*ledger).await;
    going(&*ledger, notice(other, Progress, 1)).await;
}

pub(crate) async fn a_clock_set_back_does_not_lock_a_session_out(place: &dyn Place) {
    let ledger = begin(place).await;
    for back in [10, 100_000] {
        let session = session(&*ledger).await;
        let lease = going(&*ledger, notice(session, Progress, back)).await;
        deliver(&*ledger, lease, back).await;
        let lease = going(&*ledger, notice(session, Progress, 0)).await;
        deliver(&*ledger, lease, 0).await;
        // From there on the clock that is has to be believed.
        let taken = take_in(&*ledger, notice(session, Progress, 20)).await;
        assert_eq!(declined(taken), Declined::TooSoon { last: at(0) }, "{back} s back");
    }
}

pub(crate) async fn a_declined_progress_leaves_nothing_behind(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let lease = going(&*ledger, notice(session, Progress, 0)).await;
    deliver(&*ledger, lease, 0).await;
    let soon = notice(session, Progress, 10);
    declined(take_in(&*ledger, soon.clone()).await);
    assert!(ledger.message(soon.process).await.unwrap().is_none());
    assert_eq!(ledger.messages_of(session).await.unwrap().len(), 1);
    // The same bytes in time are no repeat of what was never stored.
    going(&*ledger, again(&soon, 300)).await;
}

pub(crate) async fn a_hostile_body_survives_byte_for_byte(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies = [
        Bytes::from_static(b"{\"Note\":\"\\u0000\",\"Energy\": 1.000 }\r\n\0"),
        Bytes::from(every_byte),
        Bytes::from_static(b"\xff\xfe\xc3\x28 '; DROP TABLE notification; --"),
        Bytes::new(),
        Bytes::from(vec![0; 1 << 20]),
    ];
    for body in bodies {
        let intake = with_body(session, Error, 0, body.clone());
        let (process, digest) = (intake.process, intake.digest);
        let lease = going(&*ledger, intake).await;
        fail(&*ledger, lease, 1, 2).await;
        let owed = claim(&*ledger, 2).await.pop().expect("it is due");
        assert_eq!(owed.body, body, "as it is sent again");
        deliver(&*ledger, owed.lease, 3).await;
        let kept = message(&*ledger, process).await;
        assert_eq!(kept.body, body);
        assert_eq!(kept.digest, digest);
    }
}

pub(crate) async fn findings_come_back_as_they_were(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let findings = vec![
        Finding::new("energy-mismatch", "/ConsumedEnergy", "12 kWh, but the meter says \"13\" ✓"),
        Finding::new("a-code-of-tomorrow", "", "with NUL \0 and a line\nbreak"),
    ];
    let intake = Intake { findings: findings.clone(), ..notice(session, End, 0) };
    let process = intake.process;
    going(&*ledger, intake).await;
    let expected: Vec<StoredFinding> = findings
        .into_iter()
        .map(|finding| StoredFinding {
            code: finding.code.to_owned(),
            pointer: finding.pointer.into_owned(),
            text: finding.text,
        })
        .collect();
    assert_eq!(message(&*ledger, process).await.findings, expected);
}

pub(crate) async fn the_first_notification_completes_the_evse(place: &dyn Place) {
    let ledger = begin(place).await;
    for kind in [Start, Progress, End, Error] {
        let session = session(&*ledger).await;
        assert_eq!(ledger.session_facts(session).await.unwrap().unwrap().evse, None);
        for name in ["DE*ABC*E9*A", "DE*ABC*E8"] {
            let plan = Plan::Hold;
            let intake = Intake {
                evse: evse(name),
                plan,
                progress_gap: std::time::Duration::ZERO,
                ..notice(session, kind, 0)
            };
            assert_eq!(take_in(&*ledger, intake).await, Taken::Held);
            let facts = ledger.session_facts(session).await.unwrap().unwrap();
            assert_eq!(facts.evse, Some(evse("DE*ABC*E9*A")), "{kind} naming {name}");
        }
    }
}

pub(crate) async fn an_evse_that_is_known_is_kept(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let known = Some(evse("DE*ABC*E5"));
    ledger.open_pending(PendingSession { evse: known, ..pending(key) }).await.unwrap();
    ledger.decide(decision(key, Some(provider()))).await.unwrap();
    going(&*ledger, notice(key, Start, 0)).await;
    assert_eq!(ledger.session_facts(key).await.unwrap().unwrap().evse, known);
}
