//! Intake, check by check: what is answered, and that the provider has no say in it.

use roamhub_testkit::{FakeOperator, Reply, cdr_path, messages};
use serde_json::{Value, json};

use crate::stage::{ALL, OFFLINE, Stage, assert_recorded, assert_refused, process_of};

#[tokio::test]
async fn a_record_is_acknowledged_by_the_hub_with_the_ids_filled_in_whatever_the_provider_says() {
    let stage = Stage::new(ALL).await;
    stage.answer_records(|_| Reply::ack(false, "102", "not ours"));
    let (session, answer) = stage.billed().await;
    let said = answer.json();
    assert_eq!(said["SessionID"], session.as_str());
    assert_eq!(said["CPOPartnerSessionID"], "1234XYZ");
    let refused = stage.settled(&answer, "refused").await;
    assert_eq!(refused["type"], "ChargeDetailRecord");
    let again = stage.operator.bill(messages::cdr(&session)).await;
    assert_eq!((again.body.clone(), process_of(&again)), (answer.body.clone(), process_of(&answer)));
}

#[tokio::test]
async fn an_operator_that_is_not_registered_is_404_300_and_a_path_without_an_id_400() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let body = messages::cdr(&session).to_string();
    let unknown = stage.operator.post(&cdr_path("DE*ZZZ"), &[], body.clone()).await;
    assert_refused(&unknown, 404, "300");
    assert_eq!(unknown.json()["SessionID"], session.as_str());
    assert_refused(&stage.operator.post(&cdr_path("nobody"), &[], body.clone()).await, 400, "022");
    let encoded = stage.operator.post(&cdr_path("de%2Aabc"), &[], body).await;
    assert_recorded(&encoded);
}

#[tokio::test]
async fn a_broken_structure_is_400_022_with_every_violation_and_a_record_that_cannot_be_true_too() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let mut body = messages::cdr(&session);
    body["ConsumedEnergy"] = json!(1000.5);
    body["MeterValueEnd"] = json!(-1);
    body.as_object_mut().unwrap().remove("Identification");
    let answer = stage.operator.bill(&body).await;
    assert_refused(&answer, 400, "022");
    let mut pointers: Vec<_> = answer.violations().into_iter().map(|(pointer, _)| pointer).collect();
    pointers.sort();
    assert_eq!(pointers, ["/ConsumedEnergy", "/Identification", "/MeterValueEnd"]);
    assert_eq!(answer.json()["SessionID"], session.as_str());
    let mut future = messages::cdr(&session);
    future["SessionEnd"] = json!("2199-01-01T00:00:00Z");
    let answer = stage.operator.bill(&future).await;
    assert_refused(&answer, 400, "022");
    assert_eq!(answer.violations()[0].0, "/SessionEnd");
    assert_recorded(&stage.operator.bill(messages::cdr(&session)).await);
}

#[tokio::test]
async fn a_session_that_is_unknown_or_another_operators_is_400() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let unknown = messages::cdr("3fe7378a-238f-4cf3-bca6-de657881f8c2");
    assert_refused(&stage.operator.bill(&unknown).await, 200, "400");
    let stranger = FakeOperator::new("DE*QQQ", stage.hub.oicp());
    assert_refused(&stranger.bill(messages::cdr(&session)).await, 200, "400");
    assert_recorded(&stage.operator.bill(messages::cdr(&session)).await);
}

#[tokio::test]
async fn a_second_different_record_is_400_and_the_identical_one_gets_the_first_acknowledgement() {
    let stage = Stage::new(ALL).await;
    let (session, first) = stage.billed().await;
    let mut other = messages::cdr(&session);
    other["PartnerProductID"] = json!("AC 2");
    assert_refused(&stage.operator.bill(&other).await, 200, "400");
    for _ in 0..3 {
        let again = stage.operator.bill(messages::cdr(&session)).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(process_of(&again), process_of(&first));
    }
    stage.settled(&first, "delivered").await;
    assert_eq!(stage.records(1).await.len(), 1, "nothing was sent twice");
}

#[tokio::test]
async fn a_foreign_evse_is_018_and_one_of_a_sub_operator_is_fine() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let mut foreign = messages::cdr(&session);
    foreign["EvseID"] = json!("DE*QQQ*E1");
    assert_refused(&stage.operator.bill(&foreign).await, 200, "018");
    let mut subs = messages::cdr(&session);
    subs["EvseID"] = json!("DE*XYZ*ETEST1");
    let answer = stage.operator.bill(&subs).await;
    assert_recorded(&answer);
    let record = stage.settled(&answer, "delivered").await;
    assert_eq!(record["findings"][0]["code"], "evse-changed");
}

#[tokio::test]
async fn a_repeat_is_answered_before_every_rule_it_could_break() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let mut body = messages::cdr(&session);
    body["EvseID"] = json!("DE*XYZ*ETEST1");
    let first = stage.operator.bill(&body).await;
    assert_recorded(&first);
    // The bundle is gone, and the operator locked and strict.
    let partners = crate::stage::partners(&stage.provider.url(), ALL, "locked = true\nstrict = true")
        .replace("sub_operators = [\"DE*XYZ\"]", "");
    std::fs::write(stage.hub.partners_file(), partners).unwrap();
    let (restarted, operator) = restarted(stage).await;
    let again = operator.bill(&body).await;
    assert_eq!((again.status, &again.body), (200, &first.body), "{}", restarted.hub.log());
}

