//! `roamhub demo --tls`: everything over mutual TLS, with certificates made on the spot.

use roamhub_testkit::program;

use crate::stage::{BIN, SOON};

#[tokio::test]
async fn the_demo_plays_over_mutual_tls() {
    let arguments = ["demo", "--once", "--tls", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    let ended = program::run(BIN, &arguments, b"", SOON * 2).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("https://127.0.0.1:") && !ended.stdout.contains("http://"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("acknowledged 000"), "{}", ended.stdout);
}
