//! `roamhub differences`: where charge detail records and the Ends of their sessions say something else, read from the
//! ledger, also while a hub is running on it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use oicp::OperatorId;
use roamhub_console::admin::differences as view;
use roamhub_core::ports::cdr::Difference;
use roamhub_ledger::sqlite::Look;

use crate::settings::default_data;

/// Options of `differences`.
#[derive(Debug, Args)]
pub(crate) struct DifferencesArgs {
    /// Only those of this operator
    #[arg(long, value_name = "ID")]
    operator: Option<String>,
    /// At most so many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    limit: usize,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Prints them, the newest first. Exit code 0, also if there are none.
pub(crate) fn run(args: &DifferencesArgs) -> anyhow::Result<ExitCode> {
    let operator = args.operator.as_deref().map(OperatorId::parse).transpose();
    let operator = operator.context("an operator's id looks like DE*ABC")?;
    for one in Look::at(&args.data)?.differences(operator.as_ref(), args.limit)? {
        println!("{}", if args.json { view::difference(&one).to_string() } else { as_text(&one) });
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(one: &Difference) -> String {
    let session = one.session.to_session_id();
    format!(
        "{:.0} {:<7} {session} {}: {}",
        one.at,
        one.operator.to_string(),
        one.finding.code,
        one.finding.text
    )
}
