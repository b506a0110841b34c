//! The number that shows whether the product works: authorisations refused while an earlier session of the same card
//! stood open, by the operator that left it open.

use roamhub_testkit::{FakeOperator, Reply, messages};
use serde_json::Value;

use crate::stage::{Plot, Stage, list};

/// Asks for a card; the SessionID if it is authorised.
async fn ask(operator: &FakeOperator, uid: &str, note: u32) -> Option<String> {
    let mut body = messages::authorize_start_rfid(uid);
    body["OperatorID"] = operator.id().into();
    body["EvseID"] = format!("{}*E{note}", operator.id()).into();
    let answer = operator.authorize_start(body).await.json();
    (answer["AuthorizationStatus"] == "Authorized").then(|| answer["SessionID"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_refusal_while_another_operators_session_stands_open_is_counted_for_that_operator() {
    let stage = Stage::new(Plot::default()).await;
    let other = stage.operator("DE*QQQ");
    let (card, free, last) = ("04AAAAAAAAAAAA", "04BBBBBBBBBBBB", "04CCCCCCCCCCCC");
    let open = ask(&stage.operator, card, 1).await.expect("authorised");
    let ended = ask(&stage.operator, free, 2).await.expect("authorised");
    let open_too = ask(&stage.operator, last, 3).await.expect("authorised");
    stage.operator.notify(messages::end(&ended)).await;
    stage.provider.set_script(|_| Reply::not_authorized("102"));
    assert_eq!(ask(&other, card, 4).await, None);
    assert_eq!(ask(&other, free, 5).await, None, "refused for another reason: its session has ended");
    let count = "roamhub_authorisations_blocked_total{operator=\"DE*ABC\"}";
    stage.metric_is(count, "1").await;
    let said = stage.api("?operator=DE*ABC").await;
    let [blocked] = &list(&said, "blockedAuthorisations")[..] else { panic!("one: {said:#}") };
    assert_eq!((&blocked["causedBy"], &blocked["operator"]), (&"DE*ABC".into(), &"DE*QQQ".into()));
    assert_eq!((&blocked["earlierSession"], &blocked["code"]), (&open.as_str().into(), &"102".into()));
    assert_eq!(list(&stage.api("?operator=DE*QQQ").await, "blockedAuthorisations").len(), 0);

    let printed = stage.ghosts_command(&["--blocked", "--json", "--operator", "DE*ABC"]).await;
    let printed: Value = serde_json::from_str(printed.trim()).expect("one JSON object a line");
    assert_eq!(printed, *blocked, "the same as over the API");
    assert_eq!(stage.ghosts_command(&["--blocked", "--operator", "DE*QQQ"]).await, "");

    // Once it has ended, a refusal has another cause; the third card shows that the watchdog has seen it.
    stage.provider.set_script(|_| Reply::Acknowledge);
    stage.operator.notify(messages::end(&open)).await;
    stage.provider.set_script(|_| Reply::not_authorized("102"));
    assert_eq!(ask(&other, card, 6).await, None);
    assert_eq!(ask(&other, last, 7).await, None);
    stage.metric_is(count, "2").await;
    let earlier: Vec<Value> = list(&stage.api("").await, "blockedAuthorisations")
        .iter()
        .map(|blocked| blocked["earlierSession"].clone())
        .collect();
    assert_eq!(earlier, [open_too.as_str(), open.as_str()], "the newest first");
    let metrics = stage.hub.get_console("/metrics").await.text();
    for secret in [card, free, last] {
        assert!(!metrics.contains(secret) && !stage.hub.log().contains(secret), "no card is named");
    }
}
