//! Charge detail records: intake, order, windows, comparing.

use bytes::Bytes;
use oicp::Finding;
use roamhub_core::MessageKind::{ChargeDetailRecord, End, Error};
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::FinalState;
use roamhub_core::erasure::Undelivered;
use roamhub_core::lane::Urgency;
use roamhub_core::ports::cdr::{CdrIntake, CdrListing, CdrPlan, CdrTaken, CdrWindow};
use roamhub_core::ports::{Declined, Ledger, Repeated, Taken};
use roamhub_core::replay::Selection;
use roamhub_core::session::SessionState;
use sha2::{Digest, Sha256};

use crate::Place;
use crate::scene::*;

/// A record that came in `seconds` after the story began, with bytes of its own.
fn record(session: SessionKey, seconds: i64) -> CdrIntake {
    let process = ProcessId::new();
    record_of(session, seconds, format!(r#"{{"Record":"{process}"}}"#))
}

fn record_of(session: SessionKey, seconds: i64, body: impl Into<Bytes>) -> CdrIntake {
    let body = body.into();
    CdrIntake {
        process: ProcessId::new(),
        received_at: at(seconds),
        session,
        operator: operator(),
        provider: provider(),
        digest: Sha256::digest(&body).into(),
        body,
        evse: evse("DE*ABC*E1"),
        medium: [7; 32],
        findings: Vec::new(),
        has_pin: false,
        plan: CdrPlan::Owe { by: at(seconds + 60) },
        ticket: None,
    }
}

async fn taken(ledger: &dyn Ledger, intake: CdrIntake) -> CdrTaken {
    ledger.take_in_cdr(intake.into()).await.expect("the ledger has an answer")
}

/// Takes it in; its id.
async fn kept(ledger: &dyn Ledger, intake: CdrIntake) -> ProcessId {
    let process = intake.process;
    assert_eq!(taken(ledger, intake).await, CdrTaken::Stored);
    process
}

/// A session that is over, with its record; the record's id.
async fn closed(ledger: &dyn Ledger, seconds: i64) -> ProcessId {
    let session = session(ledger).await;
    kept(ledger, record(session, seconds)).await
}

async fn claim_records(ledger: &dyn Ledger, seconds: i64) -> Vec<roamhub_core::delivery::OwedDelivery> {
    let only = Some(Urgency::Record);
    ledger.claim_due(provider(), only, at(seconds), at(seconds + 40), 100).await.unwrap().owed
}

fn window(from: i64, to: i64) -> CdrWindow {
    let (sessions, operators) = (Vec::new(), Vec::new());
    CdrWindow { provider: provider(), from: at(from), to: at(to), sessions, operators, forwarded: None }
}

async fn listed(ledger: &dyn Ledger, window: CdrWindow, now: i64) -> CdrListing {
    ledger.list_cdrs(window, at(now), 0, 1000).await.unwrap()
}

async fn bodies(ledger: &dyn Ledger, listing: &CdrListing) -> Vec<Bytes> {
    let bodies = ledger.cdr_bodies(listing.page.clone(), usize::MAX).await.unwrap();
    bodies.into_iter().map(Option::unwrap).collect()
}

pub(crate) async fn a_record_closes_its_session_and_is_owed_at_once(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = record(session, 5);
    let process = kept(&*ledger, first.clone()).await;
    assert_eq!(ledger.session(session).await.unwrap().unwrap().state, SessionState::Closed);
    let due = ledger.due(at(5)).await.unwrap();
    assert_eq!((due.providers, due.records), (vec![], vec![provider()]));
    drop(ledger);
    let ledger = place.open(at(6)).await;
    let owed = claim_records(&*ledger, 6).await;
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].process, owed[0].kind, owed[0].operator), (process, ChargeDetailRecord, operator()));
    assert_eq!((owed[0].lease.token, &owed[0].body), (1, &first.body));
    deliver(&*ledger, owed[0].lease, 7).await;
    assert_eq!(states(&*ledger, process).await, ["delivered"]);
}

pub(crate) async fn a_record_lets_an_owed_end_go_first_for_a_minute(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = going(&*ledger, notice(session, End, 0)).await;
    fail(&*ledger, end, 1, 10_000).await;
    let process = kept(&*ledger, record(session, 2)).await;
    assert!(claim_records(&*ledger, 61).await.is_empty());
    assert_eq!(ledger.due(at(61)).await.unwrap().next, Some(at(62)));
    let owed = claim_records(&*ledger, 62).await;
    assert_eq!(owed[0].process, process, "a minute is enough");
}

