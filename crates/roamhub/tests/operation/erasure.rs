//! Erasing one contract's data: gone from the ledger's files, while what happened is still on record.

use roamhub_testkit::program::Ended;
use roamhub_testkit::{Reply, messages};
use serde_json::{Value, json};

use crate::stage::{SOON, Stage, files_with, newest, process_of};

const CARD: &str = "04C0FFEE123456";
const OTHER: &str = "04DECADE654321";
const CONTRACT: &str = "DE-DCB-C12345678-X";

async fn session_of(stage: &Stage, request: Value) -> String {
    let answer = stage.operator.authorize_start(request).await.json();
    assert_eq!(answer["AuthorizationStatus"], "Authorized", "{answer:#}");
    answer["SessionID"].as_str().unwrap().to_owned()
}

fn named(mut body: Value, card: &str) -> Value {
    body["Identification"]["RFIDMifareFamilyIdentification"]["UID"] = card.into();
    body
}

#[tokio::test]
async fn a_card_is_gone_from_the_ledgers_files_while_digest_and_outcome_stay() {
    let stage = Stage::new("10m").await;
    // A provider that repeats the card in its answers, and one authorisation that it refuses.
    stage.provider.set_script(|request| match (request.kind(), request.is_authorize_start()) {
        ("End", _) => Reply::ack(false, "102", &format!("card {} is not ours", CARD.to_lowercase())),
        _ => Reply::Acknowledge,
    });
    let session = session_of(&stage, messages::authorize_start_rfid(CARD)).await;
    let other = session_of(&stage, messages::authorize_start_rfid(OTHER)).await;
    let mut answers = Vec::new();
    for body in [messages::start(&session), messages::progress(&session, 10), messages::end(&session)] {
        let mut body = named(body, CARD);
        // Longer than a page of the database.
        body["Padding"] = "x".repeat(20_000).into();
        answers.push(stage.operator.notify(body).await);
    }
    let kept = stage.operator.notify(named(messages::start(&other), OTHER)).await;
    stage.provider.set_script(|_| {
        let refused = json!({"AuthorizationStatus": "NotAuthorized", "StatusCode": {"Code": "102"}});
        Reply::Json(200, refused)
    });
    let mut request = messages::authorize_start_rfid(CARD);
    request["PartnerProductID"] = "AC 2".into();
    let refused = stage.operator.authorize_start(request).await;
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized", "{refused:?}");
    for (answer, state) in answers.iter().zip(["delivered", "delivered", "refused"]) {
        stage.settled(answer, state).await;
    }
    stage.settled(&kept, "delivered").await;
    let before = stage.json(&["inspect", &process_of(&answers[2])]).await;
    assert_ne!(files_with(stage.data(), CARD), Vec::<String>::new(), "it was there");

    let counted = stage.run_with(&["erase", "--dry-run", "--json"], CARD).await;
    let counted: Value = serde_json::from_str(&counted.stdout).unwrap();
    assert_eq!((&counted["messages"], &counted["requests"]), (&json!(3), &json!(2)), "{counted:#}");
    assert_ne!(files_with(stage.data(), CARD), Vec::<String>::new(), "a dry run erases nothing");

    let erased = stage.run_with(&["erase"], &format!("{CARD}\n")).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert!(erased.stdout.contains("erased 3 notifications and 2 authorisation requests"), "{erased:?}");
    assert!(!erased.stdout.contains(CARD) && !stage.hub.log().contains(CARD), "{erased:?}");
    assert_eq!(files_with(stage.data(), CARD), Vec::<String>::new());
    assert_ne!(files_with(stage.data(), OTHER), Vec::<String>::new(), "others keep theirs");

    let after = stage.json(&["inspect", &process_of(&answers[2])]).await;
    assert_eq!(after["sha256"], before["sha256"]);
    assert_eq!(newest(&after)["state"], "refused", "{after:#}");
    assert_eq!(newest(&after)["attempts"][0]["acknowledgement"]["StatusCode"]["Code"], "102", "{after:#}");
    assert_eq!((&after["bytes"], after["erasedAt"].is_string()), (&json!(0), true), "{after:#}");
    assert_eq!(stage.json(&["inspect", &process_of(&kept)]).await["erasedAt"], json!(null));
    let shown = stage.run(&["inspect", &session]).await;
    assert!(shown.stdout.contains("erased at"), "{shown:?}");

    // Once is enough, and the hub serves on.
    let again = stage.run_with(&["erase", "--json"], CARD).await;
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&again["messages"], &again["erasedBefore"]), (&json!(0), &json!(4)), "{again:#}");
    stage.provider.set_script(|_| Reply::Acknowledge);
    let (_, answer) = stage.end().await;
    stage.settled(&answer, "delivered").await;
}

