//! `roamhub retention`: how long what is kept, when the last pass was, what the next one would remove, and what is kept of
//! old charge detail records; read from the ledger, also while a hub is running on it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use roamhub_console::admin::view::hex;
use roamhub_core::ports::Clock;
use roamhub_core::ports::retention::KeptRecord;
use roamhub_core::retention::{Ages, Counts, Kind, Outlook};
use roamhub_ledger::sqlite::Look;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::settings::{self, default_data};

/// Records that are read at a time.
const PAGE: usize = 500;

/// Options of `retention`.
#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// Count what the next pass would remove
    #[arg(long)]
    dry_run: bool,
    /// Print what is kept of charge detail records without identification instead, one JSON object a line
    #[arg(long, conflicts_with = "dry_run")]
    records: bool,
    /// Settings file of the hub, for its `retention` section [default: roamhub.toml, if it is there]
    #[arg(long, env = "ROAMHUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Prints it.
pub(crate) fn run(args: &RetentionArgs) -> anyhow::Result<ExitCode> {
    let look = Look::at(&args.data)?;
    if args.records {
        let mut after = 0;
        loop {
            let page = look.kept_records(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(ExitCode::SUCCESS) };
            after = last.no;
            page.iter().for_each(|record| println!("{}", as_line(record)));
        }
    }
    let (ages, now) = (settings::retention(args.config.as_deref())?.ages, SystemClock.now());
    let outlook = look.outlook(&ages, now)?;
    let leaves = args.dry_run.then(|| look.would_leave(&ages, now)).transpose()?;
    if args.json {
        println!("{}", as_json(&ages, &outlook, leaves.as_ref()));
    } else {
        print!("{}", in_words(&ages, &outlook, leaves.as_ref()));
    }
    Ok(ExitCode::SUCCESS)
}

fn counts(counts: &Counts) -> Value {
    counts.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect()
}

fn as_json(ages: &Ages, outlook: &Outlook, leaves: Option<&Counts>) -> Value {
    let ages: Value =
        ages.named().into_iter().map(|(name, age)| (name.to_owned(), json!(age.to_string()))).collect();
    let oldest: Value =
        outlook.oldest.iter().map(|(kind, at)| (kind.as_str().to_owned(), json!(at.to_string()))).collect();
    json!({
        "ages": ages,
        "lastPass": outlook.last.as_ref().map(|pass| json!({
            "beganAt": pass.began_at.to_string(),
            "endedAt": pass.ended_at.to_string(),
            "removed": counts(&pass.removed),
        })),
        "oldest": oldest,
        "heldUp": outlook.held_up.as_ref().map(|held_up| json!({
            "since": held_up.since.to_string(),
            "why": held_up.why,
        })),
        "wouldLeave": leaves.map(counts),
    })
}

fn in_words(ages: &Ages, outlook: &Outlook, leaves: Option<&Counts>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<16} {value}");
    };
    let named: Vec<_> = ages.named().into_iter().map(|(name, age)| format!("{name} {age}")).collect();
    line("kept", named.join(", "));
    let listed = |counts: &Counts| {
        let all: Vec<_> = counts.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    };
    match &outlook.last {
        Some(pass) => line("last pass", format!("{:.0}, removed {}", pass.ended_at, listed(&pass.removed))),
        None => line("last pass", "none yet".to_owned()),
    }
    for (kind, at) in &outlook.oldest {
        line("oldest kept", format!("{} {at:.0}", kind.as_str()));
    }
    if let Some(held_up) = &outlook.held_up {
        line("held up", format!("the message of {:.0}: {}", held_up.since, held_up.why));
    }
    if let Some(leaves) = leaves {
        line("would leave", listed(leaves));
        if leaves.contains_key(&Kind::Bodies) || leaves.contains_key(&Kind::Requests) {
            line(
                "",
                "bodies and requests are overwritten, the rows around them stay until messages go".to_owned(),
            );
        }
    }
    text
}

fn as_line(record: &KeptRecord) -> String {
    let body = RawValue::from_string(String::from_utf8_lossy(&record.record).into_owned()).ok();
    json!({
        "process": record.process.to_string(),
        "session": record.session.to_session_id().to_string(),
        "operator": record.operator.to_string(),
        "provider": record.provider.to_string(),
        "receivedAt": record.received_at.to_string(),
        "sha256": hex(&record.digest),
        "record": body,
    })
    .to_string()
}
