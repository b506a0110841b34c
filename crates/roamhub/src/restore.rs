//! `serve --after-restore`: a ledger that comes from a backup may owe what was delivered since, so nothing is sent until
//! a person says so.

use std::collections::BTreeSet;

use jiff::Timestamp;
use roamhub_core::directory::Directory;
use roamhub_core::ports::{Ledger, Pause};

/// Why, as `roamhub lanes` and `/readyz` show it.
const WHY: &str = "started with --after-restore: what the backup still owes may have been delivered since; look at it, \
                   then roamhub resume";

/// Pauses the lanes of all providers, registered or only owed something, before anything is sent.
pub(crate) async fn pause_all(
    ledger: &dyn Ledger,
    directory: &Directory,
    now: Timestamp,
) -> anyhow::Result<()> {
    let owed = ledger.backlog().await?.into_iter().map(|(provider, _)| provider);
    let providers: BTreeSet<_> = directory.providers().map(|provider| provider.id).chain(owed).collect();
    let pause = |provider| Pause { provider, at: now, by: "after-restore".to_owned(), why: WHY.to_owned() };
    let paused = ledger.pause(providers.into_iter().map(pause).collect()).await?;
    tracing::warn!(
        paused,
        "all lanes are paused, because the ledger comes from a backup (--after-restore): messages are stored, nothing is \
         sent; roamhub lanes shows them, roamhub resume PROVIDER or --all lets them go on"
    );
    Ok(())
}
