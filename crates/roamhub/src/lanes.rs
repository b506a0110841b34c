//! `roamhub lanes`, `pause` and `resume`: a provider's lane is paused by a person, never by the hub.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use http::Method;
use oicp::ProviderId;
use roamhub_console::admin::view;
use roamhub_ledger::sqlite::Look;
use serde_json::{Value, json};

use crate::door;
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

/// Options of `drain-rate`.
#[derive(Debug, Args)]
pub(crate) struct DrainRateArgs {
    /// Whose lane
    provider: String,
    /// Deliveries per second; no more than drain_rate in the partners file
    #[arg(required_unless_present = "default")]
    per_second: Option<u32>,
    /// Back to what the partners file says
    #[arg(long, conflicts_with = "per_second")]
    default: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Shows the lanes that are paused or in which something waits.
pub(crate) fn list(args: &LanesArgs) -> anyhow::Result<ExitCode> {
    let look = Look::at(&args.data)?;
    let (pauses, queues) = look.lanes()?;
    let lanes = view::lanes(&pauses, &queues, &look.rates()?);
    if args.json {
        println!("{lanes}");
    } else {
        print!("{}", as_table(&lanes));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_table(lanes: &Value) -> Table<7> {
    let mut table = Table::new(["PROVIDER", "WAITING", "DUE SINCE", "RATE", "PAUSED", "BY", "REASON"]);
    for lane in lanes["lanes"].as_array().into_iter().flatten() {
        let text = |name: &str| lane[name].as_str().unwrap_or("-").to_owned();
        let waiting = lane["waiting"].to_string();
        table.row([
            text("provider"),
            waiting,
            text("dueSince"),
            lane["drainRate"].as_u64().map_or_else(|| "-".to_owned(), |rate| format!("{rate}/s")),
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
    let path = format!("/lanes/{provider}/pause");
    let answer = door::ask(&args.data, Method::POST, &path, &json!({ "reason": args.reason }))?;
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
    let answer = door::ask(&args.data, Method::POST, &path, &json!({}))?;
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

/// Sets how fast a lane is drained.
pub(crate) fn drain_rate(args: &DrainRateArgs) -> anyhow::Result<ExitCode> {
    let provider = provider(&args.provider)?;
    let path = format!("/lanes/{provider}/drain-rate");
    let answer = match args.per_second {
        Some(rate) => door::ask(&args.data, Method::PUT, &path, &json!({ "perSecond": rate }))?,
        None => door::ask(&args.data, Method::DELETE, &path, &json!({}))?,
    };
    match args.per_second {
        _ if args.json => println!("{answer}"),
        Some(rate) => println!("{provider} gets at most {rate} deliveries per second from what waits"),
        None => println!("{provider} is drained as the partners file says"),
    }
    Ok(ExitCode::SUCCESS)
}

fn provider(text: &str) -> anyhow::Result<ProviderId> {
    ProviderId::parse(text).ok().context("a ProviderID looks like DE-DCB")
}
