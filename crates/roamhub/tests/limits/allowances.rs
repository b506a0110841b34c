//! Allowances of notifications: what is new counts, Progress goes first, End and Error never.

use roamhub_testkit::messages::{self, end, error, progress, start};
use tokio::time::{sleep, timeout};

use crate::stage::{BOUND, Stage, assert_judged, assert_too_often, distinct, partners};

/// So many Starts that differ, all taken.
async fn starts(stage: &Stage, session: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_judged(&stage.operator.notify(distinct(start(session), number)).await, "000");
    }
}

#[tokio::test]
async fn nobody_has_an_allowance_unless_somebody_says_so() {
    let stage = Stage::with("").await;
    let session = stage.operator.open_session().await;
    starts(&stage, &session, 0..150).await;
}

#[tokio::test]
async fn the_preset_takes_a_hundred_notifications_a_minute_progress_less_and_every_end() {
    let stage = Stage::with("[limits]\npreset = \"aup-1.0\"\n").await;
    let session = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(progress(&session, 1)).await, "000");
    let mut refused = None;
    for minutes in 2..200 {
        let answer = stage.operator.notify(progress(&session, minutes)).await;
        if answer.status == 429 {
            refused = Some((minutes, answer));
            break;
        }
        // Too soon after the first, but a call all the same.
        assert_judged(&answer, "022");
    }
    let (minutes, answer) = refused.expect("Progress has an end");
    assert!((76..=80).contains(&minutes), "a few come back while this runs, but not {minutes}");
    assert_too_often(
        &answer,
        "allowance of 100 notifications a minute has room for, of which Progress may use 75",
    );

    starts(&stage, &session, 0..25).await;
    let mut number = 25;
    let answer = loop {
        let answer = stage.operator.notify(distinct(start(&session), number)).await;
        if answer.status == 429 {
            break answer;
        }
        number += 1;
        assert!(number < 60, "Start has an end");
    };
    let words = "the allowance of 100 notifications (Start and Progress) a minute is used up";
    assert_too_often(&answer, words);
    assert!(answer.text().contains("End and Error are always taken"), "{answer:?}");
    for number in 0..200 {
        let body = if number % 2 == 0 { end(&session) } else { error(&session) };
        assert_judged(&stage.operator.notify(distinct(body, number)).await, "000");
    }
    assert_eq!(stage.metric("roamhub_calls_too_often_total{operation=\"Progress\"}").await, 1);
    assert_eq!(stage.metric("roamhub_calls_too_often_total{operation=\"Start\"}").await, 1);
    assert_eq!(stage.metric("roamhub_calls_too_often_total{operation=\"End\"}").await, 0);
}

#[tokio::test]
async fn identical_repeats_do_not_count_however_much_is_used_up() {
    let stage = Stage::with("[limits]\nper_minute = { notifications = 2 }\n").await;
    let session = stage.operator.open_session().await;
    let first = distinct(start(&session), 1);
    for _ in 0..20 {
        assert_judged(&stage.operator.notify(&first).await, "000");
    }
    starts(&stage, &session, 2..3).await;
    assert_too_often(&stage.operator.notify(distinct(start(&session), 3)).await, "of 2 notifications");
    for number in [1, 2] {
        assert_judged(&stage.operator.notify(distinct(start(&session), number)).await, "000");
    }
    assert_eq!(stage.provider.notifications().len(), 2);
}

#[tokio::test]
async fn what_was_refused_for_rate_is_taken_when_the_answer_says_so() {
    let stage = Stage::with("[limits]\nper_minute = { notifications = 60 }\n").await;
    let session = stage.operator.open_session().await;
    starts(&stage, &session, 0..60).await;
    let mut number = 60;
    let (body, seconds) = loop {
        let body = distinct(start(&session), number);
        let answer = stage.operator.notify(&body).await;
        if answer.status == 429 {
            break (body, assert_too_often(&answer, "again after 1 s"));
        }
        number += 1;
        assert!(number < 120, "60 a minute have an end");
    };
    assert_eq!(seconds, 1);
    sleep(std::time::Duration::from_secs(seconds)).await;
    assert_judged(&stage.operator.notify(&body).await, "000");
}

#[tokio::test]
async fn each_partner_has_an_allowance_of_its_own_and_the_partners_file_goes_over_the_settings() {
    let settings = "[limits]\npreset = \"aup-1.0\"\nper_minute = { notifications = 1 }\n";
    let stage = Stage::of(settings, "limits = { notifications = 3 }", "").await;
    let session = stage.operator.open_session().await;
    starts(&stage, &session, 0..3).await;
    assert_too_often(&stage.operator.notify(distinct(start(&session), 3)).await, "of 3 notifications");

    let other = stage.partner("DE*QQQ");
    let theirs = other.open_session().await;
    let of_theirs = |number| {
        let mut body = distinct(start(&theirs), number);
        body["OperatorID"] = "DE*QQQ".into();
        body["EvseID"] = "DE*QQQ*ETEST1".into();
        body
    };
    assert_judged(&other.notify(of_theirs(0)).await, "000");
    assert_too_often(&other.notify(of_theirs(1)).await, "of 1 notifications");
    // The same id in another spelling is the same partner.
    let mut spelt = of_theirs(2);
    spelt["OperatorID"] = "DEQQQ".into();
    assert_too_often(&other.notify(spelt).await, "of 1 notifications");
}

#[tokio::test]
async fn a_new_partners_file_counts_at_once_and_forgets_nothing() {
    let stage = Stage::of("", "limits = { notifications = 2 }", "").await;
    let session = stage.operator.open_session().await;
    starts(&stage, &session, 0..2).await;
    assert_too_often(&stage.operator.notify(distinct(start(&session), 2)).await, "of 2 notifications");
    let text = |lines: &str| partners(&stage.provider.url(), lines, "");
    std::fs::write(stage.hub.partners_file(), text("limits = { notifications = \"unlimited\" }")).unwrap();
    stage.hub.reload();
    let body = distinct(start(&session), 3);
    let taken = async { while stage.operator.notify(&body).await.status != 200 {} };
    timeout(BOUND, taken).await.expect("the new figure counts");
    std::fs::write(stage.hub.partners_file(), text("limits = { notifications = 2 }")).unwrap();
    stage.hub.reload();
    let mut number = 4;
    let refused = async {
        while stage.operator.notify(distinct(start(&session), number)).await.status == 200 {
            number += 1;
        }
    };
    timeout(BOUND, refused).await.expect("what was used up is still used up");
}

#[tokio::test]
async fn calls_for_unknown_sessions_count_so_that_looking_them_up_costs_the_others_nothing() {
    let stage = Stage::with("[limits]\nper_minute = { notifications = 5 }\n").await;
    let unknown = "0f0e7c2a-5a3d-4a53-9d54-2d6c1c0b7a11";
    for number in 0..5 {
        assert_judged(&stage.operator.notify(distinct(start(unknown), number)).await, "400");
    }
    assert_too_often(&stage.operator.notify(distinct(start(unknown), 5)).await, "of 5 notifications");
    assert_judged(&stage.operator.notify(messages::end(unknown)).await, "400");
}
