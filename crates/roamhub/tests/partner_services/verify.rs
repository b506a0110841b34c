//! `roamhub inspect --verify`: anybody can check a receipt with the hub's public keys.

use std::path::PathBuf;

use roamhub_testkit::messages;
use roamhub_testkit::program::Ended;
use tempfile::TempDir;

use crate::stage::{Stage, TAKES, argument, process_of, receipt_path, roamhub, text};

/// A receipt, the keys, and the message, in files; the hub that made them.
struct Evidence {
    stage: Stage,
    folder: TempDir,
    process: String,
    receipt: String,
}

impl Evidence {
    async fn new() -> Self {
        let stage = Stage::with(TAKES).await;
        let session = stage.operator.open_session().await;
        let end = messages::end(&session).to_string();
        let process = process_of(&stage.operator.notify(&end).await);
        stage.receipt_in_state(&process, "delivered").await;
        let receipt = stage.operator.get(&receipt_path(&process)).await.text();
        let evidence = Self { stage, folder: tempfile::tempdir().unwrap(), process, receipt };
        let keys = evidence.stage.operator.get("/api/hub/v1/keys").await.text();
        evidence.file("keys.json", &keys);
        evidence.file("end.json", &end);
        evidence.file("receipt.json", &evidence.receipt);
        evidence
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Checks what comes on standard input, with the keys in the file.
    async fn check(&self, receipt: &str) -> Ended {
        roamhub(&["inspect", "--verify", "-", "--keys", argument(&self.path("keys.json"))], receipt).await
    }

    /// Checks the receipt in the file against a body in a file.
    async fn check_body(&self, name: &str) -> Ended {
        let (receipt, keys, body) = (self.path("receipt.json"), self.path("keys.json"), self.path(name));
        let (receipt, keys, body) = (argument(&receipt), argument(&keys), argument(&body));
        roamhub(&["inspect", "--verify", receipt, "--keys", keys, "--body", body], "").await
    }
}

#[tokio::test]
async fn a_receipt_is_valid_in_both_forms_and_for_its_bytes() {
    let evidence = Evidence::new().await;
    let whole = evidence.check(&evidence.receipt).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(whole.stdout.starts_with("VALID") && whole.stdout.contains(&evidence.process), "{whole:?}");
    assert!(whole.stdout.contains("delivered"), "{whole:?}");
    let parsed: serde_json::Value = serde_json::from_str(&evidence.receipt).unwrap();
    let bare = evidence.check(&format!("{}\n", text(&parsed["jws"]))).await;
    assert_eq!((bare.code, bare.stdout), (Some(0), whole.stdout));
    let bytes = evidence.check_body("end.json").await;
    assert!(bytes.code == Some(0) && bytes.stdout.contains("about the bytes"), "{bytes:?}");
}

#[tokio::test]
async fn what_was_altered_is_not_valid() {
    let evidence = Evidence::new().await;
    let altered = evidence.check(&evidence.receipt.replace("delivered", "refused")).await;
    assert!(altered.code == Some(1) && altered.stdout.contains("not those that were signed"), "{altered:?}");
    let parsed: serde_json::Value = serde_json::from_str(&evidence.receipt).unwrap();
    let jws = text(&parsed["jws"]);
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = evidence.check(&format!("{signed}.{first}{}", &signature[1..])).await;
    assert!(forged.code == Some(1) && forged.stdout.contains("NOT VALID"), "{forged:?}");
    evidence.file("other.json", "{}");
    let other = evidence.check_body("other.json").await;
    assert!(other.code == Some(1) && other.stdout.contains("other bytes"), "{other:?}");
    let file = evidence.path("receipt.json");
    let another = "0198f2d4-0000-7000-8000-000000000000";
    let keys = evidence.path("keys.json");
    let named = ["inspect", another, "--verify", argument(&file), "--keys", argument(&keys)];
    let named = roamhub(&named, "").await;
    assert!(named.code == Some(1) && named.stdout.contains("another message"), "{named:?}");
}

#[tokio::test]
async fn another_hubs_keys_do_not_do() {
    let (evidence, other) = (Evidence::new().await, Stage::with(TAKES).await);
    let data = argument(other.hub.data_dir());
    let told = roamhub(&["inspect", "--verify", "-", "--data", data], &evidence.receipt).await;
    assert!(told.code == Some(1) && told.stdout.contains("not among the keys"), "{told:?}");
}

#[tokio::test]
async fn what_cannot_be_read_ends_with_2() {
    let evidence = Evidence::new().await;
    for nothing in ["", "a.b", "{}", "{\"jws\":17}", "<html>"] {
        let told = evidence.check(nothing).await;
        assert!(
            told.code == Some(2) && told.stdout.is_empty() && !told.stderr.is_empty(),
            "{nothing:?}: {told:?}"
        );
    }
    let missing = roamhub(&["inspect", "--verify", "/nowhere/receipt.json"], "").await;
    assert!(missing.code == Some(2) && missing.stderr.contains("/nowhere/receipt.json"), "{missing:?}");
    let empty = tempfile::tempdir().unwrap();
    let no_keys = ["inspect", "--verify", "-", "--data", argument(empty.path())];
    let no_keys = roamhub(&no_keys, &evidence.receipt).await;
    assert!(no_keys.code == Some(2) && no_keys.stderr.contains("--keys"), "{no_keys:?}");
    evidence.file("broken.json", "[]");
    let broken = evidence.path("broken.json");
    let broken = roamhub(&["inspect", "--verify", "-", "--keys", argument(&broken)], &evidence.receipt).await;
    assert!(broken.code == Some(2) && broken.stderr.contains("broken.json"), "{broken:?}");
    let no_body = evidence.check_body("missing.json").await;
    assert!(no_body.code == Some(2) && no_body.stderr.contains("missing.json"), "{no_body:?}");
    let nothing = roamhub(&["inspect", "--verify"], "").await;
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

#[tokio::test]
async fn a_message_of_the_ledger_is_checked_by_its_process_id_also_as_json() {
    let evidence = Evidence::new().await;
    let data = argument(evidence.stage.hub.data_dir()).to_owned();
    let (keys, body) = (evidence.path("keys.json"), evidence.path("end.json"));
    let arguments = [
        "inspect",
        "--json",
        &evidence.process,
        "--data",
        &data,
        "--keys",
        argument(&keys),
        "--body",
        argument(&body),
        "--verify",
    ];
    let checked = roamhub(&arguments, "").await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let said: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        (&said["valid"], text(&said["receipt"]["process_id"])),
        (&true.into(), evidence.process.clone())
    );
    let unknown = ["inspect", "0198f2d4-0000-7000-8000-000000000000", "--verify", "--data", &data];
    let unknown = roamhub(&unknown, "").await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("no notification"), "{unknown:?}");
}
