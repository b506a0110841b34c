//! Erasure: what goes, what stays, what has to wait.

use bytes::Bytes;
use roamhub_core::MessageKind::{End, Start};
use roamhub_core::delivery::{FinalState, Lease};
use roamhub_core::erasure::{ErasureCount, Undelivered};
use roamhub_core::ports::{Fate, Ledger, Repeated};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{ProcessId, SessionKey};

use crate::Place;
use crate::scene::*;

const CARD: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

async fn opened(ledger: &dyn Ledger, medium: [u8; 32]) -> SessionKey {
    let key = SessionKey::new();
    ledger.open_pending(PendingSession { medium, ..pending(key) }).await.unwrap();
    ledger.decide(AuthorisationOutcome { medium, ..decision(key, Some(provider())) }).await.unwrap();
    key
}

pub(crate) async fn a_body_goes_and_digest_times_and_outcome_stay(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger, CARD).await;
    let intake = notice(key, End, 0);
    let (process, digest) = (intake.process, intake.digest);
    let lease = going(&*ledger, intake).await;
    deliver(&*ledger, lease, 1).await;
    let would = ledger.erasable(key).await.unwrap();
    assert_eq!(would, ErasureCount { sessions: 1, messages: 1, requests: 1, ..ErasureCount::default() });
    assert!(!message(&*ledger, process).await.body.is_empty(), "counting erases nothing");
    assert_eq!(ledger.erase_session(key, Undelivered::Keep, at(2)).await.unwrap(), would);
    ledger.purge().await.unwrap();
    drop(ledger);
    let ledger = place.open(at(3)).await;
    let shown = message(&*ledger, process).await;
    assert_eq!((shown.body, shown.erased_at, shown.digest), (Bytes::new(), Some(at(2)), digest));
    assert_eq!((shown.received_at, shown.deliveries[0].state.as_str()), (at(0), "delivered"));
    let story = ledger.session_story(key).await.unwrap().unwrap();
    assert_eq!(story.authorisations[0].erased_at, Some(at(2)));
    let again = ledger.erase_session(key, Undelivered::Keep, at(4)).await.unwrap();
    assert_eq!(again, ErasureCount { sessions: 1, erased_before: 2, ..ErasureCount::default() });
    assert_eq!(message(&*ledger, process).await.erased_at, Some(at(2)), "the first time counts");
}

pub(crate) async fn sessions_are_found_by_their_medium(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut theirs = [opened(&*ledger, CARD).await, opened(&*ledger, CARD).await];
    let other = opened(&*ledger, OTHER).await;
    theirs.sort();
    assert_eq!(ledger.sessions_of_medium(CARD).await.unwrap(), theirs);
    assert_eq!(ledger.sessions_of_medium([3; 32]).await.unwrap(), []);
    assert_eq!(ledger.medium_of_session(other).await.unwrap(), Some(OTHER));
    assert_eq!(ledger.medium_of_session(SessionKey::new()).await.unwrap(), None);
}

pub(crate) async fn what_is_under_way_is_never_touched(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger, CARD).await;
    let intake = notice(key, End, 0);
    let process = intake.process;
    let lease = going(&*ledger, intake.clone()).await;
    for undelivered in [Undelivered::Keep, Undelivered::End] {
        let count = ledger.erase_session(key, undelivered, at(1)).await.unwrap();
        assert_eq!((count.messages, count.under_way), (0, 1), "{undelivered:?}");
    }
    assert_eq!(message(&*ledger, process).await.body, intake.body);
    deliver(&*ledger, lease, 2).await;
    assert_eq!(ledger.erase_session(key, Undelivered::Keep, at(3)).await.unwrap().messages, 1);
}

pub(crate) async fn what_is_owed_is_kept_or_ends_with_a_named_reason(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger, CARD).await;
    let intake = notice(key, Start, 0);
    let lease = going(&*ledger, intake.clone()).await;
    fail(&*ledger, lease, 1, 50).await;
    // Parked behind it.
    stored(&*ledger, notice(key, Start, 2)).await;
    let kept = ledger.erase_session(key, Undelivered::Keep, at(3)).await.unwrap();
    assert_eq!((kept.messages, kept.undelivered), (0, 2));
    assert_eq!(claimed(&*ledger, 50).await, [lease.delivery], "it is still sent");
    fail(&*ledger, Lease { token: 2, ..lease }, 51, 60).await;

    let ended = ledger.erase_session(key, Undelivered::End, at(55)).await.unwrap();
    assert_eq!((ended.messages, ended.undelivered), (2, 2));
    assert_eq!(ledger.backlog().await.unwrap(), []);
    assert_eq!(claimed(&*ledger, 1_000).await, [], "nothing is left to send");
    let shown = message(&*ledger, intake.process).await;
    assert_eq!(shown.deliveries[0].state, "exhausted");
    assert_eq!(shown.deliveries[0].reason.as_deref(), Some("erased"));
    assert_eq!(shown.deliveries[0].attempts.len(), 2, "what happened stays");
}

