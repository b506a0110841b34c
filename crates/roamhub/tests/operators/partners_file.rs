//! The partners file: what is wrong in it stops the start and names the line; what changes in it counts at once.

use std::fs;

use roamhub_testkit::{FakeProvider, HubProcess, messages};
use tokio::time::timeout;

use crate::stage::{BOUND, Partners, ROAMHUB, Stage, assert_judged, assert_refused, roamhub};

const NEW_OPERATOR: &str = "[[operator]]\nid = \"DE*NEW\"\n";

#[tokio::test]
async fn what_is_wrong_in_the_file_stops_the_start_and_names_the_line() {
    let cases = [
        ("[[operator]]\nid = \"DE*ABC\"\nnmae = \"ABC\"\n", "line 3", "nmae"),
        ("[[operator]]\nid = \"ABC\"\n", "line 2", ""),
        ("[[operator]]\nid = \"DE*ABC\"\n[[operator]]\nid = \"DEABC\"\n", "line 4", "line 2"),
        ("\n[[provider]]\nid = \"DE-DCB\"\nurl = \"http://emp.example /base\"\n", "line 4", "blank"),
        ("[[contract]]\noperator = \"DE*ABC\"\nprovider = \"*\"\nservices = []\n", "line 2", "DE*ABC"),
        ("[[operator]\n", "line 1", ""),
    ];
    for (text, line, named) in cases {
        let failure = HubProcess::builder(ROAMHUB).partners(text).try_start().await.err();
        let failure = failure.unwrap_or_else(|| panic!("the hub started with {text:?}"));
        assert_eq!(failure.status.and_then(|status| status.code()), Some(1), "{failure}");
        assert!(failure.log.contains(line) && failure.log.contains(named), "{text:?}: {failure}");
        assert!(failure.log.contains("partners.toml"), "{failure}");
    }
}

#[tokio::test]
async fn an_operator_that_is_added_to_the_file_is_accepted_without_a_restart() {
    let stage = Stage::new().await;
    let mut end = messages::end("0198f2d4-0000-7000-8000-000000000000");
    end["OperatorID"] = "DE*NEW".into();
    assert_refused(&stage.operator.notify(&end).await, 404, "300");

    let more = Partners { more: NEW_OPERATOR, ..Partners::default() };
    fs::write(stage.hub.partners_file(), more.toml(&stage.provider.url())).unwrap();
    let accepted = async { while stage.operator.notify(&end).await.status == 404 {} };
    timeout(BOUND, accepted).await.expect("the file is read again when it changes");
    assert_judged(&stage.operator.notify(&end).await, false, "400");
}

#[tokio::test]
async fn a_hangup_reads_the_file_even_if_it_looks_unchanged() {
    let stage = Stage::new().await;
    let file = stage.hub.partners_file();
    let before = fs::metadata(file).unwrap();
    let changed = Partners::default().toml(&stage.provider.url()).replace("DE*QQQ", "DE*NEW");
    fs::write(file, changed).unwrap();
    // As long as before, and as old: nobody notices who is not told.
    fs::File::options().write(true).open(file).unwrap().set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(fs::metadata(file).unwrap().len(), before.len());
    stage.hub.reload();
    stage.hub.wait_for_log("partners read again", BOUND).await;
    let mut end = messages::end("0198f2d4-0000-7000-8000-000000000000");
    end["OperatorID"] = "DE*NEW".into();
    let accepted = async { while stage.operator.notify(&end).await.status == 404 {} };
    timeout(BOUND, accepted).await.expect("the file is read again when the hub is told to");
}

#[tokio::test]
async fn a_file_that_became_wrong_changes_nothing_and_is_reported() {
    let stage = Stage::new().await;
    fs::write(stage.hub.partners_file(), "[[operator]]\nid = \"DE*ABC\"\nlokced = true\n").unwrap();
    stage.hub.wait_for_log("the partners stay as they were", BOUND).await;
    assert!(stage.hub.log().contains("line 3"), "{}", stage.hub.log());
    stage.still_serves().await;
}

#[tokio::test]
async fn partners_applied_to_the_ledger_are_served_without_a_file() {
    let provider = FakeProvider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("partners-to-apply.toml");
    fs::write(&file, Partners::default().toml(&provider.url())).unwrap();
    let (file, data) = (file.to_str().unwrap(), folder.path().join("data"));
    let data = data.to_str().unwrap();
    let checked = roamhub(&["partners", "apply", file, "--dry-run", "--data", data]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("2 operators, 1 provider"), "{checked:?}");
    let applied = roamhub(&["partners", "apply", file, "--data", data]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    fs::write(file, "[[operator]]\nname = \"no id\"\n").unwrap();
    let refused = roamhub(&["partners", "apply", file, "--data", data]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("line 1") || refused.stderr.contains("line 2"), "{refused:?}");
}
