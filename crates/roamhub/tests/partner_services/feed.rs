//! A provider that fetches: what it reads counts as reached, and nothing that was promised to it is lost.

use roamhub_testkit::messages;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stage::{FEED, READS, Stage, TAKES, column, entries, process_of, receipt_path, text};
use crate::stream::Stream;

#[tokio::test]
async fn an_end_reaches_a_provider_that_reads_its_feed_whatever_is_killed_in_between() {
    let mut stage = Stage::with(READS).await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let answer = stage.operator.notify(&end).await;
    assert_eq!((answer.status, answer.code().as_str(), answer.result()), (200, "000", true), "{answer:?}");
    assert_eq!(answer.header("hub-delivery"), Some("held"), "{answer:?}");
    let process = process_of(&answer);
    assert!(answer.additional_info().contains(&format!("receipt={process}")), "{answer:?}");
    stage.kill_and_restart().await;

    let held = stage.receipt_in_state(&process, "held").await;
    assert_eq!((&held["stored"], text(&held["session"])), (&Value::Bool(true), session.clone()));
    let feed = stage.feed_of(1).await;
    assert_eq!(column(&feed, "process_id"), [process.as_str()]);
    assert_eq!((text(&feed[0]["state"]), text(&feed[0]["type"])), ("held".into(), "End".into()));
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    let streamed = stream.next().await;
    assert_eq!((streamed.id.as_str(), &streamed.json()), ("1", &feed[0]));
    assert!(streamed.data.contains(&end), "the bytes as they came: {}", streamed.data);
    stage.kill_and_restart().await;

    let confirmed = stage.confirm("1").await;
    assert_eq!(confirmed.text(), r#"{"confirmed":"1","fetched":1,"under_way":0}"#);
    stage.kill_and_restart().await;

    let fetched = stage.receipt_in_state(&process, "fetched").await;
    assert_eq!(fetched["feed"], serde_json::json!({"position": "1", "confirmed": true}));
    assert!(text(&fetched["ended_at"]) > text(&fetched["received_at"]), "{fetched:#}");
    assert_eq!(
        entries(&stage.operator.get(FEED).await),
        Vec::<Value>::new(),
        "what is confirmed is not read again"
    );
    // A repeat is told that the provider has it.
    let again = stage.operator.notify(&end).await;
    assert_eq!((again.code().as_str(), again.result()), ("000", true), "{again:?}");
    assert_eq!((process_of(&again), again.header("hub-delivery")), (process, None), "{again:?}");
    assert!(again.additional_info().contains("read in the feed"), "{again:?}");
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn a_provider_that_reads_later_begins_with_what_was_held_for_it() {
    let stage = Stage::with("services = [\"authorization\"]").await;
    let first = stage.end("320").await;
    let second = stage.end("320").await;
    stage.change_provider(READS).await;
    let third = stage.end("000").await;
    let feed = stage.feed_of(3).await;
    assert_eq!(column(&feed, "process_id"), [first, second, third]);
    assert_eq!(column(&feed, "position"), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_type_that_is_not_offered_waits_in_the_feed_while_the_others_are_sent() {
    let lines = format!("{TAKES}\nnotification_types = [\"Start\"]\nfeed = true");
    let stage = Stage::with(&lines).await;
    let session = stage.operator.open_session().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_eq!((start.header("hub-delivery"), end.header("hub-delivery")), (None, Some("held")));
    stage.receipt_in_state(&process_of(&start), "delivered").await;
    let feed = stage.feed_of(2).await;
    assert_eq!(column(&feed, "process_id"), [process_of(&start), process_of(&end)]);
    assert_eq!(column(&feed, "state"), ["delivered", "held"]);
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn pages_follow_each_other_and_without_a_cursor_begin_after_what_is_confirmed() {
    let stage = Stage::with(READS).await;
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(stage.end("000").await);
    }
    stage.feed_of(5).await;
    let mut seen = Vec::new();
    let mut cursor = "0".to_owned();
    for (length, more) in [(2, true), (2, true), (1, false), (0, false)] {
        let page = stage.operator.get(&format!("{FEED}?after={cursor}&limit=2")).await;
        let read = entries(&page);
        assert_eq!((read.len(), &page.json()["more"]), (length, &Value::Bool(more)), "{page:?}");
        seen.extend(column(&read, "process_id"));
        cursor = text(&page.json()["next"]);
    }
    assert_eq!((seen, cursor.as_str()), (sent.clone(), "5"));
    assert_eq!(stage.confirm("3").await.status, 200);
    let rest = stage.operator.get(FEED).await;
    assert_eq!(column(&entries(&rest), "process_id"), sent[3..]);
    assert_eq!(rest.json()["confirmed"], "3");
    // Confirming again, or less, is no mistake.
    assert_eq!(stage.confirm("2").await.json()["confirmed"], "3");
}

#[tokio::test]
async fn bytes_that_json_does_not_carry_are_there_in_base64_and_fit_the_digest() {
    let stage = Stage::with(READS).await;
    let session = stage.operator.open_session().await;
    let guide = messages::end_as_in_the_guide(&session, "DE*ABC", messages::EVSE);
    let answer = stage.operator.notify(&guide).await;
    assert_eq!(answer.code(), "000", "{answer:?}");
    let entry = stage.feed_of(1).await.remove(0);
    assert_eq!(text(&entry["body_base64"]), base64(guide.as_bytes()));
    assert_eq!(entry["body"], serde_json::from_str::<Value>(&guide).unwrap());
    let digest: String = Sha256::digest(&guide).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text(&entry["sha256"]), digest);
    let page = stage.operator.get(FEED).await.text();
    assert!(page.contains(guide.trim_end()), "the text itself: {page}");
}

#[tokio::test]
async fn what_a_provider_refused_waits_for_it_once_it_only_fetches() {
    use roamhub_testkit::Reply;
    let stage = Stage::with(TAKES).await;
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::ack(false, "102", "not by push"),
        false => Reply::Acknowledge,
    });
    let session = stage.operator.open_session().await;
    let end = messages::end(&session);
    let process = process_of(&stage.operator.notify(&end).await);
    stage.receipt_in_state(&process, "refused").await;
    stage.change_provider(READS).await;
    let again = stage.operator.notify(&end).await;
    assert_eq!((again.code(), process_of(&again)), ("000".into(), process.clone()), "{again:?}");
    // It was there before its sender was told.
    let feed = entries(&stage.operator.get(FEED).await);
    assert_eq!(
        (column(&feed, "process_id"), column(&feed, "state")),
        (vec![process.clone()], vec!["held".into()])
    );
    stage.confirm("1").await;
    stage.receipt_in_state(&process, "fetched").await;
    assert_eq!(
        stage.operator.get(&receipt_path(&process)).await.json()["acknowledgement"]["status_code"],
        "102"
    );
}

#[tokio::test]
async fn every_spelling_of_the_providers_path_is_the_providers() {
    let stage = Stage::with(READS).await;
    stage.end("000").await;
    stage.feed_of(1).await;
    for id in ["DE-DCB", "DE*DCB", "DEDCB", "de%2ddcb", "DE%2ADCB"] {
        let page =
            stage.operator.get(&format!("//api/hub/v1//providers/{id}/notifications/?after=%30")).await;
        assert_eq!(entries(&page).len(), 1, "{id}");
    }
}

#[tokio::test]
async fn metrics_show_how_feeds_grow_and_what_was_fetched() {
    let stage = Stage::with(READS).await;
    stage.end("000").await;
    stage.feed_of(1).await;
    stage.confirm("1").await;
    let metrics = stage.hub.get_console("/metrics").await.text();
    for line in [
        "roamhub_feed_behind 0",
        "roamhub_feed_positions_total{provider=\"DE-DCB\"} 1",
        "roamhub_feed_fetched_total{provider=\"DE-DCB\"} 1",
        "roamhub_calls_total{service=\"FeedConfirmation\",http=\"200\",code=\"000\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

/// Base64, written once more.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().chain([&0; 3]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= group.len() { letter } else { '=' });
        }
    }
    text
}
