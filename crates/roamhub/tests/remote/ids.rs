//! Whose ids win: the hub's SessionID in both directions, each partner's own id on its own side.

use roamhub_testkit::{RemoteService, Reply, messages};
use serde_json::json;

use crate::stage::{Cast, Stage, ack_with_ids, assert_answer, session_of};

#[tokio::test]
async fn the_hubs_session_id_wins_in_both_directions() {
    let stage = Stage::answering(Cast::default(), |_| ack_with_ids(true, "000")).await;
    for theirs in [json!("22222222-2222-2222-2222-222222222222"), json!("string"), json!(17), json!(null)] {
        let mut body = messages::remote_start(messages::EVCO);
        body["SessionID"] = theirs.clone();
        let answer = stage.provider.ask(RemoteService::Start, &body).await;
        assert_answer(&answer, true, "000");
        let seen = stage.station.received();
        let asked = seen.last().unwrap().session();
        assert_eq!(session_of(&answer), asked, "{theirs}");
        assert_ne!(json!(asked), theirs);
        // Everything else is what the provider wrote.
        let written = theirs.to_string();
        let expected = body
            .to_string()
            .replace(&format!("\"SessionID\":{written}"), &format!("\"SessionID\":\"{asked}\""));
        assert_eq!(seen.last().unwrap().body, expected);
    }
}

#[tokio::test]
async fn the_operator_is_asked_on_its_path_for_an_upper_case_contract() {
    let stage = Stage::new(Cast::default()).await;
    let body = messages::remote_start("de-dcb-c12345678-x");
    let answer = stage.provider.ask(RemoteService::Start, body).await;
    assert_answer(&answer, true, "000");
    let seen = stage.asked(1).await;
    assert_eq!(seen[0].path, RemoteService::Start.path("DE-DCB"));
    assert_eq!(seen[0].json()["Identification"]["RemoteIdentification"]["EvcoID"], "DE-DCB-C12345678-X");
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
}

#[tokio::test]
async fn each_side_reads_its_own_id_and_the_operators_is_kept() {
    let stage = Stage::answering(Cast::default(), |_| ack_with_ids(true, "000")).await;
    let answer = stage.start().await;
    let said = answer.json();
    assert_eq!(said["EMPPartnerSessionID"], "2345ABC", "{said:#}");
    assert_eq!(said["CPOPartnerSessionID"], "the operator's own", "{said:#}");
    // The provider's own id goes with every answer that the operator gets from now on.
    let session = session_of(&answer);
    stage.app.set_script(|_| Reply::ack(true, "000", ""));
    let told = stage.operator.notify(messages::start(&session)).await.json();
    assert_eq!(told["EMPPartnerSessionID"], "2345ABC", "{told:#}");
    // And with the stop, also where the caller leaves it out.
    let mut stop = messages::remote_stop(&session);
    stop["EMPPartnerSessionID"].take();
    let stopped = stage.provider.ask(RemoteService::Stop, stop).await.json();
    assert_eq!(stopped["SessionID"], session.as_str());
    assert_eq!(stopped["EMPPartnerSessionID"], "2345ABC", "{stopped:#}");
    assert_eq!(stopped["CPOPartnerSessionID"], "the operator's own", "{stopped:#}");
}

#[tokio::test]
async fn a_no_carries_the_hubs_session_id_too() {
    let stage = Stage::answering(Cast::default(), |_| ack_with_ids(false, "602")).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "602");
    assert_eq!(session_of(&answer), stage.asked(1).await[0].session());
    assert_eq!(answer.json()["EMPPartnerSessionID"], "2345ABC");
}
