//! Durable before sent, durable before answered: read off the program's system calls. The disk is made slow (every sync
//! takes a fifth of a second longer), so that what waits for it and what does not is plain to see.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, Reply, authorize_start_path, messages};
use serde_json::Value;

use crate::stage::{BIN, SOON, partners, skip};

/// One system call: the lines of the trace in which it began and had ended.
#[derive(Debug)]
struct SystemCall {
    name: String,
    text: String,
    began: usize,
    ended: usize,
}

impl SystemCall {
    /// What its file descriptor is: a path, or both ends of a connection.
    fn on(&self) -> &str {
        let ends = [">,", ">)", "> "].into_iter().filter_map(|end| self.text.find(end));
        let end = ends.min().unwrap_or(self.text.len());
        self.text[..end].split_once('<').map(|(_, on)| on).unwrap_or_default()
    }

    fn is_sync_of_the_log(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.on().ends_with("ledger.sqlite-wal")
    }

    fn writes_to_the_log(&self, text: &str) -> bool {
        self.name == "pwrite64" && self.on().ends_with("ledger.sqlite-wal") && self.text.contains(text)
    }

    fn sends(&self, from: u16, to: u16, text: &str) -> bool {
        let port = |port: u16| if port == 0 { "127.0.0.1:".to_owned() } else { format!("127.0.0.1:{port}") };
        let Some((here, there)) = self.on().strip_prefix("TCP:[").and_then(|ends| ends.split_once("->"))
        else {
            return false;
        };
        let there = there.trim_end_matches(']');
        here.starts_with(&port(from)) && there.starts_with(&port(to)) && self.text.contains(text)
    }
}

/// All system calls of a trace (`-f`, one file).
fn read_trace(file: &Path) -> Vec<SystemCall> {
    let trace = std::fs::read(file).unwrap();
    let mut calls: Vec<SystemCall> = Vec::new();
    let mut pending: HashMap<&str, usize> = HashMap::new();
    let text = String::from_utf8_lossy(&trace);
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            if let Some(place) = pending.remove(thread) {
                calls[place].ended = number;
                calls[place].text.push_str(resumed);
            }
        } else if let Some((name, text)) = rest.split_once('(') {
            let ended = if rest.ends_with("<unfinished ...>") { usize::MAX } else { number };
            if ended == usize::MAX {
                pending.insert(thread, calls.len());
            }
            calls.push(SystemCall { name: name.to_owned(), text: text.to_owned(), began: number, ended });
        }
    }
    calls
}

/// Asserts that what holds `text` is written to the log and synced before it is first sent over such a connection.
#[track_caller]
fn assert_synced_before(calls: &[SystemCall], text: &str, sent: &SystemCall) {
    let written = calls
        .iter()
        .find(|call| call.writes_to_the_log(text))
        .unwrap_or_else(|| panic!("{text} was never written to the ledger's log"));
    let synced = calls.iter().find(|call| call.is_sync_of_the_log() && call.began > written.ended);
    let synced = synced.unwrap_or_else(|| panic!("the log was never synced after {text}"));
    assert!(
        synced.ended < sent.began,
        "{text}: written until line {}, synced in lines {} to {}, but sent in line {}: {sent:?}",
        written.ended,
        synced.began,
        synced.ended,
        sent.began
    );
}

