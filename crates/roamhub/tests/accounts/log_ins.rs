//! Log-ins: the cookie, how they end, what the pages carry.

use std::time::Instant;

use roamhub_testkit::Browser;

use crate::stage::{PASSWORD, SOON, Stage, change};

async fn is_in(browser: &Browser) -> bool {
    match browser.get("/api/v1/me").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_log_in_gets_a_cookie_that_no_script_and_no_other_site_can_use() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    let browser = stage.browser();
    let entered = browser.log_in("Anna", PASSWORD).await;
    let cookie = entered.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    let secret = pair.strip_prefix("roamhub=").unwrap();
    assert_eq!(secret.len(), 43, "256 bits: {secret}");
    assert!(is_in(&browser).await);
    for file in std::fs::read_dir(stage.hub.data_dir()).unwrap() {
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else { continue };
        assert!(!bytes.windows(43).any(|window| window == secret.as_bytes()), "it is kept as a hash alone");
        let plain = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!plain, "and so is the password");
    }
    // Whoever logs in anew has a new one; one that somebody has planted is not taken over.
    let planted = stage.browser();
    planted.set_cookie(Some("roamhub=planted".to_owned()));
    assert_eq!(planted.log_in("anna", PASSWORD).await.status, 303);
    let new = planted.cookie().unwrap();
    assert!(new != "roamhub=planted" && new != pair, "{new}");
}

#[tokio::test]
async fn pages_ask_for_a_log_in_and_lead_back_and_the_api_says_what_to_do() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    let browser = stage.browser();
    let asked = browser.get("/audit?before=7").await;
    assert_eq!(
        (asked.status, asked.header("location")),
        (303, Some("/login?next=/audit%3Fbefore%3D7")),
        "{asked:?}"
    );
    let form = browser.get(asked.header("location").unwrap()).await;
    assert!(form.text().contains(r#"name="next" value="/audit?before=7""#), "{form:?}");
    let fields = [("name", "anna"), ("password", PASSWORD), ("next", "/audit?before=7")];
    let entered = browser.submit("/login", &fields).await;
    assert_eq!(entered.header("location"), Some("/audit?before=7"));
    let elsewhere = [("name", "anna"), ("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(stage.browser().submit("/login", &elsewhere).await.header("location"), Some("/"));
    let said = stage.browser().get("/api/v1/lanes").await;
    assert_eq!((said.status, said.header("www-authenticate")), (401, Some("Bearer")));
    assert!(said.json()["message"].as_str().unwrap().contains("/login"), "{said:?}");
    for open in ["/healthz", "/readyz", "/metrics", "/login", "/assets/console.css"] {
        assert_eq!(stage.browser().get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn logging_out_ends_this_log_in_and_no_other() {
    let stage = Stage::new().await;
    let (here, there) = (stage.logged_in("anna", "read").await, stage.enter("anna").await);
    let cookie = here.cookie();
    let token = here.form_token().await;
    let left = here.submit("/logout", &[("form_token", &token)]).await;
    assert_eq!((left.status, left.header("location")), (303, Some("/login")));
    assert_eq!(here.cookie(), None, "the browser forgets it: {left:?}");
    here.set_cookie(cookie);
    assert!(!is_in(&here).await, "and so does the hub");
    assert!(is_in(&there).await);
}

#[tokio::test]
async fn a_log_in_ends_after_its_longest_time_however_much_it_is_used() {
    let stage =
        Stage::with(&[("ROAMHUB_CONSOLE_LOG_IN_LONGEST", "3s"), ("ROAMHUB_CONSOLE_LOG_IN_IDLE", "3s")]).await;
    let browser = stage.logged_in("anna", "read").await;
    let began = Instant::now();
    assert!(is_in(&browser).await);
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(100));
    while is_in(&browser).await {
        looks.tick().await;
        assert!(began.elapsed() < SOON, "it never ends");
    }
}

#[tokio::test]
async fn a_log_in_that_nobody_uses_ends() {
    let stage = Stage::with(&[("ROAMHUB_CONSOLE_LOG_IN_IDLE", "2s")]).await;
    let (idle, used) = (stage.logged_in("anna", "read").await, stage.enter("anna").await);
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
    let began = Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(3) {
        looks.tick().await;
        assert!(is_in(&used).await, "one that is used goes on");
    }
    assert!(!is_in(&idle).await);
}

#[tokio::test]
async fn a_new_password_or_role_ends_the_other_log_ins() {
    let stage = Stage::new().await;
    let (here, there) = (stage.logged_in("anna", "operate").await, stage.enter("anna").await);
    let new = "another horse battery staple";
    let body = serde_json::json!({"present": PASSWORD, "new": new}).to_string();
    let changed = change(&here, "PUT", "/api/v1/me/password", &body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(is_in(&here).await && !is_in(&there).await);
    assert_eq!(stage.browser().log_in("anna", PASSWORD).await.status, 401);
    assert_eq!(there.log_in("anna", new).await.status, 303);
    let role = stage.hub.ask_admin("PUT", "/api/v1/users/anna/role", r#"{"role":"read"}"#).await;
    assert_eq!((role.status, &role.json()["logInsEnded"]), (200, &2.into()), "{role:?}");
    assert!(!is_in(&here).await && !is_in(&there).await);
    assert_eq!(here.log_in("anna", new).await.status, 303);
    let removed = stage.hub.ask_admin("DELETE", "/api/v1/users/anna", "").await;
    assert_eq!(removed.status, 200, "{removed:?}");
    assert!(!is_in(&here).await);
}

#[tokio::test]
async fn the_own_password_is_changed_on_its_page_by_whoever_knows_the_present_one() {
    let stage = Stage::new().await;
    let browser = stage.logged_in("anna", "read").await;
    let token = browser.form_token().await;
    let new = "another horse battery staple";
    let submit = async |present: &str, again: &str| {
        let fields = [("form_token", token.as_str()), ("present", present), ("new", new), ("again", again)];
        browser.submit("/password", &fields).await
    };
    let wrong = submit("not the present one", new).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    let unlike = submit(PASSWORD, "something else entirely").await;
    assert_eq!(unlike.status, 400, "{unlike:?}");
    let done = submit(PASSWORD, new).await;
    assert!(done.status == 200 && done.text().contains("is changed"), "{done:?}");
    assert_eq!(stage.browser().log_in("anna", new).await.status, 303);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_browser_safe() {
    let stage = Stage::new().await;
    let browser = stage.logged_in("anna", "read").await;
    for path in [
        "/",
        "/login",
        "/tokens",
        "/nothing",
        "/api/v1/me",
        "/api/v1/users",
        "/assets/console.css",
        "/metrics",
    ] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let kept = answer.header("cache-control").unwrap();
        assert!(kept == "no-store" || path.starts_with("/assets/"), "{path}: {kept}");
        let page = answer.text();
        for inline in ["<script", "style=", "onclick", "javascript:"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}
