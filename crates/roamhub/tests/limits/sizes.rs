//! Sizes: heads, paths, queries, bodies, what comes out of gzip, nesting, members. At every door.

use std::time::Duration;

use roamhub_testkit::operator::gzipped;
use roamhub_testkit::{NOTIFICATIONS_PATH, get_cdrs_path, messages};

use crate::stage::{Stage, assert_judged, assert_refused, distinct};
use crate::wire::Line;

const UPLOADS: &str = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
const CONFIRM: &str = "/api/hub/v1/providers/DE-DCB/notifications/confirm";
const GZIP: (&str, &str) = ("content-encoding", "gzip");

#[tokio::test]
async fn a_head_that_is_too_long_or_has_too_many_lines_is_431() {
    let stage = Stage::with("[limits]\nhead = 16\n").await;
    let with = |lines: String| format!("GET /api/oicp/nothing HTTP/1.1\r\nhost: hub\r\n{lines}\r\n");
    let fine = stage.operator.raw(with(format!("x-long: {}\r\n", "x".repeat(10_000))).as_bytes()).await;
    assert_refused(&fine, 404, "001");
    let endless = format!("x-long: {}\r\n", "x".repeat(40_000));
    let many: String = (0..150).map(|number| format!("x-{number}: 1\r\n")).collect();
    for head in [endless, many] {
        let mut line = Line::to(stage.hub.oicp()).await;
        line.say(with(head)).await;
        let said = line.hear_to_the_end().await;
        assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    }
    stage.still_serves().await;
}

#[tokio::test]
async fn paths_and_queries_of_any_length_are_answered_briefly() {
    let stage = Stage::with("").await;
    let long = 20_000;
    let fetch = |query: String| format!("{}?{query}", get_cdrs_path("DE-DCB"));
    for (path, http, code) in [
        ("/".repeat(long), 404, "001"),
        ("/a".repeat(long / 2), 404, "001"),
        (format!("/api/oicp/charging/v21/operators/{}/authorize/start", "%2a".repeat(long / 3)), 400, "022"),
        (format!("/api/hub/v1/operators/{}/receipts", "A".repeat(long)), 400, "022"),
        (format!("/api/hub/v1/providers/DE-DCB/notifications?after={}", "1".repeat(long)), 400, "022"),
        (fetch(format!("page={}", "9".repeat(long))), 400, "022"),
        (fetch("page=0&".repeat(long / 7)), 400, "022"),
        (fetch("x=1&".repeat(long / 4)), 400, "022"),
        (fetch("x=1&".repeat(100)), 200, "000"),
    ] {
        let get = path.starts_with("/api/hub");
        let answer = match get {
            true => stage.operator.get(&path).await,
            false => stage.operator.post(&path, &[], messages::get_cdrs().to_string()).await,
        };
        let start: String = path.chars().take(60).collect();
        assert_eq!((answer.status, answer.code().as_str()), (http, code), "{start}: {answer:?}");
        assert!(answer.body.len() < 4_096 && answer.took < Duration::from_secs(2), "{start}: {answer:?}");
    }
    stage.still_serves().await;
}

#[tokio::test]
async fn bodies_beyond_the_settings_are_413_whatever_they_announce() {
    let stage = Stage::with("[limits]\nmessage = 64\nupload = 1\n").await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["x"] = "x".repeat(60_000).into();
    assert_judged(&stage.operator.notify(&end).await, "000");
    end["x"] = "x".repeat(66_000).into();
    let chunked = ("transfer-encoding", "chunked");
    for headers in [&[][..], &[chunked], &[("expect", "100-continue")]] {
        let answer = stage.operator.post(NOTIFICATIONS_PATH, headers, end.to_string()).await;
        assert_refused(&answer, 413, "022");
        assert!(answer.text().contains("longer than 65536 bytes"), "{answer:?}");
    }
    let upload = vec![b' '; 1_100_000];
    for headers in [&[][..], &[chunked]] {
        assert_refused(&stage.operator.post(UPLOADS, headers, upload.clone()).await, 413, "022");
    }
    let small = stage.operator.post(UPLOADS, &[], vec![b' '; 900_000]).await;
    assert_refused(&small, 400, "022");
    assert_refused(&stage.operator.post(CONFIRM, &[], vec![b' '; 5_000]).await, 413, "022");
    // An announcement costs nothing by itself.
    let mut line = Line::to(stage.hub.oicp()).await;
    line.say(crate::wire::head(usize::MAX / 2).replace("host", "expect: 100-continue\r\nhost")).await;
    assert!(line.hear().await.starts_with("HTTP/1.1 413"));
    stage.still_serves().await;
}

