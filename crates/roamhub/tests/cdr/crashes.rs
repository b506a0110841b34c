//! Kills and locks in the middle of it all: what was acknowledged is there, once.

use std::collections::BTreeSet;
use std::time::Duration;

use roamhub_testkit::{Reply, messages};

use crate::stage::{ALL, SOON, Stage, assert_recorded, process_of, sessions_on};

#[tokio::test]
async fn whatever_was_acknowledged_when_the_hub_was_killed_is_stored_once_and_arrives() {
    const SESSIONS: usize = 40;
    let mut stage = Stage::new(ALL).await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(stage.operator.open_session().await);
    }
    stage.answer_records(|request| match request.n % 3 {
        0 => Reply::Reset,
        1 => Reply::After(Duration::from_millis(200), Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    });
    let calls: Vec<_> = sessions
        .iter()
        .map(|session| {
            let (operator, body) = (stage.operator.clone(), messages::cdr(session).to_string());
            let path = roamhub_testkit::cdr_path("DE*ABC");
            tokio::spawn(async move { operator.try_post(&path, &[], body).await })
        })
        .collect();
    stage.records(3).await;
    stage.hub.kill9().await;
    let mut answered = Vec::new();
    for call in calls {
        answered.push(call.await.unwrap().ok());
    }
    stage.hub.restart().await;
    stage.find_hub_again();
    let page = stage.fetch("?size=2000", &messages::get_cdrs()).await;
    let kept: BTreeSet<_> = sessions_on(&page).into_iter().collect();
    for (session, answer) in sessions.iter().zip(&answered) {
        if let Some(answer) = answer {
            assert_recorded(answer);
            assert!(kept.contains(session), "acknowledged, and not there: {session}");
        }
        // Who heard nothing sends it again, and so does who heard yes.
        let again = stage.operator.bill(messages::cdr(session)).await;
        assert_recorded(&again);
        if let Some(answer) = answer {
            assert_eq!(process_of(&again), process_of(answer));
        }
        stage.settled(&again, "delivered").await;
    }
    let page = stage.fetch("?size=2000", &messages::get_cdrs()).await;
    let all = sessions_on(&page);
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (SESSIONS, SESSIONS));
    let reached: BTreeSet<_> = stage.records(SESSIONS).await.iter().map(|seen| seen.session()).collect();
    assert_eq!(reached.len(), SESSIONS);
}

#[tokio::test]
async fn what_is_owed_when_a_provider_is_locked_waits_and_goes_on_once_it_is_unlocked() {
    let mut stage = Stage::new(ALL).await;
    let (session, other) = (stage.operator.open_session().await, stage.operator.open_session().await);
    stage.provider.stop().await;
    let answer = stage.operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    stage.settled(&answer, "deferred").await;
    assert_eq!(stage.operator.notify(messages::end(&other)).await.code(), "310");
    stage.change_partners(&format!("{ALL}\nlocked = true"), "");
    stage.hub.restart().await;
    stage.find_hub_again();
    stage.provider.restart().await;
    // The End of another session goes to it all the same, once; the record was due before it.
    stage.provider.wait_for(1, SOON).await;
    stage.settled(&answer, "deferred").await;
    assert!(stage.provider.received().iter().all(|seen| !seen.is_cdr()));
    stage.change_partners(ALL, "");
    stage.hub.restart().await;
    stage.find_hub_again();
    stage.settled(&answer, "delivered").await;
    assert_eq!(stage.records(1).await.len(), 1);
}
