//! A record and the End of its session: the End goes first, if it is not too long in coming.

use roamhub_testkit::{Received, Reply, messages};
use serde_json::json;

use crate::stage::{ALL, SOON, Stage, assert_recorded};

#[tokio::test]
async fn a_record_waits_for_an_end_that_is_owed_and_goes_out_behind_it() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    stage.provider.set_script(|request| match request.kind() {
        "End" => Reply::Json(500, json!({})),
        _ => Reply::Acknowledge,
    });
    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "310");
    let answer = stage.operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    // Two more tries of the End, and still no record.
    let ends = |seen: &[Received]| seen.iter().filter(|seen| seen.kind() == "End").count();
    let before = ends(&stage.provider.received());
    let seen = stage.provider.wait_until(SOON, |seen| ends(seen) >= before + 2).await;
    assert!(!seen.iter().any(Received::is_cdr), "{seen:?}");
    stage.provider.set_script(|_| Reply::Acknowledge);
    let records = stage.records(1).await;
    let last_end = stage.provider.received().iter().rposition(|seen| seen.kind() == "End").unwrap();
    assert!(records[0].n > stage.provider.received()[last_end].n, "behind the End");
    stage.settled(&answer, "delivered").await;
}

#[tokio::test]
async fn a_record_waits_for_nobody_but_the_end() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    stage.provider.set_script(|request| match request.kind() {
        "Start" | "Progress" | "Error" => Reply::Json(500, json!({})),
        _ => Reply::Acknowledge,
    });
    assert_eq!(stage.operator.notify(messages::error(&session)).await.code(), "310");
    assert_eq!(stage.operator.notify(messages::start(&session)).await.code(), "310");
    let answer = stage.operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    stage.settled(&answer, "delivered").await;
    // The session is closed; what is owed of it goes out all the same.
    stage.provider.set_script(|_| Reply::Acknowledge);
    let delivered = |seen: &[Received]| seen.iter().rfind(|seen| seen.kind() == "Error").is_some();
    stage.provider.wait_until(SOON, delivered).await;
}
