//! Opens charging sessions through a hub and writes their SessionIDs to a file, one per line.
//!
//! `open-sessions HUB COUNT FILE`, such as `open-sessions 127.0.0.1:8080 5000 sessions.txt`.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;

use roamhub_testkit::FakeOperator;
use roamhub_testkit::messages::OPERATOR;
use tokio::task::JoinSet;

const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [hub, count, file] = &args[..] else { return complain("usage: open-sessions HUB COUNT FILE") };
    let (Ok(hub), Ok(count)) = (hub.parse(), count.parse()) else {
        return complain("HUB is an address such as 127.0.0.1:8080, COUNT a number");
    };
    let sessions = match open(hub, count).await {
        Ok(sessions) => sessions,
        Err(error) => return complain(&format!("could not open {count} sessions: {error}")),
    };
    match std::fs::write(file, sessions.join("\n") + "\n") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("cannot write {file}: {error}")),
    }
}

async fn open(hub: SocketAddr, count: usize) -> Result<Vec<String>, tokio::task::JoinError> {
    let operator = FakeOperator::new(OPERATOR, hub);
    let mut workers = JoinSet::new();
    for worker in 0..AT_ONCE {
        let operator = operator.clone();
        // The first so many workers open one session more than the others, until there are enough.
        let share = count / AT_ONCE + usize::from(worker < count % AT_ONCE);
        workers.spawn(async move {
            let mut opened = Vec::with_capacity(share);
            for _ in 0..share {
                opened.push(operator.open_session().await);
            }
            opened
        });
    }
    let mut sessions = Vec::with_capacity(count);
    while let Some(opened) = workers.join_next().await {
        sessions.extend(opened?);
    }
    Ok(sessions)
}

fn complain(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
