//! Traffic of every service, good and broken, with planted values wherever partners can put them; then a look everywhere.

use roamhub_testkit::{RemoteService, gzipped, messages};
use serde_json::{Value, json};

use crate::planted::{assert_clean, card, contract, pin, planted_in};
use crate::stage::{SOON, Stage, identification, parrot};

const NOTIFICATIONS: &str = roamhub_testkit::NOTIFICATIONS_PATH;
const START: &str = "/api/oicp/charging/v21/operators/DE*ABC/authorize/start";
const STOP: &str = "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop";
const PUSH: &str = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
const RECORD: &str = "/api/oicp/cdrmgmt/v22/operators/DE*ABC/charge-detail-record";

/// Sessions by card, contract and code; every notification of them, delivered.
async fn charge(stage: &mut Stage) {
    for (number, form) in (10..).zip(["card", "plug", "code"]) {
        let who = identification(form, &card(number), &contract(number), &pin(number));
        let session = stage.session(who.clone()).await;
        for body in [
            messages::start(&session),
            messages::progress(&session, 6),
            messages::error(&session),
            messages::end(&session),
        ] {
            stage.notify(body, &who).await;
        }
        let mut stop = json!({"SessionID": session, "OperatorID": "DE*ABC", "EvseID": messages::EVSE});
        stop["Identification"] = who.clone();
        stage.post(STOP, stop.to_string()).await;
        let mut record = messages::cdr(&session);
        record["Identification"] = who;
        record["ConsumedEnergy"] = 11.into();
        record["CPOPartnerSessionID"] = card(number).into();
        stage.post(RECORD, record.to_string()).await;
    }
}

/// The provider repeats what it is sent in its answers, and says no.
async fn charge_in_front_of_a_parrot(stage: &mut Stage) {
    let who = identification("details", &card(20), &contract(20), &pin(20));
    let session = stage.session(identification("card", &card(20), "", "")).await;
    stage.app.set_script(parrot);
    stage.station.set_script(parrot);
    let code = identification("code", "", &contract(21), &pin(21));
    stage.notify(messages::start(&session), &who).await;
    stage.notify(messages::end(&session), &code).await;
    let mut record = messages::cdr(&session);
    record["Identification"] = who;
    stage.post(RECORD, record.to_string()).await;
    let mut start = messages::authorize_start_rfid(&card(22));
    start["EvseID"] = "DE*ABC*ETEST22".into();
    stage.post(START, start.to_string()).await;
    let mut remote = messages::remote_start(&contract(23));
    remote["EMPPartnerSessionID"] = contract(23).into();
    stage.ask(RemoteService::Start, remote).await;
    stage.ask(RemoteService::Reserve, messages::reservation_start(&contract(24))).await;
}

