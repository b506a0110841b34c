//! Release before authorise: a driver whose last End did not get through asks to start at the next charger.

use std::time::Duration;

use roamhub_testkit::{Answer, FakeProvider, Received, Reply, messages};
use serde_json::json;

use crate::stage::{
    PATIENT, SOON, Stage, answer_notifications, assert_deferred, assert_delivered, hub_with, operator_of,
    process_of, provider_entry,
};

const CARD: &str = "04AA00AA00AA00";
const OTHER_CARD: &str = "04BB00BB00BB00";
/// Opens at the first failure, and does not probe by itself while a test runs.
const SHUT: &str = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 1, pause = \"10m\", longest_pause = \"10m\" }";

fn down() -> Reply {
    Reply::Json(503, json!({}))
}

async fn session_of(stage: &Stage, card: &str) -> String {
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid(card)).await;
    answer.json()["SessionID"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// The same card at another charger.
async fn next_charger(stage: &Stage, card: &str) -> Answer {
    let mut body = messages::authorize_start_rfid(card);
    body["EvseID"] = "DE*ABC*ETEST2".into();
    stage.operator.authorize_start(body).await
}

fn what(requests: &[Received]) -> Vec<&'static str> {
    let name =
        |request: &Received| if request.is_authorize_start() { "AuthorizeStart" } else { request.kind() };
    requests.iter().map(name).collect()
}

#[tokio::test]
async fn an_end_still_owed_reaches_the_provider_before_the_card_asks_to_start_anew() {
    for lines in [PATIENT, SHUT] {
        let stage = Stage::new(lines).await;
        let first = session_of(&stage, CARD).await;
        answer_notifications(&stage.provider, |_| down());
        let end = stage.operator.notify(messages::end(&first)).await;
        assert_deferred(&end);
        answer_notifications(&stage.provider, |_| {
            Reply::After(Duration::from_millis(300), Box::new(Reply::Acknowledge))
        });
        stage.provider.forget();
        let answer = next_charger(&stage, CARD).await;
        assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
        let seen = stage.provider.received();
        assert_eq!(what(&seen), ["End", "AuthorizeStart"], "with {lines}");
        assert_eq!(seen[0].header("process-id"), Some(process_of(&end).as_str()));
        stage.record_in_state(&end, "delivered").await;
        // Nothing is owed any more, and nothing holds the next one up.
        stage.provider.forget();
        assert_delivered(
            &stage.operator.notify(messages::end(answer.json()["SessionID"].as_str().unwrap())).await,
        );
        next_charger(&stage, OTHER_CARD).await;
        assert_eq!(what(&stage.provider.received()), ["End", "AuthorizeStart"]);
    }
}

#[tokio::test]
async fn after_a_restart_it_is_still_known_whose_end_is_owed() {
    let mut stage = Stage::new(SHUT).await;
    let first = session_of(&stage, CARD).await;
    answer_notifications(&stage.provider, |_| down());
    let end = stage.operator.notify(messages::end(&first)).await;
    assert_deferred(&end);
    // Or it would be due at once after the kill, and sent before the card asks.
    stage.record_when(&end, "its first attempt", |record| record.attempts().len() == 1).await;
    stage.hub.kill9().await;
    stage.hub.restart().await;
    stage.find_hub_again();
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    stage.provider.forget();
    next_charger(&stage, CARD).await;
    assert_eq!(what(&stage.provider.received()), ["End", "AuthorizeStart"]);
}

#[tokio::test]
async fn an_end_that_is_just_being_sent_again_is_waited_for() {
    let stage = Stage::new("timeout = \"3s\"\nretry = [\"100ms\"]").await;
    let first = session_of(&stage, CARD).await;
    answer_notifications(&stage.provider, |request| match request.header("hub-attempt") {
        Some("1") => down(),
        _ => Reply::After(Duration::from_millis(700), Box::new(Reply::Acknowledge)),
    });
    assert_deferred(&stage.operator.notify(messages::end(&first)).await);
    stage.provider.wait_for(2, SOON).await;
    let answer = next_charger(&stage, CARD).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    let seen = stage.provider.received();
    assert_eq!(what(&seen), ["AuthorizeStart", "End", "End", "AuthorizeStart"]);
    let apart = seen[3].at - seen[2].at;
    assert!(apart > Duration::from_millis(650), "asked {apart:?} after the End was sent, answered or not");
}

