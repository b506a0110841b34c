//! One contract in every place that the ledger has, erased: nothing of it is left in the files, and nobody else's data is
//! touched.

use std::path::Path;
use std::time::Instant;

use roamhub_testkit::{RemoteService, messages};
use serde_json::json;

use crate::planted::{card, contract, pin};
use crate::stage::{SOON, Stage, identification, parrot};

const STOP: &str = "/api/oicp/charging/v21/operators/DE*ABC/authorize/stop";
const PUSH: &str = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
const RECORD: &str = "/api/oicp/cdrmgmt/v22/operators/DE*ABC/charge-detail-record";

/// Where a text stands in the ledger's files, in whatever case: the file, and what is around it.
fn places_in_files(folder: &Path, text: &str) -> Vec<(String, String)> {
    let wanted = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        bytes.make_ascii_lowercase();
        let first = wanted.as_bytes()[0];
        for at in
            (0..bytes.len()).filter(|at| bytes[*at] == first && bytes[*at..].starts_with(wanted.as_bytes()))
        {
            let around = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
            found.push((path.display().to_string(), String::from_utf8_lossy(around).into_owned()));
        }
    }
    found
}

/// Everything that can be known of a card and its contract.
async fn live(stage: &mut Stage, number: u8) {
    let (uid, evco) = (card(number), contract(number));
    let push = json!({"ActionType": "insert", "ProviderAuthenticationData": {"ProviderID": "DE-DCB",
    "AuthenticationDataRecord": [
        {"Identification": identification("details", &card(number + 50), &evco, "")},
        {"Identification": identification("code", "", &evco, &pin(number))},
    ]}});
    stage.post(PUSH, push.to_string()).await;
    for who in [identification("card", &uid, "", ""), identification("plug", "", &evco, "")] {
        let session = stage.session(who.clone()).await;
        let mut start = messages::start(&session);
        start["CPOPartnerSessionID"] = uid.clone().into();
        stage.notify(start, &who).await;
        let stop = json!({"SessionID": session, "OperatorID": "DE*ABC", "Identification": who.clone()});
        stage.post(STOP, stop.to_string()).await;
        let mut odd = messages::end(&session);
        odd["PartnerProductID"] = uid.clone().into();
        stage.notify(odd, &identification("details", &uid, &evco, "")).await;
        let mut record = messages::cdr(&session);
        record["Identification"] = identification("details", &uid, &evco, "");
        record["ConsumedEnergy"] = 12.into();
        stage.post(RECORD, record.to_string()).await;
    }
    stage.ask(RemoteService::Start, messages::remote_start(&evco)).await;
    stage.ask(RemoteService::Reserve, messages::reservation_start(&evco.to_lowercase())).await;
    // Refused: in a wrong member, and not written as it should be.
    let mut wrong = messages::authorize_start_rfid(&uid);
    wrong["EvseID"] = uid.clone().into();
    stage.post("/api/oicp/charging/v21/operators/DE*ABC/authorize/start", wrong.to_string()).await;
    // And a provider that says no and repeats it all.
    let session = stage.session(identification("card", &uid, "", "")).await;
    stage.app.set_script(parrot);
    stage.station.set_script(parrot);
    stage.notify(messages::end(&session), &identification("details", &uid, &evco, "")).await;
    stage.ask(RemoteService::Start, messages::remote_start(&evco)).await;
    stage.app.set_script(|_| roamhub_testkit::Reply::Acknowledge);
    stage.station.set_script(|_| roamhub_testkit::Reply::Acknowledge);
}

#[tokio::test]
async fn one_contract_in_every_place_is_erased_from_all_of_them() {
    let mut stage = Stage::new().await;
    live(&mut stage, 1).await;
    live(&mut stage, 2).await;
    let folder = stage.hub.data_dir().to_owned();
    for planted in [card(1), contract(1), card(2), contract(2)] {
        assert!(!places_in_files(&folder, &planted).is_empty(), "{planted} is there before");
    }
    // Charge detail records are delivered by and by; what is under way is not erased.
    stage.app.wait_until(SOON, |seen| seen.iter().filter(|seen| seen.is_cdr()).count() >= 4).await;
    let both = format!("{}\n{}", card(1), contract(1));
    let began = Instant::now();
    loop {
        let ended = stage.program(&["erase", "--force"], &both).await;
        if ended.code == Some(0) {
            break;
        }
        assert!(began.elapsed() < SOON, "it is never through: {ended:?}");
    }
    for planted in [card(1), contract(1)] {
        assert_eq!(places_in_files(&folder, &planted), [], "{planted} is left");
        assert_eq!(places_in_files(&folder, planted.trim_start_matches("DE-DCB-")), [], "{planted} is left");
    }
    for other in [card(2), contract(2)] {
        assert!(!places_in_files(&folder, &other).is_empty(), "{other} is nobody's to erase");
    }
    stage.hub.terminate().await;
    for planted in [card(1), contract(1)] {
        assert_eq!(places_in_files(&folder, &planted), [], "{planted} is left after the end");
    }
}
