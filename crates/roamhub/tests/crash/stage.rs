//! What these tests share: the program, its partners, and looks at what the hub still owes.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use oicp::SessionId;
use roamhub_core::SessionKey;
use roamhub_core::ports::RecordPort;
use roamhub_core::records::MessageRecord;
use roamhub_ledger::Sqlite;
use roamhub_testkit::HubProcess;
pub(crate) use roamhub_testkit::skip;
use tokio::time::{interval, timeout};

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_roamhub");
/// The bound on what should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Operator `DE*ABC` and provider `DE-DCB` at this address, with these lines.
pub(crate) fn partners(url: &str, lines: &str) -> String {
    roamhub_testkit::hub::partners_toml_with(url, &format!("broadcast = true\n{lines}"))
}

/// How many deliveries the hub says that it owes.
async fn open_deliveries(hub: &HubProcess) -> f64 {
    let metrics = hub.get_console("/metrics").await.text();
    let open = metrics.lines().filter(|line| line.starts_with("roamhub_deliveries_open{"));
    open.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until the hub owes nothing.
pub(crate) async fn all_delivered(hub: &HubProcess, bound: Duration) {
    let mut looks = interval(Duration::from_millis(50));
    let done = async {
        while open_deliveries(hub).await > 0.0 {
            looks.tick().await;
        }
    };
    assert!(
        timeout(bound, done).await.is_ok(),
        "the hub still owes after {bound:?}; it said:\n{}",
        hub.log()
    );
}

/// What the ledger of a hub that is stopped has about these sessions: the messages of each, in order of arrival.
pub(crate) async fn read_ledger(data: &Path, sessions: &[String]) -> Vec<Vec<MessageRecord>> {
    let (ledger, _gone) =
        Sqlite::open(data, Timestamp::UNIX_EPOCH).expect("the ledger of a stopped hub opens");
    assert_eq!(ledger.backlog().await.unwrap(), [], "nothing is left open");
    let mut messages = Vec::new();
    for session in sessions {
        let key =
            SessionId::parse(session).ok().as_ref().and_then(SessionKey::of).expect("a SessionID of the hub");
        messages.push(ledger.messages_of(key).await.unwrap());
    }
    messages
}
