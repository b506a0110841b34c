//! A folder with certificates, and the commands of the program in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use roamhub_testkit::TestCa;
use roamhub_testkit::program::{self, Ended};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A folder for one test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// One with an authority.
    pub(crate) async fn with_authority() -> Self {
        let folder = Self::new();
        folder.pki(&["init", "--name", "hub.example CA"]).await;
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that the hub keeps in its folder for certificates.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        self.path("data/pki").join(name)
    }

    /// Runs `roamhub pki …`; what it printed.
    pub(crate) async fn pki(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["pki"], arguments].concat()).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Runs `roamhub pki …`, which is expected to refuse; what it said.
    pub(crate) async fn refuses(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["pki"], arguments].concat()).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        ended.stderr
    }

    /// Runs the program on the data in this folder.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, b"").await
    }

    /// Runs the program as it is told.
    pub(crate) async fn run_as_it_is(&self, arguments: &[&str]) -> Ended {
        program::run(BIN, arguments, b"", SOON).await
    }

    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let data = self.path("data");
        // `pki show` needs no data.
        let tail: &[&str] =
            if arguments.contains(&"show") { &[] } else { &["--data", data.to_str().unwrap()] };
        program::run(BIN, &[arguments, tail].concat(), input, SOON).await
    }

    /// What `pki show --json` says of the first certificate in a file.
    pub(crate) async fn shown(&self, file: &Path) -> Value {
        let said = self.pki(&["show", "--json", file.to_str().unwrap()]).await;
        serde_json::from_str::<Value>(&said).unwrap()["certificates"][0].clone()
    }

    /// Writes an authority's certificate, for `ca = "…"`.
    pub(crate) fn write_ca(&self, name: &str, ca: &TestCa) -> PathBuf {
        let path = self.path(name);
        ca.write_pem(&path);
        path
    }

    /// A client certificate of a test's authority, for `[outgoing]`: its file and that of its key.
    pub(crate) fn write_client(&self, name: &str, ca: &TestCa) -> (PathBuf, PathBuf) {
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}-key.pem")));
        ca.client("hub.example", "emp.example").write_pem(&certificate, &key);
        (certificate, key)
    }
}

/// Whether the machine has `openssl`.
pub(crate) fn has_openssl() -> bool {
    Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success())
}

/// Runs `openssl …`; what it printed.
#[track_caller]
pub(crate) fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    said.into_owned()
}
