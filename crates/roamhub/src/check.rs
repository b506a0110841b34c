//! `roamhub check FILE`: what the hub would say about a message, without a hub.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::AuthorizeStart;
use oicp::cdr::ChargeDetailRecord;
use oicp::evse::{PullEvseData, PushEvseData};
use oicp::evse_status::{PullEvseStatus, PushEvseStatus};
use oicp::pricing::{PullEvsePricing, PullPricingProductData, PushEvsePricing, PushPricingProductData};
use oicp::remote::{RemoteStart, RemoteStop};
use oicp::{ChargingNotification, Finding, Rejected};
use roamhub_core::ports::Clock;
use serde_json::json;
use serde_json::value::RawValue;

use crate::clock::SystemClock;

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A message of an operator or a provider (JSON); `-` reads standard input
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found in a message.
struct Checked {
    message: String,
    result: Result<Vec<Finding>, Rejected>,
}

/// Prints what was found. Exit code 0: fine, findings allowed; 1: violations; 2: could not be read.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let body = match read(args) {
        Ok(body) => body,
        Err(error) => {
            eprintln!("roamhub: cannot read {}: {error}", args.file.display());
            return ExitCode::from(2);
        }
    };
    let checked = check(body);
    if args.json {
        println!("{}", as_json(&checked));
    } else {
        print(&checked);
    }
    if checked.result.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn read(args: &CheckArgs) -> std::io::Result<Bytes> {
    let mut body = Vec::new();
    if args.file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut body)?;
    } else {
        body = std::fs::read(&args.file)?;
    }
    Ok(body.into())
}

/// The members on a message's top level. An upload may be long: its values are not made into trees.
type Members<'a> = HashMap<String, &'a RawValue>;

/// A message with a `Type` is a notification; one about spots or prices is told by [`spots_and_prices`]; one with `ProviderAuthenticationData` an upload; any other a provider's
/// remote request if it is a provider's, a charge detail record if it has a `ConsumedEnergy`, and an AuthorizeStart if it has
/// an `Identification`.
fn check(body: Bytes) -> Checked {
    let all = body.clone();
    let members: Members<'_> = serde_json::from_slice(&all).unwrap_or_default();
    let has = |name: &str| members.contains_key(name);
    if !has("Type")
        && let Some(checked) = spots_and_prices(&members, &body)
    {
        return checked;
    }
    if !has("Type") && has("ProviderID") && !has("OperatorID") {
        let (message, result) = match (has("Identification"), has("Duration")) {
            (false, _) => {
                ("eRoamingAuthorizeRemoteStop or -ReservationStop", RemoteStop::parse(body).map(drop))
            }
            (true, false) => ("eRoamingAuthorizeRemoteStart", RemoteStart::parse(body).map(drop)),
            (true, true) => {
                ("eRoamingAuthorizeRemoteReservationStart", RemoteStart::parse_reservation(body).map(drop))
            }
        };
        return Checked { message: message.to_owned(), result: result.map(|()| Vec::new()) };
    }
    if !has("Type") && has("Identification") && has("ConsumedEnergy") {
        let message = "eRoamingChargeDetailRecord".to_owned();
        let result = match ChargeDetailRecord::parse(body) {
            Ok(record) => record.check_at(SystemClock.now()).map(|()| record.findings().to_vec()),
            Err(rejected) => Err(rejected),
        };
        return Checked { message, result };
    }
    if !has("Type") && has("Identification") {
        let result = AuthorizeStart::parse(body).map(|_| Vec::new());
        return Checked { message: "eRoamingAuthorizeStart".to_owned(), result };
    }
    if has("ActionType") && has("ProviderAuthenticationData") {
        let result = PushAuthenticationData::parse(body).map(|_| Vec::new());
        return Checked { message: "eRoamingPushAuthenticationData".to_owned(), result };
    }
    match ChargingNotification::parse(body) {
        Ok(notification) => {
            let mut findings = notification.findings().to_vec();
            findings.extend(notification.findings_at(SystemClock.now()));
            let message = format!("eRoamingChargingNotification {}", notification.kind());
            Checked { message, result: Ok(findings) }
        }
        Err(rejected) => {
            let kind = rejected.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
            Checked { message: format!("eRoamingChargingNotification{kind}"), result: Err(rejected) }
        }
    }
}