async fn ask_from_afar(stage: &mut Stage) {
    let answer = stage.ask(RemoteService::Start, messages::remote_start(&contract(30))).await;
    let session = answer.json()["SessionID"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    stage.sessions.push(session.clone());
    let who = identification("remote", "", &contract(30), "");
    stage.notify(messages::start(&session), &who).await;
    stage.ask(RemoteService::Stop, messages::remote_stop(&session)).await;
    stage.notify(messages::end(&session), &who).await;
    let answer = stage.ask(RemoteService::Reserve, messages::reservation_start(&contract(31))).await;
    stage.sessions.extend(answer.json()["SessionID"].as_str().map(str::to_owned));
}

async fn upload(stage: &mut Stage) {
    let records: Vec<Value> = [
        identification("card", &card(40), "", ""),
        identification("details", &card(41), &contract(41), ""),
        identification("code", "", &contract(42), &pin(42)),
        identification("plug", "", &contract(43), ""),
    ]
    .into_iter()
    .map(|identification| json!({ "Identification": identification }))
    .collect();
    let push = |action: &str, records: &[Value]| {
        json!({"ActionType": action, "ProviderAuthenticationData":
               {"ProviderID": "DE-DCB", "AuthenticationDataRecord": records}})
        .to_string()
    };
    let answer = stage.post(PUSH, push("fullLoad", &records)).await;
    assert_eq!(answer.code(), "000", "{answer:?}");
    // Twice the same, nothing to delete, broken in the middle.
    stage.post(PUSH, push("insert", &records)).await;
    stage
        .post(PUSH, push("delete", &[json!({"Identification": identification("card", &card(44), "", "")})]))
        .await;
    let mut broken = records.clone();
    broken[1]["Identification"]["RFIDIdentification"]["EvcoID"] = format!("{}-toolong", contract(45)).into();
    broken[2]["Identification"]["QRCodeIdentification"]["PIN"] = pin(45).repeat(4).into();
    stage.post(PUSH, push("fullLoad", &broken)).await;
    // A wrong PIN.
    let mut wrong = messages::authorize_start_rfid("04000000");
    wrong["Identification"] = identification("code", "", &contract(42), &pin(46));
    stage.post(START, wrong.to_string()).await;
}

/// What nobody should send.
async fn hostile(stage: &mut Stage) {
    let session = stage.session(identification("card", &card(50), "", "")).await;
    let spaced = |number: u8| card(number).chars().flat_map(|letter| [letter, ' ']).collect::<String>();
    let wrong_members = [
        ("EvseID", json!(card(51))),
        ("EvseID", json!(spaced(52))),
        ("OperatorID", json!(contract(53))),
        ("ChargingStart", json!(card(54))),
        ("ChargingEnd", json!(pin(54))),
        ("ConsumedEnergy", json!(card(55))),
        ("MeterValueInBetween", json!({"meterValues": [card(56), pin(56)]})),
        ("SessionID", json!(contract(57))),
        ("Type", json!(card(58))),
        ("CPOPartnerSessionID", json!([card(59)])),
        ("Identification", json!(card(60))),
        ("Identification", json!({"RFIDMifareFamilyIdentification": {"UID": spaced(61)}})),
        ("Identification", json!({"QRCodeIdentification": {"EvcoID": spaced(62), "PIN": [pin(62)]}})),
        ("Identification", json!({card(63): contract(63)})),
        (&card(64), json!(contract(64))),
        ("PartnerProductID", json!(card(65).repeat(20))),
    ];
    for (member, value) in wrong_members {
        for whole in
            [messages::end(&session), messages::cdr(&session), messages::authorize_start_rfid("04000000")]
        {
            let mut body = whole.clone();
            body[member] = value.clone();
            let path = match () {
                () if whole.get("Type").is_some() => NOTIFICATIONS,
                () if whole.get("ConsumedEnergy").is_some() => RECORD,
                () => START,
            };
            stage.post(path, body.to_string()).await;
        }
        let mut remote = messages::remote_start(&contract(66));
        remote[member] = value;
        stage.ask(RemoteService::Start, remote).await;
    }
    // Broken JSON, JSON with the value as a name, packed badly, none at all.
    let end = messages::end(&session).to_string();
    for body in [
        format!("{{\"UID\":\"{}\"", card(67)),
        format!("{{{}: 1}}", card(68)),
        card(69),
        format!("{end}{}", contract(70)),
        format!("<html>{}</html>", contract(71)),
    ] {
        for path in [NOTIFICATIONS, START, STOP, PUSH, RECORD] {
            stage.post(path, body.clone()).await;
        }
    }
    let packed = gzipped(card(72).as_bytes());
    for headers in [
        &[("content-encoding", "gzip")][..],
        &[("content-type", "application/x-04DEADBEEFCA73")],
        &[("content-type", "multipart/04DEADBEEFCA74; boundary=04DEADBEEFCA74")],
        &[("content-encoding", "04DEADBEEFCA75")],
        &[("process-id", "04DEADBEEFCA76"), ("x-04deadbeefca76", "04DEADBEEFCA76")],
    ] {
        let answer = stage.operator.post(NOTIFICATIONS, headers, packed.clone()).await;
        stage.note(&answer);
        let odd = stage.operator.post(NOTIFICATIONS, headers, end.clone()).await;
        stage.note(&odd);
    }
}

/// Paths and queries that name somebody.
async fn wrong_addresses(stage: &mut Stage) {
    let (uid, evco) = (card(80), contract(80));
    for path in [
        format!("/{uid}"),
        format!("/api/oicp/{uid}/v11/{evco}"),
        format!("/api/oicp/notificationmgmt/v11/charging-notifications/{uid}?card={uid}"),
        format!("/api/oicp/charging/v21/operators/{uid}/authorize/start?uid={uid}"),
        format!("/api/oicp/charging/v21/operators/{evco}/authorize/stop"),
        format!(
            "/api/oicp/cdrmgmt/v22/providers/{evco}/get-charge-detail-records-request?page={uid}&size={uid}"
        ),
        format!(
            "/api/oicp/cdrmgmt/v22/providers/DE-DCB/get-charge-detail-records-request?page={uid}&size={uid}"
        ),
        format!("/api/hub/v1/{uid}"),
        format!("/api/hub/v1/providers/DE-DCB/notifications?{uid}={evco}"),
        format!("/api/hub/v1/providers/DE-DCB/notifications?after={uid}"),
        format!("/api/hub/v1/operators/DE*ABC/receipts/{uid}"),
        format!("/api/hub/v1/operators/{uid}/receipts?session={evco}"),
        format!("/api/hub/v1/providers/DE-OFF/notifications/confirm?{uid}"),
    ] {
        stage.post(&path, messages::get_cdrs().to_string()).await;
        let answer = stage.operator.get(&path).await;
        stage.note(&answer);
        let console = stage.hub.get_console(&path).await;
        assert_ne!(console.status, 200, "{path}");
    }
    let confirm = "/api/hub/v1/providers/DE-OFF/notifications/confirm";
    stage.post(confirm, json!({"cursor": uid}).to_string()).await;
    let raw = format!("POST /{uid}\u{1} HTTP/1.1\r\nHost: {uid}\r\n{uid}: {uid}\r\n\r\n");
    let _whatever = stage.operator.try_raw(raw.as_bytes()).await;
    for path in [
        format!("/api/v1/messages/{uid}"),
        format!("/api/v1/sessions/{uid}"),
        format!("/api/v1/refusals?partner={uid}"),
        format!("/api/v1/{uid}"),
    ] {
        assert_clean(&path, &stage.hub.get_console(&path).await.text());
        assert_clean(&path, &stage.hub.get_admin(&path).await.text());
    }
}

#[tokio::test]
async fn nothing_planted_is_shown_anywhere() {
    let mut stage = Stage::new().await;
    charge(&mut stage).await;
    ask_from_afar(&mut stage).await;
    upload(&mut stage).await;
    hostile(&mut stage).await;
    wrong_addresses(&mut stage).await;
    charge_in_front_of_a_parrot(&mut stage).await;
    // Somebody is told of trouble.
    stage.app.stop().await;
    let who = identification("card", &card(90), "", "");
    let session = stage.sessions[0].clone();
    stage.notify(messages::error(&session), &who).await;
    stage.webhook.wait_until(SOON, |messages| !messages.is_empty()).await;
    stage.page_when("/api/v1/refusals?limit=1000", |page| page.matches("process").count() > 60).await;
    let places = stage.look_everywhere().await;
    assert!(places > 600, "there was much to look at: {places}");
    // The search can find something: what was delivered stands in the ledger's files.
    let kept = std::fs::read(stage.hub.data_dir().join("ledger.sqlite-wal")).unwrap_or_default();
    assert!(!planted_in(&String::from_utf8_lossy(&kept)).is_empty(), "the ledger has bodies");
    stage.hub.restart().await;
    assert_clean("the log after a restart", &stage.hub.log());
}

#[tokio::test]
async fn commands_do_not_repeat_whom_they_are_about() {
    let stage = Stage::new().await;
    for (arguments, input) in [
        (&["erase"][..], card(1)),
        (&["erase", "--json"], contract(1)),
        (&["erase", "--dry-run"], format!("{} and more", card(1))),
        (&["inspect", "04DEADBEEFCA01"], String::new()),
        (&["tail", "--session", "04DEADBEEFCA01"], String::new()),
    ] {
        let ended = stage.program(arguments, &input).await;
        assert_clean(&arguments.join(" "), &format!("{} {}", ended.stdout, ended.stderr));
    }
    assert_clean("the log", &stage.hub.log());
}
