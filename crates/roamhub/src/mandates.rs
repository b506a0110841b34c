//! `roamhub mandates`: operators that have lost their mandate, because a session that the hub had ended on their behalf went
//! on; and giving it back, which only a person does.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use oicp::OperatorId;
use roamhub_console::admin::view;
use roamhub_ledger::sqlite::Look;
use serde_json::json;

use crate::door;
use crate::settings::default_data;
use crate::table::Table;

/// Options of `mandates`.
#[derive(Debug, Args)]
pub(crate) struct MandatesArgs {
    #[command(subcommand)]
    command: Option<MandatesCommand>,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, global = true, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum MandatesCommand {
    /// Give an operator its mandate back
    Restore {
        /// Which one
        operator: String,
    },
}

/// Lists, or gives back.
pub(crate) fn run(args: &MandatesArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => list(args),
        Some(MandatesCommand::Restore { operator }) => restore(args, operator),
    }
}

fn list(args: &MandatesArgs) -> anyhow::Result<ExitCode> {
    let suspensions = Look::at(&args.data)?.suspensions()?;
    if args.json {
        println!("{}", view::suspensions(&suspensions));
        return Ok(ExitCode::SUCCESS);
    }
    if suspensions.is_empty() {
        println!("no operator has lost its mandate");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["OPERATOR", "SUSPENDED", "SESSION", "SHOWN BY"]);
    for one in &suspensions {
        table.row([
            one.operator.to_string(),
            format!("{:.3}", one.at),
            one.session.to_session_id().to_string(),
            one.shown_by.to_string(),
        ]);
    }
    print!("{table}");
    Ok(ExitCode::SUCCESS)
}

fn restore(args: &MandatesArgs, operator: &str) -> anyhow::Result<ExitCode> {
    let operator = OperatorId::parse(operator).ok().context("an OperatorID looks like DE*ABC")?;
    let path = format!("/mandates/{operator}/restore");
    let answer = door::ask(&args.data, Method::POST, &path, &json!({}))?;
    if args.json {
        println!("{answer}");
    } else if answer["changed"] == true {
        println!("{operator} has its mandate back");
    } else {
        println!("{operator} had not lost its mandate");
    }
    Ok(ExitCode::SUCCESS)
}
