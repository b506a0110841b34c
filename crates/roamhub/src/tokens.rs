//! `roamhub token`: tokens for scripts, and `roamhub audit`: who did what.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use roamhub_console::admin::view;
use roamhub_ledger::sqlite::Look;
use serde_json::{Value, json};

use crate::door;
use crate::settings::default_data;
use crate::table::Table;
use crate::users::RoleArgs;

/// Options of `token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, global = true, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, this once; sent as `Authorization: Bearer rh_…`
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        #[command(flatten)]
        role: RoleArgs,
        /// How long it is good, in days: 90d; without, it has no end
        #[arg(long, value_name = "DAYS", value_parser = days)]
        expires: Option<u32>,
    },
    /// List all tokens, the newest first
    List,
    /// Revoke a token, and what it has made
    Revoke {
        /// Its number
        no: u32,
    },
}

/// `90d`
fn days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    days.ok_or_else(|| "say days: 90d".to_owned())
}

/// Runs it.
pub(crate) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    let ask = |method, path: &str, body: Value| door::ask(&args.data, method, path, &body);
    let answer = match &args.command {
        TokenCommand::Create { name, role, expires } => {
            role.read()?;
            let body = json!({
                "name": name,
                "role": role.role,
                "partner": role.partner,
                "expiresInDays": expires,
            });
            ask(Method::POST, "/tokens", body)?
        }
        TokenCommand::List => ask(Method::GET, "/tokens", json!({}))?,
        TokenCommand::Revoke { no } => ask(Method::DELETE, &format!("/tokens/{no}"), json!({}))?,
    };
    match &args.command {
        _ if args.json => println!("{answer}"),
        TokenCommand::Create { .. } => {
            // Only the token goes to standard output: what else there is to say must not end up beside it in a file.
            eprintln!("token {}, shown this once:", answer["no"]);
            println!("{}", answer["token"].as_str().context("the hub's answer has no token")?);
        }
        TokenCommand::List => print!("{}", as_table(&answer)),
        TokenCommand::Revoke { no } => {
            println!("token {no} is revoked; tokens that ended with it: {}", answer["revoked"])
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_table(answer: &Value) -> Table<7> {
    let mut table = Table::new(["NO", "NAME", "ROLE", "PARTNER", "OWNER", "LAST USED", "GOOD UNTIL"]);
    for token in answer["tokens"].as_array().into_iter().flatten() {
        let text = |name: &str| token[name].as_str().unwrap_or("-").to_owned();
        let until = match (token["revokedAt"].as_str(), token["good"] == true) {
            (Some(_), _) => "revoked".to_owned(),
            (None, true) => text("expiresAt"),
            (None, false) => "expired".to_owned(),
        };
        table.row([
            token["no"].to_string(),
            text("name"),
            text("role"),
            text("partner"),
            text("owner"),
            text("lastUsedAt"),
            until,
        ]);
    }
    table
}

/// Options of `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// How many lines, the newest first
    #[arg(long, short = 'n', default_value_t = 100)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Shows the audit trail.
pub(crate) fn audit(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let lines = Look::at(&args.data)?.audit(None, args.limit)?;
    if args.json {
        println!("{}", json!({ "audit": lines.iter().map(view::audit).collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["WHEN", "WHO", "FROM", "WHAT", "ABOUT", "OUTCOME", "DETAIL"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for line in lines {
        table.row([
            format!("{:.3}", line.at),
            line.who,
            or_dash(line.from),
            line.action,
            or_dash(line.about),
            line.outcome.as_str().to_owned(),
            or_dash(line.detail),
        ]);
    }
    print!("{table}");
    Ok(ExitCode::SUCCESS)
}
