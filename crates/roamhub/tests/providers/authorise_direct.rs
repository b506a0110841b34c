//! AuthorizeStart to the one provider that the contract id names, and what a provider receives and may answer.

use std::time::Duration;

use roamhub_testkit::{FakeProvider, Reply, messages};
use serde_json::json;

use crate::stage::{
    LONGEST_ANSWER, QUICK, Stage, assert_delivered, hub_with, operator_of, partners, provider_entry,
};

const EVCO: &str = "DE-DCB-C12345678-X";

fn by_code(evco: &str, pin: &str) -> serde_json::Value {
    let mut body = messages::authorize_start_evco(evco);
    body["Identification"] = json!({"QRCodeIdentification": {"EvcoID": evco, "PIN": pin}});
    body
}

#[tokio::test]
async fn a_contract_id_leads_to_its_provider_alone() {
    let named = FakeProvider::start().await;
    let other = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let hub = hub_with(&[
        provider_entry("DE-AAA", &other.url(), QUICK),
        provider_entry("DE-DCB", &named.url(), &format!("{QUICK}\nsub_providers = [\"DE-SUB\"]")),
    ])
    .await;
    let operator = operator_of(&hub);
    let cases = [
        by_code(EVCO, "1234"),
        messages::authorize_start_evco(EVCO),
        // The DIN spelling, and a provider that DE-DCB bundles.
        messages::authorize_start_evco("DE*DCB*123456*7"),
        messages::authorize_start_evco("DE-SUB-C12345678-X"),
    ];
    for (number, body) in cases.iter().enumerate() {
        let answer = operator.authorize_start(body).await;
        let said = answer.json();
        assert_eq!(said["AuthorizationStatus"], "Authorized", "{body}: {answer:?}");
        assert_eq!((answer.status, answer.code().as_str()), (200, "000"), "{body}");
        assert_eq!(said["ProviderID"], "DE-DCB");
        let session = said["SessionID"].as_str().unwrap();
        assert_eq!(named.received()[2 * number].session(), session, "the hub's SessionID");
        // What follows in the session goes there as well.
        assert_delivered(&operator.notify(messages::end(session)).await);
        assert_eq!(named.received().len(), 2 * number + 2);
    }
    assert_eq!(other.connections(), 0, "nobody else is asked");
    assert_eq!(named.received()[0].json()["Identification"]["QRCodeIdentification"]["PIN"], "1234");
}

#[tokio::test]
async fn the_provider_receives_the_hubs_session_id_and_every_other_byte_as_it_was() {
    let stage = Stage::new(QUICK).await;
    let rest = "\"OperatorID\" :\t\"DE*ABC\",\r\n \"x-vendor\":{\"SessionID\":\"inner\",\"n\":1.0e1},\
                \"PartnerProductID\":\"AC \\u0031\"";
    let card = "\"Identification\":{ \"RFIDMifareFamilyIdentification\" : {\"UID\":\"";
    // What the operator sent as SessionID, and where the hub's own is to be found.
    let cases = [
        ("{", "{\"SessionID\":\"HUB\","),
        ("{ ", "{\"SessionID\":\"HUB\", "),
        ("{\"SessionID\":\"0f0e7c2a-5a3d-4a53-9d54-2d6c1c0b7a11\", ", "{\"SessionID\":\"HUB\", "),
        ("{ \"SessionID\" : \"not one at all\",", "{ \"SessionID\" : \"HUB\","),
        ("{\"SessionID\":\"\",", "{\"SessionID\":\"HUB\","),
        ("{\"SessionID\": null ,", "{\"SessionID\": \"HUB\" ,"),
        ("{\"SessionID\":42,", "{\"SessionID\":\"HUB\","),
        ("{\"SessionID\":{\"a\":[1]},", "{\"SessionID\":\"HUB\","),
    ];
    for (number, (sent, expected)) in cases.into_iter().enumerate() {
        let uid = format!("04aabbCCdd{number:04}");
        let answer = stage.operator.authorize_start(format!("{sent}{card}{uid}\"}} }},{rest}}}\n")).await;
        assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{sent}: {answer:?}");
        let session = answer.json()["SessionID"].as_str().unwrap().to_owned();
        assert!(!sent.contains(&session));
        let expected = expected.replace("HUB", &session);
        let upper = uid.to_ascii_uppercase();
        let seen = stage.provider.received();
        assert_eq!(
            String::from_utf8_lossy(&seen[number].body),
            format!("{expected}{card}{upper}\"}} }},{rest}}}\n"),
            "sent {sent}"
        );
        assert_eq!(seen[number].json()["SessionID"], session.as_str());
    }
}

