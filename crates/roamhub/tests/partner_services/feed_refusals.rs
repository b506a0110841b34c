//! What is wrong with a call of the feed is said in the shape of all refusals, with what to do next.

use roamhub_testkit::Answer;

use crate::stage::{FEED, READS, Stage, assert_refused, process_of};

#[tokio::test]
async fn parameters_that_mean_nothing_are_named() {
    let stage = Stage::with(READS).await;
    for (query, says) in [
        ("after=x", "after is not a cursor"),
        ("after=-1", "after is not a cursor"),
        ("after=", "after is not a cursor"),
        ("after=1", "this feed ends at 0"),
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("limit=ten", "1 to 1000"),
        ("afer=1", "\"afer\" means nothing here; the parameters are after, limit"),
        ("limit=1&limit=2", "twice"),
        ("after=%zz", "percent-encoding"),
    ] {
        assert_refused(&stage.operator.get(&format!("{FEED}?{query}")).await, 400, "022", says);
    }
    let endless = format!("{FEED}?after={}", "1".repeat(2000));
    assert_refused(&stage.operator.get(&endless).await, 400, "022", "512 bytes");
    let stream = [("accept", "text/event-stream"), ("last-event-id", "x")];
    assert_refused(&stage.operator.get_with(FEED, &stream).await, 400, "022", "Last-Event-ID");
}

#[tokio::test]
async fn a_confirmation_of_what_is_not_there_or_cannot_be_read_changes_nothing() {
    let stage = Stage::with(READS).await;
    stage.end("000").await;
    stage.feed_of(1).await;
    let confirm = async |body: &str| -> Answer {
        stage.operator.post(&format!("{FEED}/confirm"), &[], body.to_owned()).await
    };
    assert_refused(&confirm(r#"{"cursor":"2"}"#).await, 400, "022", "this feed ends at 1");
    for body in ["", "1", "[]", "{}", r#"{"Cursor":"1"}"#, r#"{"cursor":true}"#, r#"{"cursor":1,"more":1}"#] {
        assert_refused(&confirm(body).await, 400, "022", r#"{"cursor":"17"}"#);
    }
    assert_refused(&confirm(r#"{"cursor":"-1"}"#).await, 400, "022", "cursor is not a cursor");
    assert_refused(&confirm(&" ".repeat(5000)).await, 413, "022", "4096");
    assert_eq!(stage.operator.get(FEED).await.json()["confirmed"], "0");
    assert_eq!(confirm(r#"{"cursor":1}"#).await.status, 200, "a number is a cursor too");
}

#[tokio::test]
async fn paths_partners_and_methods_that_do_not_exist_are_refused() {
    let stage = Stage::with(READS).await;
    let get = async |path: &str| stage.operator.get(path).await;
    assert_refused(&get("/api/hub/v1/providers/DE-NIX/notifications").await, 404, "300", "DE-NIX");
    assert_refused(&get("/api/hub/v1/providers/nobody/notifications").await, 400, "022", "ProviderID");
    for path in ["/api/hub", "/api/hub/v2/keys", "/api/hub/v1/operators/DE*ABC/notifications"] {
        assert_refused(&get(path).await, 404, "001", "under /api/hub/v1 there are");
    }
    let wrong = stage.operator.post(FEED, &[], "{}").await;
    assert_refused(&wrong, 405, "022", "GET");
    assert_eq!(wrong.header("allow"), Some("GET"));
    let wrong = get(&format!("{FEED}/confirm")).await;
    assert_refused(&wrong, 405, "022", "POST");
    assert_eq!(wrong.header("allow"), Some("POST"));
    // Other paths are refused as ever, and every answer has an id of its own.
    let (one, other) = (get("/api/hubs").await, get("/api/hubs").await);
    assert_refused(&one, 404, "001", "/api/oicp");
    assert_ne!(process_of(&one), process_of(&other));
}
