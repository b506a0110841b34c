//! Answers that say something: acknowledgements, judgements, faults, and success without words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roamhub_testkit::{Answer, Reply, messages};
use serde_json::{Value, json};

use crate::stage::{
    PATIENT, QUICK, SOON, Stage, answer_notifications, assert_delivered, attempts, of_session, process_of,
};

fn raw(status: u16, content_type: &str, body: &'static str) -> Reply {
    let content_type = Some(content_type.to_owned());
    Reply::Raw { status, content_type, body: bytes::Bytes::from_static(body.as_bytes()) }
}

/// Sends an End that the provider answers so.
async fn end_answered(stage: &Stage, reply: Reply) -> Answer {
    answer_notifications(&stage.provider, move |_| reply.clone());
    stage.end_of_new_session().await
}

#[tokio::test]
async fn an_acknowledgement_counts_under_any_http_status() {
    let stage = Stage::new(QUICK).await;
    for status in [200, 201, 302, 404, 500, 503] {
        let ack = json!({"Result": true, "StatusCode": {"Code": "000", "Description": "noted"}});
        let answer = end_answered(&stage, Reply::Json(status, ack)).await;
        assert_delivered(&answer);
        assert_eq!(answer.json()["StatusCode"]["Description"], "noted", "HTTP {status}: {answer:?}");
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.outcomes(), ["delivered"]);
        assert_eq!(record.attempts()[0]["httpStatus"], status);
        assert!(record.attempts()[0]["finding"].is_null(), "nothing odd about it: {:#}", record.0);
    }
    assert_eq!(stage.provider.notifications().len(), 6, "each was sent once");
}

#[tokio::test]
async fn success_without_an_acknowledgement_is_delivered_with_a_note_and_a_finding() {
    let stage = Stage::new(QUICK).await;
    let replies = [
        (204, Reply::NoContent),
        (200, raw(200, "application/json", "")),
        (200, raw(200, "text/plain", " \r\n")),
        (200, Reply::Json(200, json!({"status": "ok"}))),
        (202, Reply::Json(202, json!({}))),
        (200, Reply::Json(200, json!([]))),
    ];
    let most = replies.len();
    for (status, reply) in replies {
        let answer = end_answered(&stage, reply).await;
        assert_delivered(&answer);
        let note = format!("HTTP {status} without an acknowledgement");
        assert!(answer.additional_info().contains(&note), "{answer:?}");
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.attempts()[0]["finding"]["code"], "answer-without-result", "{:#}", record.0);
        assert_eq!(
            (record.outcomes(), &record.attempts()[0]["httpStatus"]),
            (vec!["delivered".to_owned()], &json!(status))
        );
    }
    assert_eq!(stage.provider.notifications().len(), most, "each was sent once");
}

#[tokio::test]
async fn a_judgement_is_relayed_as_it_is_and_ends_the_delivery() {
    let stage = Stage::new(QUICK).await;
    for (http, code) in [(200, "102"), (200, "400"), (422, "022"), (500, "210")] {
        let status = json!({"Code": code, "Description": "no", "AdditionalInfo": "this driver left us"});
        let ack = json!({"Result": false, "StatusCode": status, "EMPPartnerSessionID": "emp-7"});
        let answer = end_answered(&stage, Reply::Json(http, ack)).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.result()),
            (200, code, false),
            "{answer:?}"
        );
        assert_eq!(answer.json()["StatusCode"], status, "as it is");
        assert_eq!(answer.json()["EMPPartnerSessionID"], "emp-7");
        assert_eq!(answer.json()["CPOPartnerSessionID"], "1234XYZ", "the caller's own");
        assert_eq!(answer.header("hub-delivery"), None);
        let record = stage.record_in_state(&answer, "refused").await;
        assert_eq!(record.outcomes(), ["refused"]);
    }
    let refused = stage.provider.notifications().len();
    two_retries_pass(&stage).await;
    assert_eq!(stage.provider.notifications().len(), refused + 3, "nothing refused was sent again");
}

/// Waits for as long as two retries of another message take.
async fn two_retries_pass(stage: &Stage) {
    let session = stage.operator.open_session().await;
    let other = session.clone();
    answer_notifications(&stage.provider, move |request| {
        let tried = request.header("hub-attempt") == Some("3");
        if request.session() == other && !tried { Reply::Json(503, json!({})) } else { Reply::Acknowledge }
    });
    let answer = stage.operator.notify(messages::end(&session)).await;
    stage.record_in_state(&answer, "delivered").await;
}

#[tokio::test]
async fn a_fault_reported_for_an_end_or_an_error_is_relayed_and_tried_again_until_accepted() {
    let cases = [("001", "End"), ("002", "End"), ("021", "End"), ("001", "Error")];
    for (code, kind) in cases {
        let stage = Stage::answering(QUICK, move |request| match request.header("hub-attempt") {
            Some("1" | "2") => Reply::ack(false, code, "our database is down"),
            _ => Reply::Acknowledge,
        })
        .await;
        let session = stage.operator.open_session().await;
        let body = if kind == "End" { messages::end(&session) } else { messages::error(&session) };
        let answer = stage.operator.notify(&body).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.result()),
            (200, code, false),
            "{answer:?}"
        );
        assert_eq!(answer.additional_info(), "our database is down", "relayed as it is");
        let seen = stage.provider.wait_for(3, SOON).await;
        assert_eq!(attempts(&seen), [1, 2, 3], "{kind} {code}");
        for request in &seen {
            assert_eq!(request.header("process-id"), answer.header("process-id"));
            assert_eq!(request.body, body.to_string(), "the same bytes");
        }
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.outcomes(), ["faulted", "faulted", "delivered"]);
    }
}