pub(crate) async fn what_is_sent_in_again_after_its_erasure_is_sent_but_not_stored_again(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger, CARD).await;
    let intake = notice(key, End, 0);
    let lease = going(&*ledger, intake.clone()).await;
    refuse(&*ledger, lease, 1).await;
    ledger.erase_session(key, Undelivered::Keep, at(2)).await.unwrap();
    let (first, standing) = repeat(&*ledger, again(&intake, 3)).await;
    let Repeated::Reopened(sending) = standing else { panic!("reopened, not {standing:?}") };
    assert_eq!(first, intake.process);
    // Nobody could be reached with the bytes in hand; there are none to try with later.
    fail(&*ledger, sending.lease, 4, 10).await;
    assert_eq!(claimed(&*ledger, 10).await, []);
    let shown = message(&*ledger, intake.process).await;
    assert_eq!(shown.deliveries[1].reason.as_deref(), Some("erased"));
}

pub(crate) async fn a_card_number_that_a_provider_repeated_goes_too(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger, CARD).await;
    let body = r#"{"Identification":{"RFIDMifareFamilyIdentification":{"UID":"04C0FFEE123456"}}}"#;
    let intake = with_body(key, End, 0, body.as_bytes().to_vec());
    let process = intake.process;
    let lease = going(&*ledger, intake).await;
    let said = br#"{"Result":false,"StatusCode":{"Code":"102","Description":"card 04c0ffee123456"}}"#;
    let mut first = attempt(1, "faulted", Some(said));
    first.detail = "102 card 04C0FFEE123456".to_owned();
    let fate = Fate::Retry { due_at: at(5), faulted: true, unusable: false };
    ledger.settle(lease, at(1), first.clone(), fate).await.unwrap();
    let lease = claim(&*ledger, 5).await.remove(0).lease;
    let fate = Fate::Final { state: FinalState::Refused, reason: None };
    ledger.settle(lease, at(6), first, fate).await.unwrap();
    ledger.erase_session(key, Undelivered::Keep, at(7)).await.unwrap();
    let shown = message(&*ledger, process).await;
    assert_eq!(shown.deliveries[0].attempts.len(), 2);
    for attempt in &shown.deliveries[0].attempts {
        let said = String::from_utf8(attempt.acknowledgement.clone().unwrap().to_vec()).unwrap();
        assert_eq!(
            said,
            r#"{"Result":false,"StatusCode":{"Code":"102","Description":"card **************"}}"#
        );
        assert_eq!(attempt.detail, "102 card **************");
    }
}

pub(crate) async fn requests_that_came_to_no_session_are_found_in_order_and_erased(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut void = Vec::new();
    for number in 0..5_u8 {
        let key = SessionKey::new();
        let process = ProcessId::new();
        let request = Bytes::from(vec![number; 10]);
        ledger
            .open_pending(PendingSession { process, request: request.clone(), ..pending(key) })
            .await
            .unwrap();
        ledger.decide(decision(key, (number == 2).then(provider))).await.unwrap();
        if number != 2 {
            void.push((process, request));
        }
    }
    assert_eq!(ledger.requests_without_session(None, 10).await.unwrap(), void);
    let behind = ledger.requests_without_session(Some(void[0].0), 2).await.unwrap();
    assert_eq!(behind, void[1..3]);
    assert_eq!(ledger.erase_request(void[1].0, at(9)).await.unwrap().requests, 1);
    void.remove(1);
    assert_eq!(ledger.requests_without_session(None, 10).await.unwrap(), void);
}

pub(crate) async fn a_remembered_card_is_forgotten(place: &dyn Place) {
    let ledger = begin(place).await;
    opened(&*ledger, CARD).await;
    opened(&*ledger, OTHER).await;
    assert!(ledger.forget_medium(CARD).await.unwrap());
    assert!(!ledger.forget_medium(CARD).await.unwrap());
    assert_eq!(ledger.remembered_provider(CARD).await.unwrap(), None);
    assert_eq!(ledger.remembered_provider(OTHER).await.unwrap(), Some(provider()));
}
