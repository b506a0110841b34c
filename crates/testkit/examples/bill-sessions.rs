//! Sends one charge detail record through a hub for each session of a file.
//!
//! `bill-sessions HUB FILE`, such as `bill-sessions 127.0.0.1:8080 sessions.txt`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use roamhub_testkit::messages::{OPERATOR, cdr};
use roamhub_testkit::{FakeOperator, load};

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [hub, file] = &args[..] else { return complain("usage: bill-sessions HUB FILE") };
    let Ok(hub) = hub.parse() else { return complain("HUB is an address such as 127.0.0.1:8080") };
    let sessions = match std::fs::read_to_string(file) {
        Ok(sessions) => sessions.lines().map(str::to_owned).collect(),
        Err(error) => return complain(&format!("cannot read {file}: {error}")),
    };
    let operator = FakeOperator::new(OPERATOR, hub);
    let (answers, took) = load::ask_all(sessions, |session| {
        let operator = operator.clone();
        async move { operator.bill(cdr(&session)).await }
    })
    .await;
    match answers.iter().find(|answer| answer.status != 200 || !answer.result()) {
        Some(refused) => complain(&format!("a record was refused: {refused:?}")),
        None => {
            println!("{took}");
            ExitCode::SUCCESS
        }
    }
}

fn complain(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
