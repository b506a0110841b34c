//! What a foreign page makes a browser send changes nothing.

use serde_json::json;

use crate::stage::{PASSWORD, Stage, bearer};

const PAUSE: &str = "/api/v1/lanes/DE-DCB/pause";

#[tokio::test]
async fn a_change_with_a_cookie_needs_the_form_token_and_must_come_from_here() {
    let stage = Stage::new().await;
    let browser = stage.logged_in("anna", "operate").await;
    let token = browser.form_token().await;
    let host = stage.hub.console().to_string();
    let own = format!("http://{host}");
    let form = ("hub-form-token", token.as_str());
    let refused = [
        vec![],
        vec![("hub-form-token", "")],
        vec![("hub-form-token", "guessed")],
        vec![("sec-fetch-site", "same-origin")],
        vec![("origin", own.as_str())],
        vec![form, ("sec-fetch-site", "cross-site")],
        vec![form, ("sec-fetch-site", "same-site")],
        vec![form, ("origin", "https://evil.example")],
        vec![form, ("origin", "null")],
    ];
    for headers in refused {
        for path in [PAUSE, "/api/v1/replays", "/api/v1/tokens"] {
            let answer = browser.call("POST", path, &headers, "{}").await;
            assert_eq!(answer.status, 403, "{path} {headers:?}: {answer:?}");
        }
    }
    let submitted = browser.submit("/tokens", &[("name", "x"), ("days", "1")]).await;
    assert_eq!(submitted.status, 403, "a form without its token: {submitted:?}");
    assert_eq!(stage.hub.get_admin("/api/v1/lanes").await.json(), json!({"lanes": []}), "nothing happened");
    assert_eq!(stage.hub.get_admin("/api/v1/tokens").await.json(), json!({"tokens": []}));
    for headers in
        [vec![form], vec![form, ("origin", own.as_str())], vec![form, ("sec-fetch-site", "same-origin")]]
    {
        let answer = browser.call("POST", PAUSE, &headers, "{}").await;
        assert_eq!(answer.status, 200, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_form_token_is_of_one_log_in_alone() {
    let stage = Stage::new().await;
    let (one, other) = (stage.logged_in("anna", "operate").await, stage.enter("anna").await);
    let theirs = other.form_token().await;
    assert_ne!(one.form_token().await, theirs);
    let answer = one.call("POST", PAUSE, &[("hub-form-token", &theirs)], "{}").await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
async fn nobody_is_logged_in_by_a_foreign_page() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    let body = roamhub_testkit::browser::form(&[("name", "anna"), ("password", PASSWORD)]);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = stage.browser().call("POST", "/login", &[kind, header], &body).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let answer = stage.browser().call("POST", "/login", &[kind], &body).await;
    assert_eq!(answer.status, 303, "a program at a shell has neither header: {answer:?}");
}

#[tokio::test]
async fn a_token_needs_none_of_it_and_a_bad_one_is_not_made_up_for_by_a_cookie() {
    let stage = Stage::new().await;
    let token = stage.token("operate").await;
    let paused = bearer(&stage.browser(), &token, "POST", PAUSE, "{}").await;
    assert_eq!(paused.status, 200, "{paused:?}");
    let browser = stage.logged_in("anna", "administer").await;
    for value in ["Bearer rh_nonsense", "Bearer", "Basic YTpi", &format!("Bearer {token}x")] {
        let answer = browser.call("GET", "/api/v1/lanes", &[("authorization", value)], "").await;
        assert_eq!(answer.status, 401, "{value}: {answer:?}");
    }
    let cookie = browser.cookie().unwrap();
    let secret = cookie.split_once('=').unwrap().1;
    assert_eq!(bearer(&stage.browser(), secret, "GET", "/api/v1/lanes", "").await.status, 401);
}
