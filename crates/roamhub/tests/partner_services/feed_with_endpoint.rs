//! A provider that is pushed to and reads its feed beside it.

use roamhub_testkit::{Reply, messages};

use crate::stage::{FEED, READS, Stage, TAKES, column, entries, process_of, text};

fn both() -> String {
    format!("{TAKES}\nfeed = true")
}

#[tokio::test]
async fn what_was_pushed_is_in_the_feed_as_delivered_and_confirming_it_changes_nothing() {
    let stage = Stage::with(&both()).await;
    let process = stage.end("000").await;
    stage.receipt_in_state(&process, "delivered").await;
    let feed = stage.feed_of(1).await;
    assert_eq!(
        (column(&feed, "process_id"), column(&feed, "state")),
        (vec![process.clone()], vec!["delivered".into()])
    );
    assert_eq!(stage.confirm("1").await.json()["fetched"], 0);
    stage.receipt_in_state(&process, "delivered").await;
}

#[tokio::test]
async fn what_could_not_be_pushed_is_deferred_until_the_provider_confirms_that_it_fetched_it() {
    let mut stage = Stage::with(&both()).await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session);
    stage.provider.stop().await;
    let answer = stage.operator.notify(&end).await;
    // It has an address, so the honest answer is that of every provider that has one.
    assert_eq!(
        (answer.code().as_str(), answer.header("hub-delivery")),
        ("310", Some("deferred")),
        "{answer:?}"
    );
    let process = process_of(&answer);
    stage.receipt_in_state(&process, "deferred").await;
    assert_eq!(column(&stage.feed_of(1).await, "state"), ["deferred"]);
    assert_eq!(stage.confirm("1").await.json()["fetched"], 1);
    stage.receipt_in_state(&process, "fetched").await;
    stage.provider.restart().await;
    stage.kill_and_restart().await;
    stage.receipt_in_state(&process, "fetched").await;
    let again = stage.operator.notify(&end).await;
    assert_eq!((again.code(), process_of(&again)), ("000".into(), process), "{again:?}");
    // A newer message is pushed; the fetched one is not.
    stage.end("000").await;
    let pushed = stage.provider.notifications();
    assert!(pushed.len() == 1 && pushed[0].session() != session, "{pushed:?}");
}

#[tokio::test]
async fn a_delivery_under_way_is_not_closed_by_a_confirmation() {
    let stage = Stage::with(&format!("{}\nfeed = true", TAKES.replace("1s", "6s"))).await;
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::After(std::time::Duration::from_secs(5), Box::new(Reply::Acknowledge)),
        false => Reply::Acknowledge,
    });
    let session = stage.operator.open_session().await;
    let (operator, end) = (stage.operator.clone(), messages::end(&session));
    let call = tokio::spawn(async move { operator.notify(&end).await });
    assert_eq!(column(&stage.feed_of(1).await, "state"), ["under-way"]);
    assert_eq!(stage.confirm("1").await.text(), r#"{"confirmed":"1","fetched":0,"under_way":1}"#);
    let answer = call.await.unwrap();
    assert_eq!(answer.code(), "000", "{answer:?}");
    stage.receipt_in_state(&process_of(&answer), "delivered").await;
    assert_eq!(entries(&stage.operator.get(FEED).await).len(), 0);
}

#[tokio::test]
async fn a_provider_that_gives_up_its_endpoint_finds_in_its_feed_what_it_was_still_owed() {
    let mut stage = Stage::with(TAKES).await;
    let delivered = stage.end("000").await;
    stage.receipt_in_state(&delivered, "delivered").await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let deferred = process_of(&stage.operator.notify(messages::end(&session)).await);
    stage.receipt_in_state(&deferred, "deferred").await;
    stage.change_provider(READS).await;
    // What came in just before the change may be there as well, with its state.
    let feed = stage.feed_with(&deferred).await;
    assert!(feed.len() <= 2, "{feed:#?}");
    assert_eq!(text(&feed[feed.len() - 1]["process_id"]), deferred);
    stage.kill_and_restart().await;
    assert_eq!(stage.feed_with(&deferred).await, feed);
    let cursor = feed.len().to_string();
    assert_eq!(stage.confirm(&cursor).await.json()["fetched"], 1);
    stage.receipt_in_state(&deferred, "fetched").await;
    stage.receipt_in_state(&delivered, "delivered").await;
}