/// The program under `strace`, which writes into `trace`; every sync takes longer.
fn traced(folder: &Path, trace: &Path) -> PathBuf {
    let script = folder.join("hub.sh");
    let text = format!(
        "#!/bin/sh\nexec strace -D -f -yy -s 8192 -e trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg \
         -e inject=fsync,fdatasync:delay_enter=200000 -o '{}' -- '{BIN}' \"$@\"\n",
        trace.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    script
}

/// Whether this machine has `strace` and lets it look.
fn can_trace() -> bool {
    let looked = Command::new("strace").args(["-D", "-f", "-o", "/dev/null", "true"]).status();
    looked.is_ok_and(|status| status.success())
}

#[test]
fn a_trace_is_read_with_the_calls_that_others_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let lines = [
        r#"7 pwrite64(12</data/ledger.sqlite-wal>, "\0mark-one", 24, 0) = 24"#,
        "7 fdatasync(12</data/ledger.sqlite-wal> <unfinished ...>",
        r#"8 writev(23<TCP:[127.0.0.1:70->127.0.0.1:80]>, [{iov_base="mark-one", iov_len=8}], 1) = 8"#,
        "7 <... fdatasync resumed>)          = 0 (DELAYED)",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let calls = read_trace(&file);
    assert!(calls[0].writes_to_the_log("mark-one") && calls[1].is_sync_of_the_log(), "{calls:?}");
    assert_eq!((calls[1].began, calls[1].ended), (1, 3));
    assert!(calls[2].sends(0, 80, "mark-one") && calls[2].sends(70, 0, "mark-one"), "{calls:?}");
    assert!(!calls[2].sends(80, 0, "mark-one"), "{calls:?}");
    let too_early = std::panic::catch_unwind(|| assert_synced_before(&calls, "mark-one", &calls[2]));
    assert!(too_early.is_err(), "it was sent while it was being synced");
}

fn marked(mut body: Value, mark: &str) -> String {
    body["CPOPartnerSessionID"] = mark.into();
    body.to_string()
}

#[tokio::test]
async fn a_message_is_synced_before_it_leaves_the_hub_and_its_outcome_holds_up_nobody() {
    if !can_trace() {
        return skip("strace", "the order of system calls");
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let provider = FakeProvider::builder()
        .script(|request| {
            let mark = request.json()["CPOPartnerSessionID"].as_str().unwrap_or_default().to_owned();
            match (request.is_notification(), mark.contains("late")) {
                (true, true) => Reply::Json(503, Value::Null),
                (true, false) => Reply::ack(true, "000", &format!("yes-to-{mark}")),
                (false, _) => Reply::Acknowledge,
            }
        })
        .start()
        .await;
    let mut hub = HubProcess::builder(traced(folder.path(), &trace))
        .partners(&partners(&provider.url(), "retry = [\"1h\"]"))
        .start()
        .await;
    let (here, there) = (hub.oicp().port(), provider.port());
    let operator = FakeOperator::new("DE*ABC", hub.oicp());

    let authorize = marked(messages::authorize_start_rfid("04AABBCCDDEE01"), "mark-authorize");
    let opened = operator.post(&authorize_start_path("DE*ABC"), &[], authorize).await.json();
    let session = opened["SessionID"].as_str().unwrap();
    let mut marks = Vec::new();
    for (body, mark) in [
        (messages::start(session), "mark-start"),
        (messages::progress(session, 6), "mark-progress"),
        (messages::end(session), "mark-end"),
    ] {
        assert_eq!(operator.notify(marked(body, mark)).await.code(), "000");
        marks.push(mark.to_owned());
    }
    // Many at once, which share their syncs.
    let together = (0..8).map(|number| {
        let (operator, mark) = (operator.clone(), format!("mark-error-{number}"));
        marks.push(mark.clone());
        let body = marked(messages::error(session), &mark);
        tokio::spawn(async move { operator.notify(body).await.code() })
    });
    for call in together.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), "000");
    }
    let deferred = operator.notify(marked(messages::error(session), "mark-late")).await;
    assert_eq!(deferred.code(), "310");
    assert!(hub.terminate().await.success());
    hub_is_gone(&hub).await;

    let calls = read_trace(&trace);
    let first = |from: u16, to: u16, text: &str| {
        let sent = calls.iter().find(|call| call.sends(from, to, text));
        sent.unwrap_or_else(|| panic!("{text} was never sent from {from} to {to}; {} calls", calls.len()))
    };
    // A session is durable before a provider is asked.
    assert_synced_before(&calls, "mark-authorize", first(0, there, "mark-authorize"));
    for mark in marks {
        assert_synced_before(&calls, &mark, first(0, there, &mark));
        let yes = format!("yes-to-{mark}");
        let answer = first(here, 0, &yes);
        assert_synced_before(&calls, &mark, answer);
        // The outcome is written too, and the answer did not wait for that.
        let outcome = calls.iter().find(|call| call.writes_to_the_log(&yes));
        let outcome = outcome.unwrap_or_else(|| panic!("the outcome {yes} was never recorded"));
        let synced = calls.iter().find(|call| call.is_sync_of_the_log() && call.began > outcome.ended);
        assert!(
            synced.is_none_or(|synced| answer.began < synced.ended),
            "the answer {yes} waited for its record"
        );
    }
    assert_synced_before(&calls, "mark-late", first(0, there, "mark-late"));
    assert_synced_before(&calls, "mark-late", first(here, 0, "receipt="));
}

/// The tracer holds the hub's outputs open until it has written everything; `terminate` waited for that.
async fn hub_is_gone(hub: &HubProcess) {
    let said = hub.log();
    assert!(!said.contains("stays open"), "the tracer did not end within {SOON:?}: {said}");
}
