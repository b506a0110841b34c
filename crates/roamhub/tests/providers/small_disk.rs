//! A disk that fills up: news is turned away first, then new sessions, an End last of all; and everything comes back by
//! itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use roamhub_testkit::mount::SmallDisk;
use roamhub_testkit::{Answer, FakeProvider, HubProcess, Received, messages, skip};

use crate::stage::{BIN, QUICK, SOON, Stage, assert_delivered, operator_of, partners, provider_entry};

/// A hub whose ledger is on a disk of so many MiB, with these options.
async fn on_a_disk(mib: u32, options: &[&str]) -> Option<(Stage, SmallDisk)> {
    let Some(disk) = SmallDisk::mount(mib) else {
        skip("mount", "a hub on a small disk");
        return None;
    };
    let provider = FakeProvider::start().await;
    let partners = partners(&[provider_entry("DE-DCB", &provider.url(), QUICK)]);
    let hub = HubProcess::builder(BIN).data(disk.path().join("data")).partners(&partners);
    let hub = options.iter().fold(hub, |hub, option| hub.arg(option)).start().await;
    let operator = operator_of(&hub);
    Some((Stage { provider, hub, operator }, disk))
}

fn assert_no_room(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["StatusCode"]["Code"], "002", "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// Sends it until it is taken: intake comes back by itself, within a second or so.
async fn taken_again(stage: &Stage, body: &serde_json::Value) {
    assert_delivered(&stored_again(stage, body).await);
}

/// The same; it may have to wait for an earlier one that is still owed.
async fn stored_again(stage: &Stage, body: &serde_json::Value) -> Answer {
    let began = Instant::now();
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    loop {
        tries.tick().await;
        let answer = stage.operator.notify(body).await;
        if answer.status == 200 {
            return answer;
        }
        assert_no_room(&answer);
        assert!(began.elapsed() < SOON, "intake did not come back; {}", stage.hub.log());
    }
}

/// Sends it until it is turned away: a look at the disk may be a quarter of a second old.
async fn turned_away(stage: &Stage, body: impl Fn() -> serde_json::Value) {
    let began = Instant::now();
    loop {
        let answer = stage.operator.notify(body()).await;
        if answer.status == 503 {
            return assert_no_room(&answer);
        }
        assert!(began.elapsed() < SOON, "it was not turned away: {answer:?}");
    }
}

#[tokio::test]
async fn progress_is_turned_away_first_then_what_opens_a_session_and_an_end_never() {
    let options = ["--disk-mark=16", "--disk-reserve=4"];
    let Some((stage, disk)) = on_a_disk(64, &options).await else { return };
    let (first, second) = (stage.operator.open_session().await, stage.operator.open_session().await);
    let ready = async || stage.hub.get_console("/readyz").await.text();
    assert_eq!(ready().await, "ready\n");

    let ballast = disk.fill_up_to(12 << 10);
    let progress = messages::progress(&first, 5);
    turned_away(&stage, || progress.clone()).await;
    assert_delivered(&stage.operator.notify(messages::start(&first)).await);
    assert!(ready().await.contains("Progress is refused"), "{}", ready().await);

    let more = disk.path().join("more");
    std::fs::write(&more, vec![7; 6 << 20]).unwrap();
    let start = messages::start(&second);
    turned_away(&stage, || start.clone()).await;
    let card = stage.operator.authorize_start(messages::authorize_start_rfid("04D1D1D1D1D1D1")).await;
    assert_no_room(&card);
    assert_eq!(card.json()["AuthorizationStatus"], "NotAuthorized");
    assert_delivered(&stage.operator.notify(messages::end(&first)).await);
    assert_delivered(&stage.operator.notify(messages::error(&second)).await);
    let billed = stage.operator.bill(messages::cdr(&first)).await;
    assert!(billed.status == 200 && billed.result(), "there is the mark's room: {billed:?}");
    assert_eq!(stage.hub.get_console("/readyz").await.status, 200, "Ends are welcome");

    drop(ballast);
    std::fs::remove_file(&more).unwrap();
    taken_again(&stage, &start).await;
    taken_again(&stage, &messages::progress(&second, 5)).await;
    assert_eq!(ready().await, "ready\n");
}

#[tokio::test]
async fn on_a_full_disk_ends_use_the_reserve_and_what_was_answered_stays() {
    let options = ["--disk-mark=1", "--disk-reserve=8"];
    let Some((mut stage, disk)) = on_a_disk(32, &options).await else { return };
    let session = stage.operator.open_session().await;
    // Each of them is a message of its own, and large.
    let mut number = 0;
    let mut end = || {
        number += 1;
        let mut end = messages::end(&session);
        end["Note"] = format!("{number} {}", "x".repeat(200_000)).into();
        end
    };
    assert_delivered(&stage.operator.notify(end()).await);
    let ballast = disk.fill_up_to(0);
    // What was answered is kept: delivered, or, where the outcome before it could not be written, for later.
    let mut answered = 1;
    loop {
        let answer = stage.operator.notify(end()).await;
        if answer.status == 503 {
            assert_no_room(&answer);
            break;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        answered += 1;
        assert!(answered < 200, "a disk of 32 MiB does not hold that many");
    }
    stage.hub.wait_for_log("a piece of the reserve is used", SOON).await;
    assert!(answered > 8, "the reserve served {answered} Ends");
    assert_no_room(&stage.operator.bill(messages::cdr(&session)).await);
    drop(ballast);

    stage.hub.kill9().await;
    stage.hub.restart().await;
    stage.find_hub_again();
    stored_again(&stage, &end()).await;
    answered += 1;
    // Some of them twice: where the outcome could not be written.
    let distinct = |seen: &[Received]| {
        let ends = seen.iter().filter(|one| one.is_notification());
        ends.map(|one| one.body.clone()).collect::<BTreeSet<_>>().len()
    };
    stage.provider.wait_until(SOON, |seen| distinct(seen) >= answered).await;
    let seen = stage.provider.notifications();
    let first = stage.operator.notify(seen[0].body.clone()).await;
    assert_delivered(&first);
    assert_eq!(first.header("process-id"), seen[0].header("process-id"), "it is known after a restart");
}

#[tokio::test]
async fn a_hub_whose_data_cannot_be_written_does_not_start_and_says_where() {
    let Some(disk) = SmallDisk::mount(8) else { return skip("mount", "a hub on a disk that is read-only") };
    std::fs::create_dir(disk.path().join("data")).unwrap();
    disk.make_read_only();
    let refused = HubProcess::builder(BIN).data(disk.path().join("data")).try_start().await;
    let failure = refused.err().expect("it does not start");
    assert!(failure.status.is_some_and(|status| !status.success()), "{failure}");
    assert!(failure.log.contains("data folder") && failure.log.contains("Read-only"), "{failure}");
}
