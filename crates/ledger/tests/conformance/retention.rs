//! What goes when it is old enough, and what stays all the same.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use roamhub_core::MessageKind::{ChargeDetailRecord, End, Progress, Start};
use roamhub_core::ports::cdr::{CdrIntake, CdrNo, CdrPlan, CdrTaken};
use roamhub_core::ports::{Declined, Ledger, Repeated, Taken};
use roamhub_core::records::Refusal;
use roamhub_core::retention::{Age, Ages, Counts, Kind, Pass};
use roamhub_core::session::PendingSession;
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use sha2::{Digest, Sha256};

use crate::Place;
use crate::scene::*;

/// A day of the story.
pub(crate) const DAY: i64 = 86_400;
const UID: &str = "04C0FFEE000001";

/// Short ages, so that a story does not need thousands of days.
pub(crate) fn ages() -> Ages {
    Ages {
        bodies: Age::days(10),
        records: Age::days(20),
        messages: Age::days(30),
        unconfirmed: Age::days(100),
        records_without_identification: Age::days(300),
        cards: Age::days(30),
        refusals: Age::days(5),
        audit: Age::days(30),
    }
}

/// The followers catch up: the feeds, the watchdog and the comparison of records.
pub(crate) async fn catch_up(ledger: &dyn Ledger, now: i64) {
    sequence(ledger, &[]).await;
    while ledger.follow(100, Duration::from_secs(1)).await.unwrap().behind {}
    let uncompared = ledger.uncompared(1000).await.unwrap();
    let compared = uncompared.into_iter().map(|record| (record, Vec::new())).collect();
    ledger.note_compared(compared, at(now)).await.unwrap();
}

/// A whole pass; what it removed.
pub(crate) async fn pass(ledger: &dyn Ledger, ages: Ages, now: Timestamp) -> Counts {
    let mut removed = Counts::new();
    for kind in Kind::ALL {
        let mut from = Some(0);
        while let Some(behind) = from {
            let slice = ledger.retain(kind, ages, behind, now).await.unwrap();
            if slice.removed > 0 {
                *removed.entry(kind).or_default() += slice.removed;
            }
            from = slice.next;
        }
    }
    ledger.end_pass(Pass { began_at: now, ended_at: now, removed: removed.clone() }).await.unwrap();
    removed
}

/// A pass after everybody has caught up, which does what was foretold.
async fn pass_on(ledger: &dyn Ledger, day: i64) -> Counts {
    catch_up(ledger, day * DAY).await;
    let foretold = ledger.would_leave(ages(), at(day * DAY)).await.unwrap();
    let removed = pass(ledger, ages(), at(day * DAY)).await;
    for (kind, count) in &foretold {
        // Rows of the index are not foretold, and what goes early in a pass may set free what comes later in it.
        assert!(
            removed.get(kind).copied().unwrap_or_default() >= *count,
            "{kind:?}: {foretold:?} {removed:?}"
        );
    }
    removed
}

