//! A provider's endpoint in trouble: its people and the hub's hear of it once, and that it is over once.

use std::time::Duration;

use roamhub_testkit::{FakeWebhook, Reply, messages};
use serde_json::{Value, json};

use crate::stage::{Plot, SECRET, SOON, Stage};

/// The provider's people have this webhook, and a trouble is told after a moment.
fn plot(webhook: &FakeWebhook) -> Plot {
    let provider = format!("notify = {{ webhook = \"{}\", secret = \"{SECRET}\" }}", webhook.url());
    Plot { provider, ..Plot::default() }.set("NOTIFY_AFTER", "300ms")
}

fn states(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_failing_endpoint_is_told_once_to_both_and_cleared_once() {
    let (own, hubs) = (FakeWebhook::start(SECRET).await, FakeWebhook::start(SECRET).await);
    let stage = Stage::new(plot(&own).set("NOTIFY_WEBHOOK", hubs.url()).set("NOTIFY_SECRET", SECRET)).await;
    let sessions = [stage.operator.open_session().await, stage.operator.open_session().await];
    stage.provider.stop().await;
    assert_eq!(stage.operator.notify(messages::end(&sessions[0])).await.code(), "310");
    assert_eq!(stage.operator.notify(messages::start(&sessions[1])).await.code(), "310");
    let told = &own.wait_for(1, SOON).await[0];
    assert_eq!((&told["kind"], &told["state"]), (&"endpoint-failing".into(), &"trouble".into()));
    assert_eq!(told["about"], json!({ "provider": "DE-DCB" }));
    assert_eq!(told["facts"]["ends"], 1, "{told:#}");
    assert!(told["text"].as_str().unwrap().contains("1 End, "), "{told:#}");
    assert!(told["since"].is_string() && told["at"].is_string(), "{told:#}");
    assert_eq!(&hubs.wait_for(1, SOON).await[0], told, "the hub's own people hear the same");
    let trouble = "roamhub_trouble{kind=\"endpoint-failing\",about=\"provider DE-DCB\"}";
    stage.metric_is(trouble, "1").await;

    stage.provider.restart().await;
    let all = own.wait_for(2, SOON).await;
    assert_eq!(states(&all), ["trouble", "all-clear"]);
    assert_eq!((&all[1]["facts"], &all[1]["since"]), (&Value::Null, &told["since"]));
    assert_ne!(all[0]["id"], all[1]["id"]);
    stage.metric_is(trouble, "0").await;
    hubs.wait_for(2, SOON).await;
    stage.metric_is("roamhub_people_messages_total{channel=\"webhook\",outcome=\"sent\"}", "4").await;
    stage.hub.wait_for_log("the endpoint takes messages again", SOON).await;
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets() {
    let webhook = FakeWebhook::start(SECRET).await;
    let mut stage = Stage::new(plot(&webhook)).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    stage.operator.notify(messages::end(&session)).await;
    webhook.wait_for(1, SOON).await;
    // Sent, and known to be sent.
    stage.metric_is("roamhub_people_messages_total{channel=\"webhook\",outcome=\"sent\"}", "1").await;
    stage.hub.kill9().await;
    stage.restart().await;
    // It has looked again, and has nothing new to say.
    stage.metric_is("roamhub_trouble{kind=\"endpoint-failing\",about=\"provider DE-DCB\"}", "1").await;
    stage.provider.restart().await;
    assert_eq!(states(&webhook.wait_for(2, SOON).await), ["trouble", "all-clear"]);
}

#[tokio::test]
async fn a_message_owed_when_the_hub_was_killed_is_sent_by_the_next_one() {
    let webhook = FakeWebhook::start(SECRET).await;
    webhook.answer(|_| Reply::Hang);
    let mut stage = Stage::new(plot(&webhook)).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    stage.operator.notify(messages::end(&session)).await;
    let first = webhook.wait_for(1, SOON).await.remove(0);
    stage.hub.kill9().await;
    webhook.answer(|_| Reply::NoContent);
    stage.restart().await;
    let again = webhook.wait_for(2, SOON).await.remove(1);
    assert_eq!(again, first, "the same message under the same id, so that its reader can tell");
}

#[tokio::test]
async fn wrong_credentials_are_called_what_they_are() {
    let webhook = FakeWebhook::start(SECRET).await;
    let stage = Stage::new(plot(&webhook)).await;
    stage.answer_notifications(|_| Reply::Json(401, json!({"error": "no key"})));
    assert_eq!(stage.end_of_new_session().await.code(), "310");
    let told = &webhook.wait_for(1, SOON).await[0];
    assert_eq!((&told["kind"], &told["state"]), (&"endpoint-misconfigured".into(), &"trouble".into()));
    assert!(told["text"].as_str().unwrap().contains("URL or credentials"), "{told:#}");
}

#[tokio::test]
async fn what_passes_by_itself_is_not_spoken_of() {
    let webhook = FakeWebhook::start(SECRET).await;
    let stage = Stage::new(plot(&webhook).set("NOTIFY_AFTER", "5s")).await;
    stage.answer_notifications(|request| match request.header("hub-attempt") {
        Some("1") => Reply::Reset,
        _ => Reply::Acknowledge,
    });
    assert_eq!(stage.end_of_new_session().await.code(), "310");
    stage.provider.wait_for(2, SOON).await;
    let delivered = "roamhub_attempts_total{provider=\"DE-DCB\",type=\"End\",outcome=\"delivered\"}";
    stage.metric_is(delivered, "1").await;
    assert!(webhook.messages().is_empty());
    assert!(!stage.hub.log().contains("the endpoint fails"), "{}", stage.hub.log());
}

#[tokio::test]
async fn reminders_follow_while_it_lasts() {
    let webhook = FakeWebhook::start(SECRET).await;
    let plot = plot(&webhook).set("NOTIFY_REMIND_AFTER", "200ms").set("NOTIFY_REMIND_AT_MOST", "1h");
    let stage = Stage::new(plot).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    stage.operator.notify(messages::end(&session)).await;
    let all = webhook.wait_for(3, SOON).await;
    assert_eq!(states(&all[..3]), ["trouble", "reminder", "reminder"]);
    assert_eq!(all[0]["since"], all[2]["since"]);
}

#[tokio::test]
async fn a_webhook_that_never_answers_costs_the_hub_nothing_else() {
    let (own, hubs) = (FakeWebhook::start(SECRET).await, FakeWebhook::start(SECRET).await);
    own.answer(|_| Reply::Hang);
    let plot = plot(&own).set("NOTIFY_WEBHOOK", hubs.url()).set("NOTIFY_SECRET", SECRET);
    let mut stage = Stage::new(plot).await;
    stage.answer_notifications(|request| match request.kind() {
        "Error" => Reply::Acknowledge,
        _ => Reply::Reset,
    });
    let session = stage.operator.open_session().await;
    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "310");
    own.wait_for(1, SOON).await;
    hubs.wait_for(1, SOON).await;
    let other = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::error(&other)).await;
    assert_eq!(answer.code(), "000", "{answer:?}");
    assert!(answer.took < Duration::from_secs(2), "{answer:?}");
    // Nor does it keep the hub from stopping.
    let began = std::time::Instant::now();
    assert!(stage.hub.terminate().await.success());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
