//! What every answer has, and what the hub makes of a provider's: cut texts, the caller's own ids.

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;
use roamhub_testkit::{NOTIFICATIONS_PATH, authorize_start_path};
use serde_json::json;

use crate::stage::{Stage, assert_judged, assert_refused, process_of};

#[tokio::test]
async fn every_answer_other_than_200_has_the_one_shape_on_both_services() {
    let stage = Stage::new().await;
    let largest = " ".repeat(1024 * 1024 + 1);
    let session = stage.operator.open_session().await;
    let mut unregistered = messages::end(&session);
    unregistered["OperatorID"] = "DE*NIX".into();
    let authorise = authorize_start_path("DE*NIX");
    for (path, authorises) in [(NOTIFICATIONS_PATH, false), (authorise.as_str(), true)] {
        let start = messages::authorize_start_rfid("04B1B1B1B1B1B1");
        let mut whole = if authorises { start } else { unregistered.clone() };
        whole["OperatorID"] = "DE*NIX".into();
        let multipart = [("content-type", "multipart/form-data")];
        let answers = [
            (stage.operator.post(path, &[], "{}").await, 400, "022"),
            (stage.operator.post(path, &[], "").await, 400, "022"),
            (stage.operator.post(path, &[], whole.to_string()).await, 404, "300"),
            (stage.operator.get(path).await, 405, "022"),
            (stage.operator.post(path, &[], largest.clone()).await, 413, "022"),
            (stage.operator.post(path, &multipart, "--x").await, 415, "022"),
        ];
        for (answer, http, code) in &answers {
            assert_refused(answer, *http, code);
            let expected = if authorises { json!("NotAuthorized") } else { json!(null) };
            assert_eq!(answer.json()["AuthorizationStatus"], expected, "{answer:?}");
        }
        let mut processes: Vec<_> = answers.iter().map(|(answer, ..)| process_of(answer)).collect();
        processes.sort();
        processes.dedup();
        assert_eq!(processes.len(), answers.len(), "each call has a Process-ID of its own");
    }
}

#[tokio::test]
async fn a_providers_texts_are_cut_to_what_the_protocol_allows() {
    let stage = Stage::answering(|_| {
        let status = json!({
            "Code": "000",
            "Description": "é".repeat(5_000),
            "AdditionalInfo": "x".repeat(100_000),
        });
        Reply::Json(200, json!({"Result": true, "StatusCode": status}))
    })
    .await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session);
    let first = stage.operator.notify(&end).await;
    let process = assert_judged(&first, true, "000");
    stage.settled(&process, "delivered").await;
    // The same from the ledger, which keeps the answer as it was given.
    for answer in [first, stage.operator.notify(&end).await] {
        let said = answer.json();
        assert_eq!(said["StatusCode"]["Description"], "é".repeat(200));
        assert_eq!(said["StatusCode"]["AdditionalInfo"], "x".repeat(1000));
    }
}

#[tokio::test]
async fn an_authorisations_texts_are_cut_as_well() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| {
        let status =
            json!({"Code": "000", "Description": "d".repeat(300), "AdditionalInfo": "i".repeat(3000)});
        Reply::Json(
            200,
            json!({"AuthorizationStatus": "Authorized", "ProviderID": "DE-DCB", "StatusCode": status}),
        )
    });
    let answer = stage.operator.authorize_start(messages::authorize_start_rfid("04B2B2B2B2B2B2")).await;
    let status = &answer.json()["StatusCode"];
    assert_eq!(status["Description"], "d".repeat(200));
    assert_eq!(status["AdditionalInfo"], "i".repeat(1000));
}

#[tokio::test]
async fn session_and_operators_id_in_the_answer_are_the_callers_own() {
    let stage = Stage::answering(|_| {
        let status = json!({"Code": "000"});
        Reply::Json(
            200,
            json!({
                "Result": true,
                "StatusCode": status,
                "SessionID": "99999999-9999-9999-9999-999999999999",
                "CPOPartnerSessionID": "somebody else's",
                "EMPPartnerSessionID": "the provider's",
            }),
        )
    })
    .await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_judged(&answer, true, "000");
    let said = answer.json();
    assert_eq!(
        (&said["SessionID"], &said["CPOPartnerSessionID"], &said["EMPPartnerSessionID"]),
        (&json!(session), &json!("1234XYZ"), &json!("the provider's"))
    );
    // Where the caller has none, there is none.
    let mut end = messages::end(&session);
    end.as_object_mut().expect("messages are objects").remove("CPOPartnerSessionID");
    let said = stage.operator.notify(end).await.json();
    assert!(said.get("CPOPartnerSessionID").is_none(), "{said:#}");
}

#[tokio::test]
async fn the_providers_id_of_the_session_is_remembered_from_the_authorisation() {
    let stage = Stage::new().await;
    stage.provider.set_script(|request| {
        let status = json!({"Code": "000"});
        if request.is_notification() {
            return Reply::Json(200, json!({"Result": true, "StatusCode": status}));
        }
        let answer = json!({
            "AuthorizationStatus": "Authorized",
            "ProviderID": "DE-DCB",
            "EMPPartnerSessionID": "emp-7",
            "StatusCode": status,
        });
        Reply::Json(200, answer)
    });
    let session = stage.operator.open_session().await;
    let said = stage.operator.notify(messages::end(&session)).await.json();
    assert_eq!(said["EMPPartnerSessionID"], "emp-7", "{said:#}");
}

#[tokio::test]
async fn an_incomplete_acknowledgement_is_completed() {
    let cases = [
        (json!({"Result": true}), true, "000"),
        (json!({"Result": false}), false, "021"),
        (json!({"Result": "true", "StatusCode": {"Code": 0}}), true, "000"),
        (json!({"Result": true, "StatusCode": {"Code": "nonsense"}}), true, "000"),
    ];
    let stage = Stage::new().await;
    for (said, result, code) in cases {
        stage.answer_with(move |_| Reply::Json(200, said.clone()));
        let session = stage.operator.open_session().await;
        assert_judged(&stage.operator.notify(messages::end(&session)).await, result, code);
    }
    // A whole acknowledgement counts under any HTTP status.
    for http in [400, 500] {
        let ack = json!({"Result": false, "StatusCode": {"Code": "400", "Description": "unknown"}});
        stage.answer_with(move |_| Reply::Json(http, ack.clone()));
        let session = stage.operator.open_session().await;
        assert_judged(&stage.operator.notify(messages::end(&session)).await, false, "400");
    }
}
