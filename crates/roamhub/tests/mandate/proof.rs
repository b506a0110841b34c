//! What really happens after a mandated End is forwarded as ever, and may cost the operator its mandate.

use roamhub_testkit::messages;
use serde_json::{Value, json};

use crate::stage::*;

const SUSPENDED: &str = "roamhub_mandate_suspended{operator=\"DE*ABC\"}";

impl Stage {
    /// A session that has been ended on the operator's behalf.
    async fn ended(&self) -> String {
        let before = self.provider.notifications().len();
        let session = self.operator.open_session().await;
        let end = self.heard(before + 1).await.remove(before);
        assert!(is_issued(&end) && end.session() == session, "{end:?}");
        session
    }

    async fn suspensions(&self, count: usize) -> Value {
        let as_many = |said: &Value| said["suspended"].as_array().unwrap().len() == count;
        self.json_when(&["mandates"], "suspensions", as_many).await["suspended"].clone()
    }
}

#[tokio::test]
async fn a_start_after_it_goes_on_its_way_and_costs_the_mandate_until_a_person_gives_it_back() {
    let mut stage = Stage::new(GIVEN, ACCEPTED, &[("WATCHDOG_NEVER_STARTED", "1500ms")]).await;
    let session = stage.ended().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_eq!((start.code().as_str(), start.result()), ("000", true), "{start:?}");
    let heard = stage.heard(2).await;
    assert!(!is_issued(&heard[1]) && heard[1].kind() == "Start", "{heard:?}");

    let suspended = stage.suspensions(1).await;
    assert_eq!((&suspended[0]["operator"], &suspended[0]["session"]), (&json!("DE*ABC"), &json!(session)));
    assert_eq!(suspended[0]["shownBy"], start.header("process-id").unwrap());
    stage.metric_is(SUSPENDED, "1").await;
    stage.metric_is("roamhub_trouble{kind=\"mandate-suspended\",about=\"operator DE*ABC\"}", "1").await;
    stage.hub.wait_for_log("no more Ends are issued for this operator", SOON).await;
    assert!(stage.run(&["mandates"]).await.stdout.contains(&session));
    let listed = stage.hub.get_admin("/api/v1/mandates").await.json();
    assert_eq!(listed["suspended"], suspended);

    // Also after a crash nothing is issued for it; for others it is.
    stage.hub.kill9().await;
    stage.restart().await;
    let unended = stage.operator.open_session().await;
    let ghost = stage.json_when(&["ghosts"], "the ghost", |said| said["session"] == unended.as_str()).await;
    assert_eq!(ghost["kind"], "never-started");
    assert_eq!(stage.messages(&unended).await.len(), 0);
    let other = roamhub_testkit::FakeOperator::new("DE*QQQ", stage.hub.oicp()).open_session().await;
    assert_eq!(stage.heard(3).await[2].session(), other);

    let restored = stage.run(&["mandates", "restore", "DE*ABC"]).await;
    assert_eq!((restored.code, restored.stdout.as_str()), (Some(0), "DE*ABC has its mandate back\n"));
    let again = stage.run(&["mandates", "restore", "de*abc"]).await;
    assert_eq!(again.stdout, "de*abc had not lost its mandate\n", "{again:?}");
    stage.metric_is(SUSPENDED, "0").await;
    stage.metric_is("roamhub_trouble{kind=\"mandate-suspended\",about=\"operator DE*ABC\"}", "0").await;
    assert_eq!(stage.run(&["mandates"]).await.stdout, "no operator has lost its mandate\n");
    // One session that went on is one proof, however much follows of it.
    assert_eq!(stage.operator.notify(messages::progress(&session, 5)).await.code(), "000");
    stage.heard(4).await;
    stage.ended().await;
    stage.suspensions(0).await;
}

#[tokio::test]
async fn an_end_without_energy_after_it_proves_nothing() {
    let stage = Stage::agreed().await;
    let session = stage.ended().await;
    let mut end = messages::end(&session);
    for member in ["MeterValueStart", "MeterValueEnd", "MeterValueInBetween"] {
        end.as_object_mut().unwrap().remove(member);
    }
    end["ConsumedEnergy"] = 0.into();
    assert_eq!(stage.operator.notify(end).await.code(), "000");
    let heard = stage.heard(2).await;
    assert!(heard[1].kind() == "End" && !is_issued(&heard[1]), "forwarded as ever: {heard:?}");
    assert_eq!(stage.operator.notify(messages::error(&session)).await.code(), "000");
    // What comes later has been looked at later.
    stage.ended().await;
    stage.suspensions(0).await;
}

#[tokio::test]
async fn an_end_or_a_record_with_energy_after_it_costs_the_mandate() {
    for kind in ["End", "record"] {
        let stage = Stage::agreed().await;
        let session = stage.ended().await;
        let answer = match kind {
            "End" => stage.operator.notify(messages::end(&session)).await,
            _ => stage.operator.bill(messages::cdr(&session)).await,
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        let suspended = stage.suspensions(1).await;
        assert_eq!(suspended[0]["shownBy"], answer.header("process-id").unwrap(), "{kind}");
        let first = stage.messages(&session).await.remove(0);
        assert_eq!(first["issuedByHub"], "mandate", "the operator's own word comes after it");
    }
}

#[tokio::test]
async fn a_session_that_went_on_is_watched_again() {
    let stage = Stage::new(GIVEN, ACCEPTED, &[("WATCHDOG_WITHOUT_END", "1s")]).await;
    let session = stage.ended().await;
    stage.operator.notify(messages::start(&session)).await;
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&json!(session), &json!("without-end")));
}
