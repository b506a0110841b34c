//! Tokens: made, used, listed, revoked.

use serde_json::{Value, json};

use crate::stage::{Stage, bearer, change};

async fn make(stage: &Stage, token: &str, body: Value) -> roamhub_testkit::Answer {
    bearer(&stage.browser(), token, "POST", "/api/v1/tokens", &body.to_string()).await
}

async fn names(stage: &Stage, token: &str) -> Vec<String> {
    let listed = bearer(&stage.browser(), token, "GET", "/api/v1/tokens", "").await.json();
    let tokens = listed["tokens"].as_array().unwrap().iter();
    tokens.map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_shown_once_kept_as_a_hash_and_good_until_it_is_revoked() {
    let stage = Stage::new().await;
    let arguments = ["token", "create", "--name", "billing", "--role", "read", "--expires", "90d"];
    let made = stage.run(&arguments).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("rh_") && token.len() == 46, "{token}");
    let browser = stage.browser();
    let me = bearer(&browser, &token, "GET", "/api/v1/me", "").await.json();
    assert_eq!((&me["who"], &me["role"]), (&"token 1 (billing)".into(), &"read".into()), "{me:#}");
    let listed = stage.run(&["token", "list", "--json"]).await.stdout;
    assert!(!listed.contains(&token[..12]), "{listed}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let one = &listed["tokens"][0];
    assert!(one["lastUsedAt"].is_string() && one["expiresAt"].is_string() && one["good"] == true, "{one:#}");
    for file in std::fs::read_dir(stage.hub.data_dir()).unwrap() {
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else { continue };
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
    assert!(!stage.hub.log().contains(&token), "{}", stage.hub.log());
    assert_eq!(stage.run(&["token", "revoke", "1"]).await.code, Some(0));
    assert_eq!(bearer(&browser, &token, "GET", "/api/v1/me", "").await.status, 401);
    let table = stage.run(&["token", "list"]).await.stdout;
    assert!(table.contains("revoked") && table.contains("billing"), "{table}");
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_do_more_or_lasts_longer_than_its_maker() {
    let stage = Stage::new().await;
    let operate = stage.token("operate").await;
    for (role, status) in [("read", 200), ("operate", 200), ("administer", 403)] {
        let made = make(&stage, &operate, json!({"name": role, "role": role})).await;
        assert_eq!(made.status, status, "{role}: {made:?}");
    }
    let partner = json!({"name": "x", "role": "partner", "partner": "DE-DCB"});
    assert_eq!(make(&stage, &operate, partner).await.status, 403);
    let brief =
        stage.hub.ask_admin("POST", "/api/v1/tokens", r#"{"name":"brief","role":"read","expiresInDays":2}"#);
    let brief = brief.await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(make(&stage, &brief, json!({"name": "longer", "expiresInDays": 3})).await.status, 400);
    let as_long = make(&stage, &brief, json!({"name": "as long"})).await;
    assert!(as_long.status == 200 && as_long.json()["expiresAt"].is_string(), "{as_long:?}");
    for (body, status) in [
        (json!({"name": ""}), 400),
        (json!({"name": "x", "expiresInDays": 0}), 400),
        (json!({"name": "x", "expiresInDays": 100_000}), 400),
        (json!({"name": "x", "role": "root"}), 400),
    ] {
        assert_eq!(make(&stage, &operate, body.clone()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn what_a_token_has_made_goes_with_it_and_a_users_go_with_the_user() {
    let stage = Stage::new().await;
    let anna = stage.logged_in("anna", "operate").await;
    let own = change(&anna, "POST", "/api/v1/tokens", r#"{"name":"annas"}"#).await.json();
    let own = own["token"].as_str().unwrap().to_owned();
    let child = make(&stage, &own, json!({"name": "child", "role": "read"})).await.json();
    let child = child["token"].as_str().unwrap().to_owned();
    assert_eq!(names(&stage, &child).await, ["child", "annas"], "they are one person's");
    let refused = bearer(&stage.browser(), &child, "DELETE", "/api/v1/tokens/1", "").await;
    assert_eq!(refused.status, 403, "a lesser one does not revoke a greater one: {refused:?}");
    // As a reader, anna keeps the child's role and not her own token's.
    stage.hub.ask_admin("PUT", "/api/v1/users/anna/role", r#"{"role":"read"}"#).await;
    for gone in [&own, &child] {
        assert_eq!(bearer(&stage.browser(), gone, "GET", "/api/v1/me", "").await.status, 401);
    }
}

#[tokio::test]
async fn tokens_are_seen_by_those_they_belong_to() {
    let stage = Stage::new().await;
    let (anna, bob) = (stage.logged_in("anna", "read").await, stage.logged_in("bob", "read").await);
    for (browser, name) in [(&anna, "annas"), (&bob, "bobs")] {
        let body = json!({"name": name}).to_string();
        assert_eq!(change(browser, "POST", "/api/v1/tokens", &body).await.status, 200);
    }
    let dcb = stage.token("partner DE-DCB").await;
    let other = stage.token("partner NL-XYZ").await;
    let administer = stage.token("administer").await;
    assert_eq!(names(&stage, &dcb).await, ["for partner"]);
    assert_eq!(names(&stage, &other).await, ["for partner"]);
    assert_eq!(names(&stage, &administer).await.len(), 5);
    let listed = anna.get("/api/v1/tokens").await.json();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 1, "{listed:#}");
    assert_eq!(listed["tokens"][0]["owner"], "anna");
    let theirs = change(&anna, "DELETE", "/api/v1/tokens/2", "").await;
    assert_eq!(theirs.status, 404, "{theirs:?}");
    let foreign = bearer(&stage.browser(), &dcb, "DELETE", "/api/v1/tokens/4", "").await;
    assert_eq!(foreign.status, 404, "{foreign:?}");
    assert_eq!(bearer(&stage.browser(), &dcb, "DELETE", "/api/v1/tokens/3", "").await.status, 200);
}

#[tokio::test]
async fn a_person_makes_and_revokes_tokens_on_the_page() {
    let stage = Stage::new().await;
    let browser = stage.logged_in("anna", "operate").await;
    let token = browser.form_token().await;
    let fields =
        [("form_token", token.as_str()), ("name", "<b>script</b>"), ("role", "read"), ("days", "30")];
    let page = browser.submit("/tokens", &fields).await;
    assert_eq!(page.status, 200, "{page:?}");
    let text = page.text();
    assert!(!text.contains("<b>script"), "what people write is escaped");
    let begin = text.find("rh_").unwrap();
    let secret = &text[begin..begin + 46];
    let me = bearer(&stage.browser(), secret, "GET", "/api/v1/me", "").await;
    assert_eq!(me.json()["role"], "read", "{me:?}");
    assert!(!browser.get("/tokens").await.text().contains(secret), "it is shown once");
    let revoked = browser.submit("/tokens/1/revoke", &[("form_token", &token)]).await;
    assert_eq!((revoked.status, revoked.header("location")), (303, Some("/tokens")));
    assert_eq!(bearer(&stage.browser(), secret, "GET", "/api/v1/me", "").await.status, 401);
}