#[tokio::test]
async fn a_contract_id_is_upper_cased_on_the_way() {
    let stage = Stage::new(QUICK).await;
    let answer = stage.operator.authorize_start(by_code("de-dcb-c1234567a-x", "aBcD")).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    let seen = stage.provider.received()[0].json();
    let expected = json!({"QRCodeIdentification": {"EvcoID": "DE-DCB-C1234567A-X", "PIN": "aBcD"}});
    assert_eq!(seen["Identification"], expected, "the PIN is not the hub's to change");
}

#[tokio::test]
async fn a_direct_refusal_passes_its_code_through() {
    let stage = Stage::new(QUICK).await;
    for (http, code) in [(200, "102"), (200, "101"), (200, "210"), (500, "103")] {
        let status = json!({"Code": code, "Description": "no", "AdditionalInfo": "contract ended"});
        let refusal = json!({"AuthorizationStatus": "NotAuthorized", "StatusCode": status});
        stage.provider.set_script(move |_| Reply::Json(http, refusal.clone()));
        let body = messages::authorize_start_evco(&format!("DE-DCB-C{code}00000-X"));
        let answer = stage.operator.authorize_start(body).await;
        let said = answer.json();
        assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
        assert_eq!(said["AuthorizationStatus"], "NotAuthorized");
        assert_eq!(said["StatusCode"]["AdditionalInfo"], "contract ended");
        assert!(said["SessionID"].is_null() && said["ProviderID"].is_null(), "no session: {answer:?}");
    }
}

#[tokio::test]
async fn a_provider_that_gives_no_usable_answer_is_no_answer() {
    let stage = Stage::new(QUICK).await;
    let html = Reply::Raw { status: 200, content_type: None, body: "<html>It works!</html>".into() };
    let replies = [
        Reply::Hang,
        Reply::HangAfterHeaders,
        Reply::Reset,
        Reply::HalfJson,
        Reply::NoContent,
        Reply::Json(500, json!({"error": "oops"})),
        Reply::Json(200, json!({"StatusCode": {"Code": "000"}})),
        Reply::Redirect("http://127.0.0.1:9/".to_owned()),
        Reply::Huge(30 << 20),
        html,
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let script = reply.clone();
        stage.provider.set_script(move |_| script.clone());
        let body = messages::authorize_start_evco(&format!("DE-DCB-C0000000{number}-X"));
        let answer = stage.operator.authorize_start(body).await;
        assert_not_authorised(&answer, "310");
        assert!(answer.took < LONGEST_ANSWER, "{reply:?}: {answer:?}");
    }
    stage.provider.stop().await;
    let answer = stage.operator.authorize_start(messages::authorize_start_evco(EVCO)).await;
    assert_not_authorised(&answer, "310");
    assert!(answer.took < Duration::from_secs(1), "refused at once: {answer:?}");
}

#[track_caller]
fn assert_not_authorised(answer: &roamhub_testkit::Answer, code: &str) {
    let said = answer.json();
    assert_eq!((answer.status, answer.code().as_str()), (200, code), "{answer:?}");
    assert_eq!(said["AuthorizationStatus"], "NotAuthorized", "{answer:?}");
    assert!(said["SessionID"].is_null(), "{answer:?}");
}

