//! One charging session, as an operator's back end would report it.

use std::time::Duration;

use jiff::Timestamp;
use oicp::service::Service;
use roamhub_core::ports::Clock;
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use super::client::{Answer, Client};
use super::provider::{CARDS, DemoProvider};
use super::secured::{Front, Role};
use super::{Cast, screen};
use crate::clock::SystemClock;

/// How long the hub may take to forward a charge detail record.
const LONGEST_FORWARDING: Duration = Duration::from_secs(3);

/// Plays it; whether the End was acknowledged with 000 and the record fetched.
pub(crate) async fn session(cast: &Cast, hub: &Front, provider: &DemoProvider) -> anyhow::Result<bool> {
    let mut client = Client::connect(hub, Role::Operator).await?;
    let now = SystemClock.now();
    let started = before(now, 40);
    screen::heading("operator ─▶ hub ─▶ provider");
    let (card, ..) = CARDS[0];
    let request = json!({
        "OperatorID": cast.operator.to_string(),
        "EvseID": cast.evse.to_string(),
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": card}},
        "CPOPartnerSessionID": "DEMO-1",
    });
    let path = Service::AuthorizeStart.path(Some(&cast.operator.to_string()));
    let answer = client.post(&path, &request).await?;
    screen::step("AuthorizeStart", &format!("card {card}"), &answer, (provider.received(), "provider"));
    let Some(session) = answer.body["SessionID"].as_str().map(str::to_owned) else { return Ok(false) };

    let message = |kind: &str, more: Value| {
        let mut message = json!({
            "Type": kind,
            "SessionID": session,
            "OperatorID": cast.operator.to_string(),
            "EvseID": cast.evse.to_string(),
            "CPOPartnerSessionID": "DEMO-1",
            "ChargingStart": started.to_string(),
        });
        if let (Some(message), Value::Object(more)) = (message.as_object_mut(), more) {
            message.extend(more);
        }
        message
    };
    let steps = [
        ("Start", "the cable is in, energy flows", json!({"MeterValueStart": 1200.0})),
        (
            "Progress",
            "6.120 kWh so far",
            json!({
                "EventOccurred": before(now, 20).to_string(),
                "ChargingDuration": 1_200_000,
                "ConsumedEnergyProgress": 6.12,
            }),
        ),
        (
            "End",
            "12.345 kWh, the bay must be free in 15 min",
            json!({
                "ChargingEnd": now.to_string(),
                "MeterValueStart": 1200.0,
                "MeterValueEnd": 1212.345,
                "ConsumedEnergy": 12.345,
                "PenaltyTimeStart": before(now, -15).to_string(),
            }),
        ),
    ];
    let mut last: Option<Answer> = None;
    for (kind, what, more) in steps {
        let answer = client.post(Service::ChargingNotifications.template(), &message(kind, more)).await?;
        screen::step(kind, what, &answer, (provider.received(), "provider"));
        last = Some(answer);
    }
    let ended = last.is_some_and(|end| end.body["Result"] == true && end.body["StatusCode"]["Code"] == "000");
    Ok(bill(cast, hub, &mut client, provider, &session).await? && ended)
}

/// The charge detail record, which closes the session; then the provider fetches it once more. Whether it could.
async fn bill(
    cast: &Cast,
    hub: &Front,
    client: &mut Client,
    provider: &DemoProvider,
    session: &str,
) -> anyhow::Result<bool> {
    let now = SystemClock.now();
    let (card, ..) = CARDS[0];
    let record = json!({
        "SessionID": session,
        "EvseID": cast.evse.to_string(),
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": card}},
        "CPOPartnerSessionID": "DEMO-1",
        "ChargingStart": before(now, 40).to_string(),
        "ChargingEnd": before(now, 0).to_string(),
        "SessionStart": before(now, 40).to_string(),
        "SessionEnd": before(now, 0).to_string(),
        "MeterValueStart": 1200.0,
        "MeterValueEnd": 1212.345,
        "ConsumedEnergy": 12.345,
    });
    let reached = provider.received();
    let path = Service::ChargeDetailRecord.path(Some(&cast.operator.to_string()));
    let answer = client.post(&path, &record).await?;
    // The hub forwards it behind its answer.
    let mut looks = interval(Duration::from_millis(10));
    let forwarded = async {
        while provider.received() == reached {
            looks.tick().await;
        }
    };
    let _ = timeout(LONGEST_FORWARDING, forwarded).await;
    screen::step("CDR", "12.345 kWh, the session is closed", &answer, (provider.received(), "provider"));

    let wanted = json!({
        "ProviderID": cast.provider.to_string(),
        "From": before(now, 60).to_string(),
        "To": before(now, -60).to_string(),
        "SessionID": [session],
    });
    let path = Service::GetChargeDetailRecords.path(Some(&cast.provider.to_string()));
    let page = Client::connect(hub, Role::Provider).await?.post(&path, &wanted).await?;
    let records = page.body["numberOfElements"].as_u64().unwrap_or_default();
    screen::step(
        "GetCDRs",
        &format!("the provider fetches: {records} record"),
        &page,
        (provider.received(), "provider"),
    );
    Ok(answer.body["Result"] == true && records == 1)
}

/// `minutes` before an instant, in whole seconds, as a station would write it.
pub(crate) fn before(instant: Timestamp, minutes: i64) -> Timestamp {
    let seconds = instant.as_second().saturating_sub(minutes.saturating_mul(60));
    Timestamp::from_second(seconds).unwrap_or(instant)
}

/// Milliseconds with one decimal, for people.
pub(crate) fn millis(duration: Duration) -> String {
    let tenths = duration.as_micros() / 100;
    format!("{}.{} ms", tenths / 10, tenths % 10)
}
