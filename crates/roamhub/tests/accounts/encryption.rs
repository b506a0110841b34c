//! The console over TLS, and beyond loopback.

use std::process::Stdio;

use roamhub_testkit::{Browser, TestCa, program};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::stage::{BIN, PASSWORD, SOON, Stage};

#[tokio::test]
async fn under_tls_the_cookie_is_bound_to_the_host_and_a_new_certificate_is_shown_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("console.pem"), folder.path().join("console-key.pem"));
    let old = TestCa::new();
    old.server("127.0.0.1").write_pem(&certificate, &key);
    let stage = Stage::with(&[
        ("ROAMHUB_CONSOLE_TLS_CERTIFICATE", certificate.to_str().unwrap()),
        ("ROAMHUB_CONSOLE_TLS_KEY", key.to_str().unwrap()),
    ])
    .await;
    let https = format!("https://{}", stage.hub.console());
    assert!(stage.hub.log().contains(&format!("listening console {https}")), "{}", stage.hub.log());
    stage.hub.wait_for_log(&format!("first user: {https}/setup?token="), SOON).await;
    stage.add("anna", "read").await;
    let browser = stage.browser().with_tls(old.anonymous_client("127.0.0.1"));
    let entered = browser.log_in("anna", PASSWORD).await;
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-roamhub="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert_eq!(browser.get("/audit").await.status, 200);
    let weaker = stage.browser().with_tls(old.anonymous_client("127.0.0.1"));
    weaker.set_cookie(browser.cookie().map(|cookie| cookie.replace("__Host-", "")));
    assert_eq!(weaker.get("/api/v1/me").await.status, 401, "a name that any host could have set");

    let new = TestCa::new();
    new.server("127.0.0.1").write_pem(&certificate, &key);
    stage.hub.wait_for_log("the console's certificate was read again", SOON).await;
    let renewed = stage.browser().with_tls(new.anonymous_client("127.0.0.1"));
    renewed.set_cookie(browser.cookie());
    assert_eq!(renewed.get("/audit").await.status, 200, "log-ins go on");
    assert_eq!(browser.get("/audit").await.status, 200, "and so do connections");
}

async fn serve(arguments: &[&str], data: &std::path::Path) -> program::Ended {
    let data = data.to_str().unwrap();
    let arguments: Vec<_> = ["serve", "--listen", "127.0.0.1:0", "--data", data]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    program::run(BIN, &arguments, b"", SOON).await
}

#[tokio::test]
async fn beyond_loopback_the_console_wants_tls_or_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let refused = serve(&["--console", "0.0.0.0:0"], &folder.path().join("data")).await;
    assert_ne!(refused.code, Some(0));
    for said in ["in the clear", "tls_certificate", "--allow-plain-http"] {
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
    let settings = folder.path().join("roamhub.toml");
    std::fs::write(&settings, "[console]\nlisten = \"0.0.0.0:0\"\ntls_certificate = \"c.pem\"\n").unwrap();
    let half = serve(&["--config", settings.to_str().unwrap()], &folder.path().join("data")).await;
    assert!(half.stderr.contains("needs both"), "{half:?}");
    std::fs::write(&settings, "console = \"nonsense\"\n").unwrap();
    let wrong = serve(&["--config", settings.to_str().unwrap()], &folder.path().join("data")).await;
    assert!(wrong.stderr.contains("line 1") && wrong.stderr.contains("no address"), "{wrong:?}");
}

#[tokio::test]
async fn beyond_loopback_the_partner_ports_certificate_serves_the_console_too() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("hub.pem"), folder.path().join("hub-key.pem"));
    let authority = TestCa::new();
    authority.server("127.0.0.1").write_pem(&certificate, &key);
    let settings = folder.path().join("roamhub.toml");
    std::fs::write(&settings, "[console]\nlisten = \"0.0.0.0:0\"\n").unwrap();
    let mut command = Command::new(BIN);
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&settings);
    command.arg("--data").arg(folder.path().join("data"));
    command.arg("--tls-certificate").arg(&certificate).arg("--tls-key").arg(&key);
    let mut hub = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(hub.stdout.take().unwrap()).lines();
    let mut port: Option<u16> = None;
    while let Some(line) = timeout(SOON, lines.next_line()).await.expect("it starts").unwrap() {
        if let Some(address) = line.strip_prefix("listening console https://0.0.0.0:") {
            port = address.parse().ok();
        }
        if line == "ready" {
            break;
        }
    }
    let browser = Browser::new(([127, 0, 0, 1], port.expect("it speaks TLS")).into());
    let browser = browser.with_tls(authority.anonymous_client("127.0.0.1"));
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(browser.get("/api/v1/lanes").await.status, 401);
    hub.kill().await.unwrap();
}