/// An upload is told by the member that holds it, a question by what no other has: the form of coordinates, operators in
/// the plural, a filter by status, or ids in a list where a remote request has one.
fn spots_and_prices(members: &Members<'_>, body: &Bytes) -> Option<Checked> {
    let has = |name: &str| members.contains_key(name);
    let lists = |name: &str| members.get(name).is_some_and(|value| value.get().starts_with('['));
    let upload = body.clone();
    let none = |()| Vec::new();
    let status = ["SearchCenter", "EvseStatus", "EVSEStatus"].iter().any(|name| has(name));
    let bare = members.len() == 1 && has("ProviderID");
    let (message, result) = if has("OperatorEvseData") {
        let push = PushEvseData::parse(upload);
        ("eRoamingPushEvseData", push.map(|push| push.findings().to_vec()))
    } else if has("OperatorEvseStatus") {
        let push = PushEvseStatus::parse(upload);
        ("eRoamingPushEvseStatus", push.map(|push| push.findings().to_vec()))
    } else if has("PricingProductData") {
        let push = PushPricingProductData::parse(upload);
        ("eRoamingPushPricingProductData", push.map(|push| push.findings().to_vec()))
    } else if has("EVSEPricing") {
        let push = PushEvsePricing::parse(upload);
        ("eRoamingPushEVSEPricing", push.map(|push| push.findings().to_vec()))
    } else if has("GeoCoordinatesResponseFormat") {
        ("eRoamingPullEVSEData", PullEvseData::parse(body).map(drop).map(none))
    } else if (has("OperatorIDs") || has("OperatorIds")) && has("ProviderID") {
        ("eRoamingPullEVSEPricing", PullEvsePricing::parse(body).map(drop).map(none))
    } else if has("OperatorIDs") || has("OperatorIds") {
        ("eRoamingPullPricingProductData", PullPricingProductData::parse(body).map(drop).map(none))
    } else if lists("EvseID") {
        ("eRoamingPullEVSEStatusByID", PullEvseStatus::parse_by_id(body).map(drop).map(none))
    } else if lists("OperatorID") && !has("From") {
        ("eRoamingPullEVSEStatusByOperatorID", PullEvseStatus::parse_by_operator_id(body).map(drop).map(none))
    } else if status || bare {
        ("eRoamingPullEVSEStatus", PullEvseStatus::parse(body).map(drop).map(none))
    } else {
        return None;
    };
    Some(Checked { message: message.to_owned(), result })
}

fn print(checked: &Checked) {
    match &checked.result {
        Ok(findings) if findings.is_empty() => println!("{}: fine", checked.message),
        Ok(findings) => {
            println!("{}: accepted, with findings", checked.message);
            for finding in findings {
                println!("  {:<24} {:<28} {}", finding.pointer, finding.code, finding.text);
            }
        }
        Err(rejected) => {
            let media = rejected.problem.is_some_and(|problem| problem.unsupported_media());
            let http = if media { 415 } else { 400 };
            println!("{}: refused (HTTP {http}, code 022)", checked.message);
            if let Some(problem) = rejected.problem {
                println!("  {problem}");
            }
            for violation in &rejected.violations {
                println!("  {:<24} {}", violation.pointer, violation.message);
            }
        }
    }
}

fn as_json(checked: &Checked) -> serde_json::Value {
    let (findings, violations, problem) = match &checked.result {
        Ok(findings) => (
            findings.iter().map(|f| json!({"code": f.code, "pointer": f.pointer, "text": f.text})).collect(),
            Vec::new(),
            None,
        ),
        Err(rejected) => (
            Vec::new(),
            rejected.violations.iter().map(|v| json!({"pointer": v.pointer, "message": v.message})).collect(),
            rejected.problem.map(|problem| problem.to_string()),
        ),
    };
    json!({
        "message": checked.message,
        "accepted": checked.result.is_ok(),
        "problem": problem,
        "violations": violations,
        "findings": findings,
    })
}
