//! How many files the process may have open: every connection is one, and the usual soft limit is 1024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this, connections are refused before the hub's own bound on them is reached.
const ENOUGH: u64 = 20_000;

/// Raises the soft limit to the hard one. Says so in the log where that is not enough.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let now = if raised.is_ok() { maximum } else { current };
    if let Some(now) = now.filter(|now| *now < ENOUGH) {
        tracing::warn!(
            open_files = now,
            "few connections fit into this limit; raise it (LimitNOFILE in systemd, ulimit -Hn) to {ENOUGH} or more"
        );
    }
}
