//! AuthorizeStart for a card that nobody knows: all are asked, the first yes wins, and the hub remembers who knew it.

use std::time::Duration;

use roamhub_testkit::{Answer, FakeOperator, FakeProvider, HubProcess, Received, Reply, messages};
use serde_json::json;

use crate::stage::{LONGEST_ANSWER, QUICK, SOON, assert_delivered, hub_with, operator_of, provider_entry};

const CARD: &str = "04A1B2C3D4E5F6";

/// Two providers that are asked about unknown cards.
struct Two {
    a: FakeProvider,
    b: FakeProvider,
    hub: HubProcess,
    operator: FakeOperator,
}

impl Two {
    async fn new() -> Self {
        let a = FakeProvider::builder().provider_id("DE-AAA").start().await;
        let b = FakeProvider::builder().provider_id("DE-BBB").start().await;
        let entries = [provider_entry("DE-AAA", &a.url(), QUICK), provider_entry("DE-BBB", &b.url(), QUICK)];
        let hub = hub_with(&entries).await;
        let operator = operator_of(&hub);
        Self { a, b, hub, operator }
    }

    /// Asks for a card, each time in other bytes.
    async fn ask(&self, card: &str, time: u32) -> Answer {
        let mut body = messages::authorize_start_rfid(card);
        body["CPOPartnerSessionID"] = format!("time {time}").into();
        self.operator.authorize_start(body).await
    }

    /// Asserts how often each has been asked. Who loses may hear the question after the winner has answered it.
    async fn assert_asked(&self, a: usize, b: usize) {
        let count = |seen: &[Received]| seen.iter().filter(|request| request.is_authorize_start()).count();
        self.a.wait_until(SOON, |seen| count(seen) >= a).await;
        self.b.wait_until(SOON, |seen| count(seen) >= b).await;
        assert_eq!((count(&self.a.received()), count(&self.b.received())), (a, b));
    }

    /// What the console counts as conflicts.
    async fn conflicts(&self) -> u64 {
        let page = self.hub.get_console("/metrics").await.text();
        let line = page.lines().find(|line| line.starts_with("roamhub_authorisation_conflicts_total"));
        line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
    }
}

fn refuses(provider: &FakeProvider, code: &'static str) {
    provider.set_script(move |request| {
        if request.is_authorize_start() { Reply::not_authorized(code) } else { Reply::Acknowledge }
    });
}

fn authorises(provider: &FakeProvider, after: Duration) {
    provider.set_script(move |_| Reply::After(after, Box::new(Reply::Acknowledge)));
}

