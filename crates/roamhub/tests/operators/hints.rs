//! Errors that help: the answer says what the sender probably meant.

use roamhub_testkit::{Answer, messages};

use crate::stage::{Stage, assert_judged, assert_refused};

/// The one violation at this place.
#[track_caller]
fn about(answer: &Answer, pointer: &str) -> String {
    let mut about = answer.violations().into_iter().filter(|(place, _)| place == pointer);
    match (about.next(), about.next()) {
        (Some((_, message)), None) => message,
        _ => panic!("expected one violation at {pointer}: {answer:?}"),
    }
}

#[tokio::test]
async fn the_guides_request_with_its_placeholders_is_told_which_ones_are_left() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end_as_in_the_guide(&session, "{{operatorID}}", "{{evseID}}");
    let answer = stage.operator.notify(end).await;
    assert_refused(&answer, 400, "022");
    assert!(about(&answer, "/EvseID").contains("{{evseID}}"), "{answer:?}");
    assert!(about(&answer, "/OperatorID").contains("{{operatorID}}"), "{answer:?}");
    assert!(answer.additional_info().contains("placeholder"), "{answer:?}");
}

#[tokio::test]
async fn a_placeholder_in_a_field_without_rules_is_a_finding() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["CPOPartnerSessionID"] = "{{cpoPartnerSessionID}}".into();
    let process = assert_judged(&stage.operator.notify(end).await, true, "000");
    assert_eq!(stage.findings(&process).await, ["placeholder"]);
}

#[tokio::test]
async fn a_member_in_the_wrong_case_is_answered_with_the_right_one() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    for (wrong, right) in [
        ("evseId", "EvseID"),
        ("SessionId", "SessionID"),
        ("operatorID", "OperatorID"),
        ("chargingEnd", "ChargingEnd"),
        ("type", "Type"),
        ("Session_ID", "SessionID"),
    ] {
        let mut end = messages::end(&session);
        let members = end.as_object_mut().expect("messages are objects");
        let value = members.remove(right).expect("an End has all of them");
        members.insert(wrong.to_owned(), value);
        let answer = stage.operator.notify(end).await;
        assert_refused(&answer, 400, "022");
        let message = about(&answer, &format!("/{right}"));
        assert!(message.contains(&format!("did you mean {right}?")) && message.contains(wrong), "{message}");
    }
}

#[tokio::test]
async fn a_type_in_the_wrong_case_is_answered_with_the_right_one() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    for (wrong, right) in [("END", "End"), ("start", "Start"), (" Error", "Error")] {
        let mut end = messages::end(&session);
        end["Type"] = wrong.into();
        let answer = stage.operator.notify(end).await;
        assert_refused(&answer, 400, "022");
        assert!(about(&answer, "/Type").contains(&format!("did you mean {right}?")), "{answer:?}");
    }
}

#[tokio::test]
async fn an_optional_member_in_the_wrong_case_is_a_finding() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["consumedEnergy"] = 10.into();
    let process = assert_judged(&stage.operator.notify(end).await, true, "000");
    assert_eq!(stage.findings(&process).await, ["member-spelling"]);
}

#[tokio::test]
async fn the_same_help_is_given_for_an_authorisation() {
    let stage = Stage::new().await;
    let mut start = messages::authorize_start_rfid("{{uid}}");
    let operator = start.as_object_mut().and_then(|members| members.remove("OperatorID"));
    start["operatorId"] = operator.unwrap_or_default();
    start["EvseID"] = "{{evseID}}".into();
    let answer = stage.operator.authorize_start(start).await;
    assert_refused(&answer, 400, "022");
    assert!(about(&answer, "/OperatorID").contains("did you mean OperatorID?"), "{answer:?}");
    assert!(about(&answer, "/EvseID").contains("{{evseID}}"), "{answer:?}");
    let uid = about(&answer, "/Identification/RFIDMifareFamilyIdentification/UID");
    assert!(uid.contains("placeholder"), "{uid}");
}