#[tokio::test]
async fn gzip_is_undone_as_far_as_the_bound_and_not_a_byte_further() {
    let stage = Stage::with("").await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["x"] = "x".repeat(1_000_000).into();
    let fine = stage.operator.post(NOTIFICATIONS_PATH, &[GZIP], gzipped(end.to_string().as_bytes())).await;
    assert_judged(&fine, "000");
    // A gigabyte in a megabyte, many times over.
    let bomb = gzipped(&vec![b' '; 1 << 20]).repeat(1_000);
    assert!(bomb.len() < 2_000_000, "{}", bomb.len());
    let small: Vec<u8> = bomb[..bomb.len() / 2].to_vec();
    let mut bombs = Vec::new();
    for (path, body) in
        [(UPLOADS, &bomb), (NOTIFICATIONS_PATH, &small), (CONFIRM, &gzipped(&[b' '; 9_000]).to_vec())]
    {
        for _ in 0..4 {
            let (operator, body) = (stage.operator.clone(), body.clone());
            bombs.push(tokio::spawn(async move { operator.post(path, &[GZIP], body).await }));
        }
    }
    let mut slowest = Duration::ZERO;
    for number in 0..50 {
        let answer = stage.operator.notify(distinct(messages::end(&session), number)).await;
        assert_judged(&answer, "000");
        slowest = slowest.max(answer.took);
    }
    assert!(slowest < Duration::from_secs(2), "somebody waited {slowest:?}");
    for bomb in bombs {
        assert_refused(&bomb.await.unwrap(), 413, "022");
    }
    stage.still_serves().await;
}

#[tokio::test]
async fn nesting_and_members_are_bounded_at_every_door() {
    let stage = Stage::with("").await;
    let nested = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
    let hostile = [
        nested("[", "]"),
        nested("{\"a\":", "}"),
        format!("{{\"cursor\":{}}}", nested("[", "]")),
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(100_000)),
        format!("[{}1]", "{},".repeat(300_000)),
    ];
    let doors = [
        NOTIFICATIONS_PATH.to_owned(),
        "/api/oicp/charging/v21/operators/DE*ABC/authorize/start".to_owned(),
        "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop".to_owned(),
        "/api/oicp/charging/v21/providers/DE-DCB/authorize-remote/start".to_owned(),
        "/api/oicp/charging/v21/providers/DE-DCB/authorize-remote/stop".to_owned(),
        roamhub_testkit::cdr_path("DE*ABC"),
        get_cdrs_path("DE-DCB"),
        UPLOADS.to_owned(),
        CONFIRM.to_owned(),
    ];
    for door in &doors {
        for body in &hostile {
            let answer = stage.operator.post(door, &[], body.clone()).await;
            let expected = if door == CONFIRM { [400, 413] } else { [400, 400] };
            assert!(expected.contains(&answer.status), "{door}: {:.60}: {answer:?}", body);
            assert!(answer.took < Duration::from_secs(3), "{door}: {:.60}: {answer:?}", body);
            assert!(answer.body.len() < 64 * 1024, "{door}: {} bytes", answer.body.len());
        }
    }
    // The admin API, behind the console's address.
    let console = roamhub_testkit::FakeOperator::new("admin", stage.hub.console());
    let made = stage.hub.ask_admin("POST", "/api/v1/tokens", r#"{"name":"x","role":"administer"}"#).await;
    let token = format!("Bearer {}", made.json()["token"].as_str().expect("a token"));
    let admin = [("authorization", token.as_str())];
    for path in ["/api/v1/replays", "/api/v1/lanes/DE-DCB/pause", "/api/v1/erasures"] {
        for body in &hostile {
            let answer = console.post(path, &admin, body.clone()).await;
            assert!((400..=422).contains(&answer.status), "{path}: {:.60}: {answer:?}", body);
            assert!(answer.body.len() < 4_096, "{path}: {} bytes", answer.body.len());
        }
        let long = console.post(path, &admin, vec![b' '; 3_000_000]).await;
        assert!((400..=422).contains(&long.status), "{path}: {long:?}");
    }
    stage.still_serves().await;
}

#[tokio::test]
async fn an_object_of_very_many_members_is_refused_with_the_number() {
    let stage = Stage::with("").await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let with = |members: usize| {
        let more: String = (0..members).map(|number| format!(",\"x{number}\":{number}")).collect();
        format!("{}{more}}}", &end[..end.len() - 1])
    };
    assert_judged(&stage.operator.notify(with(3_000)).await, "000");
    let answer = stage.operator.notify(with(5_000)).await;
    assert_refused(&answer, 400, "022");
    assert!(answer.text().contains("more than 4096 members"), "{answer:?}");
}
