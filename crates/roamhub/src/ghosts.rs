//! `roamhub ghosts`: sessions that look like ghosts, and the authorisations that they blocked, read from the ledger, also while a hub is running on it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use oicp::OperatorId;
use roamhub_console::admin::ghosts as view;
use roamhub_core::ports::watch::{Blocked, Ghost};
use roamhub_core::watchdog::GhostKind;
use roamhub_ledger::sqlite::Look;

use crate::settings::default_data;

/// Options of `ghosts`.
#[derive(Debug, Args)]
pub(crate) struct GhostsArgs {
    /// Only those of this operator
    #[arg(long, value_name = "ID")]
    operator: Option<String>,
    /// List the authorisations that they blocked instead: refused while a session of the operator stood open
    #[arg(long)]
    blocked: bool,
    /// At most so many: the oldest ghosts, the newest blocked authorisations
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    limit: usize,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Prints them, the oldest first; then how many there are. Exit code 0, also if there are none.
pub(crate) fn run(args: &GhostsArgs) -> anyhow::Result<ExitCode> {
    let operator = args.operator.as_deref().map(OperatorId::parse).transpose();
    let operator = operator.context("an operator's id looks like DE*ABC")?;
    if args.blocked {
        let blocked = Look::at(&args.data)?.blocked(operator.as_ref(), args.limit)?;
        for one in &blocked {
            println!("{}", if args.json { view::blocked(one).to_string() } else { blocked_as_text(one) });
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ghosts = Look::at(&args.data)?.ghosts(operator.as_ref(), args.limit)?;
    for ghost in &ghosts {
        println!("{}", if args.json { view::ghost(ghost).to_string() } else { as_text(ghost) });
    }
    if !args.json {
        println!("{}", counted(&ghosts));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(ghost: &Ghost) -> String {
    let provider = ghost.provider.map_or("-".to_owned(), |provider| provider.to_string());
    format!(
        "{:<13} {} {:<7} {:<7} opened {:.0}, a ghost since {:.0}",
        ghost.kind.as_str(),
        ghost.session.to_session_id(),
        ghost.operator.to_string(),
        provider,
        ghost.opened_at,
        ghost.since
    )
}

fn blocked_as_text(blocked: &Blocked) -> String {
    format!(
        "{:.0} {} was told {:03} while {} of {} stood open at {}",
        blocked.at,
        blocked.operator,
        blocked.code,
        blocked.earlier.to_session_id(),
        blocked.caused_by,
        blocked.provider
    )
}

/// "3 ghosts: 2 never-started, 1 silent".
fn counted(ghosts: &[Ghost]) -> String {
    let kinds = GhostKind::ALL.into_iter().filter_map(|kind| {
        let count = ghosts.iter().filter(|ghost| ghost.kind == kind).count();
        (count > 0).then(|| format!("{count} {}", kind.as_str()))
    });
    let kinds: Vec<_> = kinds.collect();
    match ghosts.len() {
        0 => "no ghosts".to_owned(),
        1 => format!("1 ghost: {}", kinds.join(", ")),
        count => format!("{count} ghosts: {}", kinds.join(", ")),
    }
}
