//! A large replay survives `kill -9`: every message is queued once, and sent again only where no outcome was recorded.

use std::collections::HashMap;
use std::time::Duration;

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::stage::{SOON, Stage, is_replay, process_of};

/// Messages in the replay: several batches of filling.
const MESSAGES: usize = 300;
/// How many replays are under way towards one provider, at most.
const UNDER_WAY: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_killed_in_the_middle_of_a_replay_goes_on_with_it_and_queues_nothing_twice() {
    let mut stage = Stage::new("200ms").await;
    let mut processes = Vec::with_capacity(MESSAGES);
    for _ in 0..MESSAGES {
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::error(&session)).await;
        processes.push(process_of(&answer));
    }
    let counted = stage
        .json_when(&["replay", "--provider", "DE-DCB", "--state", "delivered", "--dry-run"], "all", |said| {
            said["toSend"] == MESSAGES
        })
        .await;
    assert_eq!(counted["stillOpen"], 0, "{counted:#}");
    stage.provider.forget();
    stage.provider.set_script(|_| Reply::After(Duration::from_millis(30), Box::new(Reply::Acknowledge)));
    let ordered = stage.run(&["replay", "--provider", "DE-DCB", "--state", "delivered"]).await;
    assert_eq!(ordered.code, Some(0), "{ordered:?}");

    // Twice: while it may still be filling, and later.
    for seen in [5, MESSAGES / 3] {
        stage.provider.wait_for(seen, SOON).await;
        stage.hub.kill9().await;
        stage.hub.restart().await;
    }
    stage.find_hub_again();
    let replay = stage.replay_done().await;
    assert_eq!(replay["queued"], MESSAGES, "{replay:#}");
    assert_eq!(replay["delivered"], MESSAGES, "{replay:#}");
    assert_eq!(replay["stillOpen"], 0, "no message was looked at twice: {replay:#}");

    let mut seen: HashMap<String, usize> = HashMap::new();
    for request in stage.provider.notifications() {
        assert!(is_replay(&request), "{:?}", request.headers);
        *seen.entry(request.header("process-id").unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), MESSAGES);
    assert!(processes.iter().all(|process| seen.contains_key(process)));
    let repeats: usize = seen.values().map(|times| times - 1).sum();
    assert!(repeats <= 2 * 2 * UNDER_WAY, "{repeats} repeats after two crashes");
    // Each has one delivery more than before, and the ledger counts what the provider did not hear twice.
    let record = stage.json(&["inspect", &processes[0]]).await;
    assert_eq!(record["deliveries"].as_array().map(Vec::len), Some(2), "{record:#}");
    assert_eq!(record["deliveries"][1]["replay"], json!(1));
}
