//! `roamhub inspect`: what became of a message, what happened in a session, or what was refused; read from the ledger, also
//! while a hub is running on it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use oicp::SessionId;
use roamhub_console::admin::mask::Mask;
use roamhub_console::admin::view;
use roamhub_core::records::{DeliveryRecord, MessageRecord, Refusal, SessionStory};
use roamhub_core::{ProcessId, SessionKey};
use roamhub_ledger::sqlite::Look;
use serde_json::{Value, json};

use crate::settings::default_data;
use crate::table::Table;
use crate::uploads;
use crate::verify::{self, Check};

/// So many pushes of each provider are shown.
const UPLOADS_SHOWN: usize = 20;

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The `Process-ID` of an answer (also the receipt in its text), or a SessionID
    #[arg(value_name = "ID", required_unless_present_any = ["refused", "verify", "uploads"], conflicts_with = "refused")]
    id: Option<String>,
    /// Check a receipt instead: the file that holds it, - for standard input, or none with a Process-ID
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "refused")]
    verify: Option<Option<String>>,
    /// The issuing hub's public keys (a JWK set, from /api/hub/v1/keys) [default: those in DIR/keys]
    #[arg(long, value_name = "FILE", requires = "verify")]
    keys: Option<PathBuf>,
    /// The message's bytes, to check that the receipt is about them
    #[arg(long, value_name = "FILE", requires = "verify")]
    body: Option<PathBuf>,
    /// List requests that were refused, the newest first
    #[arg(long)]
    refused: bool,
    /// Show what providers have uploaded for authorisation: versions and counts
    #[arg(long, conflicts_with_all = ["id", "refused", "verify"])]
    uploads: bool,
    /// Only those of this partner
    #[arg(long, value_name = "ID", requires = "refused")]
    partner: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "refused")]
    limit: usize,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints what is known. Exit code 1 if the ledger does not have it.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    if let Some(receipt) = &args.verify {
        return Ok(verified(args, receipt.as_deref()));
    }
    if args.uploads {
        let look = Look::at(&args.data)?;
        let (newest, history) = (look.newest_uploads()?, look.uploads(UPLOADS_SHOWN)?);
        print(args, &uploads::as_json(&newest, &history), || uploads::in_words(&history).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(id) = &args.id else { return refused(args) };
    let process = ProcessId::parse(id).context("Process-IDs and SessionIDs look like 0198f2d4-…, a UUID")?;
    let look = Look::at(&args.data)?;
    if let Some(message) = look.message(process)? {
        print(args, &view::message(&message), || message_in_words(&message));
        return Ok(ExitCode::SUCCESS);
    }
    let key = SessionId::parse(id).ok().and_then(|id| SessionKey::of(&id));
    if let Some(story) = key.map(|key| look.session(key)).transpose()?.flatten() {
        print(args, &view::session(&story), || session_in_words(&story));
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "roamhub: no notification and no session with this id in {}; roamhub inspect --refused lists what was refused",
        args.data.display()
    );
    Ok(ExitCode::FAILURE)
}

fn verified(args: &InspectArgs, receipt: Option<&str>) -> ExitCode {
    let process = args.id.as_deref();
    let Some(receipt) = receipt.or(process) else {
        eprintln!("roamhub: name a receipt: --verify FILE, --verify - or PROCESS-ID --verify");
        return ExitCode::from(2);
    };
    let (keys, body) = (args.keys.as_deref(), args.body.as_deref());
    verify::run(&Check { receipt, process, data: &args.data, keys, body, json: args.json })
}

fn print(args: &InspectArgs, json: &Value, words: impl FnOnce() -> String) {
    if args.json {
        println!("{json}");
    } else {
        print!("{}", words());
    }
}

fn refused(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let refusals = Look::at(&args.data)?.refusals(args.partner.as_deref(), args.limit)?;
    let json = json!({ "refusals": refusals.iter().map(view::refusal).collect::<Vec<_>>() });
    print(args, &json, || refusals_in_words(&refusals).to_string());
    Ok(ExitCode::SUCCESS)
}

fn refusals_in_words(refusals: &[Refusal]) -> Table<6> {
    let mut table = Table::new(["RECEIVED", "PARTNER", "SERVICE", "HTTP", "CODE", "REASON"]);
    for refusal in refusals {
        table.row([
            format!("{:.3}", refusal.received_at),
            refusal.partner.clone().unwrap_or_else(|| "-".to_owned()),
            refusal.service.clone(),
            refusal.http_status.to_string(),
            format!("{:03}", refusal.code),
            refusal.reason.clone(),
        ]);
    }
    table
}

fn session_in_words(story: &SessionStory) -> String {
    let session = &story.session;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("session", session.key.to_session_id().to_string());
    line("operator", session.operator.to_string());
    line("provider", session.provider.map_or_else(|| "-".to_owned(), |id| id.to_string()));
    line("kind", format!("{}, opened by {}", session.kind.as_str(), session.opened_by.as_str()));
    let ended = if story.charging_ended() { ", charging ended" } else { "" };
    line("state", format!("{}{ended}", session.state.as_str()));
    line("opened", session.opened_at.to_string());
    if let Some(evse) = &session.evse {
        line("evse", evse.clone());
    }
    for one in &story.authorisations {
        let answer = match (one.code, one.provider) {
            (Some(code), Some(by)) => format!("code {code:03}, by {by}"),
            (Some(code), None) => format!("code {code:03}"),
            (None, _) => "not decided".to_owned(),
        };
        let erased = one.erased_at.map(|at| format!(", erased at {at}")).unwrap_or_default();
        line("authorised", format!("{} at {}, {answer}{erased}", one.process, one.received_at));
    }
    for conflict in &story.conflicts {
        line("conflict", format!("{} said yes too, at {}", conflict.provider, conflict.at));
    }
    for difference in &story.differences {
        line("difference", format!("{} {}: {}", difference.pointer, difference.code, difference.text));
    }
    for message in &story.messages {
        let _ = write!(text, "\n{}", message_in_words(message));
    }
    text
}

fn message_in_words(message: &MessageRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("process", message.process.to_string());
    line("type", message.kind.clone());
    line("session", message.session.to_session_id().to_string());
    line("operator", message.operator.to_string());
    line("provider", message.provider.to_string());
    line("received", message.received_at.to_string());
    if let Some(word) = message.origin.word() {
        line("issued", format!("by the hub, on the operator's behalf ({word})"));
    }
    let body = match message.erased_at {
        Some(at) => format!("erased at {at}"),
        None => format!("{} bytes", message.body.len()),
    };
    line("body", format!("{body}, SHA-256 {}", view::hex(&message.digest)));
    let mask = Mask::of(message);
    for finding in &message.findings {
        line("finding", mask.text(&format!("{} {}: {}", finding.pointer, finding.code, finding.text)));
    }
    for delivery in &message.deliveries {
        line("delivery", in_words(delivery));
        for attempt in &delivery.attempts {
            let status = attempt.http_status.map(|status| format!(" HTTP {status}")).unwrap_or_default();
            let late = if attempt.late { " (late)" } else { "" };
            line(
                "  attempt",
                format!(
                    "{} at {}, {} ms:{status} {}{late}, {}",
                    attempt.number, attempt.started_at, attempt.took_ms, attempt.outcome, attempt.detail
                ),
            );
            if let Some(finding) = &attempt.finding {
                line("    finding", mask.text(&format!("{}: {}", finding.code, finding.text)));
            }
        }
    }
    text
}

fn in_words(delivery: &DeliveryRecord) -> String {
    let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let when = match (delivery.ended_at, delivery.due_at) {
        (Some(ended_at), _) => format!(" at {ended_at}"),
        (None, Some(due_at)) => format!(", due at {due_at}"),
        (None, None) => String::new(),
    };
    let replay = delivery.replay.map(|no| format!(", replay {no}")).unwrap_or_default();
    format!("{}{reason}{when}{replay}", delivery.state)
}
