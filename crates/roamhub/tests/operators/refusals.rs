//! Calls that no service takes: wrong path, method, partner, size or kind of body.

use std::time::Duration;

use roamhub_testkit::{NOTIFICATIONS_PATH, authorize_start_path, gzipped, messages};

use crate::conversation::{Conversation, head};
use crate::stage::{Stage, assert_judged, assert_refused};

#[tokio::test]
async fn an_operator_that_is_not_registered_is_told_404_and_300() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["OperatorID"] = "DE*NIX".into();
    let answer = stage.operator.notify(&end).await;
    assert_refused(&answer, 404, "300");
    assert!(answer.additional_info().contains("DE*NIX"), "{answer:?}");

    let mut start = messages::authorize_start_rfid("04AAAAAAAAAAAA");
    start["OperatorID"] = "DE*NIX".into();
    let answer = stage.operator("DE*NIX").authorize_start(&start).await;
    assert_refused(&answer, 404, "300");
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{answer:?}");

    // A sub-operator appears in EvseIDs only; it does not talk to the hub itself.
    end["OperatorID"] = "DE*XYZ".into();
    assert_refused(&stage.operator.notify(&end).await, 404, "300");
}

#[tokio::test]
async fn an_unknown_path_is_404_and_001() {
    let stage = Stage::new().await;
    let end = messages::end("0198f2d4-0000-7000-8000-000000000000");
    let paths = [
        "/",
        "/api/oicp",
        "/notificationmgmt/v11/charging-notifications",
        "/api/oicp/notificationmgmt/v10/charging-notifications",
        "/api/oicp/notificationmgmt/v11/charging-notifications/DE*ABC",
        "/API/OICP/NOTIFICATIONMGMT/V11/CHARGING-NOTIFICATIONS",
        "/api/oicp/charging/v21/operators/authorize/start",
        "/api/oicp/charging/v21/operators/DE%ZZABC/authorize/start",
        "/api/oicp/charging/v21/operators/DE%FFABC/authorize/start",
    ];
    for path in paths {
        let answer = stage.operator.post(path, &[], end.to_string()).await;
        assert_refused(&answer, 404, "001");
    }
    // Known to OICP, not offered by this hub.
    let path = "/api/oicp/dynamicpricing/v10/operators/DE*ABC/pricing-products";
    assert_refused(&stage.operator.post(path, &[], "{}").await, 404, "001");
}

#[tokio::test]
async fn methods_other_than_post_are_405_with_allow_and_a_json_body() {
    let stage = Stage::new().await;
    let authorise = authorize_start_path("DE*ABC");
    for path in [NOTIFICATIONS_PATH, &authorise] {
        let answer = stage.operator.get(path).await;
        assert_refused(&answer, 405, "022");
        assert_eq!(answer.header("allow"), Some("POST"), "{answer:?}");
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let request = format!("{method} {path} HTTP/1.1\r\nhost: hub\r\ncontent-length: 2\r\n\r\n{{}}");
            let answer = stage.operator.raw(request.as_bytes()).await;
            assert_refused(&answer, 405, "022");
            assert_eq!(answer.header("allow"), Some("POST"), "{method}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_a_mebibyte_is_413() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let padded = |length: usize| format!("{end}{}", " ".repeat(length - end.len()));
    let largest = 1024 * 1024;
    assert_judged(&stage.operator.notify(padded(largest)).await, true, "000");
    let answer = stage.operator.notify(padded(largest + 1)).await;
    assert_refused(&answer, 413, "022");
    assert!(answer.additional_info().contains("1048576"), "{answer:?}");
    let chunked = [("transfer-encoding", "chunked")];
    let answer = stage.operator.post(NOTIFICATIONS_PATH, &chunked, padded(2 * largest)).await;
    assert_refused(&answer, 413, "022");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_413_also_reaches_a_client_that_writes_its_whole_body_before_it_reads() {
    let stage = Stage::new().await;
    let body = vec![b' '; 4 * 1024 * 1024];
    let mut client = Conversation::with(stage.hub.oicp()).await;
    client.say(head(&format!("content-length: {}\r\n", body.len()))).await;
    client.say(&body).await;
    let said = client.hear().await;
    assert_eq!((said.status, &said.json()["StatusCode"]["Code"]), (413, &"022".into()), "{}", said.head);
}

#[tokio::test]
async fn a_refusal_without_a_look_at_the_body_leaves_the_connection_usable() {
    let stage = Stage::new().await;
    let mut client = Conversation::with(stage.hub.oicp()).await;
    let body = "x".repeat(100_000);
    let lines = format!("host: hub\r\ncontent-length: {}\r\n", body.len());
    let refused = [
        (404, format!("POST /nowhere HTTP/1.1\r\n{lines}\r\n")),
        (405, format!("PUT {NOTIFICATIONS_PATH} HTTP/1.1\r\n{lines}\r\n")),
        (415, format!("POST {NOTIFICATIONS_PATH} HTTP/1.1\r\n{lines}content-encoding: br\r\n\r\n")),
    ];
    for (http, head) in refused {
        client.say(head).await;
        // Time enough to be answered before the body is there.
        stage.still_serves().await;
        client.say(&body).await;
        let said = client.hear().await;
        assert_eq!((said.status, &said.json()["Result"]), (http, &false.into()), "{said:?}");
    }
}

#[tokio::test]
async fn another_kind_of_body_is_415() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let utf16: Vec<u8> = end.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_with_mark = [&[0xFF, 0xFE][..], &utf16[..]].concat();
    let form = format!("--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n{end}\r\n--x--\r\n");
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    let cases = [
        ("UTF-16", None, utf16, "UTF-16"),
        ("UTF-16 with a byte order mark", None, utf16_with_mark, "UTF-16"),
        ("multipart by its Content-Type", Some(multipart), form.clone().into_bytes(), "multipart"),
        ("multipart by its bytes", None, form.into_bytes(), "multipart"),
        ("binary", None, vec![0x89, b'P', b'N', b'G', 0xFF, 0xFE], "not text"),
        ("gzip that nobody announced", None, gzipped(end.as_bytes()).to_vec(), "not text"),
        ("an encoding nobody reads", Some(("content-encoding", "br")), end.into_bytes(), "gzip"),
    ];
    for (what, header, body, named) in cases {
        let headers = header.as_slice();
        let answer = stage.operator.post(NOTIFICATIONS_PATH, headers, body.clone()).await;
        assert_refused(&answer, 415, "022");
        assert!(answer.additional_info().contains(named), "{what}: {answer:?}");
        let answer = stage.operator.post(&authorize_start_path("DE*ABC"), headers, body).await;
        assert_refused(&answer, 415, "022");
        assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{what}: {answer:?}");
    }
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_in_time() {
    let stage = Stage::new().await;
    let began = std::time::Instant::now();
    let mut client = Conversation::with(stage.hub.oicp()).await;
    client.say(head("content-length: 100\r\n") + "{\"Type\":").await;
    let said = client.hear().await;
    assert_eq!((said.status, &said.json()["Result"]), (408, &false.into()), "{}", said.head);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_says_gzip_and_is_not_is_400() {
    let stage = Stage::new().await;
    let end = messages::end("0198f2d4-0000-7000-8000-000000000000").to_string();
    let headers = [("content-encoding", "gzip")];
    assert_refused(&stage.operator.post(NOTIFICATIONS_PATH, &headers, end).await, 400, "022");
}
