//! Findings: stored and forwarded for most operators, refused for one that is set to `strict`.

use roamhub_testkit::messages::{self, end_as_in_the_guide};

use crate::stage::{Partners, Stage, assert_judged};

const STRICT: Partners<'_> = Partners {
    operator: "strict = true",
    services: r#"["authorization", "notifications"]"#,
    provider: "",
    more: "",
};

#[tokio::test]
async fn a_strict_operators_implausible_end_is_022() {
    let stage = Stage::with(STRICT).await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(end_as_in_the_guide(&session, "DE*ABC", messages::EVSE)).await;
    assert_judged(&answer, false, "022");
    assert!(answer.additional_info().contains("/ChargingStart"), "{answer:?}");
    assert!(stage.provider.notifications().is_empty());
    assert_judged(&stage.operator.notify(messages::end(&session)).await, true, "000");
}

#[tokio::test]
async fn a_strict_operators_foreign_evse_is_018_and_a_sub_operators_is_its_own() {
    let stage = Stage::with(STRICT).await;
    let session = stage.operator.open_session().await;
    let at = |evse: &str| {
        let mut end = messages::end(&session);
        end["EvseID"] = evse.into();
        end
    };
    let answer = stage.operator.notify(at("DE*FOR*E1")).await;
    assert_judged(&answer, false, "018");
    assert!(answer.additional_info().contains("DE*FOR*E1"), "{answer:?}");
    assert!(stage.provider.notifications().is_empty());

    // The session was opened without an EvseID, so the first notification settles it.
    let mut start = messages::authorize_start_rfid("04CCCCCCCCCCCC");
    start.as_object_mut().expect("messages are objects").remove("EvseID");
    let opened = stage.operator.authorize_start(start).await.json();
    let session = opened["SessionID"].as_str().expect("the hub gives a SessionID");
    let mut end = messages::end(session);
    end["EvseID"] = "DE*XYZ*ETEST1".into();
    assert_judged(&stage.operator.notify(end).await, true, "000");
}

#[tokio::test]
async fn any_other_operators_foreign_evse_passes_with_a_finding() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["EvseID"] = "DE*FOR*E1".into();
    let process = assert_judged(&stage.operator.notify(end).await, true, "000");
    let mut findings = stage.findings(&process).await;
    findings.sort();
    assert_eq!(findings, ["evse-changed", "evse-outside-bundle"]);
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn what_the_hub_authorised_it_lets_end_although_the_operator_was_locked_since() {
    for strict in ["", "strict = true"] {
        let mut stage = Stage::with(Partners { operator: strict, ..Partners::default() }).await;
        let session = stage.operator.open_session().await;
        let locked = Partners { operator: &format!("{strict}\nlocked = true"), ..Partners::default() };
        std::fs::write(stage.hub.partners_file(), locked.toml(&stage.provider.url())).unwrap();
        stage.hub.restart().await;
        let operator = stage.operator("DE*ABC");
        let process = assert_judged(&operator.notify(messages::end(&session)).await, true, "000");
        assert_eq!(stage.findings(&process).await, ["operator-locked"]);
        let refused = operator.authorize_start(messages::authorize_start_rfid("04DDDDDDDDDDDD")).await;
        assert_judged(&refused, false, "017");
    }
}

#[tokio::test]
async fn what_the_hub_authorised_it_lets_end_although_the_contract_ended_and_the_provider_was_locked() {
    let mut stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let partners = Partners { provider: "locked = true", ..Partners::default() };
    let without_contract = partners.toml(&stage.provider.url()).replace("[\"authorization\"]\n", "[]\n");
    std::fs::write(stage.hub.partners_file(), without_contract).unwrap();
    stage.hub.restart().await;
    let process = assert_judged(&stage.operator("DE*ABC").notify(messages::end(&session)).await, true, "000");
    assert_eq!(stage.findings(&process).await, ["provider-locked"]);
}
