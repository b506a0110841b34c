//! Large pushes: bounded memory, and nobody else waits for them.

use std::fmt::Write;
use std::time::Duration;

use roamhub_testkit::{FakeOperator, messages};

use crate::stage::{LONGEST_ANSWER, Stage, assert_authorised, push_path, pusher};

const RECORDS: usize = 50_000;

/// Fifty thousand cards with all that a record of one can hold.
fn body(version: u32) -> String {
    let mut body = String::from(
        r#"{"ActionType":"fullLoad","ProviderAuthenticationData":{"ProviderID":"DE-OFF","AuthenticationDataRecord":["#,
    );
    for number in 0..RECORDS {
        let comma = if number == 0 { "" } else { "," };
        let evco = format!("DE-OFF-C{number:08}-X");
        let printed = format!("{version}{}", "9".repeat(120));
        write!(
            body,
            r#"{comma}{{"Identification":{{"RFIDIdentification":{{"UID":"{}","EvcoID":"{evco}","RFID":"mifareCls","PrintedNumber":"{printed}","ExpiryDate":"2999-01-01T00:00:00Z"}}}}}}"#,
            uid(number)
        )
        .unwrap();
    }
    body.push_str("]}}");
    body
}

fn uid(number: usize) -> String {
    format!("04{number:012X}")
}

/// The most memory that the hub has used so far, in kB.
fn peak(stage: &Stage) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.hub.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn fifty_thousand_records_cost_little_more_memory_than_their_bytes_and_hold_up_no_end() {
    let stage = Stage::new().await;
    let before = {
        stage.operator.open_session().await;
        peak(&stage)
    };
    let first = body(1);
    let size = u64::try_from(first.len()).unwrap() / 1024;
    assert!(size > 13_000, "{size} kB");
    let provider = pusher(&stage.hub, "DE-OFF");
    let pushing = tokio::spawn(async move { provider.post(&push_path("DE-OFF"), &[], first).await });
    let mut slowest = Duration::ZERO;
    let mut ends = 0;
    while !pushing.is_finished() {
        let session = stage.operator.open_session().await;
        let end = stage.operator.notify(messages::end(&session)).await;
        assert_eq!((end.status, end.code().as_str()), (200, "000"), "{end:?}");
        slowest = slowest.max(end.took);
        ends += 1;
    }
    let answer = pushing.await.unwrap();
    assert!(answer.additional_info().starts_with("version 1: 50000 records"), "{answer:?}");
    assert!(ends > 0 && slowest < LONGEST_ANSWER, "{ends} Ends, the slowest {slowest:?}");
    println!("{ends} Ends meanwhile, the slowest {slowest:?}; the push took {:?}", answer.took);
    let last: FakeOperator = stage.operator.clone();
    assert_authorised(
        &last.authorize_start(messages::authorize_start_rfid(&uid(RECORDS - 1))).await,
        "DE-OFF",
    );
    // Once more: what was there is replaced, without the bytes of either being kept.
    let answer = pusher(&stage.hub, "DE-OFF").post(&push_path("DE-OFF"), &[], body(2)).await;
    assert!(answer.additional_info().starts_with("version 2: 50000 records"), "{answer:?}");
    let grown = peak(&stage) - before;
    println!("{size} kB of body, {grown} kB more memory at the peak");
    assert!(grown < 3 * size + 48 * 1024, "{size} kB of body, {grown} kB more memory");
}