pub(crate) fn body(kind: MessageKind, note: i64) -> Bytes {
    format!(r#"{{"Type":"{kind}","Identification":{{"RFIDMifareFamilyIdentification":{{"UID":"{UID}"}}}},"N":{note}}}"#)
        .into()
}

/// A session that was opened on a day.
async fn opened_on(ledger: &dyn Ledger, day: i64) -> SessionKey {
    let key = SessionKey::new();
    let session = PendingSession { opened_at: at(day * DAY), request: body(Start, day), ..pending(key) };
    ledger.open_pending(session).await.unwrap();
    let decision = roamhub_core::session::AuthorisationOutcome {
        decided_at: at(day * DAY),
        ..decision(key, Some(provider()))
    };
    ledger.decide(decision).await.unwrap();
    key
}

/// A message that was delivered on the day it came.
async fn delivered_on(ledger: &dyn Ledger, session: SessionKey, kind: MessageKind, day: i64) -> ProcessId {
    let intake = with_body(session, kind, day * DAY, body(kind, day));
    let process = intake.process;
    let lease = going(ledger, intake).await;
    deliver(ledger, lease, day * DAY + 1).await;
    process
}

pub(crate) fn record_on(session: SessionKey, day: i64, plan: CdrPlan) -> CdrIntake {
    let body = body(ChargeDetailRecord, day);
    CdrIntake {
        process: ProcessId::new(),
        received_at: at(day * DAY),
        session,
        operator: operator(),
        provider: provider(),
        digest: Sha256::digest(&body).into(),
        body,
        evse: evse("DE*ABC*E1"),
        medium: [7; 32],
        findings: Vec::new(),
        has_pin: false,
        plan,
        ticket: None,
    }
}

async fn exists(ledger: &dyn Ledger, process: ProcessId) -> bool {
    ledger.message(process).await.unwrap().is_some()
}

async fn has_body(ledger: &dyn Ledger, process: ProcessId) -> bool {
    !message(ledger, process).await.body.is_empty()
}

pub(crate) async fn bodies_go_first_and_what_became_of_them_stays(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = opened_on(&*ledger, 0).await;
    let start = delivered_on(&*ledger, session, Start, 0).await;
    let end = delivered_on(&*ledger, session, End, 0).await;
    let other = opened_on(&*ledger, 9).await;
    let young = delivered_on(&*ledger, other, End, 9).await;
    assert_eq!(pass_on(&*ledger, 9).await, Counts::new(), "nothing is old enough");
    let removed = pass_on(&*ledger, 11).await;
    assert_eq!(removed, Counts::from([(Kind::Bodies, 2), (Kind::Requests, 1)]));
    for process in [start, end] {
        let message = message(&*ledger, process).await;
        assert!(message.body.is_empty() && message.erased_at == Some(at(11 * DAY)));
        assert_eq!(message.deliveries[0].state, "delivered");
        assert!(ledger.receipt(process).await.unwrap().is_some(), "a receipt needs no body");
    }
    assert!(has_body(&*ledger, young).await);
    let story = ledger.session_story(session).await.unwrap().unwrap();
    assert_eq!(story.authorisations[0].erased_at, Some(at(11 * DAY)));
    assert_eq!(pass_on(&*ledger, 11).await, Counts::new(), "a second pass finds nothing");
}

pub(crate) async fn what_is_owed_or_of_an_open_session_stays(place: &dyn Place) {
    let ledger = begin(place).await;
    let owed = opened_on(&*ledger, 0).await;
    let intake = with_body(owed, End, 0, body(End, 1));
    let end = intake.process;
    let lease = going(&*ledger, intake).await;
    fail(&*ledger, lease, 1, 500 * DAY).await;
    let open = opened_on(&*ledger, 0).await;
    let start = delivered_on(&*ledger, open, Start, 0).await;
    let over = opened_on(&*ledger, 0).await;
    let done = delivered_on(&*ledger, over, End, 0).await;
    delivered_on(&*ledger, opened_on(&*ledger, 80).await, End, 80).await;
    let removed = pass_on(&*ledger, 80).await;
    assert!(!removed.contains_key(&Kind::Messages), "the front is owed: {removed:?}");
    assert!(has_body(&*ledger, end).await && has_body(&*ledger, start).await);
    assert!(!has_body(&*ledger, done).await, "what has to stay does not keep the bodies of others");
    let outlook = ledger.outlook(ages(), at(80 * DAY)).await.unwrap();
    assert!(outlook.held_up.unwrap().why.contains("owed"));
    assert_eq!(outlook.oldest[&Kind::Messages], at(0));
    // Given up at last, and nobody has spoken of the other for a quarter of a year.
    assert!(claim(&*ledger, 500 * DAY).await.is_empty());
    assert_eq!(states(&*ledger, end).await, ["exhausted"]);
    pass_on(&*ledger, 501).await;
    for process in [end, start, done] {
        assert!(!exists(&*ledger, process).await);
    }
    for session in [owed, open, over] {
        assert!(ledger.session(session).await.unwrap().is_none());
    }
}

pub(crate) async fn a_session_goes_with_its_first_message_and_not_before_its_last_is_old(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = opened_on(&*ledger, 0).await;
    let start = delivered_on(&*ledger, session, Start, 0).await;
    delivered_on(&*ledger, session, Progress, 1).await;
    let end = with_body(session, End, 25 * DAY, body(End, 25));
    let lease = going(&*ledger, end.clone()).await;
    deliver(&*ledger, lease, 25 * DAY).await;
    delivered_on(&*ledger, opened_on(&*ledger, 26).await, End, 26).await;
    pass_on(&*ledger, 40).await;
    assert!(exists(&*ledger, start).await, "its session ended only two weeks ago");
    let (first, standing) = repeat(&*ledger, again(&end, 40 * DAY)).await;
    assert_eq!(first, end.process, "a repeat is recognised as long as the session is there");
    assert!(matches!(standing, Repeated::Delivered { .. }));
    let removed = pass_on(&*ledger, 56).await;
    assert_eq!(removed[&Kind::Messages], 3);
    assert!(ledger.session(session).await.unwrap().is_none());
    assert!(ledger.messages_of(session).await.unwrap().is_empty());
    let late = take_in(&*ledger, again(&end, 56 * DAY)).await;
    assert_eq!(late, Taken::Declined(Declined::SessionInvalid));
    assert_eq!(removed[&Kind::Authorisations], 1);
}

pub(crate) async fn a_session_in_which_nothing_was_heard_goes_too(place: &dyn Place) {
    let ledger = begin(place).await;
    let silent = opened_on(&*ledger, 0).await;
    let refused = SessionKey::new();
    ledger.open_pending(PendingSession { request: body(Start, 0), ..pending(refused) }).await.unwrap();
    ledger.decide(decision(refused, None)).await.unwrap();
    opened_on(&*ledger, 85).await;
    let removed = pass_on(&*ledger, 89).await;
    assert!(!removed.contains_key(&Kind::Authorisations), "a quarter of a year is not over: {removed:?}");
    let removed = pass_on(&*ledger, 91).await;
    assert_eq!((removed[&Kind::Requests], removed[&Kind::Authorisations]), (2, 2));
    assert!(ledger.session(silent).await.unwrap().is_none());
    assert!(
        ledger.due_for_a_look(at(1000 * DAY), 100).await.unwrap().iter().all(|one| one.session != silent)
    );
    assert!(ledger.requests_without_session(None, 10).await.unwrap().is_empty());
}

pub(crate) async fn what_nobody_confirmed_stays_until_the_bound(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut held = Vec::new();
    for number in 0..3 {
        let session = opened_on(&*ledger, 0).await;
        held.push(hold(&*ledger, with_body(session, End, 0, body(End, number))).await);
    }
    delivered_on(&*ledger, opened_on(&*ledger, 99).await, End, 99).await;
    catch_up(&*ledger, 0).await;
    assert_eq!(confirm(&*ledger, 2, 20 * DAY).await.0, 2);
    pass_on(&*ledger, 99).await;
    assert!(!exists(&*ledger, held[0]).await && !exists(&*ledger, held[1]).await);
    assert!(has_body(&*ledger, held[2]).await, "it waits in the feed");
    let feed = feed_of(&*ledger, provider()).await;
    assert_eq!(feed.iter().map(|entry| entry.position.number()).collect::<Vec<_>>(), [3]);
    pass_on(&*ledger, 101).await;
    assert!(!exists(&*ledger, held[2]).await, "nobody came for it");
    assert_eq!(
        ledger.feed_ends(provider()).await.unwrap().last,
        position(3),
        "positions are never given again"
    );
}

pub(crate) async fn a_record_leaves_what_accounts_need(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = opened_on(&*ledger, 0).await;
    delivered_on(&*ledger, session, End, 0).await;
    let record = record_on(session, 1, CdrPlan::Owe { by: at(DAY) });
    let process = record.process;
    assert_eq!(ledger.take_in_cdr(record.clone().into()).await.unwrap(), CdrTaken::Stored);
    let only = Some(roamhub_core::lane::Urgency::Record);
    let claimed = ledger.claim_due(provider(), only, at(DAY), at(DAY + 40), 9).await.unwrap();
    deliver(&*ledger, claimed.owed[0].lease, DAY + 1).await;
    delivered_on(&*ledger, opened_on(&*ledger, 20).await, End, 20).await;
    let removed = pass_on(&*ledger, 20).await;
    assert!(!removed.contains_key(&Kind::Records) && has_body(&*ledger, process).await, "{removed:?}");
    let removed = pass_on(&*ledger, 22).await;
    assert_eq!(removed[&Kind::Records], 1);
    assert!(!has_body(&*ledger, process).await);
    assert_eq!(ledger.cdr_bodies(vec![CdrNo(2)], 1000).await.unwrap(), [None]);
    let kept = ledger.kept_records(0, 10).await.unwrap();
    assert_eq!((kept.len(), kept[0].process, kept[0].digest), (1, process, record.digest));
    let text = std::str::from_utf8(&kept[0].record).unwrap();
    assert!(text.contains("\"N\":1") && !text.contains(UID), "{text}");
    pass_on(&*ledger, 60).await;
    assert!(!exists(&*ledger, process).await && ledger.session(session).await.unwrap().is_none());
    assert_eq!(ledger.kept_records(0, 10).await.unwrap(), kept, "accounts are kept longer");
    pass_on(&*ledger, 302).await;
    assert!(ledger.kept_records(0, 10).await.unwrap().is_empty());
}

pub(crate) async fn small_things_go_by_their_own_age(place: &dyn Place) {
    let ledger = begin(place).await;
    for day in [0, 4] {
        ledger.note_refusal(Refusal {
            process: ProcessId::new(),
            received_at: at(day * DAY),
            service: "ChargingNotifications".to_owned(),
            partner: None,
            session: None,
            http_status: 400,
            code: 22,
            reason: format!("day {day}"),
        });
        ledger.store_partners(format!("# {day}"), at(day * DAY)).await.unwrap();
    }
    opened_on(&*ledger, 0).await;
    let removed = pass_on(&*ledger, 6).await;
    assert_eq!(removed, Counts::from([(Kind::Refusals, 1)]));
    assert_eq!(ledger.refusals(9).await.unwrap()[0].reason, "day 4");
    assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), Some(provider()));
    let removed = pass_on(&*ledger, 50).await;
    assert_eq!((removed[&Kind::Cards], removed[&Kind::Audit]), (1, 1));
    assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), None);
    assert_eq!(ledger.load_partners().await.unwrap().as_deref(), Some("# 4"), "the one that counts stays");
}