pub(crate) async fn once_the_end_is_through_the_record_waits_no_longer(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let (end, error) = (going(&*ledger, notice(session, End, 0)).await, notice(session, Error, 0));
    stored(&*ledger, error).await;
    kept(&*ledger, record(session, 2)).await;
    assert!(claim_records(&*ledger, 3).await.is_empty(), "the End is under way");
    deliver(&*ledger, end, 4).await;
    assert_eq!(claim_records(&*ledger, 4).await.len(), 1, "it waits for nobody else");
}

pub(crate) async fn a_record_that_failed_keeps_its_own_time(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = going(&*ledger, notice(session, End, 0)).await;
    fail(&*ledger, end, 1, 300).await;
    kept(&*ledger, record(session, 2)).await;
    let owed = claim_records(&*ledger, 100).await;
    fail(&*ledger, owed[0].lease, 101, 5_000).await;
    let end = claim(&*ledger, 301).await;
    deliver(&*ledger, end[0].lease, 302).await;
    assert!(claim_records(&*ledger, 4_999).await.is_empty());
    assert_eq!(claim_records(&*ledger, 5_000).await.len(), 1);
}

pub(crate) async fn the_same_bytes_are_a_repeat_and_others_are_declined(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, other) = (session(&*ledger).await, session(&*ledger).await);
    let first = record(one, 5);
    let process = kept(&*ledger, first.clone()).await;
    assert_eq!(ledger.cdr_of(one).await.unwrap().map(|known| known.process), Some(process));
    let again = CdrIntake { process: ProcessId::new(), received_at: at(9), ..first.clone() };
    assert_eq!(taken(&*ledger, again.clone()).await, CdrTaken::Repeat(process));
    assert_eq!(taken(&*ledger, record(one, 9)).await, CdrTaken::SessionInvalid);
    let stranger = oicp::OperatorId::parse("DE*QQQ").unwrap();
    let theirs = CdrIntake { operator: stranger, ..again };
    assert_eq!(taken(&*ledger, theirs).await, CdrTaken::SessionInvalid);
    assert_eq!(ledger.cdr_of(other).await.unwrap(), None);
    assert_eq!(taken(&*ledger, record(SessionKey::new(), 9)).await, CdrTaken::SessionInvalid);
    let undecided = SessionKey::new();
    ledger.open_pending(pending(undecided)).await.unwrap();
    assert_eq!(taken(&*ledger, record(undecided, 9)).await, CdrTaken::SessionInvalid);
    assert_eq!(claim_records(&*ledger, 10).await.len(), 1, "nothing was reopened");
}

pub(crate) async fn after_the_record_nothing_new_is_taken_and_a_repeat_has_its_answer(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = notice(session, End, 0);
    let lease = going(&*ledger, end.clone()).await;
    deliver(&*ledger, lease, 1).await;
    kept(&*ledger, record(session, 2)).await;
    let invalid = Taken::Declined(Declined::SessionInvalid);
    assert_eq!(take_in(&*ledger, notice(session, End, 3)).await, invalid);
    assert_eq!(take_in(&*ledger, notice(session, Error, 3)).await, invalid);
    assert!(matches!(repeat(&*ledger, again(&end, 4)).await.1, Repeated::Delivered { .. }));
}

pub(crate) async fn bytes_that_came_as_an_end_before_stay_two_messages(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = notice(session, End, 0);
    let lease = going(&*ledger, end.clone()).await;
    refuse(&*ledger, lease, 1).await;
    let process = kept(&*ledger, record_of(session, 2, end.body.clone())).await;
    drop(ledger);
    let ledger = place.open(at(3)).await;
    let (first, standing) = repeat(&*ledger, again(&end, 4)).await;
    assert_eq!(first, end.process);
    assert!(matches!(standing, Repeated::Reopened(_)), "{standing:?}");
    assert_eq!(ledger.cdr_of(session).await.unwrap().unwrap().process, process);
    assert_eq!(ledger.messages_of(session).await.unwrap().len(), 2);
}

