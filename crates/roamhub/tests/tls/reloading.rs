//! Files that change while the hub runs: what is true of them counts at once, and nobody is dropped for it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use roamhub_testkit::{FakeOperator, Reply, messages};
use tokio::time::timeout;

use crate::stage::{HOST, SOON, Stage, assert_done, assert_unauthorised};

#[tokio::test]
async fn a_certificate_that_is_taken_out_stops_working_on_open_connections_and_those_are_closed() {
    let stage = Stage::new().await;
    let operator = stage.operator();
    let session = operator.open_session().await;
    let idle = stage.operator();
    assert_eq!(idle.get("/api/hub/v1/keys").await.status, 200);
    let other = stage.hub.operator("DE*QQQ");
    assert_eq!(other.get("/api/hub/v1/keys").await.status, 200);
    let old = stage.hub.tls().client("DE*ABC").fingerprint();
    stage.change_partners(&format!("certificates = [\"{old}\"]"), "certificates = []").await;
    idle.is_left_within(Duration::from_secs(1)).await;
    assert!(other.keeps_a_connection(), "another partner's is not closed");
    let message = assert_unauthorised(&operator.notify(messages::end(&session)).await);
    assert!(message.contains(&old), "{message}");
    assert_eq!(stage.provider.notifications().len(), 0);
}

#[tokio::test]
async fn a_stream_ends_when_the_certificate_of_its_reader_is_taken_out() {
    let stage = Stage::new().await;
    let client = stage.hub.tls().client("DE-DCB");
    let reader = stage.operator_behind("DE-DCB", client.clone());
    let path = "/api/hub/v1/providers/DE-DCB/notifications";
    let stream = tokio::spawn(async move { reader.get_with(path, &[("accept", "text/event-stream")]).await });
    let open = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while !stage
            .hub
            .get_console("/metrics")
            .await
            .text()
            .contains("roamhub_feed_streams{provider=\"DE-DCB\"} 1")
        {
            looks.tick().await;
        }
    };
    timeout(SOON, open).await.expect("the stream is open");
    stage.change_partners(&format!("[\"{}\"]", client.fingerprint()), "[]").await;
    let ended = timeout(Duration::from_secs(3), stream).await.expect("the stream ends").unwrap();
    assert_eq!(ended.status, 200, "{ended:?}");
}

#[tokio::test]
async fn locking_a_partner_closes_its_open_connections() {
    let stage = Stage::new().await;
    let idle = stage.operator();
    assert_eq!(idle.get("/api/hub/v1/keys").await.status, 200);
    stage.change_partners("name = \"ABC Charging\"", "name = \"ABC Charging\"\nlocked = true").await;
    idle.is_left_within(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_call_under_way_is_finished_when_its_partner_is_locked() {
    let stage = Stage::new().await;
    let session = stage.operator().open_session().await;
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::After(Duration::from_secs(2), Box::new(Reply::Acknowledge)),
        false => Reply::Acknowledge,
    });
    let operator = stage.operator();
    let end = tokio::spawn(async move { operator.notify(messages::end(&session)).await });
    stage.provider.wait_for(1, SOON).await;
    stage.change_partners("name = \"ABC Charging\"", "name = \"ABC Charging\"\nlocked = true").await;
    assert_done(&end.await.unwrap());
}

#[tokio::test]
async fn a_broken_file_leaves_the_old_certificate_in_place() {
    let stage = Stage::new().await;
    let tls = stage.hub.tls();
    fs::write(tls.certificate_file(), "no certificate").unwrap();
    stage.reload("the hub's certificate stays as it was").await;
    stage.operator().open_session().await;
    // A certificate without its key is no better.
    let (next, key) = (tls.ca().server(HOST), fs::read(tls.key_file()).unwrap());
    tls.write_server(&next);
    fs::write(tls.key_file(), key).unwrap();
    stage.reload("the hub's certificate stays as it was").await;
    stage.operator().open_session().await;
}

/// Old and new certificates of both sides, while calls go on, each on a fresh or a kept connection.
#[tokio::test]
async fn certificates_are_rotated_on_both_sides_under_load_without_a_failed_call() {
    let stage = Stage::new().await;
    let (tls, shown) = (stage.hub.tls(), stage.hub.tls().client("DE*ABC"));
    let next = tls.ca().client_maker("DE*ABC, renewed").build(HOST);
    let session = stage.operator().open_session().await;
    let (going, done) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let switched = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let kept = [stage.operator(), stage.operator_behind("DE*ABC", next.clone())];
            let fresh = {
                let (address, old, new) = (stage.hub.oicp(), shown.clone(), next.clone());
                move |renewed: bool| {
                    let tls = if renewed { new.clone() } else { old.clone() };
                    FakeOperator::new("DE*ABC", address).with_tls(tls)
                }
            };
            let (going, done, switched) = (going.clone(), done.clone(), switched.clone());
            let error = messages::error(&session);
            tokio::spawn(async move {
                while going.load(Ordering::SeqCst) {
                    let renewed = switched.load(Ordering::SeqCst);
                    let operator = match caller % 2 {
                        0 => kept[usize::from(renewed)].clone(),
                        _ => fresh(renewed),
                    };
                    // A repeat: answered without asking the provider again.
                    assert_done(&operator.notify(&error).await);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let more = async |calls: usize| {
        let wanted = done.load(Ordering::SeqCst) + calls;
        let reached = async {
            while done.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let alive = callers.iter().all(|caller| !caller.is_finished());
        assert!(alive && timeout(SOON, reached).await.is_ok(), "{} calls", done.load(Ordering::SeqCst));
    };
    more(60).await;
    stage.pin(&next).await;
    more(60).await;
    tls.write_server(&tls.ca().server(HOST));
    stage.reload("the hub's certificate was read again").await;
    more(60).await;
    switched.store(true, Ordering::SeqCst);
    more(60).await;
    // Every caller has taken the new one by now; the old one is taken out.
    stage.change_partners(&format!("\"{}\", ", shown.fingerprint()), "").await;
    more(60).await;
    going.store(false, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_unauthorised(&stage.operator().notify(messages::error(&session)).await);
}