#[tokio::test]
async fn the_providers_own_session_id_and_stop_media_reach_the_operator() {
    let stop = json!([
        {"RFIDMifareFamilyIdentification": {"UID": "04FFEE"}},
        {"QRCodeIdentification": {"EvcoID": EVCO, "PIN": null}},
    ]);
    let yes = json!({
        "AuthorizationStatus": "Authorized",
        "ProviderID": "DE-DCB",
        "SessionID": "11111111-2222-3333-4444-555555555555",
        "CPOPartnerSessionID": "not the provider's to say",
        "EMPPartnerSessionID": "emp-4711",
        "StatusCode": {"Code": "000", "Description": "welcome"},
        "AuthorizationStopIdentifications": stop,
    });
    let stage = Stage::new(QUICK).await;
    stage.provider.set_script(move |request| {
        if request.is_authorize_start() { Reply::Json(200, yes.clone()) } else { Reply::ack(true, "000", "") }
    });
    let mut body = messages::authorize_start_evco(EVCO);
    body["CPOPartnerSessionID"] = "cpo-1".into();
    let answer = stage.operator.authorize_start(body).await;
    let said = answer.json();
    assert_eq!(said["AuthorizationStatus"], "Authorized", "{answer:?}");
    assert_eq!(said["EMPPartnerSessionID"], "emp-4711");
    assert_eq!(said["AuthorizationStopIdentifications"], stop);
    assert_eq!(said["CPOPartnerSessionID"], "cpo-1", "the caller's own");
    let session = said["SessionID"].as_str().unwrap();
    assert_eq!(stage.provider.received()[0].session(), session, "the hub's, whatever the provider says");
    // Later answers about the session carry it too, where the provider's acknowledgement has none.
    let end = stage.operator.notify(messages::end(session)).await;
    assert_delivered(&end);
    assert_eq!(end.json()["EMPPartnerSessionID"], "emp-4711", "{end:?}");
}

#[tokio::test]
async fn a_provider_cannot_say_yes_in_another_ones_name() {
    let stage = Stage::new(QUICK).await;
    stage.provider.set_script(|_| Reply::authorized("DE-AAA"));
    let answer = stage.operator.authorize_start(messages::authorize_start_evco(EVCO)).await;
    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized", "{answer:?}");
    assert_eq!(answer.json()["ProviderID"], "DE-DCB");
}

#[tokio::test]
async fn a_provider_without_authorisation_service_or_locked_is_not_asked() {
    let provider = FakeProvider::start().await;
    for lines in ["services = [\"notifications\"]", "locked = true"] {
        let hub = hub_with(&[provider_entry("DE-DCB", &provider.url(), lines)]).await;
        for body in [messages::authorize_start_evco(EVCO), messages::authorize_start_rfid("04AABBCC")] {
            let answer = operator_of(&hub).authorize_start(body).await;
            assert_not_authorised(&answer, "320");
        }
    }
    assert_eq!(provider.connections(), 0);
}

#[tokio::test]
async fn an_unknown_provider_is_300_and_one_without_contract_210() {
    let provider = FakeProvider::start().await;
    let entries =
        [provider_entry("DE-DCB", &provider.url(), QUICK), provider_entry("DE-AAA", &provider.url(), QUICK)];
    let text = partners(&entries).replace("provider = \"*\"", "provider = \"DE-AAA\"");
    let bin = crate::stage::BIN;
    let hub = roamhub_testkit::HubProcess::builder(bin).partners(&text).start().await;
    let operator = operator_of(&hub);
    let unknown = operator.authorize_start(messages::authorize_start_evco("DE-ZZZ-C12345678-X")).await;
    assert_not_authorised(&unknown, "300");
    assert_not_authorised(&operator.authorize_start(messages::authorize_start_evco(EVCO)).await, "210");
    assert_eq!(provider.connections(), 0);
    // A card is asked about only where there is a contract.
    let card = operator.authorize_start(messages::authorize_start_rfid("04AABBCC")).await;
    assert_eq!(card.json()["AuthorizationStatus"], "Authorized");
    assert_eq!(provider.received().len(), 1);
}
