//! Where `roamhub serve` takes its settings from: command line before environment before file. Each setting names an
//! address that is not loopback, so the hub refuses it by name and ends.

use std::path::Path;
use std::process::Output;

use crate::stage::{BOUND, ROAMHUB};

/// Runs `serve` in a folder with this settings file.
async fn serve(folder: &Path, file: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    std::fs::write(folder.join("roamhub.toml"), file).unwrap();
    let mut command = tokio::process::Command::new(ROAMHUB);
    command
        .arg("serve")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .kill_on_drop(true);
    tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = "listen = \"192.0.2.1:1\"\n";
    let environment = [("ROAMHUB_LISTEN", "192.0.2.2:2")];
    let from_file = serve(folder.path(), file, &[], &[]).await;
    assert!(said(&from_file).contains("192.0.2.1:1 is not loopback"), "{}", said(&from_file));
    let from_environment = serve(folder.path(), file, &[], &environment).await;
    assert!(said(&from_environment).contains("192.0.2.2:2 is not loopback"), "{}", said(&from_environment));
    let from_arguments = serve(folder.path(), file, &["--listen", "192.0.2.3:3"], &environment).await;
    assert!(said(&from_arguments).contains("192.0.2.3:3 is not loopback"), "{}", said(&from_arguments));
    for output in [from_file, from_environment, from_arguments] {
        assert_eq!(output.status.code(), Some(1));
    }
}

#[tokio::test]
async fn an_unknown_setting_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = serve(folder.path(), "lissen = \"127.0.0.1:0\"\n", &[], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("roamhub.toml") && said(&output).contains("lissen"), "{}", said(&output));
}

#[tokio::test]
async fn a_switch_in_the_environment_takes_what_people_write() {
    let folder = tempfile::tempdir().unwrap();
    for (value, allowed) in
        [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false), ("", false)]
    {
        // An address of nobody's cannot be listened on, so the hub ends either way, for another reason.
        let environment = [("ROAMHUB_ALLOW_PLAIN_HTTP", value)];
        let arguments = ["--listen", "192.0.2.1:1", "--console", "127.0.0.1:0"];
        let output = serve(folder.path(), "", &arguments, &environment).await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(!said(&output).contains("is not loopback"), allowed, "{value:?}: {}", said(&output));
    }
}
