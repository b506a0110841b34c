//! A hub that is too busy turns calls away at once, the least urgent first.

use std::time::Duration;

use roamhub_testkit::messages::{self, end, error, progress, start};
use roamhub_testkit::provider::Reply;
use roamhub_testkit::{Answer, get_cdrs_path};
use tokio::task::JoinHandle;

use crate::stage::{BOUND, Stage, assert_judged, assert_shed, distinct};
use crate::wire::{Line, head};

/// Ends that the provider leaves without an answer for some seconds.
struct UnderWay<'a> {
    stage: &'a Stage,
    sessions: Vec<String>,
    calls: Vec<JoinHandle<Answer>>,
}

impl UnderWay<'_> {
    /// As many calls are under way from here on.
    async fn are(&mut self, calls: usize) {
        while self.calls.len() < calls {
            let (operator, body) = (self.stage.operator.clone(), end(&self.sessions[self.calls.len()]));
            self.calls.push(tokio::spawn(async move { operator.notify(body).await }));
        }
        let held = self.calls.len();
        self.stage
            .provider
            .wait_until(BOUND, move |all| {
                all.iter().filter(|one| one.is_notification() && one.kind() == "End").count() >= held
            })
            .await;
    }
}

#[tokio::test]
async fn progress_is_shed_first_then_start_then_authorisations_then_records_and_end_last() {
    // Progress may fill 8 of these places, a Start 10, an authorisation 12, a record 14, an End all of them.
    let stage = Stage::with("[limits]\ncalls = 16\n").await;
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(stage.operator.open_session().await);
    }
    stage.answer_with(|received| match received.kind() {
        "End" => Reply::After(Duration::from_secs(5), Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    });
    let (spare, billed) = (sessions[18].clone(), sessions[19].clone());
    let operator = &stage.operator;
    let card = |number: u32| messages::authorize_start_rfid(&format!("04BBBBBBBBBB{number:02}"));

    let mut under_way = UnderWay { stage: &stage, sessions, calls: Vec::new() };
    under_way.are(7).await;
    assert_judged(&operator.notify(progress(&spare, 1)).await, "000");
    under_way.are(8).await;
    assert_shed(&operator.notify(progress(&spare, 10)).await);
    let wanted = messages::get_cdrs().to_string();
    assert_shed(&stage.partner("DE-DCB").post(&get_cdrs_path("DE-DCB"), &[], wanted).await);
    assert_judged(&operator.notify(distinct(start(&spare), 1)).await, "000");
    under_way.are(10).await;
    assert_shed(&operator.notify(distinct(start(&spare), 2)).await);
    assert_judged(&operator.authorize_start(card(1)).await, "000");
    under_way.are(12).await;
    let refused = operator.authorize_start(card(2)).await;
    assert_shed(&refused);
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized");
    assert_judged(&operator.bill(messages::cdr(&billed)).await, "000");
    under_way.are(14).await;
    assert_shed(&operator.bill(distinct(messages::cdr(&billed), 2)).await);
    assert_judged(&operator.notify(error(&spare)).await, "000");
    under_way.are(16).await;
    assert_shed(&operator.notify(distinct(end(&spare), 3)).await);

    for call in under_way.calls {
        assert_judged(&call.await.unwrap(), "000");
    }
    // And everything is taken again.
    assert_judged(&operator.notify(distinct(progress(&spare, 20), 4)).await, "022");
    assert_judged(&operator.authorize_start(card(2)).await, "000");
    assert_eq!(stage.metric("roamhub_calls_under_way").await, 0);
    assert_eq!(stage.metric("roamhub_calls_shed_total{operation=\"ChargingNotifications\"}").await, 3);
    assert_eq!(stage.metric("roamhub_calls_shed_total{operation=\"AuthorizeStart\"}").await, 1);
    assert_eq!(stage.metric("roamhub_calls_shed_total{operation=\"ChargeDetailRecord\"}").await, 1);
}

#[tokio::test]
async fn large_bodies_that_stall_leave_room_for_small_ones() {
    const LARGE: usize = 1_000_000;
    // Half of the four megabytes is for large bodies.
    let stage = Stage::with("[limits]\nbodies = 4\nbody_time = \"10s\"\n").await;
    let session = stage.operator.open_session().await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut line = Line::to(stage.hub.oicp()).await;
        line.say(head(LARGE)).await;
        line.say(vec![b' '; LARGE - 1]).await;
        stalled.push(line);
    }
    let held = u64::try_from(2 * (LARGE - 1)).unwrap();
    stage.metric_is("roamhub_bodies_bytes", |bytes| bytes >= held).await;
    let mut large = messages::error(&session);
    large["x"] = "x".repeat(LARGE / 2).into();
    assert_shed(&stage.operator.notify(&large).await);
    for number in 0..20 {
        assert_judged(&stage.operator.notify(distinct(end(&session), number)).await, "000");
    }
    drop(stalled);
    stage.metric_is("roamhub_bodies_bytes", |bytes| bytes == 0).await;
    assert_judged(&stage.operator.notify(&large).await, "000");
}

#[tokio::test]
async fn a_flood_of_what_is_refused_takes_no_message_its_place() {
    let stage = Stage::with("").await;
    let session = stage.operator.open_session().await;
    let mut floods = Vec::new();
    for _ in 0..4 {
        let hub = stage.hub.oicp();
        floods.push(tokio::spawn(async move {
            let mut line = Line::to(hub).await;
            for _ in 0..40 {
                line.say((head(2) + "{}").repeat(50)).await;
                let mut answered = 0;
                while answered < 50 {
                    answered += line.hear().await.matches("HTTP/1.1 400").count();
                }
            }
        }));
    }
    let mut sent = 0;
    while floods.iter().any(|flood| !flood.is_finished()) || sent < 20 {
        assert_judged(&stage.operator.notify(distinct(end(&session), sent)).await, "000");
        sent += 1;
    }
    for flood in floods {
        flood.await.unwrap();
    }
    assert_eq!(stage.provider.notifications().len(), sent);
}
