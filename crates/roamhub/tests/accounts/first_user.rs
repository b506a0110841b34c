//! The first user, and the demo's.

use std::process::Stdio;

use roamhub_testkit::Browser;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::stage::{BIN, PASSWORD, SOON, Stage};

/// The token of the newest link that the hub has printed.
async fn printed(stage: &Stage) -> String {
    stage.hub.wait_for_log("first user: ", SOON).await;
    let log = stage.hub.log();
    let line = log.lines().rfind(|line| line.contains("first user: ")).unwrap();
    let link = line.split("first user: ").nth(1).unwrap();
    let expected = format!("http://{}/setup?token=", stage.hub.console());
    link.strip_prefix(&expected).unwrap_or_else(|| panic!("{link}")).to_owned()
}

async fn set_up(browser: &Browser, token: &str, name: &str, password: &str) -> roamhub_testkit::Answer {
    let fields = [("token", token), ("name", name), ("password", password), ("again", password)];
    browser.submit("/setup", &fields).await
}

#[tokio::test]
async fn the_first_user_comes_in_by_the_link_that_the_hub_prints_and_it_is_good_once() {
    let stage = Stage::new().await;
    let (token, browser) = (printed(&stage).await, stage.browser());
    let page = browser.get(&format!("/setup?token={token}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("administers it"), "{page:?}");
    let short = set_up(&browser, &token, "anna", "too short").await;
    assert_eq!(short.status, 400, "{short:?}");
    assert!(short.text().contains("12 characters"), "{short:?}");
    let done = set_up(&browser, &token, "Anna", PASSWORD).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/")), "{done:?}");
    let me = browser.get("/api/v1/me").await.json();
    assert_eq!((&me["who"], &me["role"]), (&"user anna".into(), &"administer".into()));

    let again = set_up(&stage.browser(), &token, "mallory", PASSWORD).await;
    assert_eq!(again.status, 403, "{again:?}");
    let page = stage.browser().get(&format!("/setup?token={token}")).await;
    assert_eq!(page.status, 403, "{page:?}");
    let line = stage.audited("user.first").await;
    assert_eq!((&line["outcome"], &line["kind"]), (&"refused".into(), &"nobody".into()), "{line:#}");
}

#[tokio::test]
async fn the_link_is_new_at_each_start_stored_nowhere_and_gone_once_there_is_a_user() {
    let mut stage = Stage::new().await;
    let first = printed(&stage).await;
    stage.hub.restart().await;
    let second = printed(&stage).await;
    assert_ne!(first, second);
    assert_eq!(set_up(&stage.browser(), &first, "mallory", PASSWORD).await.status, 403);
    for file in std::fs::read_dir(stage.hub.data_dir()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let found = bytes.windows(second.len()).any(|window| window == second.as_bytes());
        assert!(!found, "the token is in {}", path.display());
    }
    // Somebody was faster, at the hub's own machine.
    stage.add("bob", "administer").await;
    let late = set_up(&stage.browser(), &second, "anna", PASSWORD).await;
    assert_eq!(late.status, 403, "{late:?}");
    let before = stage.hub.log().matches("first user: ").count();
    stage.hub.restart().await;
    assert_eq!(stage.hub.log().matches("first user: ").count(), before, "there is a user");
}

#[tokio::test]
async fn the_demo_prints_a_password_that_is_good() {
    let mut command = Command::new(BIN);
    command.args(["demo", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"]);
    let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let found = timeout(2 * SOON, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(rest) = line.trim().strip_prefix("console ") {
                return rest.to_owned();
            }
        }
        panic!("the demo ended without a word of its console");
    });
    let line = found.await.expect("the demo plays and says how to log in");
    let words: Vec<_> = line.split_whitespace().collect();
    let [url, "user", user, "password", password] = words[..] else { panic!("{line}") };
    let address = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let browser = Browser::new(address);
    assert_eq!(browser.log_in(user, password).await.status, 303);
    assert_eq!(browser.get("/audit").await.status, 200);
    demo.kill().await.unwrap();
}
