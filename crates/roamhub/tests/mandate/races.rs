//! Real Starts at the very moment at which sessions expire.

use std::time::{Duration, Instant};

use roamhub_testkit::{Received, messages};

use crate::stage::*;

#[tokio::test]
async fn a_start_comes_before_the_issue_and_prevents_it_or_after_it_and_is_forwarded() {
    const SESSIONS: u32 = 60;
    let stage = Stage::agreed().await;
    let mut calls = Vec::new();
    for number in 0..SESSIONS {
        let session = stage.operator.open_session().await;
        let operator = stage.operator.clone();
        // Around the second after which it expires.
        let at = Instant::now() + Duration::from_millis(900 + u64::from(number % 20) * 15);
        calls.push(tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            let answer = operator.notify(messages::start(&session)).await;
            (session, answer)
        }));
    }
    let (mut issued, mut prevented) = (0, 0);
    for call in calls {
        let (session, answer) = call.await.unwrap();
        // Right behind an End that is just being issued it is stored, and follows.
        assert!(answer.status == 200 && matches!(answer.code().as_str(), "000" | "310"), "{answer:?}");
        let messages = stage.messages(&session).await;
        let kinds: Vec<_> = messages
            .iter()
            .map(|one| (one["type"].as_str().unwrap(), one["issuedByHub"].is_string()))
            .collect();
        let of_it = |seen: &[Received]| {
            seen.iter().filter(|one| one.session() == session && one.is_notification()).count()
        };
        let heard = stage.provider.wait_until(SOON, |seen| of_it(seen) >= kinds.len()).await;
        let heard = heard.iter().filter(|one| one.session() == session && one.is_notification());
        let heard: Vec<_> = heard.map(|one| (one.kind(), is_issued(one))).collect();
        match kinds.as_slice() {
            [("Start", false)] => prevented += 1,
            [("End", true), ("Start", false)] => issued += 1,
            other => panic!("{other:?}"),
        }
        assert_eq!(heard, kinds, "the provider hears it in the same order");
    }
    assert_eq!(issued + prevented, SESSIONS);
    assert!(prevented > 0, "some Starts came in time");
    if issued > 0 {
        stage.metric_is("roamhub_mandate_suspended{operator=\"DE*ABC\"}", "1").await;
    }
}
