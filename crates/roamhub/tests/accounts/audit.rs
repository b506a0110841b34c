//! The audit trail: who did what, from where, about whom, and how it ended; never secrets, never card numbers.

use roamhub_testkit::messages;
use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage, bearer, change};

#[tokio::test]
async fn every_change_writes_a_line_also_a_refused_one_and_log_ins() {
    let stage = Stage::new().await;
    let anna = stage.logged_in("anna", "read").await;
    assert_eq!(stage.browser().log_in("anna", "a wrong password").await.status, 401);
    assert_eq!(change(&anna, "POST", "/api/v1/lanes/DE-DCB/pause", "{}").await.status, 403);
    let token = stage.token("operate").await;
    let browser = stage.browser();
    assert_eq!(bearer(&browser, &token, "POST", "/api/v1/lanes/DE-DCB/pause", "{}").await.status, 200);
    assert_eq!(bearer(&browser, &token, "POST", "/api/v1/replays", "{}").await.status, 400);
    assert_eq!(browser.call("POST", "/api/v1/lanes/DE-DCB/resume", &[], "{}").await.status, 401);
    let trail = stage.hub.get_admin("/api/v1/audit").await.json();
    let lines = trail["audit"].as_array().unwrap();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            (text("who"), text("action"), text("about"), text("outcome"), text("from"))
        })
        .collect();
    let here = "127.0.0.1";
    let expected = [
        ("nobody", "lane.resume", "DE-DCB", "refused", here),
        ("token 1 (for operate)", "replay.order", "-", "failed", here),
        ("token 1 (for operate)", "lane.pause", "DE-DCB", "done", here),
        ("local", "token.create", "token 1 (for operate)", "done", "-"),
        ("user anna", "lane.pause", "DE-DCB", "refused", here),
        ("nobody", "log-in", "user anna", "refused", here),
        ("user anna", "log-in", "user anna", "done", here),
        ("local", "user.add", "user anna", "done", "-"),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(a, b, c, d, e)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned(), e.to_owned()))
        .collect();
    assert_eq!(seen, expected);

    let cli: Value = serde_json::from_str(&stage.run(&["audit", "--json"]).await.stdout).unwrap();
    assert_eq!(cli, trail, "the command shows the same");
    let page = anna.get("/audit").await;
    assert!(page.status == 200 && page.text().contains("lane.resume"), "{page:?}");
    let older = anna.get("/api/v1/audit?before=3&limit=1").await.json();
    assert_eq!(older["audit"][0]["no"], 2, "{older:#}");
}

#[tokio::test]
async fn the_trail_has_neither_secrets_nor_card_numbers() {
    let stage = Stage::new().await;
    stage.end().await;
    let root = stage.logged_in("root", "administer").await;
    let token = stage.token("administer").await;
    let cookie = root.cookie().unwrap();
    let uid = messages::UID;
    for body in [json!({"subject": uid}), json!({"subject": uid, "dryRun": true}), json!({"subjekt": uid})] {
        change(&root, "POST", "/api/v1/erasures", &body.to_string()).await;
    }
    for path in [format!("/api/v1/lanes/{uid}/pause"), format!("/api/v1/users/{uid}/password")] {
        change(&root, "POST", &path, "{}").await;
        bearer(&stage.browser(), &token, "PUT", &path, "{}").await;
    }
    // Who types the password where the name belongs does not find it in the trail.
    stage.browser().log_in(PASSWORD, "oops").await;
    stage.browser().log_in(uid, "oops").await;
    let trail = stage.hub.get_admin("/api/v1/audit?limit=1000").await.text();
    assert!(trail.contains("\"action\":\"erase\""), "{trail}");
    for secret in [uid, PASSWORD, &token, cookie.split_once('=').unwrap().1, "argon2", "oops"] {
        assert!(!trail.contains(secret), "{secret} in {trail}");
        assert!(!stage.hub.log().contains(secret), "{secret} in {}", stage.hub.log());
    }
}
