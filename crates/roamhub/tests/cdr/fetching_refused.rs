//! Fetching, check by check: what is refused.

use roamhub_testkit::{get_cdrs_path, messages};
use serde_json::json;

use crate::stage::{OFFLINE, Stage, assert_refused};

#[tokio::test]
async fn a_provider_that_is_not_registered_is_404_300() {
    let stage = Stage::new(OFFLINE).await;
    let mut wanted = messages::get_cdrs();
    wanted["ProviderID"] = json!("DE-ZZZ");
    let answer = stage.operator.post(&get_cdrs_path("DE-ZZZ"), &[], wanted.to_string()).await;
    assert_refused(&answer, 404, "300");
}

#[tokio::test]
async fn a_path_and_a_body_that_name_different_providers_are_400_022() {
    let stage = Stage::new(OFFLINE).await;
    let answer = stage.operator.post(&get_cdrs_path("NL-XYZ"), &[], messages::get_cdrs().to_string()).await;
    assert_refused(&answer, 400, "022");
    let spelt = stage.operator.post(&get_cdrs_path("de%2Adcb"), &[], messages::get_cdrs().to_string()).await;
    assert_eq!((spelt.status, spelt.code().as_str()), (200, "000"), "{spelt:?}");
}

#[tokio::test]
async fn a_locked_provider_is_017() {
    let stage = Stage::new(&format!("{OFFLINE}\nlocked = true")).await;
    assert_refused(&stage.fetch("", &messages::get_cdrs()).await, 200, "017");
}

#[tokio::test]
async fn a_window_that_ends_before_it_begins_is_022() {
    let stage = Stage::new(OFFLINE).await;
    let mut wanted = messages::get_cdrs();
    wanted["To"] = json!("2019-01-01T00:00:00Z");
    let answer = stage.fetch("", &wanted).await;
    assert_refused(&answer, 400, "022");
    assert_eq!(answer.violations()[0].0, "/From");
}

#[tokio::test]
async fn a_page_below_zero_and_a_size_of_nothing_are_022() {
    let stage = Stage::new(OFFLINE).await;
    for query in ["?page=-1", "?size=0", "?size=-20", "?page=x", "?size=99999999999999999999"] {
        let answer = stage.fetch(query, &messages::get_cdrs()).await;
        assert_refused(&answer, 400, "022");
        assert_eq!(answer.violations().len(), 1, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn another_providers_records_are_not_shown() {
    let stage = Stage::new(OFFLINE).await;
    stage.billed().await;
    let mut wanted = messages::get_cdrs();
    wanted["ProviderID"] = json!("NL-XYZ");
    let answer = stage.operator.post(&get_cdrs_path("NL-XYZ"), &[], wanted.to_string()).await;
    assert_eq!((answer.status, &answer.json()["totalElements"]), (200, &json!(0)), "{answer:?}");
}
