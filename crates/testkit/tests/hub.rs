//! How a hub process is started, watched and stopped, with a script in the place of the binary.

use std::path::PathBuf;
use std::time::Duration;

use roamhub_testkit::hub::Builder;
use roamhub_testkit::{FakeProvider, HubProcess, partners_toml};

fn pretend() -> Builder {
    HubProcess::builder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pretend-hub.sh"))
}

#[tokio::test]
async fn learns_where_the_hub_listens_and_asks_its_console() {
    let console = FakeProvider::start().await;
    let data = tempfile::tempdir().unwrap();
    let hub = pretend()
        .data(data.path())
        .partners(&partners_toml("http://127.0.0.1:9"))
        .arg("--one-more")
        .env("PRETEND_CONSOLE", format!("127.0.0.1:{}", console.port()))
        .start()
        .await;
    assert_eq!(hub.oicp().to_string(), "127.0.0.1:1");
    assert_eq!(hub.get_console("/healthz").await.status, 200);
    assert_eq!(
        (console.received()[0].method.as_str(), console.received()[0].path.as_str()),
        ("GET", "/healthz")
    );
    assert_eq!(hub.data_dir(), data.path());
    let partners = hub.partners_file().display();
    let expected = format!(
        "arguments: serve --data {} --partners {partners} --listen 127.0.0.1:0 --console 127.0.0.1:0 --one-more",
        data.path().display()
    );
    assert!(hub.log().contains(&expected), "{}", hub.log());
    assert!(std::fs::read_to_string(hub.partners_file()).unwrap().contains("id = \"DE-DCB\""));
}

#[tokio::test]
async fn stops_starts_again_and_kills() {
    let mut hub = pretend().start().await;
    let first = hub.pid();
    hub.reload();
    hub.wait_for_log("reading partners", Duration::from_secs(10)).await;
    assert!(hub.terminate().await.success());
    assert!(hub.log().contains("draining") && hub.log().contains("[stderr] a warning"), "{}", hub.log());
    hub.restart().await;
    assert_ne!(hub.pid(), first);
    hub.kill9().await;
    hub.restart().await;
    hub.restart().await;
    assert_eq!(hub.log().matches("arguments:").count(), 4);
}

#[tokio::test]
async fn shows_why_a_hub_did_not_start() {
    let failure = pretend().env("PRETEND_REFUSE", "1").try_start().await.err().unwrap();
    assert_eq!(failure.status.and_then(|status| status.code()), Some(3));
    assert!(failure.to_string().contains("[stderr] the data is in use"), "{failure}");
}

#[tokio::test]
async fn sees_a_hub_end_by_itself() {
    let mut hub = pretend().env("PRETEND_END", "1").start().await;
    assert_eq!(hub.wait_for_exit(Duration::from_secs(10)).await.code(), Some(4));
}
