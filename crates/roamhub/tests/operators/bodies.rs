//! How bodies travel: chunked, announced, compressed, mislabelled.

use std::time::Duration;

use roamhub_testkit::{NOTIFICATIONS_PATH, authorize_start_path, gzipped, messages};

use crate::conversation::{Conversation, head};
use crate::stage::{Stage, assert_judged, assert_refused};

#[tokio::test]
async fn a_chunked_body_is_read_and_goes_out_with_a_length() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let chunked = [("transfer-encoding", "chunked")];
    let answer = stage.operator.post(NOTIFICATIONS_PATH, &chunked, end.clone()).await;
    assert_judged(&answer, true, "000");
    let received = stage.provider.notifications().pop().expect("it was forwarded");
    assert!(received.body == end.as_bytes(), "{received:?}");
    assert_eq!(received.header("content-length"), Some(end.len().to_string().as_str()));
    assert_eq!(received.header("transfer-encoding"), None);
}

#[tokio::test]
async fn a_body_in_single_bytes_with_chunk_extensions_and_trailers_is_read() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(head("transfer-encoding: chunked\r\ntrailer: x-checked\r\n")).await;
    for byte in end.bytes() {
        caller.say([b"1;part=x\r\n", &[byte][..], b"\r\n"].concat()).await;
    }
    caller.say("0\r\nx-checked: yes\r\n\r\n").await;
    let said = caller.hear().await;
    assert_eq!((said.status, &said.json()["Result"]), (200, &true.into()), "{said:?}");
    assert!(stage.provider.notifications()[0].body == end.as_bytes());
}

#[tokio::test]
async fn who_asks_first_is_told_to_continue() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(head(&format!("content-length: {}\r\nexpect: 100-continue\r\n", end.len()))).await;
    assert_eq!(caller.hear().await.status, 100);
    caller.say(&end).await;
    let said = caller.hear().await;
    assert_eq!((said.status, &said.json()["Result"]), (200, &true.into()), "{said:?}");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn who_asks_first_with_too_much_or_something_else_is_refused_instead() {
    let stage = Stage::new().await;
    let cases = [
        (413, "content-length: 1048577\r\n"),
        (415, "content-length: 10\r\ncontent-encoding: br\r\n"),
        (415, "content-length: 10\r\ncontent-type: multipart/form-data\r\n"),
    ];
    for (http, lines) in cases {
        let mut caller = Conversation::with(stage.hub.oicp()).await;
        caller.say(head(&format!("{lines}expect: 100-continue\r\n"))).await;
        let began = std::time::Instant::now();
        let said = caller.hear().await;
        assert_eq!((said.status, &said.json()["Result"]), (http, &false.into()), "{said:?}");
        assert!(began.elapsed() < Duration::from_secs(2), "refused at once: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_compressed_body_is_forwarded_decoded() {
    let stage = Stage::new().await;
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let session = stage.operator.open_session().await;
        let end = messages::end(&session).to_string();
        let headers = [("content-encoding", encoding)];
        let answer = stage.operator.post(NOTIFICATIONS_PATH, &headers, gzipped(end.as_bytes())).await;
        let process = assert_judged(&answer, true, "000");
        let received = stage.provider.notifications().pop().expect("it was forwarded");
        assert!(received.body == end.as_bytes(), "{received:?}");
        assert_eq!(received.header("content-encoding"), None);
        assert_eq!(stage.inspect(&process).await["bytes"], end.len());
        // The digest is of what is forwarded: the same message without compression is a repeat.
        let plain = stage.operator.notify(&end).await;
        assert_eq!(assert_judged(&plain, true, "000"), process);
    }
    assert_eq!(stage.provider.notifications().len(), 3);
}

#[tokio::test]
async fn a_gzip_bomb_is_413_and_costs_nobody_else_anything() {
    let stage = Stage::new().await;
    let bomb = gzipped(&vec![b' '; 200 * 1024 * 1024]);
    assert!(bomb.len() < 1024 * 1024, "small on the wire");
    let headers = [("content-encoding", "gzip")];
    let answer = stage.operator.post(NOTIFICATIONS_PATH, &headers, bomb.clone()).await;
    assert_refused(&answer, 413, "022");
    assert!(answer.took < Duration::from_secs(2), "it is not unpacked: {answer:?}");
    let answer = stage.operator.post(&authorize_start_path("DE*ABC"), &headers, bomb).await;
    assert_refused(&answer, 413, "022");
    stage.still_serves().await;
}

#[tokio::test]
async fn a_missing_or_odd_content_type_is_a_finding_and_nothing_else() {
    let stage = Stage::new().await;
    // An empty value means: no such header.
    for odd in ["", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream", "json;;;"]
    {
        let session = stage.operator.open_session().await;
        let end = messages::end(&session).to_string();
        let answer = stage.operator.post(NOTIFICATIONS_PATH, &[("content-type", odd)], end).await;
        let process = assert_judged(&answer, true, "000");
        assert_eq!(stage.findings(&process).await, ["content-type-odd"], "{odd}");
    }
    for usual in ["application/json", "application/json;charset=UTF-8", "Application/JSON ; charset=utf-8"] {
        let session = stage.operator.open_session().await;
        let end = messages::end(&session).to_string();
        let answer = stage.operator.post(NOTIFICATIONS_PATH, &[("content-type", usual)], end).await;
        let process = assert_judged(&answer, true, "000");
        assert!(stage.findings(&process).await.is_empty(), "{usual}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_named() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let answer = stage.operator.notify(format!("\u{FEFF}{end}")).await;
    assert_refused(&answer, 400, "022");
    assert!(answer.additional_info().contains("byte order mark"), "{answer:?}");
    let answer = stage.operator.authorize_start(format!("\u{FEFF}{end}")).await;
    assert_refused(&answer, 400, "022");
    assert!(answer.additional_info().contains("byte order mark"), "{answer:?}");
}

#[tokio::test]
async fn text_in_a_legacy_encoding_is_named_with_its_place() {
    let stage = Stage::new().await;
    let answer = stage.operator.notify(&b"{\"CPOPartnerSessionID\":\"M\xFCller\"}"[..].to_vec()).await;
    assert_refused(&answer, 400, "022");
    assert!(answer.additional_info().contains("byte 25"), "{answer:?}");
}
