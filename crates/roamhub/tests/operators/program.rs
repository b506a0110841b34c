//! The program at a shell: what it refuses to start with, `check`, `inspect` and the demo.

use std::process::Stdio;

use roamhub_testkit::program;
use roamhub_testkit::{HubProcess, messages};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::stage::{BOUND, Partners, ROAMHUB, Stage, roamhub};

/// A session that no hub has; `check` needs none.
const SESSION: &str = "0198f2d4-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_second_hub_on_the_same_data_refuses_to_start() {
    let stage = Stage::new().await;
    let partners = Partners::default().toml(&stage.provider.url());
    let second =
        HubProcess::builder(ROAMHUB).data(stage.hub.data_dir()).partners(&partners).try_start().await;
    let failure = second.err().expect("one hub per ledger");
    assert_eq!(failure.status.and_then(|status| status.code()), Some(1), "{failure}");
    assert!(failure.log.contains("another hub"), "{failure}");
    assert!(failure.log.contains(&stage.hub.pid().to_string()), "it says who has it: {failure}");
    stage.still_serves().await;
}

#[tokio::test]
async fn plain_http_beyond_loopback_is_refused_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve =
        ["serve", "--listen", "0.0.0.0:0", "--console", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let refused = roamhub(&serve).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("0.0.0.0:0") && refused.stderr.contains("--allow-plain-http"),
        "{refused:?}"
    );
    assert_eq!(refused.stdout, "", "it did not listen");
    assert!(!data.exists(), "it touched nothing");

    let mut command = tokio::process::Command::new(ROAMHUB);
    command.args(serve).arg("--allow-plain-http").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line =
        async || timeout(BOUND, lines.next_line()).await.expect("it starts").unwrap().unwrap_or_default();
    let said = [line().await, line().await, line().await];
    assert!(said[0].starts_with("listening oicp http://0.0.0.0:"), "{said:?}");
    assert!(said[1].starts_with("listening console http://127.0.0.1:"), "{said:?}");
    assert_eq!(said[2], "ready");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let ended = roamhub(&["serve", "--listen", &address, "--console", "127.0.0.1:0", "--data", data]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&address), "{ended:?}");
}

#[tokio::test]
async fn check_ends_with_0_for_what_is_accepted_1_for_violations_and_2_for_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let fine = write("fine.json", messages::end(SESSION).to_string());
    let guide = write("guide.json", messages::end_as_in_the_guide(SESSION, "DE*ABC", messages::EVSE));
    let template =
        write("template.json", messages::end_as_in_the_guide(SESSION, "{{operatorID}}", "{{evseID}}"));
    let start = write("start.json", messages::authorize_start_rfid(messages::UID).to_string());
    let remote = write("remote.json", messages::remote_start(messages::EVCO).to_string());
    let reservation = write("reservation.json", messages::reservation_start(messages::EVCO).to_string());
    let stop = write("stop.json", messages::remote_stop("{{sessionID}}").to_string());
    let page = write("page.html", "<html></html>".to_owned());
    let missing = folder.path().join("missing.json").to_str().unwrap().to_owned();
    let cases = [
        (&fine, 0, "fine"),
        (&guide, 0, "charging-start-after-end"),
        (&template, 1, "{{evseID}}"),
        (&start, 0, "eRoamingAuthorizeStart"),
        (&remote, 0, "eRoamingAuthorizeRemoteStart"),
        (&reservation, 0, "eRoamingAuthorizeRemoteReservationStart"),
        (&stop, 1, "{{sessionID}}"),
        (&page, 1, "022"),
        (&missing, 2, ""),
    ];
    for (file, code, said) in cases {
        let ended = roamhub(&["check", file]).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stdout.contains(said), "{ended:?}");
        assert_eq!(code == 2, !ended.stderr.is_empty(), "{ended:?}");
    }
    let ended = roamhub(&["check", folder.path().to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(2), "a folder cannot be read: {ended:?}");
}

