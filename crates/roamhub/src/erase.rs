//! `roamhub erase`: one contract's data is overwritten. Card numbers are read from standard input or a file, so that they
//! do not end up in a shell's history.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use roamhub_services::erasure::Subject;
use serde_json::{Value, json};

use crate::door::{Answer, Door};
use crate::settings::default_data;

/// Options of `erase`.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// Erase the data of whoever charged in this session
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    session: Option<String>,
    /// File with UIDs, EvcoIDs or SessionIDs, one a line [default: standard input]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Also what is not delivered yet: its delivery ends, the provider never gets it
    #[arg(long)]
    force: bool,
    /// Print one JSON object a line, one for each subject
    #[arg(long)]
    json: bool,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

/// Erases, or counts. Exit code 1 if something was left: unknown, not delivered yet, or under way.
pub(crate) fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let subjects = subjects(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let door = Door::open(&args.data).await?;
        let mut code = ExitCode::SUCCESS;
        for (number, subject) in (1..).zip(subjects) {
            let order = json!({ "subject": subject, "dryRun": args.dry_run, "force": args.force });
            match door.post("/erasures", &order).await? {
                Answer::Done(answer) => {
                    if args.json {
                        println!("{answer}");
                    } else {
                        print!("{}", in_words(number, &answer, args));
                    }
                    if !is_complete(&answer, args) {
                        code = ExitCode::FAILURE;
                    }
                }
                Answer::Missing(message) => {
                    eprintln!("roamhub: subject {number}: {message}");
                    code = ExitCode::FAILURE;
                }
            }
        }
        Ok(code)
    })
}

/// Reads who it is about; nothing of it is repeated in an error.
fn subjects(args: &EraseArgs) -> anyhow::Result<Vec<String>> {
    let text = match (&args.session, &args.file) {
        (Some(session), _) => session.clone(),
        (None, Some(file)) => read(file)?,
        (None, None) => {
            let mut stdin = std::io::stdin().lock();
            if stdin.is_terminal() {
                eprintln!("one UID, EvcoID or SessionID a line; end with Ctrl-D");
            }
            let mut text = String::new();
            stdin.read_to_string(&mut text).context("cannot read standard input")?;
            text
        }
    };
    let subjects: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if subjects.is_empty() {
        bail!("nobody is named; give a UID, an EvcoID or a SessionID on standard input, or --session");
    }
    if let Some(wrong) = subjects.iter().position(|subject| Subject::read(subject).is_none()) {
        bail!("subject {} is neither a UID nor an EvcoID nor a SessionID; nothing was erased", wrong + 1);
    }
    Ok(subjects)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn number(answer: &Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or_default()
}

/// Whether nothing is left to do: undelivered messages only stay without `--force`.
fn is_complete(answer: &Value, args: &EraseArgs) -> bool {
    args.dry_run || (number(answer, "underWay") == 0 && (args.force || number(answer, "undelivered") == 0))
}

fn in_words(subject: u32, answer: &Value, args: &EraseArgs) -> String {
    let count = |name| number(answer, name);
    let done = if args.dry_run { "would erase" } else { "erased" };
    let mut text = format!(
        "subject {subject}: {done} {} notifications and {} authorisation requests in {} sessions, {} remembered cards, {} \
         uploaded records; {} had been erased before\n",
        count("messages"),
        count("requests"),
        count("sessions"),
        count("cards"),
        count("uploads"),
        count("erasedBefore"),
    );
    let (undelivered, under_way) = (count("undelivered"), count("underWay"));
    if undelivered > 0 && args.force && !args.dry_run {
        text.push_str(&format!("  {undelivered} of them were not delivered, and will not be\n"));
    } else if undelivered > 0 {
        text.push_str(&format!(
            "  {undelivered} not delivered yet: kept; --force erases them, and the provider never gets them\n"
        ));
    }
    if under_way > 0 {
        text.push_str(&format!("  {under_way} being sent right now: kept; run this again shortly\n"));
    }
    text
}
