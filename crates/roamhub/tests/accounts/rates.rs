//! How fast a lane is drained: set below what the partners file allows.

use serde_json::json;

use crate::stage::{SOON, Stage, bearer};

const RATE: &str = "/api/v1/lanes/DE-DCB/drain-rate";

#[tokio::test]
async fn a_provider_sets_its_own_drain_rate_within_what_is_configured() {
    let stage = Stage::new().await;
    let (token, browser) = (stage.token("partner DE-DCB").await, stage.browser());
    let set = async |rate: u32| {
        bearer(&browser, &token, "PUT", RATE, &json!({"perSecond": rate}).to_string()).await
    };
    assert_eq!(set(40).await.status, 200);
    for wrong in [0, 101] {
        let answer = set(wrong).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains("from 1 to 100"), "{answer:?}");
    }
    let lanes = bearer(&browser, &token, "GET", "/api/v1/lanes", "").await.json();
    assert_eq!(lanes["lanes"][0]["drainRate"], 40, "{lanes:#}");
    assert_eq!(set(100).await.status, 200, "raised again");
    let table = stage.run(&["lanes"]).await.stdout;
    assert!(table.contains("100/s"), "{table}");
    let line = stage.audited("lane.drain-rate").await;
    assert_eq!((&line["about"], &line["detail"]), (&"DE-DCB".into(), &"100 per second".into()), "{line:#}");
    assert_eq!(stage.run(&["drain-rate", "DE-DCB", "--default"]).await.code, Some(0));
    let lanes = stage.hub.get_admin("/api/v1/lanes").await.json();
    assert_eq!(lanes, json!({"lanes": []}));
    assert_eq!(stage.run(&["drain-rate", "DE-DCB", "5"]).await.code, Some(0));
}

#[tokio::test]
async fn a_rate_that_is_set_holds_for_what_waits_and_over_a_restart() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.run(&["pause", "DE-DCB"]).await.code, Some(0));
    stage.hub.wait_for_log("the lane is paused", SOON).await;
    for _ in 0..6 {
        stage.end().await;
    }
    assert_eq!(stage.run(&["drain-rate", "DE-DCB", "2"]).await.code, Some(0));
    stage.hub.restart().await;
    let began = std::time::Instant::now();
    assert_eq!(stage.run(&["resume", "DE-DCB"]).await.code, Some(0));
    stage.provider.wait_for(6, SOON).await;
    // Six at two a second are two and a half seconds apart; as configured, a tenth of one.
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}