#[tokio::test]
async fn check_prints_json_and_reads_standard_input() {
    let check = async |body: String| {
        let ended = program::run(ROAMHUB, &["check", "--json", "-"], body.as_bytes(), BOUND).await;
        let said: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        (ended.code, said)
    };
    let (code, said) = check(messages::end_as_in_the_guide(SESSION, "DE*ABC", messages::EVSE)).await;
    assert_eq!((code, &said["accepted"]), (Some(0), &true.into()), "{said:#}");
    assert_eq!(said["message"], "eRoamingChargingNotification End", "{said:#}");
    assert_eq!(said["findings"][0]["code"], "charging-start-after-end", "{said:#}");
    assert_eq!(said["findings"][0]["pointer"], "/ChargingStart", "{said:#}");

    let (code, said) = check(r#"{"Type":"End"}"#.to_owned()).await;
    assert_eq!((code, &said["accepted"]), (Some(1), &false.into()), "{said:#}");
    let pointers: Vec<_> =
        said["violations"].as_array().into_iter().flatten().map(|violation| &violation["pointer"]).collect();
    assert_eq!(pointers, ["/SessionID", "/OperatorID", "/EvseID", "/ChargingEnd"], "{said:#}");

    for (body, message, code) in [
        (r#"{"ActionType":"fullLoad","OperatorEvseData":{}}"#, "eRoamingPushEvseData", 1),
        (
            r#"{"ActionType":"update","OperatorEvseStatus":{"OperatorID":"DE*ABC","EvseStatusRecord":[]}}"#,
            "eRoamingPushEvseStatus",
            0,
        ),
        (r#"{"PricingProductData":7}"#, "eRoamingPushPricingProductData", 1),
        (r#"{"EVSEPricing":[]}"#, "eRoamingPushEVSEPricing", 1),
        (r#"{"ProviderID":"DE-DCB","GeoCoordinatesResponseFormat":"Google"}"#, "eRoamingPullEVSEData", 0),
        (r#"{"ProviderID":"DE-DCB"}"#, "eRoamingPullEVSEStatus", 0),
        (r#"{"ProviderID":"DE-DCB","EvseStatus":"Free"}"#, "eRoamingPullEVSEStatus", 1),
        (r#"{"ProviderID":"DE-DCB","EvseID":["DE*ABC*E1"]}"#, "eRoamingPullEVSEStatusByID", 0),
        (r#"{"ProviderID":"DE-DCB","OperatorID":["DE*ABC"]}"#, "eRoamingPullEVSEStatusByOperatorID", 0),
        (r#"{"ProviderID":"DE-DCB","OperatorIDs":["DE*ABC"]}"#, "eRoamingPullEVSEPricing", 0),
        (r#"{"OperatorIDs":["DE*ABC"]}"#, "eRoamingPullPricingProductData", 0),
    ] {
        let (ended, said) = check(body.to_owned()).await;
        assert_eq!((ended, said["message"].as_str()), (Some(code), Some(message)), "{said:#}");
    }

    let (code, said) = check("\u{FEFF}{}".to_owned()).await;
    assert_eq!(code, Some(1), "{said:#}");
    assert!(said["problem"].as_str().is_some_and(|problem| problem.contains("byte order mark")), "{said:#}");
}

#[tokio::test]
async fn inspect_says_when_it_does_not_have_the_message() {
    let stage = Stage::new().await;
    let data = stage.hub.data_dir().to_str().unwrap();
    let unknown = roamhub(&["inspect", SESSION, "--data", data]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("no notification"), "{unknown:?}");
    let nonsense = roamhub(&["inspect", "nonsense", "--data", data]).await;
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
    let nowhere = roamhub(&["inspect", SESSION, "--data", "/nonexistent"]).await;
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert!(nowhere.stderr.contains("/nonexistent"), "{nowhere:?}");
}

#[tokio::test]
async fn inspect_prints_for_people_too() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end_as_in_the_guide(&session, "DE*ABC", messages::EVSE);
    let process = crate::stage::process_of(&stage.operator.notify(end).await);
    stage.settled(&process, "delivered").await;
    let shown = roamhub(&["inspect", &process, "--data", stage.hub.data_dir().to_str().unwrap()]).await;
    for said in [process.as_str(), session.as_str(), "charging-start-after-end", "HTTP 200 delivered"] {
        assert!(shown.stdout.contains(said), "{said} in {}", shown.stdout);
    }
    assert!(!shown.stdout.contains(messages::UID), "{}", shown.stdout);
}

#[tokio::test]
async fn the_demo_plays_its_sessions_and_prints_plain_text_into_a_pipe() {
    let ended = roamhub(&["demo", "--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for said in [
        "AuthorizeStart",
        "Progress",
        "End",
        "CDR",
        "GetCDRs",
        "RemoteStart",
        "RemoteStop",
        "acknowledged 000",
    ] {
        assert!(ended.stdout.contains(said), "{said} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn the_demo_plays_with_other_partners() {
    let cast = ["demo", "--once", "--operator", "+49*536", "--provider", "FR-EVL", "--listen", "127.0.0.1:0"];
    let ended = roamhub(&cast).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("+49*536") && ended.stdout.contains("FR-EVL"), "{}", ended.stdout);
    let refused = roamhub(&["demo", "--once", "--operator", "nonsense"]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}
