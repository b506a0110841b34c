//! Every route, walked by every kind of visitor. The table below says what each is answered; a route without a row, and a
//! row without a route, is an error.

use std::collections::BTreeSet;
use std::time::Instant;

use roamhub_testkit::Browser;
use serde_json::json;

use crate::stage::{PASSWORD, SOON, Stage, bearer};

/// Who walks, in the order of the columns.
const VISITORS: [&str; 9] = [
    "nobody",
    "a log-in that has expired",
    "a token that was revoked",
    "read",
    "operate",
    "administer",
    "partner DE-DCB",
    "partner NL-XYZ",
    "partner DE*ABC",
];

type Row = (&'static str, &'static str, [u16; 9]);

/// What is walked belongs to operator DE*ABC and provider DE-DCB; NL-XYZ has nothing to do with it.
const TABLE: &[Row] = &[
    ("GET", "/api/v1/me", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    // Tokens have no password.
    ("PUT", "/api/v1/me/password", [401, 401, 401, 403, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/messages/{process}", [401, 401, 401, 200, 200, 200, 200, 404, 200]),
    ("GET", "/api/v1/sessions/{session}", [401, 401, 401, 200, 200, 200, 200, 404, 200]),
    ("GET", "/api/v1/refusals", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/ghosts", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/differences", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/certificates", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/lanes", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/lanes/resume", [401, 401, 401, 403, 200, 200, 404, 404, 404]),
    ("POST", "/api/v1/lanes/{provider}/pause", [401, 401, 401, 403, 200, 200, 200, 404, 404]),
    ("POST", "/api/v1/lanes/{provider}/resume", [401, 401, 401, 403, 200, 200, 200, 404, 404]),
    ("PUT", "/api/v1/lanes/{provider}/drain-rate", [401, 401, 401, 403, 200, 200, 200, 404, 404]),
    ("DELETE", "/api/v1/lanes/{provider}/drain-rate", [401, 401, 401, 403, 200, 200, 200, 404, 404]),
    ("GET", "/api/v1/mandates", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/mandates/{operator}/restore", [401, 401, 401, 403, 200, 200, 404, 404, 404]),
    ("GET", "/api/v1/replays", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/replays/{no}", [401, 401, 401, 200, 200, 200, 200, 404, 404]),
    ("POST", "/api/v1/replays", [401, 401, 401, 403, 200, 200, 200, 404, 404]),
    ("POST", "/api/v1/erasures", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("GET", "/api/v1/users", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("POST", "/api/v1/users", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("DELETE", "/api/v1/users/{name}", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("PUT", "/api/v1/users/{name}/password", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("PUT", "/api/v1/users/{name}/role", [401, 401, 401, 403, 403, 200, 404, 404, 404]),
    ("GET", "/api/v1/tokens", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/tokens", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    // Somebody else's.
    ("DELETE", "/api/v1/tokens/{no}", [401, 401, 401, 404, 404, 200, 404, 404, 404]),
    ("GET", "/api/v1/audit", [401, 401, 401, 200, 200, 200, 404, 404, 404]),
    ("GET", "/assets/console.css", [200, 200, 200, 200, 200, 200, 200, 200, 200]),
    // Pages send those who are not logged in to the log-in; whoever is has no need of it.
    ("GET", "/login", [200, 200, 303, 303, 303, 303, 303, 303, 303]),
    ("POST", "/login", [401, 401, 303, 401, 401, 401, 401, 401, 401]),
    ("GET", "/setup", [403, 403, 303, 403, 403, 403, 403, 403, 403]),
    ("POST", "/setup", [403, 403, 303, 403, 403, 403, 403, 403, 403]),
    ("POST", "/logout", [303, 303, 303, 303, 303, 303, 303, 303, 303]),
    ("GET", "/", [303, 303, 303, 200, 200, 200, 200, 200, 200]),
    ("GET", "/password", [303, 303, 303, 200, 200, 200, 200, 200, 200]),
    ("POST", "/password", [303, 303, 303, 403, 403, 403, 403, 403, 403]),
    ("GET", "/tokens", [303, 303, 303, 200, 200, 200, 200, 200, 200]),
    ("POST", "/tokens", [303, 303, 303, 200, 200, 200, 200, 200, 200]),
    ("POST", "/tokens/{no}/revoke", [303, 303, 303, 404, 404, 303, 404, 404, 404]),
    ("GET", "/audit", [303, 303, 303, 200, 200, 200, 404, 404, 404]),
];

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let routes: BTreeSet<_> =
        roamhub_console::routes::all().into_iter().map(|route| (route.method, route.path)).collect();
    let rows: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(routes.difference(&rows).collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "without a row");
    assert_eq!(rows.difference(&routes).collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "without a route");
    assert_eq!(rows.len(), TABLE.len(), "a row is there twice");
}

/// What the paths of the table stand for.
struct Walked {
    process: String,
    session: String,
    replay: String,
}

#[tokio::test]
async fn every_visitor_is_answered_as_the_table_says() {
    let stage =
        Stage::with(&[("ROAMHUB_CONSOLE_LOG_IN_LONGEST", "1s"), ("ROAMHUB_CONSOLE_LOG_IN_IDLE", "1s")]).await;
    let (session, process) = stage.end().await;
    let order = json!({"selection": {"provider": "DE-DCB"}}).to_string();
    let replay = stage.hub.ask_admin("POST", "/api/v1/replays", &order).await.json()["no"].to_string();
    let walked = Walked { process, session, replay };
    let expired = expired(&stage).await;
    let mut wrong = Vec::new();
    for (column, visitor) in VISITORS.iter().enumerate() {
        let token = match *visitor {
            "nobody" | "a log-in that has expired" => None,
            "a token that was revoked" => Some(revoked(&stage).await),
            role => Some(stage.token(role).await),
        };
        for (number, (method, path, expected)) in TABLE.iter().enumerate() {
            let (path, body) = request(&stage, &walked, method, path, column * 100 + number).await;
            let browser = stage.browser();
            if *visitor == "a log-in that has expired" {
                browser.set_cookie(expired.clone());
            }
            let answer = match &token {
                Some(token) => called(&browser, Some(token), method, &path, &body).await,
                None => called(&browser, None, method, &path, &body).await,
            };
            if answer != expected[column] {
                wrong.push(format!("{visitor}: {method} {path} is {answer}, not {}", expected[column]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn called(browser: &Browser, token: Option<&str>, method: &str, path: &str, body: &str) -> u16 {
    let value = token.map(|token| format!("Bearer {token}"));
    let mut headers: Vec<(&str, &str)> =
        value.iter().map(|value| ("authorization", value.as_str())).collect();
    if !path.starts_with("/api/") {
        headers.push(("content-type", "application/x-www-form-urlencoded"));
    }
    browser.call(method, path, &headers, body).await.status
}

/// A path with something behind it, and a body that would do.
async fn request(
    stage: &Stage,
    walked: &Walked,
    method: &str,
    path: &str,
    number: usize,
) -> (String, String) {
    let mut path = path
        .replace("{process}", &walked.process)
        .replace("{session}", &walked.session)
        .replace("{provider}", "DE-DCB")
        .replace("{operator}", "DE*ABC");
    if path.contains("{name}") {
        let name = format!("walked{number}");
        stage.add(&name, "read").await;
        path = path.replace("{name}", &name);
    }
    if path.contains("{no}") && path.contains("tokens") {
        let made = stage.hub.ask_admin("POST", "/api/v1/tokens", r#"{"name":"x","role":"read"}"#).await;
        path = path.replace("{no}", &made.json()["no"].to_string());
    }
    path = path.replace("{no}", &walked.replay);
    let body = match (method, path.as_str()) {
        ("GET", _) => String::new(),
        (_, "/api/v1/me/password") => json!({"present": PASSWORD, "new": "another password"}).to_string(),
        (_, path) if path.ends_with("drain-rate") => r#"{"perSecond": 5}"#.to_owned(),
        (_, "/api/v1/replays") => json!({"selection": {"provider": "DE-DCB"}, "dryRun": true}).to_string(),
        (_, "/api/v1/erasures") => json!({"subject": walked.session, "dryRun": true}).to_string(),
        (_, "/api/v1/users") => {
            json!({"name": format!("new{number}"), "role": "read", "password": PASSWORD}).to_string()
        }
        (_, path) if path.ends_with("/password") && path.contains("users") => {
            json!({"password": PASSWORD}).to_string()
        }
        (_, path) if path.ends_with("/role") => r#"{"role": "read"}"#.to_owned(),
        (_, "/api/v1/tokens") => r#"{"name": "walked"}"#.to_owned(),
        (_, "/tokens") => "name=walked&days=1&role=".to_owned(),
        (_, "/login") => format!("name=nobody{number}&password=wrong"),
        (_, "/setup") => "token=x&name=x&password=x&again=x".to_owned(),
        (_, "/password") => "present=wrong&new=another+password&again=another+password".to_owned(),
        _ => String::new(),
    };
    (path, body)
}

/// A cookie that was good.
async fn expired(stage: &Stage) -> Option<String> {
    let browser = stage.logged_in("expired", "administer").await;
    let cookie = browser.cookie();
    let began = Instant::now();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
    while browser.get("/api/v1/me").await.status == 200 {
        looks.tick().await;
        assert!(began.elapsed() < SOON, "it does not expire");
    }
    cookie
}

/// A token that was good.
async fn revoked(stage: &Stage) -> String {
    let token = stage.token("administer").await;
    let me = bearer(&stage.browser(), &token, "GET", "/api/v1/me", "").await.json();
    let no = me["who"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    let gone = stage.hub.ask_admin("DELETE", &format!("/api/v1/tokens/{no}"), "").await;
    assert_eq!(gone.status, 200, "{gone:?}");
    token
}

#[tokio::test]
async fn a_partner_sees_its_own_and_nothing_of_others() {
    let stage = Stage::new().await;
    let (session, process) = stage.end().await;
    assert_eq!(stage.operator.notify("{}").await.status, 400);
    stage.run(&["pause", "DE-DCB", "--reason", "between us"]).await;
    let look = async |token: &str, path: &str| bearer(&stage.browser(), token, "GET", path, "").await;
    let (dcb, abc) = (stage.token("partner DE-DCB").await, stage.token("partner DE*ABC").await);
    let xyz = stage.token("partner NL-XYZ").await;
    let lanes = look(&dcb, "/api/v1/lanes").await.json();
    assert_eq!(lanes["lanes"][0]["paused"], true, "{lanes:#}");
    assert_eq!(lanes["lanes"][0]["reason"], "", "why is for people of the hub: {lanes:#}");
    for token in [&abc, &xyz] {
        assert_eq!(look(token, "/api/v1/lanes").await.json(), json!({"lanes": []}));
        assert_eq!(look(token, "/api/v1/replays").await.json(), json!({"replays": []}));
    }
    let seen = look(&abc, &format!("/api/v1/sessions/{session}")).await.json();
    assert_eq!(seen["messages"][0]["process"], process.as_str(), "{seen:#}");
    let foreign = look(&xyz, &format!("/api/v1/sessions/{session}")).await;
    let none = look(&xyz, "/api/v1/sessions/0198f2d4-0000-7000-8000-000000000000").await;
    assert_eq!(foreign.text(), none.text(), "what is somebody else's looks like what is not there");
    for path in ["/api/v1/refusals?partner=DE*ABC", "/api/v1/ghosts?operator=DE*ABC"] {
        let own = look(&abc, path).await.status;
        assert_eq!(own, 200, "{path}");
    }
    assert_eq!(look(&xyz, "/api/v1/refusals?partner=DE*ABC").await.status, 404);
    let audit = bearer(&stage.browser(), &dcb, "POST", "/api/v1/lanes/DE-DCB/pause", "{}").await;
    assert_eq!(audit.json()["changed"], false, "{audit:?}");
}
