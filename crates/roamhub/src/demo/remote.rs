//! One charging session that a driver starts and stops in the provider's app.

use oicp::service::Service;
use roamhub_core::ports::Clock;
use serde_json::{Value, json};

use super::client::Client;
use super::operator::DemoOperator;
use super::play::before;
use super::provider::DemoProvider;
use super::secured::{Front, Role};
use super::{Cast, screen};
use crate::clock::SystemClock;

/// Plays it; whether everything was acknowledged with 000.
pub(crate) async fn session(
    cast: &Cast,
    hub: &Front,
    provider: &DemoProvider,
    operator: &DemoOperator,
) -> anyhow::Result<bool> {
    let mut app = Client::connect(hub, Role::Provider).await?;
    let mut client = Client::connect(hub, Role::Operator).await?;
    let now = SystemClock.now();
    screen::heading("provider ─▶ hub ─▶ operator");
    let request = |more: Value| {
        merged(json!({"ProviderID": cast.provider.to_string(), "EvseID": cast.evse.to_string()}), more)
    };
    let evco = cast.contract();
    let start = request(json!({
        "EMPPartnerSessionID": "APP-1",
        "Identification": {"RemoteIdentification": {"EvcoID": evco}},
    }));
    let provider_id = cast.provider.to_string();
    let answer = app.post(&Service::RemoteStart.path(Some(&provider_id)), &start).await?;
    screen::step("RemoteStart", &format!("contract {evco}"), &answer, (operator.received(), "operator"));
    let Some(session) = answer.body["SessionID"].as_str().map(str::to_owned) else { return Ok(false) };

    let notification = |kind: &str, more: Value| {
        let common = json!({
            "Type": kind,
            "SessionID": session,
            "OperatorID": cast.operator.to_string(),
            "EvseID": cast.evse.to_string(),
            "ChargingStart": before(now, 25).to_string(),
        });
        merged(common, more)
    };
    let (notifications, stop) = (Service::ChargingNotifications.template(), Service::RemoteStop);
    let answer =
        client.post(notifications, &notification("Start", json!({"MeterValueStart": 1212.345}))).await?;
    screen::step("Start", "energy flows", &answer, (provider.received(), "provider"));
    let answer = app.post(&stop.path(Some(&provider_id)), &request(json!({"SessionID": session}))).await?;
    screen::step("RemoteStop", "a tap in the app", &answer, (operator.received(), "operator"));
    let stopped = answer.body["Result"] == true;
    let end = json!({
        "ChargingEnd": now.to_string(),
        "MeterValueStart": 1212.345,
        "MeterValueEnd": 1219.845,
        "ConsumedEnergy": 7.5,
    });
    let answer = client.post(notifications, &notification("End", end)).await?;
    screen::step("End", "7.500 kWh", &answer, (provider.received(), "provider"));
    Ok(stopped && answer.body["Result"] == true && answer.body["StatusCode"]["Code"] == "000")
}

/// One object with the members of both.
fn merged(mut common: Value, more: Value) -> Value {
    if let (Some(common), Value::Object(more)) = (common.as_object_mut(), more) {
        common.extend(more);
    }
    common
}
