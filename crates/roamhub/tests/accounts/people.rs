//! `roamhub users`, with and without a running hub.

use roamhub_testkit::program;

use crate::stage::{BIN, PASSWORD, SOON, Stage};

#[tokio::test]
async fn users_are_added_listed_changed_and_removed_at_the_hubs_machine() {
    let stage = Stage::new().await;
    let added = stage.run(&["users", "add", "Anna", "--role", "operate"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let made = added.stdout.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
    let browser = stage.browser();
    assert_eq!(browser.log_in("anna", &made).await.status, 303);
    let arguments =
        ["users", "add", "emp", "--role", "partner", "--partner", "DE-DCB", "--password-file", "-"];
    let added = stage.run_with(&arguments, &format!("{PASSWORD}\n")).await;
    assert_eq!((added.code, added.stdout.as_str()), (Some(0), "emp is added with the role partner DE-DCB\n"));
    assert_eq!(stage.browser().log_in("emp", PASSWORD).await.status, 303);
    let listed = stage.run(&["users", "list"]).await.stdout;
    for said in ["anna", "operate", "emp", "partner", "DE-DCB"] {
        assert!(listed.contains(said), "{said} in {listed}");
    }
    let json = stage.run(&["users", "list", "--json"]).await.stdout;
    assert!(!json.contains("argon2") && !json.contains("\"password\""), "{json}");

    let changed = stage.run_with(&["users", "password", "anna", "--password-file", "-"], PASSWORD).await;
    assert_eq!(
        changed.stdout, "anna has another password; log-ins ended: 1, tokens revoked: 0\n",
        "{changed:?}"
    );
    assert_eq!(browser.get("/api/v1/me").await.status, 401);
    let role = stage.run(&["users", "role", "anna", "--role", "read"]).await;
    assert_eq!(role.stdout, "anna has the role read; log-ins ended: 0, tokens revoked: 0\n");
    let removed = stage.run(&["users", "remove", "anna"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert_eq!(stage.browser().log_in("anna", PASSWORD).await.status, 401);
    let line = stage.audited("user.remove").await;
    assert_eq!(
        (&line["who"], &line["about"], &line["from"]),
        (&"local".into(), &"user anna".into(), &().into())
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_said() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    for (arguments, input, said) in [
        (vec!["add", "anna", "--role", "read"], "", "already"),
        (vec!["add", "a b", "--role", "read"], "", "64 letters"),
        (vec!["add", "bob", "--role", "root"], "", "read, operate, administer or partner"),
        (vec!["add", "bob", "--role", "partner"], "", "DE-DCB"),
        (vec!["add", "bob", "--role", "read", "--password-file", "-"], "short", "12 characters"),
        (vec!["add", "bob", "--role", "read", "--password-file", "-"], "", "no password"),
        (vec!["remove", "carl"], "", "users list"),
    ] {
        let arguments: Vec<_> = ["users"].into_iter().chain(arguments).collect();
        let ended = stage.run_with(&arguments, input).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn without_a_hub_the_ledger_is_opened_and_the_audit_trail_is_written_all_the_same() {
    let mut stage = Stage::new().await;
    stage.hub.terminate().await;
    let added = stage.run(&["users", "add", "anna", "--role", "administer"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let made = added.stdout.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
    let trail = stage.run(&["audit", "--json"]).await;
    let trail: serde_json::Value = serde_json::from_str(&trail.stdout).unwrap();
    assert_eq!(trail["audit"][0]["action"], "user.add", "{trail:#}");
    stage.hub.restart().await;
    assert_eq!(stage.browser().log_in("anna", &made).await.status, 303);
    let nowhere = tempfile::tempdir().unwrap();
    let arguments = ["users", "list", "--data", nowhere.path().to_str().unwrap()];
    let ended = program::run(BIN, &arguments, b"", SOON).await;
    assert!(ended.code == Some(2) && ended.stderr.contains("no ledger"), "{ended:?}");
}
