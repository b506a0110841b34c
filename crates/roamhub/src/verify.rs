//! `roamhub inspect --verify`: is a receipt signed by the hub it names, and is it about these bytes?
//!
//! Exit codes: 0 valid, 1 not valid, 2 something could not be read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use roamhub_core::ProcessId;
use roamhub_core::ports::Clock;
use roamhub_services::receipts::document::hex;
use roamhub_services::receipts::keys::KeySet;
use roamhub_services::receipts::{self, jws};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::SystemClock;
use crate::keys;
use crate::settings::default_issuer;

const VALID: u8 = 0;
const NOT_VALID: u8 = 1;
const UNREADABLE: u8 = 2;

/// What is to be checked, and with what.
pub(crate) struct Check<'a> {
    /// A file with a receipt, or `-`; a `Process-ID` of the ledger in `data`.
    pub(crate) receipt: &'a str,
    /// The message that the receipt is to be about, if that is said beside it.
    pub(crate) process: Option<&'a str>,
    /// The folder of the ledger.
    pub(crate) data: &'a Path,
    /// A JWK set; otherwise the keys of `data`.
    pub(crate) keys: Option<&'a Path>,
    /// The bytes that the receipt is to be about.
    pub(crate) body: Option<&'a Path>,
    /// Print one JSON object.
    pub(crate) json: bool,
}

/// Checks and says what came of it.
pub(crate) fn run(check: &Check<'_>) -> ExitCode {
    match check.verdict() {
        Ok((facts, problem)) => {
            if check.json {
                println!(
                    "{}",
                    serde_json::json!({"valid": problem.is_none(), "problem": problem, "receipt": facts})
                );
            } else {
                print!("{}", as_text(&facts, problem.as_deref(), check.body));
            }
            ExitCode::from(if problem.is_none() { VALID } else { NOT_VALID })
        }
        Err(error) => {
            eprintln!("roamhub: {error:#}");
            ExitCode::from(UNREADABLE)
        }
    }
}

impl Check<'_> {
    /// The facts as far as they can be trusted, and what is wrong if anything is.
    fn verdict(&self) -> anyhow::Result<(Value, Option<String>)> {
        let text = self.text()?;
        let keys = match self.keys {
            Some(file) => {
                KeySet::read(&read(file)?).with_context(|| format!("{} is not right", file.display()))?
            }
            None => keys::public(self.data)?,
        };
        let body =
            self.body.map(|file| std::fs::read(file).with_context(|| cannot_read(file))).transpose()?;
        let (signed, beside) = split(&text)?;
        let payload = match jws::verify(&signed, &keys) {
            Ok(payload) => payload,
            Err(jws::JwsError::NotCompact) => bail!("{}", jws::JwsError::NotCompact),
            Err(error) => return Ok((Value::Null, Some(error.to_string()))),
        };
        let facts: Value = serde_json::from_slice(&payload).context("what is signed is no receipt")?;
        let problem = match (beside, body) {
            (Some(beside), _) if beside != facts => {
                Some("the facts beside the signature are not those that were signed".to_owned())
            }
            _ if self
                .process
                .is_some_and(|process| facts["process_id"] != process.to_lowercase().as_str()) =>
            {
                Some("the receipt is about another message: its Process-ID is not the one given".to_owned())
            }
            (_, Some(body)) if facts["sha256"] != hex(&Sha256::digest(&body)).as_str() => {
                Some("the receipt is about other bytes: their SHA-256 is not the one in it".to_owned())
            }
            _ => None,
        };
        Ok((facts, problem))
    }

    /// The receipt's text: from a file, from standard input, or issued now from the ledger.
    fn text(&self) -> anyhow::Result<String> {
        if self.receipt == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            return Ok(text);
        }
        let file = Path::new(self.receipt);
        match ProcessId::parse(self.receipt) {
            Some(process) if !file.exists() => self.issued(process),
            _ => read(file),
        }
    }

    fn issued(&self, process: ProcessId) -> anyhow::Result<String> {
        let facts = roamhub_ledger::sqlite::Look::at(self.data)?.receipt(process)?;
        let Some(facts) = facts else {
            bail!("no notification with this Process-ID in {}", self.data.display());
        };
        let seal = keys::existing_seal(self.data, &default_issuer())?;
        Ok(receipts::sign(&seal, &facts, SystemClock.now()).to_json())
    }
}

/// The signed form, and the facts beside it if the text is the hub's JSON.
fn split(text: &str) -> anyhow::Result<(String, Option<Value>)> {
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok((text.to_owned(), None));
    }
    let mut receipt: Value = serde_json::from_str(text).context("this JSON cannot be read")?;
    let signed = receipt.as_object_mut().and_then(|members| members.remove("jws"));
    match signed {
        Some(Value::String(signed)) => Ok((signed, Some(receipt))),
        _ => bail!("this JSON has no member `jws`; give the receipt as the hub answered it"),
    }
}

fn as_text(facts: &Value, problem: Option<&str>, body: Option<&Path>) -> String {
    let mut text = match problem {
        Some(problem) => format!("NOT VALID    {problem}\n"),
        None => "VALID        the signature fits\n".to_owned(),
    };
    if problem.is_none()
        && let Some(body) = body
    {
        text.push_str(&format!("             and the receipt is about the bytes in {}\n", body.display()));
    }
    for member in [
        "issuer",
        "issued_at",
        "process_id",
        "type",
        "session",
        "operator",
        "provider",
        "received_at",
        "sha256",
        "state",
        "reason",
        "ended_at",
        "next_attempt_at",
    ] {
        if let Some(value) = facts[member].as_str() {
            text.push_str(&format!("{member:<16} {value}\n"));
        }
    }
    let ack = &facts["acknowledgement"];
    if let (Some(result), Some(code)) = (ack["result"].as_bool(), ack["status_code"].as_str()) {
        text.push_str(&format!("acknowledgement  Result {result}, {code}\n"));
    }
    text
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| cannot_read(file))
}

fn cannot_read(file: &Path) -> String {
    format!("cannot read {}", PathBuf::from(file).display())
}