async fn restarted(mut stage: Stage) -> (Stage, FakeOperator) {
    stage.hub.restart().await;
    stage.find_hub_again();
    let operator = stage.operator.clone();
    (stage, operator)
}

#[tokio::test]
async fn a_locked_operator_can_still_bill_what_the_hub_authorised() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    stage.change_partners(ALL, "locked = true");
    let (stage, operator) = restarted(stage).await;
    let refused = operator.authorize_start(messages::authorize_start_rfid("04D1D1D1D1D1D1")).await;
    assert_eq!(refused.json()["StatusCode"]["Code"], "017", "{refused:?}");
    let answer = operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    let record = stage.settled(&answer, "delivered").await;
    assert_eq!(record["findings"][0]["code"], "operator-locked");
}

#[tokio::test]
async fn a_strict_operators_odd_record_is_022() {
    let stage = Stage::with(ALL, "strict = true").await;
    let session = stage.operator.open_session().await;
    let mut odd = messages::cdr(&session);
    odd["ConsumedEnergy"] = json!(9);
    assert_refused(&stage.operator.bill(&odd).await, 200, "022");
    assert_recorded(&stage.operator.bill(messages::cdr(&session)).await);
}

#[tokio::test]
async fn after_the_record_a_new_end_is_400_and_a_repeat_of_an_earlier_one_has_its_answer() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert!(end.result());
    assert_recorded(&stage.operator.bill(messages::cdr(&session)).await);
    let again = stage.operator.notify(messages::end(&session)).await;
    assert_eq!((again.result(), process_of(&again)), (true, process_of(&end)));
    let mut another = messages::end(&session);
    another["ConsumedEnergy"] = json!(11);
    assert_refused(&stage.operator.notify(&another).await, 200, "400");
}

#[tokio::test]
async fn ten_signed_values_and_unknown_fields_go_on_byte_for_byte_and_come_back_so() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    let mut body = messages::cdr(&session);
    let one = json!({"SignedMeteringValue": "é+/=".repeat(750), "MeteringStatus": "Progress"});
    body["SignedMeteringValues"] = Value::Array(vec![one; 10]);
    body["CalibrationLawVerificationInfo"] = json!({"MeteringCheck": "Not Apply"});
    let text = format!(" {}\n", body.to_string().replacen('{', "{\t\"x\" : 1.50e0 , \"x\":\"\\u00e9\",", 1));
    let answer = stage.operator.bill(&text).await;
    assert_recorded(&answer);
    let seen = stage.records(1).await;
    assert_eq!(seen[0].body, text, "byte for byte");
    assert_eq!(seen[0].path, cdr_path("DE*ABC"));
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    assert_eq!(seen[0].header("hub-attempt"), Some("1"));
    assert!(seen[0].header("hub-received-at").is_some());
    let page = stage.fetch("", &messages::get_cdrs()).await;
    assert!(page.text().contains(&text), "verbatim: {page:?}");
}

#[tokio::test]
async fn a_kill_after_the_acknowledgement_loses_nothing() {
    let mut stage = Stage::new(ALL).await;
    let sessions = [stage.billed_while_down().await, stage.billed_while_down().await];
    stage.hub.kill9().await;
    stage.hub.restart().await;
    stage.find_hub_again();
    stage.provider.restart().await;
    let seen = stage.records(2).await;
    assert_eq!(seen.len(), 2);
    for (session, answer) in sessions {
        assert!(seen.iter().any(|record| record.session() == session));
        stage.settled(&answer, "delivered").await;
        let again = stage.operator.bill(messages::cdr(&session)).await;
        assert_eq!((again.body.clone(), process_of(&again)), (answer.body.clone(), process_of(&answer)));
    }
}

impl Stage {
    /// A session that was opened before the provider went down, billed while it is.
    async fn billed_while_down(&self) -> (String, roamhub_testkit::Answer) {
        self.provider.restart().await;
        let session = self.operator.open_session().await;
        self.provider.stop().await;
        let answer = self.operator.bill(messages::cdr(&session)).await;
        assert_recorded(&answer);
        (session, answer)
    }
}

#[tokio::test]
async fn a_provider_without_an_endpoint_for_records_is_not_called_and_has_them_held() {
    let stage = Stage::new(OFFLINE).await;
    let (session, answer) = stage.billed().await;
    stage.settled(&answer, "held").await;
    let page = stage.fetch("", &messages::get_cdrs()).await;
    assert_eq!(crate::stage::sessions_on(&page), [session]);
    let feed = stage.operator.get("/api/hub/v1/providers/DE-DCB/notifications").await;
    assert_eq!(feed.json()["notifications"], json!([]), "it has no place in the feed");
    assert!(stage.provider.received().iter().all(|seen| !seen.is_cdr()));
}
