//! Charge detail records, fetching them, and uploads.

use std::time::Duration;

use roamhub_testkit::messages;
use serde_json::json;

use crate::ACKNOWLEDGEMENT;
use crate::stage::Stage;

#[tokio::test]
async fn records_go_on_and_are_fetched_in_published_words() {
    let Some(stage) = Stage::find("records_go_on_and_are_fetched_in_published_words").await else { return };
    let session = stage.operator.open_session().await;
    stage.to_operator(ACKNOWLEDGEMENT, &stage.operator.bill(messages::cdr(&session)).await);
    let twice = stage.operator.bill({
        let mut other = messages::cdr(&session);
        other["ConsumedEnergy"] = 9.into();
        other
    });
    assert_eq!(stage.to_operator(ACKNOWLEDGEMENT, &twice.await)["StatusCode"]["Code"], "400");
    stage.app.wait_until(Duration::from_secs(15), |seen| seen.len() == 2).await;
    stage.judge_received(2, 0);

    let path = roamhub_testkit::get_cdrs_path("DE-DCB");
    let page = stage.provider.post(&path, messages::get_cdrs().to_string()).await;
    let page = stage.to_provider("eRoamingChargeDetailRecords", &page);
    assert_eq!(page["numberOfElements"], 1);
    let beyond =
        stage.provider.post(&format!("{path}?page=7&size=1"), messages::get_cdrs().to_string()).await;
    assert_eq!(stage.to_provider("eRoamingChargeDetailRecords", &beyond)["content"], json!([]));
}

#[tokio::test]
async fn uploads_are_acknowledged_in_published_words() {
    let Some(stage) = Stage::find("uploads_are_acknowledged_in_published_words").await else { return };
    let push = |action: &str, uid: &str| {
        let record = json!({"Identification": {"RFIDMifareFamilyIdentification": {"UID": uid}}});
        json!({
            "ActionType": action,
            "ProviderAuthenticationData": {"ProviderID": "DE-DCB", "AuthenticationDataRecord": [record]},
        })
        .to_string()
    };
    let path = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
    for (action, uid, code) in
        [("fullLoad", "04AABBCC", "000"), ("insert", "04AABBCC", "009"), ("delete", "04AABBCC", "000")]
    {
        let answer = stage.provider.post(path, push(action, uid)).await;
        assert_eq!(stage.to_provider(ACKNOWLEDGEMENT, &answer)["StatusCode"]["Code"], code, "{action}");
    }
}
