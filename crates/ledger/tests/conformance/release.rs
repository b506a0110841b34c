//! The Ends still owed for a card: found whether they are filed yet or not, and claimed out of turn.

use oicp::ProviderId;
use roamhub_core::MessageKind::{End, Progress, Start};
use roamhub_core::SessionKey;
use roamhub_core::delivery::{DeliveryNo, Lease};
use roamhub_core::ports::{Intake, Ledger, OwedEnd};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};

use crate::Place;
use crate::scene::*;

const CARD: [u8; 32] = [1; 32];

/// Opens a session of this card with this provider.
async fn session_of(ledger: &dyn Ledger, medium: [u8; 32], by: ProviderId) -> SessionKey {
    let key = SessionKey::new();
    ledger.open_pending(PendingSession { medium, ..pending(key) }).await.unwrap();
    ledger.decide(AuthorisationOutcome { medium, ..decision(key, Some(by)) }).await.unwrap();
    key
}

/// An End of this card that failed once and is due in a long time.
async fn owed(ledger: &dyn Ledger, medium: [u8; 32], by: ProviderId) -> (Intake, Lease) {
    let intake = owed_to(by, notice(session_of(ledger, medium, by).await, End, 0));
    let lease = going(ledger, intake.clone()).await;
    fail(ledger, lease, 1, 10_000).await;
    (intake, lease)
}

async fn claim_ends(ledger: &dyn Ledger, by: ProviderId, limit: usize) -> Vec<DeliveryNo> {
    let claimed = ledger.claim_ends(by, CARD, at(5), at(45), limit).await.unwrap();
    claimed.into_iter().map(|owed| owed.lease.delivery).collect()
}

pub(crate) async fn an_owed_end_is_found_by_its_card_filed_or_not(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("NL-XYZ");
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), []);
    let (own, _) = owed(&*ledger, CARD, provider()).await;
    owed(&*ledger, [2; 32], provider()).await;
    let (theirs, _) = owed(&*ledger, CARD, other).await;
    // A Start is not looked for; an End that a request is sending is.
    let start = going(&*ledger, notice(session_of(&*ledger, CARD, provider()).await, Start, 0)).await;
    fail(&*ledger, start, 1, 10_000).await;
    let sent = notice(session_of(&*ledger, CARD, provider()).await, End, 0);
    let live = going(&*ledger, sent.clone()).await;
    let expected = |under_way| {
        vec![
            OwedEnd { provider: provider(), process: sent.process, under_way: true },
            OwedEnd { provider: provider(), process: own.process, under_way },
            OwedEnd { provider: other, process: theirs.process, under_way: false },
        ]
    };
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), expected(false));
    assert_eq!(ledger.file_media(1).await.unwrap(), 1);
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), expected(false), "some filed, some not");
    assert_eq!(ledger.file_media(100).await.unwrap(), 2);
    assert_eq!(ledger.file_media(100).await.unwrap(), 0, "each once");
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), expected(false));
    assert_eq!(ledger.claim_ends(provider(), CARD, at(5), at(45), 1).await.unwrap().len(), 1);
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), expected(true));
    deliver(&*ledger, live, 2).await;
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), expected(true)[1..]);
}

pub(crate) async fn the_ends_of_one_card_and_provider_are_claimed_before_they_are_due(place: &dyn Place) {
    for filed in [false, true] {
        let ledger = begin(place).await;
        let other = provider_named("NL-XYZ");
        let (intake, first) = owed(&*ledger, CARD, provider()).await;
        let (_, second) = owed(&*ledger, CARD, provider()).await;
        let (_, strangers) = owed(&*ledger, [2; 32], provider()).await;
        let (_, theirs) = owed(&*ledger, CARD, other).await;
        if filed {
            ledger.file_media(100).await.unwrap();
        }
        assert_eq!(claim_ends(&*ledger, provider(), 1).await, [first.delivery], "filed: {filed}");
        assert_eq!(claim_ends(&*ledger, provider(), 9).await, [second.delivery], "the first is under way");
        assert_eq!(claim_ends(&*ledger, provider(), 9).await, []);
        assert_eq!(claim_ends(&*ledger, other, 9).await, [theirs.delivery]);
        let next = Lease { token: first.token + 1, ..first };
        deliver(&*ledger, next, 6).await;
        assert_eq!(states(&*ledger, intake.process).await, ["delivered"]);
        let next = Lease { token: second.token + 1, ..second };
        fail(&*ledger, next, 6, 20_000).await;
        assert_eq!(claim_ends(&*ledger, provider(), 9).await, [second.delivery], "still owed");
        assert_eq!(claimed(&*ledger, 10_000).await, [strangers.delivery], "untouched");
        deliver(&*ledger, Lease { token: second.token + 2, ..second }, 7).await;
        deliver(&*ledger, Lease { token: theirs.token + 1, ..theirs }, 7).await;
        deliver(&*ledger, Lease { token: strangers.token + 1, ..strangers }, 7).await;
        assert_eq!(ledger.owed_ends(CARD).await.unwrap(), []);
    }
}

pub(crate) async fn an_end_that_is_being_sent_again_is_found_although_nobody_has_filed_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let (intake, _) = owed(&*ledger, CARD, provider()).await;
    assert_eq!(claimed(&*ledger, 10_000).await.len(), 1);
    let expected = OwedEnd { provider: provider(), process: intake.process, under_way: true };
    assert_eq!(ledger.owed_ends(CARD).await.unwrap(), [expected]);
}

pub(crate) async fn an_end_released_keeps_the_order_of_its_session(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session_of(&*ledger, CARD, provider()).await;
    let progress = notice(session, Progress, 0);
    let under_way = going(&*ledger, progress.clone()).await;
    let end = stored(&*ledger, notice(session, End, 1)).await.lease;
    ledger.defer(end, at(2), at(100)).await.unwrap();
    assert_eq!(claim_ends(&*ledger, provider(), 9).await, [], "one of a session at a time");
    fail(&*ledger, under_way, 3, 200).await;
    assert_eq!(claim_ends(&*ledger, provider(), 9).await, [end.delivery]);
    assert_eq!(states(&*ledger, progress.process).await, ["superseded"]);
}