#[track_caller]
fn assert_authorised_by(answer: &Answer, provider: &str) -> String {
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "Authorized", "{answer:?}");
    assert_eq!((said["ProviderID"].as_str(), answer.code().as_str()), (Some(provider), "000"), "{answer:?}");
    said["SessionID"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_nobody_authorises(answer: &Answer) {
    let said = answer.json();
    assert_eq!((answer.status, answer.code().as_str()), (200, "106"), "{answer:?}");
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized");
    assert!(said["SessionID"].is_null() && said["ProviderID"].is_null(), "{answer:?}");
    assert!(answer.took < LONGEST_ANSWER, "{answer:?}");
}

#[tokio::test]
async fn all_are_asked_at_the_same_time_and_the_first_yes_wins() {
    let two = Two::new().await;
    let slow = Duration::from_millis(700);
    authorises(&two.a, slow);
    let answer = two.ask(CARD, 1).await;
    let session = assert_authorised_by(&answer, "DE-BBB");
    assert!(answer.took < Duration::from_millis(500), "nobody waits for the slow one: {answer:?}");
    two.assert_asked(1, 1).await;
    let asked = (&two.a.received()[0], &two.b.received()[0]);
    assert_eq!(asked.0.session(), session, "one SessionID for all");
    assert_eq!(asked.0.body, asked.1.body);
    assert!(asked.0.at.max(asked.1.at) - asked.0.at.min(asked.1.at) < slow, "at the same time");
    // The session is the winner's.
    assert_delivered(&two.operator.notify(messages::end(&session)).await);
    assert_eq!((two.a.notifications().len(), two.b.notifications().len()), (0, 1));
}

#[tokio::test]
async fn a_late_yes_is_only_counted() {
    let two = Two::new().await;
    authorises(&two.a, Duration::from_millis(400));
    let session = assert_authorised_by(&two.ask(CARD, 1).await, "DE-BBB");
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let counted = async {
        while two.conflicts().await == 0 {
            looks.tick().await;
        }
    };
    tokio::time::timeout(SOON, counted).await.unwrap();
    assert_eq!(two.conflicts().await, 1);
    assert_delivered(&two.operator.notify(messages::end(&session)).await);
    assert_eq!((two.a.notifications().len(), two.b.notifications().len()), (0, 1), "it stays the winner's");
    // The memory keeps the winner, not the loser.
    assert_authorised_by(&two.ask(CARD, 2).await, "DE-BBB");
    two.assert_asked(1, 2).await;
}

#[tokio::test]
async fn a_late_no_is_nothing() {
    let two = Two::new().await;
    let no = Reply::After(Duration::from_millis(300), Box::new(Reply::not_authorized("102")));
    two.a.set_script(move |_| no.clone());
    assert_authorised_by(&two.ask(CARD, 1).await, "DE-BBB");
    // A no that came before changes nothing either.
    refuses(&two.a, "102");
    authorises(&two.b, Duration::from_millis(300));
    assert_authorised_by(&two.ask("04BBBBBB", 1).await, "DE-BBB");
    assert_eq!(two.conflicts().await, 0);
}

#[tokio::test]
async fn refused_by_all_leaves_no_session_behind() {
    let two = Two::new().await;
    refuses(&two.a, "102");
    refuses(&two.b, "210");
    assert_nobody_authorises(&two.ask(CARD, 1).await);
    two.assert_asked(1, 1).await;
    let session = two.a.received()[0].session();
    for body in [messages::start(&session), messages::end(&session)] {
        let answer = two.operator.notify(body).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.result()),
            (200, "400", false),
            "{answer:?}"
        );
    }
    assert!(two.a.notifications().is_empty() && two.b.notifications().is_empty());
}

#[tokio::test]
async fn who_does_not_answer_has_said_no() {
    let two = Two::new().await;
    two.a.stop().await;
    two.b.set_script(|_| Reply::Hang);
    assert_nobody_authorises(&two.ask(CARD, 1).await);
    two.b.set_script(|_| Reply::Acknowledge);
    assert_authorised_by(&two.ask(CARD, 2).await, "DE-BBB");
}

#[tokio::test]
async fn the_whole_broadcast_is_over_in_time_whatever_providers_do() {
    let a = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let b = FakeProvider::builder().provider_id("DE-BBB").start().await;
    a.set_script(|_| Reply::Trickle { every: Duration::from_secs(1) });
    b.set_script(|_| Reply::HangAfterHeaders);
    // The default time a provider gets: 6 s.
    let hub =
        hub_with(&[provider_entry("DE-AAA", &a.url(), ""), provider_entry("DE-BBB", &b.url(), "")]).await;
    let answer = operator_of(&hub).authorize_start(messages::authorize_start_rfid(CARD)).await;
    assert_nobody_authorises(&answer);
}