#[tokio::test]
async fn all_ends_of_the_card_are_sent_and_nobody_elses() {
    let stage = Stage::new(PATIENT).await;
    let mut owed = Vec::new();
    for card in [CARD, OTHER_CARD, CARD] {
        let session = session_of(&stage, card).await;
        owed.push((card, session));
        // Another EVSE, or the repeated request would get the first one's answer.
        stage.provider.forget();
        let mut body = messages::authorize_start_rfid(card);
        body["EvseID"] = format!("DE*ABC*E{}", owed.len()).into();
        owed.push((
            card,
            stage.operator.authorize_start(body).await.json()["SessionID"].as_str().unwrap().to_owned(),
        ));
    }
    owed.dedup_by(|one, other| one.1 == other.1);
    owed.sort();
    owed.dedup();
    answer_notifications(&stage.provider, |_| down());
    for (_, session) in &owed {
        assert_deferred(&stage.operator.notify(messages::end(session)).await);
    }
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    stage.provider.forget();
    next_charger(&stage, CARD).await;
    let seen = stage.provider.received();
    let expected = owed.iter().filter(|(card, _)| *card == CARD).count();
    assert!(expected >= 3, "{owed:?}");
    assert_eq!(seen.last().map(Received::is_authorize_start), Some(true), "{seen:?}");
    let mut sent: Vec<_> = seen.iter().filter(|one| one.is_notification()).map(Received::session).collect();
    let mut own: Vec<_> =
        owed.iter().filter(|(card, _)| *card == CARD).map(|(_, session)| session.clone()).collect();
    sent.sort();
    own.sort();
    assert_eq!(sent, own, "the other card's stay where they are");
}

#[tokio::test]
async fn a_provider_that_is_silent_holds_the_authorisation_up_by_a_second_at_most() {
    let stage = Stage::new("timeout = \"3s\"\nretry = [\"10m\"]").await;
    let session = session_of(&stage, CARD).await;
    answer_notifications(&stage.provider, |_| down());
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&end);
    answer_notifications(&stage.provider, |_| Reply::Hang);
    stage.provider.forget();
    let answer = next_charger(&stage, CARD).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    let held_up = Duration::from_millis(950)..Duration::from_millis(2_500);
    assert!(held_up.contains(&answer.took), "{answer:?}");
    assert_eq!(what(&stage.provider.received()), ["End", "AuthorizeStart"]);
    // The attempt went on, had the provider's whole time, and is on record.
    let record = stage.record_when(&end, "a second attempt", |record| record.attempts().len() == 2).await;
    assert_eq!(record.outcomes(), ["unreachable", "unreachable"]);
}

#[tokio::test]
async fn a_dead_provider_costs_the_authorisation_next_to_nothing() {
    let stage = Stage::new(PATIENT).await;
    let session = session_of(&stage, CARD).await;
    stage.provider.stop().await;
    assert_deferred(&stage.operator.notify(messages::end(&session)).await);
    let answer = next_charger(&stage, CARD).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert!(answer.took < Duration::from_secs(1), "{answer:?}");
}

#[tokio::test]
async fn what_another_provider_is_owed_holds_nobody_up() {
    let silent = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let asked = FakeProvider::builder().provider_id("DE-BBB").start().await;
    let lines = |broadcast: bool| format!("broadcast = {broadcast}\ntimeout = \"3s\"\nretry = [\"10m\"]");
    let entries = [
        provider_entry("DE-AAA", &silent.url(), &lines(true)),
        provider_entry("DE-BBB", &asked.url(), &lines(false)),
    ];
    let hub = hub_with(&entries).await;
    let operator = operator_of(&hub);
    let answer = operator.authorize_start(messages::authorize_start_evco("DE-AAA-C12345678-X")).await;
    let session = answer.json()["SessionID"].as_str().unwrap().to_owned();
    answer_notifications(&silent, |_| down());
    assert_deferred(&operator.notify(messages::end(&session)).await);
    answer_notifications(&silent, |_| Reply::Hang);
    silent.forget();
    let answer = operator.authorize_start(messages::authorize_start_evco("DE-BBB-C12345678-X")).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    assert!(answer.took < Duration::from_millis(800), "{answer:?}");
    assert_eq!(silent.received().len(), 0);
}
