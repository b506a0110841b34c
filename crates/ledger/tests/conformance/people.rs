//! What people are told: where trouble shows, what they were told already, what is still to be sent.

use roamhub_core::MessageKind::{End, Start};
use roamhub_core::ports::Ledger;
use roamhub_core::ports::people::{Channel, FailingEndpoint, MOST_OWED_MESSAGES, MessageFate, OwedMessage};
use roamhub_core::ports::{Fate, Settled};
use roamhub_core::trouble::{Side, Told, Trouble, TroubleKind};

use crate::Place;
use crate::scene::*;

async fn failing(ledger: &dyn Ledger) -> Vec<FailingEndpoint> {
    ledger.failing_endpoints().await.expect("the ledger can be read")
}

fn message(number: usize) -> OwedMessage {
    OwedMessage {
        no: 0,
        channel: if number.is_multiple_of(2) { Channel::Webhook } else { Channel::Mail },
        to: Side::Provider(provider()),
        subject: format!("message {number}"),
        body: format!("{{\"number\":{number},\"odd\":\"'\u{1F50C}\"}}"),
        tries: 0,
    }
}

async fn subjects(ledger: &dyn Ledger, seconds: i64) -> Vec<String> {
    let due = ledger.messages_due(at(seconds), 10_000).await.expect("the ledger can be read");
    due.into_iter().map(|message| message.subject).collect()
}

pub(crate) async fn an_endpoint_fails_from_its_first_failed_attempt_until_nothing_waits(place: &dyn Place) {
    let ledger = begin(place).await;
    let lease = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    assert_eq!(failing(&*ledger).await, [], "the first attempt is under way");
    fail(&*ledger, lease, 5, 20).await;
    let behind = session(&*ledger).await;
    let second = going(&*ledger, notice(behind, Start, 6)).await;
    fail(&*ledger, second, 7, 30).await;
    stored(&*ledger, notice(behind, Start, 8)).await;
    let [endpoint] = failing(&*ledger).await[..] else { panic!("one provider fails") };
    assert_eq!((endpoint.provider, endpoint.since, endpoint.misconfigured), (provider(), at(5), false));
    assert_eq!((endpoint.waiting, endpoint.ends), (3, 1), "the parked one waits as well");
    for owed in claim(&*ledger, 40).await {
        assert!(!failing(&*ledger).await.is_empty(), "still, while it is being sent again");
        deliver(&*ledger, owed.lease, 41).await;
    }
    for owed in claim(&*ledger, 45).await {
        deliver(&*ledger, owed.lease, 46).await;
    }
    assert_eq!(failing(&*ledger).await, []);
}

pub(crate) async fn the_newest_attempt_says_whether_it_is_misconfigured(place: &dyn Place) {
    let ledger = begin(place).await;
    let lease = going(&*ledger, notice(session(&*ledger).await, End, 0)).await;
    fail(&*ledger, lease, 5, 6).await;
    let [owed] = &claim(&*ledger, 7).await[..] else { panic!("it is due") };
    let fate = Fate::Retry { due_at: at(300), faulted: false, unusable: false };
    let settled = ledger.settle(owed.lease, at(8), attempt(8, "misconfigured", None), fate).await.unwrap();
    assert_eq!(settled, Settled::Recorded);
    let [endpoint] = failing(&*ledger).await[..] else { panic!("one provider fails") };
    assert!(endpoint.misconfigured);
    assert_eq!(endpoint.since, at(5));
}

pub(crate) async fn what_people_were_told_survives_a_restart(place: &dyn Place) {
    let ledger = begin(place).await;
    let trouble = |kind| Trouble { kind, about: Side::Provider(provider()) };
    let (failing, ghosts) = (trouble(TroubleKind::EndpointFailing), trouble(TroubleKind::Ghosts));
    let told = Told { since: at(1), reminders: 2, remind_at: at(99), gone_at: None };
    ledger.tell(vec![(failing, Some(told)), (ghosts, Some(told))], vec![message(0)], at(1)).await.unwrap();
    let gone = Told { gone_at: Some(at(50)), ..told };
    ledger.tell(vec![(failing, Some(gone)), (ghosts, None)], Vec::new(), at(2)).await.unwrap();
    drop(ledger);
    let ledger = place.open(at(60)).await;
    assert_eq!(ledger.told().await.unwrap(), [(failing, gone)]);
    assert_eq!(subjects(&*ledger, 60).await, ["message 0"]);
}

pub(crate) async fn messages_go_in_order_until_they_are_done(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.tell(Vec::new(), vec![message(1), message(2)], at(0)).await.unwrap(), 0);
    let due = ledger.messages_due(at(0), 1).await.unwrap();
    let [first] = &due[..] else { panic!("one at a time was asked for") };
    assert_eq!(*first, OwedMessage { no: first.no, ..message(1) });
    ledger.settle_message(first.no, MessageFate::Retry(at(30))).await.unwrap();
    assert_eq!(subjects(&*ledger, 29).await, ["message 2"]);
    assert_eq!(subjects(&*ledger, 30).await, ["message 1", "message 2"]);
    assert_eq!(ledger.messages_due(at(30), 1).await.unwrap()[0].tries, 1);
    ledger.settle_message(first.no, MessageFate::Done).await.unwrap();
    assert_eq!(subjects(&*ledger, 30).await, ["message 2"]);
}

pub(crate) async fn messages_nobody_takes_are_bounded_and_the_newest_stay(place: &dyn Place) {
    let ledger = begin(place).await;
    let all: Vec<_> = (0..MOST_OWED_MESSAGES).map(message).collect();
    assert_eq!(ledger.tell(Vec::new(), all, at(0)).await.unwrap(), 0);
    let more: Vec<_> = (MOST_OWED_MESSAGES..MOST_OWED_MESSAGES + 7).map(message).collect();
    assert_eq!(ledger.tell(Vec::new(), more, at(1)).await.unwrap(), 7);
    let left = subjects(&*ledger, 1).await;
    assert_eq!((left.len(), left[0].as_str()), (MOST_OWED_MESSAGES, "message 7"));
}