#[tokio::test]
async fn a_fault_reported_for_a_start_or_a_progress_is_a_refusal() {
    let stage = Stage::answering(QUICK, |_| Reply::ack(false, "021", "try later")).await;
    let session = stage.operator.open_session().await;
    for body in [messages::start(&session), messages::progress(&session, 10)] {
        let answer = stage.operator.notify(body).await;
        assert_eq!((answer.code().as_str(), answer.result()), ("021", false), "{answer:?}");
        assert_eq!(stage.record_in_state(&answer, "refused").await.outcomes(), ["refused"]);
    }
    two_retries_pass(&stage).await;
    assert_eq!(attempts(&of_session(&stage.provider, &session)), [1, 1], "sent once each");
}

#[tokio::test]
async fn faults_without_end_are_given_up_after_five_retries() {
    let stage = Stage::answering(QUICK, |_| Reply::ack(false, "001", "")).await;
    let answer = stage.end_of_new_session().await;
    let record = stage.record_in_state(&answer, "exhausted").await;
    assert_eq!(record.reason(), "faulted");
    assert_eq!(record.outcomes(), vec!["faulted"; 6]);
    assert_eq!(attempts(&stage.provider.notifications()), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn which_refusals_are_faults_is_the_partners_files_to_say() {
    let lines = format!("{QUICK}\nfault_codes = [\"310\"]");
    let stage = Stage::answering(&lines, |request| match request.json()["EvseID"].as_str() {
        Some("DE*ABC*EFAULT") if request.header("hub-attempt") == Some("1") => Reply::ack(false, "310", ""),
        Some("DE*ABC*EFAULT") => Reply::Acknowledge,
        _ => Reply::ack(false, "021", ""),
    })
    .await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    let refused = stage.operator.notify(&end).await;
    assert_eq!(stage.record_in_state(&refused, "refused").await.outcomes(), ["refused"]);
    end["EvseID"] = "DE*ABC*EFAULT".into();
    let faulted = stage.operator.notify(&end).await;
    assert_eq!(faulted.code(), "310");
    let record = stage.record_in_state(&faulted, "delivered").await;
    assert_eq!(record.outcomes(), ["faulted", "delivered"]);
}

#[tokio::test]
async fn an_incomplete_acknowledgement_is_completed() {
    let stage = Stage::new(PATIENT).await;
    let cases: [(Value, bool, &str); 4] = [
        (json!({"Result": true}), true, "000"),
        (json!({"Result": true, "StatusCode": null}), true, "000"),
        (json!({"Result": true, "StatusCode": {"Code": "none"}}), true, "000"),
        (json!({"Result": false}), false, "021"),
    ];
    for (reply, result, code) in cases {
        let answer = end_answered(&stage, Reply::Json(200, reply.clone())).await;
        assert_eq!(
            (answer.status, answer.result(), answer.code().as_str()),
            (200, result, code),
            "{reply}: {answer:?}"
        );
        // An End whose refusal means a fault (021) is tried again later.
        let state = if result { "delivered" } else { "deferred" };
        let record = stage.record_in_state(&answer, state).await;
        assert_eq!(record.outcomes(), [if result { "delivered" } else { "faulted" }]);
        if result {
            assert_eq!(record.attempts()[0]["finding"]["code"], "answer-incomplete", "{:#}", record.0);
        }
    }
    // The same refusal of a Start is a judgement, and outside 2xx it is some framework's error page.
    let session = stage.operator.open_session().await;
    answer_notifications(&stage.provider, |_| Reply::Json(200, json!({"Result": false})));
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_eq!(start.code(), "021", "{start:?}");
    stage.record_in_state(&start, "refused").await;
    let error_page = end_answered(&stage, Reply::Json(500, json!({"Result": false}))).await;
    crate::stage::assert_deferred(&error_page);
}

#[tokio::test]
async fn a_repeat_of_what_the_provider_refused_is_asked_again_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let stage = Stage::answering(QUICK, move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::ack(false, "102", "not ours"),
        _ => Reply::Acknowledge,
    })
    .await;
    let session = stage.operator.open_session().await;
    let first = stage.operator.notify(messages::end(&session)).await;
    assert_eq!(first.code(), "102");
    stage.record_in_state(&first, "refused").await;
    let second = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&second);
    assert_eq!(process_of(&second), process_of(&first), "the same notification");
    let record = stage.record_in_state(&first, "delivered").await;
    assert_eq!(record.0["deliveries"][0]["state"], "refused", "what was, stays on record");
    // And once more, which is only answered: the provider said yes.
    let third = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&third);
    assert_eq!(process_of(&third), process_of(&first));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