#[tokio::test]
async fn a_provider_that_does_not_want_to_be_asked_about_unknown_cards_is_not() {
    let a = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let b = FakeProvider::builder().provider_id("DE-BBB").start().await;
    let hub = hub_with(&[
        provider_entry("DE-AAA", &a.url(), "broadcast = false"),
        provider_entry("DE-BBB", &b.url(), QUICK),
    ])
    .await;
    let operator = operator_of(&hub);
    let answer = operator.authorize_start(messages::authorize_start_rfid(CARD)).await;
    assert_authorised_by(&answer, "DE-BBB");
    assert_eq!(a.connections(), 0);
    // Named by the contract id, it is asked.
    let answer = operator.authorize_start(messages::authorize_start_evco("DE-AAA-C12345678-X")).await;
    assert_authorised_by(&answer, "DE-AAA");
}

#[tokio::test]
async fn who_knew_a_card_is_asked_first_and_alone_also_after_a_restart() {
    let mut two = Two::new().await;
    refuses(&two.a, "102");
    assert_authorised_by(&two.ask(CARD, 1).await, "DE-BBB");
    two.assert_asked(1, 1).await;
    assert_authorised_by(&two.ask(CARD, 2).await, "DE-BBB");
    two.assert_asked(1, 2).await; // the one that knew it, alone
    two.hub.kill9().await;
    two.hub.restart().await;
    two.operator = operator_of(&two.hub);
    // The same card in another spelling.
    assert_authorised_by(&two.ask(&CARD.to_lowercase(), 3).await, "DE-BBB");
    two.assert_asked(1, 3).await; // also after a restart
    assert_authorised_by(&two.ask("04FFFFFF", 4).await, "DE-BBB");
    two.assert_asked(2, 4).await; // another card is another question
}

#[tokio::test]
async fn if_the_one_that_knew_it_says_no_the_others_are_asked_and_the_memory_moves() {
    let two = Two::new().await;
    refuses(&two.a, "102");
    assert_authorised_by(&two.ask(CARD, 1).await, "DE-BBB");
    // The driver has changed the provider.
    refuses(&two.b, "102");
    authorises(&two.a, Duration::ZERO);
    let session = assert_authorised_by(&two.ask(CARD, 2).await, "DE-AAA");
    two.assert_asked(2, 2).await;
    assert_delivered(&two.operator.notify(messages::end(&session)).await);
    assert_eq!((two.a.notifications().len(), two.b.notifications().len()), (1, 0));
    assert_authorised_by(&two.ask(CARD, 3).await, "DE-AAA");
    two.assert_asked(3, 2).await; // now the other one is asked alone
    // And if all say no, it is a no.
    refuses(&two.a, "102");
    assert_nobody_authorises(&two.ask(CARD, 4).await);
    two.assert_asked(4, 3).await;
}

#[tokio::test]
async fn if_the_one_that_knew_it_is_silent_or_down_the_others_are_asked() {
    let two = Two::new().await;
    refuses(&two.a, "102");
    assert_authorised_by(&two.ask(CARD, 1).await, "DE-BBB");
    authorises(&two.a, Duration::ZERO);
    two.b.set_script(|_| Reply::Hang);
    let answer = two.ask(CARD, 2).await;
    assert_authorised_by(&answer, "DE-AAA");
    assert!(answer.took < Duration::from_secs(4), "{answer:?}");
    assert_authorised_by(&two.ask(CARD, 3).await, "DE-AAA");
    two.a.stop().await;
    two.b.set_script(|_| Reply::Acknowledge);
    assert_authorised_by(&two.ask(CARD, 4).await, "DE-BBB");
}

#[tokio::test]
async fn one_yes_among_nonsense_is_a_yes() {
    let two = Two::new().await;
    for (time, nonsense) in [
        Reply::Json(200, json!({"AuthorizationStatus": "Perhaps"})),
        Reply::HalfJson,
        Reply::Reset,
        Reply::Huge(20 << 20),
        Reply::NoContent,
    ]
    .into_iter()
    .enumerate()
    {
        two.a.set_script(move |_| nonsense.clone());
        authorises(&two.b, Duration::from_millis(100));
        assert_authorised_by(&two.ask(&format!("04{time:06}"), 1).await, "DE-BBB");
    }
}
