//! A card that is only in what the demo provider has uploaded: the hub authorises it and lets nothing else stop it.

use anyhow::ensure;
use oicp::service::Service;
use serde_json::{Value, json};

use super::client::Client;
use super::provider::{CARDS, DemoProvider, UPLOADED_CARD};
use super::secured::{Front, Role};
use super::{Cast, screen};

fn card(uid: &str) -> Value {
    json!({"RFIDMifareFamilyIdentification": {"UID": uid}})
}

/// Uploads it as the provider.
pub(crate) async fn upload(cast: &Cast, hub: &Front) -> anyhow::Result<()> {
    let provider = cast.provider.to_string();
    let push = json!({
        "ActionType": "fullLoad",
        "ProviderAuthenticationData": {
            "ProviderID": provider,
            "AuthenticationDataRecord": [{"Identification": card(UPLOADED_CARD)}],
        },
    });
    let path = Service::PushAuthenticationData.path(Some(&provider));
    let answer = Client::connect(hub, Role::Provider).await?.post(&path, &push).await?;
    ensure!(answer.body["Result"] == true, "the hub does not take the provider's card: {}", answer.body);
    Ok(())
}

/// Starts with it, then tries to stop with another card and with the same one.
pub(crate) async fn stop(cast: &Cast, hub: &Front, provider: &DemoProvider) -> anyhow::Result<()> {
    let mut client = Client::connect(hub, Role::Operator).await?;
    let operator = cast.operator.to_string();
    let start = json!({
        "OperatorID": operator,
        "EvseID": cast.evse.to_string(),
        "Identification": card(UPLOADED_CARD),
    });
    let answer = client.post(&Service::AuthorizeStart.path(Some(&operator)), &start).await?;
    screen::step(
        "AuthorizeStart",
        "an uploaded card: the provider is not asked",
        &answer,
        (provider.received(), "provider"),
    );
    let Some(session) = answer.body["SessionID"].as_str() else { return Ok(()) };
    let (other, ..) = CARDS[0];
    for (uid, code, what) in
        [(other, "102", "another card must not stop it"), (UPLOADED_CARD, "000", "the same card may")]
    {
        let stop = json!({"OperatorID": operator, "SessionID": session, "Identification": card(uid)});
        let answer = client.post(&Service::AuthorizeStop.path(Some(&operator)), &stop).await?;
        screen::step_with(code, "AuthorizeStop", what, &answer, (provider.received(), "provider"));
    }
    Ok(())
}
