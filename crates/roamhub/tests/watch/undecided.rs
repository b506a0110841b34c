//! Sessions that the hub itself left behind: undecided by a crash, or believed in by a provider that came too late.

use std::time::Duration;

use roamhub_testkit::{FakeProvider, Reply, messages};

use crate::stage::{Plot, SOON, Stage, list};

#[tokio::test]
async fn what_a_crash_left_undecided_is_void_listed_and_counted() {
    let mut stage = Stage::new(Plot::default()).await;
    stage.provider.set_script(|_| Reply::Hang);
    let (operator, body) = (stage.operator.clone(), messages::authorize_start_rfid(messages::UID));
    let call = tokio::spawn(async move {
        let path = roamhub_testkit::authorize_start_path("DE*ABC");
        operator.try_post(&path, &[], body.to_string()).await
    });
    let seen = stage.provider.wait_until(SOON, |seen| !seen.is_empty()).await;
    let session = seen[0].session();
    stage.hub.kill9().await;
    assert!(call.await.unwrap().is_err(), "the operator got no answer");
    stage.provider.set_script(|_| Reply::Acknowledge);
    stage.restart().await;
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&session.as_str().into(), &"undecided".into()));
    assert_eq!((&ghost["operator"], ghost["provider"].is_null()), (&"DE*ABC".into(), true));
    stage.metric_is("roamhub_ghosts{operator=\"DE*ABC\",kind=\"undecided\"}", "1").await;
    stage.metric_is("roamhub_ghosts_found_total{operator=\"DE*ABC\",kind=\"undecided\"}", "1").await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_eq!(answer.code(), "400", "the session is void: {answer:?}");
    // Its card is free again.
    let again = stage.operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await;
    assert_eq!(again.json()["AuthorizationStatus"], "Authorized", "{again:?}");
}

#[tokio::test]
async fn a_yes_that_comes_too_late_is_listed_with_the_provider_that_believes_in_it() {
    let late = FakeProvider::builder()
        .provider_id("DE-LAT")
        .script(|_| Reply::After(Duration::from_millis(500), Box::new(Reply::authorized("DE-LAT"))))
        .start()
        .await;
    let more = format!(
        "[[provider]]\nid = \"DE-LAT\"\nurl = \"{}\"\nservices = [\"authorization\", \"notifications\"]\n",
        late.url()
    );
    let stage = Stage::new(Plot { more, ..Plot::default() }).await;
    let session = stage.operator.open_session().await;
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&session.as_str().into(), &"late-yes".into()));
    assert_eq!((&ghost["operator"], &ghost["provider"]), (&"DE*ABC".into(), &"DE-LAT".into()));
    stage.metric_is("roamhub_ghosts{operator=\"DE*ABC\",kind=\"late-yes\"}", "1").await;
    // The End of the session goes to the provider whose it is; the other one still believes.
    assert_eq!(stage.operator.notify(messages::end(&session)).await.code(), "000");
    assert_eq!(list(&stage.api("").await, "sessions").len(), 1);
    assert!(late.notifications().is_empty());
}