#[tokio::test]
async fn a_contract_is_found_by_its_id_or_by_a_session_also_when_no_hub_runs() {
    let mut stage = Stage::new("10m").await;
    let mut sessions = Vec::new();
    for product in ["AC 1", "AC 2"] {
        // Identical requests would share one session.
        let mut request = messages::authorize_start_evco(CONTRACT);
        request["PartnerProductID"] = product.into();
        let session = session_of(&stage, request).await;
        let mut end = messages::end(&session);
        end["Identification"] = json!({"PlugAndChargeIdentification": {"EvcoID": CONTRACT}});
        let answer = stage.operator.notify(end).await;
        stage.settled(&answer, "delivered").await;
        sessions.push(session);
    }
    stage.hub.terminate().await;
    assert_ne!(files_with(stage.data(), CONTRACT), Vec::<String>::new(), "it was there");
    let file = stage.data().join("subjects.txt");
    std::fs::write(&file, format!("{}\n", CONTRACT.to_lowercase())).unwrap();
    let counted = stage.run(&["erase", "--file", file.to_str().unwrap(), "--dry-run"]).await;
    assert!(counted.stdout.contains("would erase 2 notifications"), "{counted:?}");
    // One of its sessions names the contract, and with it the other session.
    let erased = stage.run(&["erase", "--session", &sessions[0]]).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert!(erased.stdout.contains("erased 2 notifications and 2 authorisation requests"), "{erased:?}");
    assert_eq!(files_with(stage.data(), CONTRACT), Vec::<String>::new());
    stage.hub.restart().await;
    assert_eq!(files_with(stage.data(), CONTRACT), Vec::<String>::new());
}

/// Erases; what is tried again at that very moment is left alone, so then once more.
async fn erase_when_not_under_way(stage: &Stage, arguments: &[&str]) -> Ended {
    for _ in 0..20 {
        let ended = stage.run_with(arguments, CARD).await;
        if !ended.stdout.contains("right now") {
            return ended;
        }
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
    panic!("it was under way twenty times");
}

#[tokio::test]
async fn what_is_not_delivered_stays_unless_it_is_forced_and_is_never_sent_afterwards() {
    let stage = Stage::new("1s").await;
    let session = session_of(&stage, messages::authorize_start_rfid(CARD)).await;
    stage.provider.stop().await;
    let owed = stage.operator.notify(named(messages::end(&session), CARD)).await;
    stage.settled(&owed, "deferred").await;
    let kept = erase_when_not_under_way(&stage, &["erase"]).await;
    assert_eq!(kept.code, Some(1), "{kept:?}");
    assert!(kept.stdout.contains("1 not delivered yet") && kept.stdout.contains("--force"), "{kept:?}");
    assert_ne!(files_with(stage.data(), CARD), Vec::<String>::new(), "an undelivered message is kept whole");
    let forced = erase_when_not_under_way(&stage, &["erase", "--force"]).await;
    assert_eq!(forced.code, Some(0), "{forced:?}");
    let record = stage.settled(&owed, "exhausted").await;
    assert_eq!(newest(&record)["reason"], "erased", "{record:#}");
    assert_eq!(files_with(stage.data(), CARD), Vec::<String>::new());

    stage.provider.restart().await;
    let replayed = stage.json(&["replay", "--session", &session, "--dry-run"]).await;
    assert_eq!((&replayed["toSend"], &replayed["skippedErased"]), (&json!(0), &json!(1)), "{replayed:#}");
    stage.run(&["replay", "--session", &session]).await;
    assert_eq!(stage.replay_done().await["skippedErased"], 1);
    let (other, _) = stage.end().await;
    let seen = stage.provider.wait_for(1, SOON).await;
    assert_eq!(seen.iter().map(|one| one.session()).collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn nobody_and_nonsense_are_refused_without_repeating_them() {
    let stage = Stage::new("10m").await;
    let secret = "04SECRET";
    for input in [String::new(), format!("{CARD}\n{secret}\n")] {
        let ended = stage.run_with(&["erase"], &input).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(!ended.stderr.contains(secret) && !ended.stderr.contains(CARD), "{ended:?}");
    }
    let unknown = stage.run(&["erase", "--session", "0198f2d4-0000-7000-8000-000000000000"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let nothing = stage.run_with(&["erase", "--json"], CARD).await;
    assert_eq!(nothing.code, Some(0), "nothing to erase is no failure: {nothing:?}");
}
