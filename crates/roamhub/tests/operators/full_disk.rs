//! HTTP 200 means judged or durable: what could not be stored is 503, and nothing of it goes out.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, messages};
use tokio::time::timeout;

use crate::stage::{BOUND, Partners, ROAMHUB, Stage, assert_judged, assert_refused};

/// The program with the signal ignored by which the kernel reports a file that may not grow.
fn without_the_signal(folder: &Path) -> std::path::PathBuf {
    let script = folder.join("hub.sh");
    std::fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec '{ROAMHUB}' \"$@\"\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    script
}

#[tokio::test]
async fn what_cannot_be_stored_is_503_with_retry_after_and_works_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let provider = FakeProvider::start().await;
    let hub = HubProcess::builder(without_the_signal(folder.path()))
        .partners(&Partners::default().toml(&provider.url()))
        .start()
        .await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let stage = Stage { hub, provider, operator };
    let session = stage.operator.open_session().await;
    let before = messages::start(&session);
    let process = assert_judged(&stage.operator.notify(&before).await, true, "000");
    stage.settled(&process, "delivered").await;

    stage.hub.limit_file_size(Some(0));
    let end = messages::end(&session);
    let refused = stage.operator.notify(&end).await;
    assert_refused(&refused, 503, "002");
    assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()), "{refused:?}");
    assert!(!refused.text().to_lowercase().contains("sqlite"), "no internals: {refused:?}");
    let start = stage.operator.authorize_start(messages::authorize_start_rfid("04D1D1D1D1D1D1")).await;
    assert_refused(&start, 503, "002");
    assert_eq!(start.json()["AuthorizationStatus"], "NotAuthorized", "{start:?}");
    assert_eq!(stage.provider.notifications().len(), 1, "nothing leaves the hub that is not durable");
    assert_refused(&stage.operator.bill(messages::cdr(&session)).await, 503, "002");
    // What the hub refuses by itself needs no room.
    assert_refused(&stage.operator.notify("{}").await, 400, "022");
    assert_eq!(stage.hub.get_console("/healthz").await.status, 200);
    let not_ready = async { while stage.hub.get_console("/readyz").await.status != 503 {} };
    timeout(BOUND, not_ready).await.expect("a hub that cannot commit is not ready");

    stage.hub.limit_file_size(None);
    assert_judged(&stage.operator.notify(&end).await, true, "000");
    assert_eq!(assert_judged(&stage.operator.notify(&before).await, true, "000"), process);
    assert_eq!(stage.provider.notifications().len(), 2);
    assert_judged(&stage.operator.bill(messages::cdr(&session)).await, true, "000");
    assert_eq!(stage.hub.get_console("/readyz").await.status, 200);
}