pub(crate) async fn a_window_that_was_read_gets_no_more_records(place: &dyn Place) {
    let ledger = begin(place).await;
    closed(&*ledger, 10).await;
    let before = listed(&*ledger, window(0, 20), 30).await;
    assert_eq!(before.total, 1);
    // Both came before the window was read, and are stored only now, the later one first.
    let (late, later) = (closed(&*ledger, 19).await, closed(&*ledger, 15).await);
    assert_eq!(listed(&*ledger, window(0, 20), 31).await, before);
    let times = [late, later].map(|process| {
        let ledger = ledger.clone();
        async move { message(&*ledger, process).await.received_at }
    });
    let [late, later] = times;
    let (late, later) = (late.await, later.await);
    assert!(at(20) < late && late < later, "{late} {later}");
    assert_eq!(listed(&*ledger, window(20, 21), 32).await.total, 2, "the next window has them");
    // What reaches into the future is shown as far as it has come, and only grows at its end.
    let open = listed(&*ledger, window(0, 1_000), 40).await;
    closed(&*ledger, 35).await;
    let grown = listed(&*ledger, window(0, 1_000), 41).await;
    assert_eq!((open.total, grown.total), (3, 4));
    assert!(grown.page.starts_with(&open.page));
    drop(ledger);
    let ledger = place.open(at(50)).await;
    let process = closed(&*ledger, 34).await;
    assert!(message(&*ledger, process).await.received_at > at(35), "also after a restart");
    let process = closed(&*ledger, -1_000).await;
    let received_at = message(&*ledger, process).await.received_at;
    assert_eq!(received_at, at(-1_000), "a clock that was wrong is not followed");
}

pub(crate) async fn a_window_is_filtered_and_paged_in_order_of_reception(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut records = Vec::new();
    for seconds in 1..=5 {
        let intake = record(session(&*ledger).await, seconds);
        kept(&*ledger, intake.clone()).await;
        records.push(intake);
    }
    let other = provider_named("NL-XYZ");
    let theirs = CdrIntake { provider: other, ..record(session_with(&*ledger, other).await, 6) };
    kept(&*ledger, theirs).await;
    let all = listed(&*ledger, window(0, 100), 100).await;
    let expected: Vec<_> = records.iter().map(|record| record.body.clone()).collect();
    assert_eq!((all.total, bodies(&*ledger, &all).await), (5, expected.clone()));
    assert_eq!(listed(&*ledger, window(2, 4), 100).await.total, 3, "both bounds are inclusive");
    let page = ledger.list_cdrs(window(0, 100), at(100), 4, 2).await.unwrap();
    assert_eq!((page.total, bodies(&*ledger, &page).await), (5, expected[4..].to_vec()));
    let past = ledger.list_cdrs(window(0, 100), at(100), u64::MAX, 2).await.unwrap();
    assert_eq!((past.total, past.page.len()), (5, 0));
    let of_two = CdrWindow { sessions: vec![records[3].session, records[1].session], ..window(0, 100) };
    let of_two = listed(&*ledger, of_two, 100).await;
    assert_eq!(bodies(&*ledger, &of_two).await, [expected[1].clone(), expected[3].clone()]);
    let nobody = oicp::OperatorId::parse("DE*QQQ").unwrap();
    let of_nobody = CdrWindow { operators: vec![nobody], ..window(0, 100) };
    assert_eq!(listed(&*ledger, of_nobody, 100).await.total, 0);
    let of_both = CdrWindow { operators: vec![nobody, operator()], ..window(0, 100) };
    assert_eq!(listed(&*ledger, of_both, 100).await.total, 5);
    let one = ledger.cdr_bodies(all.page.clone(), 1).await.unwrap();
    assert_eq!(one.len(), 1, "bounded in bytes, but for the first");
}

pub(crate) async fn what_was_forwarded_is_known_also_by_a_replay(place: &dyn Place) {
    let ledger = begin(place).await;
    let (yes, no) = (closed(&*ledger, 1).await, closed(&*ledger, 2).await);
    for owed in claim_records(&*ledger, 3).await {
        match owed.process == yes {
            true => deliver(&*ledger, owed.lease, 4).await,
            false => refuse(&*ledger, owed.lease, 4).await,
        };
    }
    let count = async |forwarded| {
        listed(&*ledger, CdrWindow { forwarded: Some(forwarded), ..window(0, 100) }, 100).await.total
    };
    assert_eq!((count(true).await, count(false).await), (1, 1));
    let selection = Selection { provider: Some(provider()), ..Selection::default() };
    ledger.order_replay(selection, at(200)).await.unwrap();
    while ledger.fill_replays(at(201)).await.unwrap() != roamhub_core::replay::Filled::Nothing {}
    let replayed = ledger.claim_replays(provider(), at(202), at(240), 10).await.unwrap();
    assert_eq!((replayed.len(), replayed[0].process, replayed[0].operator), (1, no, operator()));
    let fate = roamhub_core::ports::Fate::Final { state: FinalState::Delivered, reason: None };
    let said = attempt(203, "delivered", Some(YES));
    ledger.settle_replay(replayed[0].lease, at(203), said, fate).await.unwrap();
    assert_eq!((count(true).await, count(false).await), (2, 0));
}

