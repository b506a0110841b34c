//! `roamhub lanes`, `pause` and `resume`: a provider's lane is paused by a person, never by the hub.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use oicp::ProviderId;
use roamhub_console::admin::view;
use roamhub_ledger::sqlite::Look;
use serde_json::{Value, json};

use crate::door::{Answer, Door};
use crate::settings::default_data;
use crate::table::Table;

/// Options of `lanes`.
#[derive(Debug, Args)]
pub(crate) struct LanesArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Options of `pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Whose lane
    provider: String,
    /// Why, for whoever looks
    #[arg(long, default_value = "")]
    reason: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Whose lane
    #[arg(required_unless_present = "all")]
    provider: Option<String>,
    /// All lanes that are paused
    #[arg(long, conflicts_with = "provider")]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Shows the lanes that are paused or in which something waits.
pub(crate) fn list(args: &LanesArgs) -> anyhow::Result<ExitCode> {
    let (pauses, queues) = Look::at(&args.data)?.lanes()?;
    let lanes = view::lanes(&pauses, &queues);
    if args.json {
        println!("{lanes}");
    } else {
        print!("{}", as_table(&lanes));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_table(lanes: &Value) -> Table<6> {
    let mut table = Table::new(["PROVIDER", "WAITING", "DUE SINCE", "PAUSED", "BY", "REASON"]);
    for lane in lanes["lanes"].as_array().into_iter().flatten() {
        let text = |name: &str| lane[name].as_str().unwrap_or("-").to_owned();
        let waiting = lane["waiting"].to_string();
        table.row([
            text("provider"),
            waiting,
            text("dueSince"),
            text("pausedAt"),
            text("pausedBy"),
            text("reason"),
        ]);
    }
    table
}

/// Pauses a lane.
pub(crate) fn pause(args: &PauseArgs) -> anyhow::Result<ExitCode> {
    let provider = provider(&args.provider)?;
    let answer = change(&args.data, &format!("/lanes/{provider}/pause"), &json!({ "reason": args.reason }))?;
    if args.json {
        println!("{answer}");
    } else if answer["changed"] == true {
        println!(
            "{provider} is paused: messages are stored, nothing is sent; roamhub resume {provider} lets it go on"
        );
    } else {
        println!("{provider} was paused already; roamhub lanes says why");
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets a lane, or all of them, go on.
pub(crate) fn resume(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let named = args.provider.as_deref().map(provider).transpose()?;
    let path = match named {
        Some(provider) => format!("/lanes/{provider}/resume"),
        None => "/lanes/resume".to_owned(),
    };
    let answer = change(&args.data, &path, &json!({}))?;
    match named {
        _ if args.json => println!("{answer}"),
        Some(provider) if answer["changed"] == true => println!("{provider} is resumed"),
        Some(provider) => println!("{provider} was not paused"),
        None => {
            let resumed = answer["resumed"].as_array().map_or(0, Vec::len);
            println!("lanes resumed: {resumed}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn provider(text: &str) -> anyhow::Result<ProviderId> {
    ProviderId::parse(text).ok().context("a ProviderID looks like DE-DCB")
}

fn change(data: &std::path::Path, path: &str, body: &Value) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Door::open(data).await?.post(path, body).await? {
            Answer::Done(answer) => Ok(answer),
            Answer::Missing(message) => bail!("{message}"),
        }
    })
}
