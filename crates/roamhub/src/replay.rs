//! `roamhub replay`: messages whose delivery has ended are sent once more.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use roamhub_console::admin::view;
use roamhub_core::replay::{ReplayRecord, SelectionText};
use roamhub_ledger::sqlite::Look;
use serde_json::{Value, json};

use crate::door::{Answer, Door};
use crate::settings::default_data;
use crate::table::Table;

/// How many replays are listed.
const LISTED: usize = 100;

/// Options of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Messages owed to this provider
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Messages of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Received then or later, e.g. 2026-03-02T10:00:00Z
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Received before then
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// Only this type: Start, Progress, End, Error or ChargeDetailRecord; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// What has ended so: refused, exhausted, expired, superseded, held, delivered, or all; may be repeated
    /// [default: refused and exhausted]
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<String>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Show the replays ordered so far and where they stand
    #[arg(long, conflicts_with_all = ["provider", "session", "from", "until", "types", "states", "dry_run"])]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Orders a replay, counts what one would come to, or lists them.
pub(crate) fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    if args.list { list(&args) } else { order(args) }
}

fn order(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let ReplayArgs { provider, session, from, until, types, states, dry_run, json, data, .. } = args;
    let selection = SelectionText { provider, session, from, until, types, states };
    // What is wrong with it is said before anything is opened.
    selection.read()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let door = Door::open(&data).await?;
        match door.post("/replays", &json!({ "selection": selection, "dryRun": dry_run })).await? {
            Answer::Done(answer) if json => println!("{answer}"),
            Answer::Done(answer) if dry_run => print!("{}", counted(&answer)),
            Answer::Done(answer) => {
                let who =
                    if door.is_a_running_hub() { "the running hub" } else { "the next hub that runs here" };
                println!("replay {} ordered; {who} works it off", answer["no"]);
                println!("roamhub replay --list --data {} shows how far it is", data.display());
            }
            Answer::Missing(message) => {
                eprintln!("roamhub: {message}");
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn counted(answer: &Value) -> String {
    format!(
        "to send         {}\nskipped, erased {}\nstill open      {}\n",
        answer["toSend"], answer["skippedErased"], answer["stillOpen"]
    )
}

fn list(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let replays = Look::at(&args.data)?.replays(LISTED)?;
    if args.json {
        let replays: Vec<Value> = replays.iter().map(view::replay).collect();
        println!("{}", json!({ "replays": replays }));
    } else {
        print!("{}", as_table(&replays));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_table(replays: &[ReplayRecord]) -> Table<11> {
    let mut table = Table::new([
        "NO",
        "ORDERED",
        "STATE",
        "QUEUED",
        "WAITING",
        "DELIVERED",
        "REFUSED",
        "GIVEN UP",
        "ERASED",
        "OPEN",
        "SELECTION",
    ]);
    for replay in replays {
        table.row([
            replay.no.0.to_string(),
            format!("{:.0}", replay.ordered_at),
            view::replay_state(replay).to_owned(),
            replay.so_far.to_send.to_string(),
            replay.waiting.to_string(),
            replay.delivered.to_string(),
            replay.refused.to_string(),
            replay.given_up.to_string(),
            replay.so_far.erased.to_string(),
            replay.so_far.open.to_string(),
            in_words(&SelectionText::from(&replay.selection)),
        ]);
    }
    table
}

fn in_words(selection: &SelectionText) -> String {
    let SelectionText { provider, session, from, until, types, states } = selection;
    let one = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let many = |words: &[String]| (!words.is_empty()).then(|| words.join(","));
    let words = [
        one("provider", provider),
        one("session", session),
        one("from", from),
        one("until", until),
        many(types),
        many(states),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
