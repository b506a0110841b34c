//! A PIN goes to the provider that has to check it, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roamhub_testkit::{Answer, Reply, messages};
use serde_json::{Value, json};

use crate::stage::{QUICK, Stage, assert_deferred, assert_delivered, files_with, holds, of_session};

/// Nothing else looks like it.
const PIN: &str = "q7Z-918273645";
const EVCO: &str = "DE-DCB-C12345678-X";

fn by_code(pin: &Value) -> Value {
    let mut body = messages::authorize_start_evco(EVCO);
    body["Identification"] = json!({"QRCodeIdentification": {"EvcoID": EVCO, "PIN": pin}});
    body
}

/// An End that carries a PIN, as it should not.
fn end_with_pin(session: &str) -> String {
    let mut body = messages::end(session);
    body["Identification"] = json!({"QRCodeIdentification": {"EvcoID": EVCO, "PIN": PIN}});
    body.to_string()
}

async fn session(stage: &Stage) -> String {
    let answer = stage.operator.authorize_start(by_code(&PIN.into())).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    answer.json()["SessionID"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_not_kept(stage: &Stage, answers: &[&Answer]) {
    let kept = files_with(stage.hub.data_dir(), PIN);
    assert!(kept.is_empty(), "in the ledger's files {kept:?}");
    assert!(!stage.hub.log().contains(PIN), "in the log: {}", stage.hub.log());
    for answer in answers {
        assert!(!answer.text().contains(PIN), "in an answer: {answer:?}");
    }
}

#[tokio::test]
async fn the_pin_of_an_authorisation_goes_to_the_provider_and_is_never_kept() {
    let mut stage = Stage::new(QUICK).await;
    let yes = stage.operator.authorize_start(by_code(&PIN.into())).await;
    assert_eq!(yes.json()["AuthorizationStatus"], "Authorized", "{yes:?}");
    assert!(holds(&stage.provider.received()[0].body, PIN), "the provider has to check it");
    stage.provider.set_script(|_| Reply::not_authorized("101"));
    let mut other = by_code(&PIN.into());
    other["EvseID"] = "DE*ABC*ETEST2".into();
    let no = stage.operator.authorize_start(&other).await;
    assert_eq!(no.code(), "101");
    // Refused before anyone is asked: hashed and in clear at once, in a place where it does not belong, cut off.
    let mut both = by_code(&PIN.into());
    both["Identification"]["QRCodeIdentification"]["HashedPIN"] = json!({"Value": "x", "Function": "Bcrypt"});
    let both = stage.operator.authorize_start(&both).await;
    assert_eq!(both.status, 400, "{both:?}");
    let long = stage.operator.authorize_start(by_code(&format!("{PIN}{PIN}").into())).await;
    assert_eq!(long.status, 400, "{long:?}");
    let whole = by_code(&PIN.into()).to_string();
    let cut = stage.operator.authorize_start(&whole[..whole.find(PIN).unwrap() + PIN.len()]).await;
    assert_eq!(cut.status, 400, "{cut:?}");
    let listed = stage.operator.authorize_start(by_code(&json!([PIN]))).await;
    assert_eq!(listed.status, 400, "{listed:?}");
    assert_not_kept(&stage, &[&yes, &no, &both, &long, &cut, &listed]);
    stage.hub.restart().await;
    assert_not_kept(&stage, &[]);
    // The card numbers of contracts are in the ledger, so this search can find things.
    assert!(!files_with(stage.hub.data_dir(), EVCO).is_empty());
}

#[tokio::test]
async fn a_pin_in_a_notification_is_forwarded_as_received_and_overwritten_once_delivered() {
    let stage = Stage::new(QUICK).await;
    let session = session(&stage).await;
    let body = end_with_pin(&session);
    let answer = stage.operator.notify(&body).await;
    assert_delivered(&answer);
    assert_eq!(of_session(&stage.provider, &session)[0].body, body, "byte for byte");
    let before = stage.record_in_state(&answer, "delivered").await;
    assert_eq!(before.0["bytes"], body.len());
    // The ledger's log holds old pages until it is written over, which this much does.
    let other = stage.operator.open_session().await;
    for number in 0..40 {
        let mut error = messages::error(&other);
        error["x-trace"] = format!("{number}{}", "x".repeat(900_000)).into();
        assert_delivered(&stage.operator.notify(error).await);
    }
    assert_not_kept(&stage, &[&answer]);
    let after = stage.record(&answer).await;
    assert_eq!(after.0["sha256"], before.0["sha256"], "still the digest of what was received");
    // A repeat is still recognised.
    let repeat = stage.operator.notify(&body).await;
    assert_delivered(&repeat);
    assert_eq!(repeat.header("process-id"), answer.header("process-id"));
    assert_eq!(of_session(&stage.provider, &session).len(), 1);
}

#[tokio::test]
async fn a_pin_in_a_deferred_notification_is_kept_until_it_is_delivered() {
    let (stage, body, answer) = delivered_after_a_crash().await;
    let seen = stage.provider.notifications();
    assert!(seen.len() >= 2 && seen.iter().all(|request| request.body == body), "as received, each time");
    assert!(!stage.hub.log().contains(PIN) && !answer.text().contains(PIN));
}

#[tokio::test]
async fn a_pin_in_a_notification_is_in_no_file_of_the_ledger_after_delivery_and_a_restart() {
    let (mut stage, _, answer) = delivered_after_a_crash().await;
    stage.hub.restart().await;
    assert_not_kept(&stage, &[&answer]);
}

/// An End with a PIN that was deferred, lived through a crash and was delivered then.
async fn delivered_after_a_crash() -> (Stage, String, Answer) {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let mut stage = Stage::answering(QUICK, move |_| {
        if is_up.load(Ordering::SeqCst) { Reply::Acknowledge } else { Reply::Json(503, json!({})) }
    })
    .await;
    let body = end_with_pin(&session(&stage).await);
    let answer = stage.operator.notify(&body).await;
    assert_deferred(&answer);
    stage.hub.kill9().await;
    assert!(!files_with(stage.hub.data_dir(), PIN).is_empty(), "it is still to be delivered");
    up.store(true, Ordering::SeqCst);
    stage.hub.restart().await;
    stage.record_in_state(&answer, "delivered").await;
    (stage, body, answer)
}
