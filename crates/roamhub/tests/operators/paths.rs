//! Paths as clients write them: encoded or not, either spelling, too many slashes; never a redirect.

use roamhub_testkit::messages;

use crate::stage::{Partners, Stage, assert_judged};

/// A card no other test uses.
fn card(number: usize) -> String {
    format!("04C0{number:010X}")
}

#[tokio::test]
async fn every_spelling_of_the_operators_path_is_the_operators() {
    let din = "[[operator]]\nid = \"+49*536\"\n[[contract]]\noperator = \"+49*536\"\nprovider = \"DE-DCB\"\n\
        services = [\"authorization\"]\n";
    let stage = Stage::with(Partners { more: din, ..Partners::default() }).await;
    let paths = [
        ("/api/oicp/charging/v21/operators/DE*ABC/authorize/start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/DE%2AABC/authorize/start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/DE%2aABC/authorize/start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/%44%45%2A%41%42%43/authorize/start", "DEABC"),
        ("/api/oicp/charging/v21/operators/DEABC/authorize/start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/de*abc/authorize/start", "DEABC"),
        ("/api/oicp/charging/v21/operators/DE*ABC/authorize/start/", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/DE*ABC/authorize/start//", "DE*ABC"),
        ("//api/oicp//charging/v21/operators//DE*ABC/authorize//start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/DE*ABC/authorize/start?origin=EXTERNAL", "de*abc"),
        ("http://hub.example/api/oicp/charging/v21/operators/DE*ABC/authorize/start", "DE*ABC"),
        ("/api/oicp/charging/v21/operators/+49*536/authorize/start", "+49*536"),
        ("/api/oicp/charging/v21/operators/%2B49%2A536/authorize/start", "+49*536"),
        ("/api/oicp/charging/v21/operators/%2b49*536/authorize/start", "+49*536"),
        ("/api/oicp/charging/v21/operators/49*536/authorize/start", "+49*536"),
    ];
    for (number, (path, operator)) in paths.into_iter().enumerate() {
        let mut body = messages::authorize_start_rfid(&card(number));
        body["OperatorID"] = operator.into();
        body["EvseID"] = serde_json::Value::Null;
        let answer = stage.operator.post(path, &[], body.to_string()).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{path}: {answer:?}");
        assert_eq!(answer.header("location"), None, "{path}: {answer:?}");
    }
    assert_eq!(stage.provider.received().len(), paths.len());
}

#[tokio::test]
async fn the_notifications_path_takes_superfluous_slashes_and_a_query() {
    let stage = Stage::new().await;
    let paths = [
        "/api/oicp/notificationmgmt/v11/charging-notifications/",
        "//api//oicp//notificationmgmt//v11//charging-notifications//",
        "/api/oicp/notificationmgmt/v11/charging%2Dnotifications",
        "/api/oicp/notificationmgmt/v11/charging-notifications?trace=1",
    ];
    for path in paths {
        let session = stage.operator.open_session().await;
        let answer = stage.operator.post(path, &[], messages::end(&session).to_string()).await;
        assert_judged(&answer, true, "000");
        assert_eq!(answer.header("location"), None, "{path}: {answer:?}");
    }
    let received = stage.provider.notifications();
    assert_eq!(received.len(), paths.len());
    assert!(received.iter().all(|request| request.path == roamhub_testkit::NOTIFICATIONS_PATH));
}

#[tokio::test]
async fn both_spellings_of_an_operator_are_one_partner_in_one_session() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    for (operator, body) in [
        ("DEABC", messages::start(&session)),
        ("de*abc", messages::error(&session)),
        ("DE*ABC", messages::end(&session)),
    ] {
        let mut body = body;
        body["OperatorID"] = operator.into();
        body["EvseID"] = "DEABCETEST1".into();
        let process = assert_judged(&stage.operator.notify(&body).await, true, "000");
        assert!(stage.findings(&process).await.is_empty(), "{operator}");
        let received = stage.provider.notifications().pop().expect("it was forwarded");
        assert_eq!(received.json(), body, "the spelling stays as it came");
    }
}