pub(crate) async fn a_message_that_somebody_has_yet_to_read_in_order_stays(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = opened_on(&*ledger, 0).await;
    let end = delivered_on(&*ledger, session, End, 0).await;
    delivered_on(&*ledger, opened_on(&*ledger, 99).await, End, 99).await;
    pass(&*ledger, ages(), at(200 * DAY)).await;
    assert!(exists(&*ledger, end).await, "neither feeds nor watchdog have passed it");
    pass_on(&*ledger, 200).await;
    assert!(!exists(&*ledger, end).await);
}

pub(crate) async fn for_ever_is_possible_and_the_newest_message_always_stays(place: &dyn Place) {
    let ledger = begin(place).await;
    let end = delivered_on(&*ledger, opened_on(&*ledger, 0).await, End, 0).await;
    let newest = delivered_on(&*ledger, opened_on(&*ledger, 0).await, End, 0).await;
    catch_up(&*ledger, 0).await;
    let forever = Ages {
        bodies: Age::Forever,
        records: Age::Forever,
        messages: Age::Forever,
        unconfirmed: Age::Forever,
        records_without_identification: Age::Forever,
        cards: Age::Forever,
        refusals: Age::Forever,
        audit: Age::Forever,
    };
    assert_eq!(pass(&*ledger, forever, at(10_000 * DAY)).await, Counts::new());
    assert!(has_body(&*ledger, end).await);
    pass_on(&*ledger, 10_000).await;
    assert!(!exists(&*ledger, end).await && exists(&*ledger, newest).await);
    drop(ledger);
    let ledger = place.open(at(10_000 * DAY)).await;
    let later = delivered_on(&*ledger, opened_on(&*ledger, 10_000).await, End, 10_000).await;
    assert!(exists(&*ledger, later).await);
    let outlook = ledger.outlook(ages(), at(10_000 * DAY)).await.unwrap();
    assert_eq!(outlook.last.unwrap().removed[&Kind::Messages], 1, "the last pass is remembered");
}
