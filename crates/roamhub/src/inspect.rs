//! `roamhub inspect PROCESS-ID`: what became of a message, read from the ledger, also while a hub is running on it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use roamhub_core::ProcessId;
use roamhub_core::records::{DeliveryRecord, MessageRecord, StoredFinding};
use roamhub_services::receipts::document::hex;
use serde_json::{Value, json};

use crate::settings::default_data;
use crate::verify::{self, Check};

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The `Process-ID` of the answer, or the receipt in its text
    #[arg(required_unless_present = "verify")]
    process: Option<String>,
    /// Check a receipt instead: the file that holds it, - for standard input, or none with a Process-ID
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    verify: Option<Option<String>>,
    /// The issuing hub's public keys (a JWK set, from /api/hub/v1/keys) [default: those in DIR/keys]
    #[arg(long, value_name = "FILE", requires = "verify")]
    keys: Option<PathBuf>,
    /// The message's bytes, to check that the receipt is about them
    #[arg(long, value_name = "FILE", requires = "verify")]
    body: Option<PathBuf>,
    /// Folder of the ledger
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the message with its deliveries and attempts. Exit code 1 if the ledger does not have it.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let process = args.process.as_deref().unwrap_or_default();
    if let Some(receipt) = &args.verify {
        let process = args.process.as_deref();
        let Some(receipt) = receipt.as_deref().or(process) else {
            eprintln!("roamhub: name a receipt: --verify FILE, --verify - or PROCESS-ID --verify");
            return Ok(ExitCode::from(2));
        };
        let (keys, body) = (args.keys.as_deref(), args.body.as_deref());
        return Ok(verify::run(&Check { receipt, process, data: &args.data, keys, body, json: args.json }));
    }
    let process = ProcessId::parse(process).context("a Process-ID looks like 0198f2d4-…, a UUID")?;
    let Some(message) = roamhub_ledger::sqlite::look_up(&args.data, process)? else {
        eprintln!("roamhub: no notification with this Process-ID in {}", args.data.display());
        return Ok(ExitCode::FAILURE);
    };
    if args.json {
        println!("{}", as_json(&message));
    } else {
        print!("{}", as_text(&message));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(message: &MessageRecord) -> String {
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
    line("body", format!("{} bytes, SHA-256 {}", message.body.len(), hex(&message.digest)));
    for finding in &message.findings {
        line("finding", format!("{} {}: {}", finding.pointer, finding.code, finding.text));
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
                line("    finding", format!("{}: {}", finding.code, finding.text));
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
    format!("{}{reason}{when}", delivery.state)
}

fn as_json(message: &MessageRecord) -> Value {
    let finding = |finding: &StoredFinding| json!({"code": finding.code, "pointer": finding.pointer, "text": finding.text});
    let attempts = |delivery: &DeliveryRecord| -> Vec<Value> {
        let attempts = delivery.attempts.iter().map(|attempt| {
            json!({
                "number": attempt.number,
                "startedAt": attempt.started_at.to_string(),
                "tookMs": attempt.took_ms,
                "outcome": attempt.outcome,
                "httpStatus": attempt.http_status,
                "acknowledgement": attempt.acknowledgement.as_ref()
                    .and_then(|ack| serde_json::from_slice::<Value>(ack).ok()),
                "detail": attempt.detail,
                "finding": attempt.finding.as_ref().map(finding),
                "late": attempt.late,
            })
        });
        attempts.collect()
    };
    let deliveries = message.deliveries.iter().map(|delivery| {
        json!({
            "state": delivery.state,
            "reason": delivery.reason,
            "dueAt": delivery.due_at.map(|at| at.to_string()),
            "endedAt": delivery.ended_at.map(|at| at.to_string()),
            "attempts": attempts(delivery),
        })
    });
    json!({
        "process": message.process.to_string(),
        "type": message.kind,
        "session": message.session.to_session_id().to_string(),
        "operator": message.operator.to_string(),
        "provider": message.provider.to_string(),
        "receivedAt": message.received_at.to_string(),
        "bytes": message.body.len(),
        "sha256": hex(&message.digest),
        "findings": message.findings.iter().map(finding).collect::<Vec<_>>(),
        "deliveries": deliveries.collect::<Vec<_>>(),
    })
}
