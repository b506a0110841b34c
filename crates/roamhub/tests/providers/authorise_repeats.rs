//! An operator that asks the same thing again gets the same session; and the session is there before anyone is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use roamhub_testkit::{Reply, authorize_start_path, messages};

use crate::stage::{QUICK, SOON, Stage, assert_delivered, process_of};

const SLOW: Duration = Duration::from_millis(400);

#[tokio::test]
async fn identical_questions_are_one_question_with_one_session() {
    let stage = Stage::new(QUICK).await;
    stage.provider.set_script(|_| Reply::After(SLOW, Box::new(Reply::Acknowledge)));
    let mut body = messages::authorize_start_rfid("04A1B2C3");
    body["CPOPartnerSessionID"] = "our own id".into();
    let body = body.to_string();
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let (operator, body) = (stage.operator.clone(), body.clone());
            tokio::spawn(async move { operator.authorize_start(body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    // Also when the first is long done.
    answers.push(stage.operator.authorize_start(&body).await);
    assert_eq!(answers[0].json()["CPOPartnerSessionID"], "our own id");
    assert!(answers.iter().all(|answer| answer.json() == answers[0].json()), "{answers:#?}");
    let sessions: BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
            answer.json()["SessionID"].as_str().unwrap().to_owned()
        })
        .collect();
    let processes: BTreeSet<_> = answers.iter().map(process_of).collect();
    assert_eq!((sessions.len(), processes.len(), stage.provider.received().len()), (1, 1, 1));
    assert_delivered(&stage.operator.notify(messages::end(sessions.first().unwrap())).await);
}

#[tokio::test]
async fn another_question_about_the_same_card_is_another_session() {
    let stage = Stage::new(QUICK).await;
    let body = messages::authorize_start_rfid("04A1B2C3");
    let mut other = body.clone();
    other["EvseID"] = "DE*ABC*ETEST2".into();
    let first = stage.operator.authorize_start(&body).await;
    let second = stage.operator.authorize_start(&other).await;
    assert_eq!(stage.provider.received().len(), 2);
    assert_ne!(first.json()["SessionID"], second.json()["SessionID"]);
    assert_ne!(process_of(&first), process_of(&second));
}

#[tokio::test]
async fn a_caller_that_hangs_up_and_asks_again_gets_the_first_ones_answer() {
    let stage = Stage::new(QUICK).await;
    stage.provider.set_script(|_| Reply::After(SLOW, Box::new(Reply::Acknowledge)));
    let body = messages::authorize_start_rfid("04A1B2C3").to_string();
    let path = authorize_start_path("DE*ABC");
    stage.operator.send_and_hang_up(&path, body.clone(), Duration::from_millis(100)).await;
    let asked = stage.provider.wait_until(SOON, |seen| !seen.is_empty()).await;
    let answer = stage.operator.authorize_start(&body).await;
    assert_eq!(answer.json()["SessionID"], asked[0].session().as_str(), "{answer:?}");
    assert_eq!(stage.provider.received().len(), 1);
}

#[tokio::test]
async fn a_session_outlives_the_hub_that_opened_it() {
    let mut stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.hub.kill9().await;
    stage.hub.restart().await;
    stage.find_hub_again();
    assert_delivered(&stage.operator.notify(messages::end(&session)).await);
}

#[tokio::test]
async fn a_hub_killed_while_the_provider_thinks_leaves_no_session_that_nobody_was_told_of() {
    let mut stage = Stage::new(QUICK).await;
    stage.provider.set_script(|_| Reply::Hang);
    let (operator, body) = (stage.operator.clone(), messages::authorize_start_rfid("04A1B2C3"));
    let call = tokio::spawn(async move {
        operator.try_post(&authorize_start_path("DE*ABC"), &[], body.to_string()).await
    });
    let asked = stage.provider.wait_until(SOON, |seen| !seen.is_empty()).await;
    stage.hub.kill9().await;
    assert!(call.await.unwrap().is_err(), "no answer");
    stage.hub.restart().await;
    stage.find_hub_again();
    let answer = stage.operator.notify(messages::end(&asked[0].session())).await;
    assert_eq!((answer.code().as_str(), answer.result()), ("400", false), "{answer:?}");
    // The driver tries again and may charge.
    stage.provider.set_script(|_| Reply::Acknowledge);
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04A1B2C3")).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
}