pub(crate) async fn a_held_record_is_in_the_window_and_in_no_feed(place: &dyn Place) {
    let ledger = begin(place).await;
    let held = CdrIntake { plan: CdrPlan::Hold, ..record(session(&*ledger).await, 1) };
    let process = kept(&*ledger, held).await;
    closed(&*ledger, 2).await;
    assert_eq!(states(&*ledger, process).await, ["held"]);
    sequence(&*ledger, &[]).await;
    sequence(&*ledger, &[provider()]).await;
    assert_eq!(feed_of(&*ledger, provider()).await.len(), 0);
    assert_eq!(listed(&*ledger, window(0, 10), 10).await.total, 2);
    assert_eq!(claim_records(&*ledger, 10).await.len(), 1);
}

pub(crate) async fn an_erased_record_is_left_out_and_found_by_the_card_it_names(place: &dyn Place) {
    let ledger = begin(place).await;
    let other_card = session(&*ledger).await;
    let intake = CdrIntake { medium: [9; 32], plan: CdrPlan::Hold, ..record(other_card, 1) };
    kept(&*ledger, intake).await;
    closed(&*ledger, 2).await;
    let before = listed(&*ledger, window(0, 10), 10).await;
    assert_eq!(ledger.sessions_of_medium([9; 32]).await.unwrap(), [other_card]);
    let count = ledger.erase_session(other_card, Undelivered::Keep, at(20)).await.unwrap();
    assert_eq!(count.messages, 1);
    let after = listed(&*ledger, window(0, 10), 30).await;
    assert_eq!((before.total, after.total), (2, 1));
    let read = ledger.cdr_bodies(before.page, usize::MAX).await.unwrap();
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

pub(crate) async fn records_are_drained_by_themselves_and_never_given_up_untried(place: &dyn Place) {
    const HOUR: i64 = 3_600;
    let ledger = begin(place).await;
    closed(&*ledger, 1).await;
    let end = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    ledger.defer(end, at(1), at(2)).await.unwrap();
    assert_eq!(claimed(&*ledger, 10).await, [end.delivery], "notifications leave records alone");
    let late = claim_records(&*ledger, 80 * HOUR).await;
    assert_eq!(late.len(), 1, "it has one try however old it is");
    fail(&*ledger, late[0].lease, 80 * HOUR + 1, 80 * HOUR + 2).await;
    assert!(claim_records(&*ledger, 80 * HOUR + 3).await.is_empty());
    assert_eq!(states(&*ledger, late[0].process).await, ["exhausted"]);
}

pub(crate) async fn a_record_is_compared_once_with_the_last_end_of_its_session(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    for _ in 0..2 {
        let lease = going(&*ledger, notice(session, End, 0)).await;
        deliver(&*ledger, lease, 1).await;
    }
    let last = notice(session, End, 2);
    let lease = going(&*ledger, last.clone()).await;
    deliver(&*ledger, lease, 3).await;
    let intake = record(session, 4);
    kept(&*ledger, intake.clone()).await;
    closed(&*ledger, 5).await;
    drop(ledger);
    let ledger = place.open(at(6)).await;
    let uncompared = ledger.uncompared(10).await.unwrap();
    assert_eq!(uncompared.len(), 2);
    assert_eq!(
        (uncompared[0].record.as_ref(), uncompared[0].end.as_ref()),
        (Some(&intake.body), Some(&last.body))
    );
    assert_eq!((uncompared[1].has_end, uncompared[1].end.as_ref()), (false, None));
    let finding = Finding {
        code: "record-energy-differs",
        pointer: "/ConsumedEnergy".into(),
        text: "größer".to_owned(),
    };
    let mut compared = uncompared.into_iter();
    let noted = vec![(compared.next().unwrap(), vec![finding]), (compared.next().unwrap(), Vec::new())];
    ledger.note_compared(noted, at(7)).await.unwrap();
    assert!(ledger.uncompared(10).await.unwrap().is_empty());
    let differences = ledger.differences(Some(operator()), 10).await.unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!((differences[0].session, differences[0].finding.text.as_str()), (session, "größer"));
    let story = ledger.session_story(session).await.unwrap().unwrap();
    assert_eq!(story.differences.len(), 1);
    let others = oicp::OperatorId::parse("DE*QQQ").unwrap();
    assert!(ledger.differences(Some(others), 10).await.unwrap().is_empty());
}

pub(crate) async fn a_closed_session_is_watched_no_more(place: &dyn Place) {
    let ledger = begin(place).await;
    let (open, without_end) = (session(&*ledger).await, session(&*ledger).await);
    kept(&*ledger, record(without_end, 5)).await;
    while ledger.follow(10, std::time::Duration::from_secs(60)).await.unwrap().behind {}
    let due = ledger.due_for_a_look(at(1_000_000), 10).await.unwrap();
    assert_eq!(due.into_iter().map(|watched| watched.session).collect::<Vec<_>>(), [open]);
}
