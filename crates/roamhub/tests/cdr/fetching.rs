//! Fetching: windows, pages, filters.

use std::collections::BTreeSet;

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::stage::{ALL, OFFLINE, Stage, sessions_on};

#[tokio::test]
async fn pages_follow_the_order_of_reception_and_say_where_they_stand() {
    let stage = Stage::new(OFFLINE).await;
    let mut billed = Vec::new();
    for _ in 0..5 {
        billed.push(stage.billed().await.0);
    }
    let mut read = Vec::new();
    for page in 0..3 {
        let answer = stage.fetch(&format!("?page={page}&size=2"), &messages::get_cdrs()).await;
        let said = answer.json();
        assert_eq!(
            (&said["number"], &said["size"], &said["totalElements"]),
            (&json!(page), &json!(2), &json!(5))
        );
        assert_eq!((&said["first"], &said["last"]), (&json!(page == 0), &json!(page == 2)));
        assert_eq!(said["totalPages"], 3);
        read.extend(sessions_on(&answer));
    }
    assert_eq!(read, billed);
    assert_eq!(sessions_on(&stage.fetch("", &messages::get_cdrs()).await), billed, "twenty by default");
    let past = stage.fetch("?page=7&size=2", &messages::get_cdrs()).await;
    assert!(sessions_on(&past).is_empty());
    assert_eq!((&past.json()["last"], &past.json()["empty"]), (&json!(true), &json!(true)));
    assert_eq!(
        sessions_on(&stage.fetch("", &messages::get_cdrs()).await),
        billed,
        "fetching changes nothing"
    );
}

#[tokio::test]
async fn more_than_two_thousand_on_a_page_are_clamped_and_the_answer_says_so() {
    let stage = Stage::new(OFFLINE).await;
    stage.billed().await;
    let answer = stage.fetch("?size=5000", &messages::get_cdrs()).await;
    assert_eq!(answer.json()["size"], 2000);
    assert!(answer.additional_info().contains("2000"), "{answer:?}");
    assert_eq!(sessions_on(&answer).len(), 1);
}

#[tokio::test]
async fn the_window_is_the_hubs_time_of_reception() {
    let stage = Stage::new(OFFLINE).await;
    let (_, answer) = stage.billed().await;
    let record = stage.settled(&answer, "held").await;
    let received = record["receivedAt"].as_str().unwrap();
    let count = async |from: &str, to: &str| {
        let mut wanted = messages::get_cdrs();
        (wanted["From"], wanted["To"]) = (json!(from), json!(to));
        sessions_on(&stage.fetch("", &wanted).await).len()
    };
    assert_eq!(count(received, received).await, 1, "both bounds are inclusive");
    assert_eq!(count("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z").await, 0, "not the time of charging");
}

#[tokio::test]
async fn filters_take_one_or_many_and_forwarded_is_what_the_endpoint_has_taken() {
    let stage = Stage::new(ALL).await;
    let (taken, answer) = stage.billed().await;
    stage.settled(&answer, "delivered").await;
    stage.answer_records(|_| Reply::ack(false, "102", "no"));
    let (refused, answer) = stage.billed().await;
    stage.settled(&answer, "refused").await;
    let fetch = async |member: &str, value: serde_json::Value| {
        let mut wanted = messages::get_cdrs();
        wanted[member] = value;
        sessions_on(&stage.fetch("", &wanted).await)
    };
    assert_eq!(fetch("SessionID", json!([refused])).await, vec![refused.clone()]);
    assert_eq!(fetch("SessionID", json!(taken)).await, vec![taken.clone()]);
    assert!(fetch("SessionID", json!("b2688855-7f00-0002-6d8e-zzzzzzzzzzzz")).await.is_empty());
    assert_eq!(fetch("OperatorID", json!("DE*ABC")).await.len(), 2);
    assert_eq!(
        fetch("OperatorID", json!(["DE*QQQ", "DEXYZ"])).await.len(),
        2,
        "a sub-operator's are its bundler's"
    );
    assert!(fetch("OperatorID", json!("DE*QQQ")).await.is_empty());
    assert_eq!(fetch("CDRForwarded", json!(true)).await, [taken]);
    assert_eq!(fetch("CDRForwarder", json!(false)).await, [refused]);
}

#[tokio::test]
async fn paging_while_records_arrive_neither_skips_nor_repeats() {
    let stage = Stage::new(OFFLINE).await;
    let mut before = Vec::new();
    let mut last = stage.billed().await;
    for _ in 0..11 {
        before.push(std::mem::replace(&mut last, stage.billed().await).0);
    }
    let received = stage.settled(&last.1, "held").await["receivedAt"].clone();
    before.push(last.0);
    let mut wanted = messages::get_cdrs();
    wanted["To"] = received;
    let operator = stage.operator.clone();
    let more: Vec<_> = {
        let mut sessions = Vec::new();
        for _ in 0..40 {
            sessions.push(operator.open_session().await);
        }
        sessions
    };
    let arriving = tokio::spawn(async move {
        for session in &more {
            assert!(operator.bill(messages::cdr(session)).await.result());
        }
    });
    let mut read = Vec::new();
    for page in 0..4 {
        let answer = stage.fetch(&format!("?page={page}&size=3"), &wanted).await;
        assert_eq!(answer.json()["totalElements"], 12, "the window ends in the past");
        read.extend(sessions_on(&answer));
    }
    assert_eq!(read, before);
    // A window that reaches into the future only grows at its end.
    let (mut read, mut page) = (Vec::new(), 0);
    loop {
        let answer = stage.fetch(&format!("?page={page}&size=5"), &messages::get_cdrs()).await;
        read.extend(sessions_on(&answer));
        if answer.json()["last"] == true {
            break;
        }
        page += 1;
    }
    arriving.await.unwrap();
    let all = sessions_on(&stage.fetch("?size=2000", &messages::get_cdrs()).await);
    assert_eq!(all.len(), 52);
    assert!(all.starts_with(&read), "in one order, without a gap");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 52);
}

#[tokio::test]
async fn a_long_page_of_large_records_is_streamed_whole() {
    let stage = Stage::new(OFFLINE).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        let session = stage.operator.open_session().await;
        let mut body = messages::cdr(&session);
        body["Padding"] = format!("{number} {}", "x".repeat(300_000)).into();
        let body = body.to_string();
        assert!(stage.operator.bill(&body).await.result());
        sent.push(body);
    }
    let answer = stage.fetch("", &messages::get_cdrs()).await;
    assert_eq!(sessions_on(&answer).len(), 20);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let text = answer.text();
    assert!(sent.iter().all(|body| text.contains(body)), "each of them verbatim");
}

fn high_water_mark(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_page_of_ninety_megabytes_needs_no_ninety_megabytes() {
    let stage = Stage::new(OFFLINE).await;
    for _ in 0..100 {
        let session = stage.operator.open_session().await;
        let mut body = messages::cdr(&session);
        body["Padding"] = "x".repeat(900_000).into();
        assert!(stage.operator.bill(&body).await.result());
    }
    let before = high_water_mark(stage.hub.pid());
    let answer = stage.fetch("?size=2000", &messages::get_cdrs()).await;
    assert!(answer.body.len() > 90_000_000);
    let grown = high_water_mark(stage.hub.pid()).saturating_sub(before);
    // The allocator takes 32 MB from the system at a time.
    assert!(grown < 48 * 1024, "the hub grew by {grown} kB");
    println!("grown by {grown} kB");
}
