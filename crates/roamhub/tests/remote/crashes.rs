//! The hub is killed between the question and its answer: whatever the operator did, its messages are welcome.

use roamhub_testkit::{RemoteService, Reply, messages};

use crate::stage::{Cast, SOON, Stage, assert_answer};

#[tokio::test]
async fn a_start_that_a_crash_cut_off_is_unconfirmed_listed_and_takes_its_end() {
    let mut stage = Stage::answering(Cast::default(), |_| Reply::Hang).await;
    let (provider, body) = (stage.provider.clone(), messages::remote_start(messages::EVCO));
    let call = tokio::spawn(async move { provider.try_ask(RemoteService::Start, body).await });
    let session = stage.asked(1).await[0].session();
    stage.hub.kill9().await;
    assert!(call.await.unwrap().is_err(), "the provider got no answer");
    stage.restart().await;
    assert_eq!(stage.state(&session).await, "unconfirmed");
    assert_eq!(stage.ghosts().await, [("undecided".to_owned(), session.clone())]);
    assert_answer(&stage.operator.notify(messages::end(&session)).await, true, "000");
    assert_eq!(stage.app.wait_for(1, SOON).await[0].session(), session);
    assert_eq!(stage.state(&session).await, "active");
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(40));
    let began = std::time::Instant::now();
    while !stage.ghosts().await.is_empty() {
        looks.tick().await;
        assert!(began.elapsed() < SOON, "the ghost stays: {:?}", stage.ghosts().await);
    }
}

#[tokio::test]
async fn what_was_heard_of_before_the_crash_is_no_ghost() {
    let mut stage = Stage::answering(Cast::default(), |_| Reply::Hang).await;
    let (provider, body) = (stage.provider.clone(), messages::remote_start(messages::EVCO));
    let call = tokio::spawn(async move { provider.try_ask(RemoteService::Start, body).await });
    let session = stage.asked(1).await[0].session();
    assert_answer(&stage.operator.notify(messages::start(&session)).await, true, "000");
    stage.hub.kill9().await;
    assert!(call.await.unwrap().is_err(), "the provider got no answer");
    stage.restart().await;
    assert_eq!(stage.state(&session).await, "active");
    assert_eq!(stage.ghosts().await, []);
    stage.station.set_script(|_| Reply::Acknowledge);
    assert_answer(&stage.stop(&session).await, true, "000");
}

#[tokio::test]
async fn what_was_answered_before_the_crash_stands() {
    let mut stage = Stage::new(Cast::default()).await;
    let session = stage.session().await;
    stage.hub.kill9().await;
    stage.restart().await;
    assert_answer(&stage.operator.notify(messages::start(&session)).await, true, "000");
    assert_answer(&stage.stop(&session).await, true, "000");
}
