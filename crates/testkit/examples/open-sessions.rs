//! Opens charging sessions through a hub, each by a contract of its own that names the provider, and writes their
//! SessionIDs to a file, one per line.
//!
//! `open-sessions HUB COUNT FILE [PROVIDER]`, such as `open-sessions 127.0.0.1:8080 5000 sessions.txt DE-DCB`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use roamhub_testkit::messages::{OPERATOR, authorize_start_evco};
use roamhub_testkit::{FakeOperator, load};

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (hub, count, file, provider) = match &args[..] {
        [hub, count, file] => (hub, count, file, "DE-DCB".to_owned()),
        [hub, count, file, provider] => (hub, count, file, provider.clone()),
        _ => return complain("usage: open-sessions HUB COUNT FILE [PROVIDER]"),
    };
    let (Ok(hub), Ok(count)) = (hub.parse(), count.parse::<usize>()) else {
        return complain("HUB is an address such as 127.0.0.1:8080, COUNT a number");
    };
    let operator = FakeOperator::new(OPERATOR, hub);
    let (sessions, took) = load::ask_all((0..count).collect(), |number| {
        let operator = operator.clone();
        let request = authorize_start_evco(&format!("{provider}-C{number:08}-X"));
        async move {
            let said = operator.authorize_start(request).await.json();
            said["SessionID"].as_str().map(str::to_owned).ok_or(said)
        }
    })
    .await;
    let sessions: Result<Vec<_>, _> = sessions.into_iter().collect();
    match sessions {
        Ok(sessions) => match std::fs::write(file, sessions.join("\n") + "\n") {
            Ok(()) => println!("{took}"),
            Err(error) => return complain(&format!("cannot write {file}: {error}")),
        },
        Err(said) => return complain(&format!("a session was refused: {said}")),
    }
    ExitCode::SUCCESS
}

fn complain(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
