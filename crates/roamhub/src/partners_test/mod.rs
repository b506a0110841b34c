//! `roamhub partners test`: one partner's settings, step by step, as the hub would use them: what is wrong, and what to do.
//!
//! What is sent is a POST without a body and with the header `Hub-Test: 1`: it takes the way of every message, and no service
//! can take it for one. Operators are asked on the path of a stop, which can begin nothing.

mod checks;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use oicp::service::Service;
use oicp::{OperatorId, ProviderId};
use roamhub_core::certificate::CertificateRule;
use roamhub_core::directory::{Directory, OfferedService, Operator, Provider};
use roamhub_core::ports::Clock;
use roamhub_core::route::Endpoint;
use roamhub_core::session::SessionKind;
use roamhub_ledger::sqlite::Look as Ledger;
use roamhub_relay::HttpCourier;
use roamhub_services::partners_file;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::node;
use crate::pki;
use crate::settings::{Beside, ServeArgs};
use checks::{Check, Checks, Mark};

const EXAMPLES: &str = "\
Examples:
  roamhub partners test DE-DCB
  roamhub partners test 'DE*ABC' --partners partners.toml --json

Sends a POST without a body (Hub-Test: 1) to the paths on which the partner is called; no message. Run it where the hub
runs: names and addresses are those that the hub sees. Exit code 0: fine, or warnings; 1: something fails; 2: not checked.";

/// Options of `partners test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// OperatorID or ProviderID; what is both is tested as both
    id: String,
    /// The hub's settings file [default: roamhub.toml, if it is there]
    #[arg(long, env = "ROAMHUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the ledger [default: ./roamhub-data]
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Partners file [default: DIR/partners.toml, if it is there, or what the ledger keeps]
    #[arg(long, env = "ROAMHUB_PARTNERS", value_name = "FILE")]
    partners: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A partner, and where it is called.
struct Tested {
    /// `provider DE-DCB`.
    who: String,
    url: Option<String>,
    endpoint: Option<Endpoint>,
    /// What each URL is for.
    calls: Vec<(&'static str, String)>,
    /// How it may call.
    certificates: Vec<CertificateRule>,
}

/// Tests. Exit code 0: nothing fails; 1: something does; 2 (by way of an error): nothing could be checked.
pub(crate) fn run(args: TestArgs) -> anyhow::Result<ExitCode> {
    let (operator, provider) = (OperatorId::parse(&args.id).ok(), ProviderId::parse(&args.id).ok());
    if operator.is_none() && provider.is_none() {
        bail!("{:?} is neither an OperatorID like DE*ABC nor a ProviderID like DE-DCB", args.id);
    }
    let hub = ServeArgs::beside(args.config, args.data, args.partners)?;
    let (text, from, folder) = document(&hub)?;
    let directory = match partners_file::read(&text, &folder) {
        Ok(directory) => directory,
        Err(error) => {
            let mut checks = Checks::default();
            let next = format!("Put line {} of {from} right: the hub reads none of it before", error.line);
            checks.add(Check::fail("settings", format!("{from}: {error}"), next));
            return print(&[(args.id, None, checks)], args.json);
        }
    };
    let mut tested = Vec::new();
    tested.extend(
        operator.and_then(|id| directory.operator(&id).cloned()).map(|it| of_operator(&it, &directory)),
    );
    tested.extend(
        provider.and_then(|id| directory.provider(&id).cloned()).map(|it| of_provider(&it, &directory)),
    );
    if tested.is_empty() {
        bail!("no operator and no provider has the id {} in {from}", args.id);
    }
    let mut done = Vec::new();
    for one in tested {
        let checks = node::runtime()?.block_on(check(&one, &hub, &from))?;
        done.push((one.who, one.url, checks));
    }
    print(&done, args.json)
}

/// The partners document, what it is called, and where its files lie.
fn document(hub: &Beside) -> anyhow::Result<(String, String, PathBuf)> {
    if let Some(file) = &hub.partners {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        return Ok((text, file.display().to_string(), folder));
    }
    let text = Ledger::at(&hub.data)?.partners()?;
    let text = text.with_context(|| {
        format!(
            "there are no partners in the ledger in {}; name their file with --partners",
            hub.data.display()
        )
    })?;
    Ok((text, "the partners in the ledger".to_owned(), PathBuf::from(".")))
}

fn of_provider(provider: &Provider, directory: &Directory) -> Tested {
    let base = provider.url.as_deref().unwrap_or_default();
    // Their paths name an operator; which one is of no matter to a request that says nothing.
    let operator =
        directory.operators().next().map_or("DE*ABC".to_owned(), |operator| operator.id.to_string());
    let url = |service: OfferedService| match service {
        OfferedService::Authorization => {
            Some(("authorization", Service::AuthorizeStart.join(base, Some(&operator))))
        }
        OfferedService::Notifications => {
            Some(("notifications", Service::ChargingNotifications.join(base, None)))
        }
        OfferedService::Cdr => Some(("cdr", Service::ChargeDetailRecord.join(base, Some(&operator)))),
        OfferedService::Reservation | OfferedService::AuthenticationData => None,
    };
    Tested {
        who: format!("provider {}", provider.id),
        url: provider.url.clone(),
        endpoint: provider.called(),
        calls: provider.services.iter().filter_map(|service| url(*service)).collect(),
        certificates: provider.certificates.clone(),
    }
}

fn of_operator(operator: &Operator, directory: &Directory) -> Tested {
    let base = operator.url.as_deref().unwrap_or_default();
    let provider =
        directory.providers().next().map_or("DE-ABC".to_owned(), |provider| provider.id.to_string());
    let url = |kind: &SessionKind| match kind {
        SessionKind::Charging => ("remote", Service::RemoteStop.join(base, Some(&provider))),
        SessionKind::Reservation => ("reservation", Service::ReservationStop.join(base, Some(&provider))),
    };
    Tested {
        who: format!("operator {}", operator.id),
        url: operator.url.clone(),
        endpoint: operator.endpoint(),
        calls: operator.remote.kinds.iter().map(url).collect(),
        certificates: operator.certificates.clone(),
    }
}

async fn check(tested: &Tested, hub: &Beside, from: &str) -> anyhow::Result<Checks> {
    let mut checks = Checks::default();
    let now = SystemClock.now();
    match &tested.endpoint {
        Some(endpoint) if !tested.calls.is_empty() => {
            let services: Vec<_> = tested.calls.iter().map(|(service, _)| *service).collect();
            checks.add(Check::ok("settings", format!("{from}: {}", services.join(", "))));
            let urls: Vec<_> = tested.calls.iter().map(|(_, url)| url.clone()).collect();
            let courier = HttpCourier::new(hub.outgoing.clone());
            match courier.look(endpoint, &urls).await {
                Ok(look) => words::look(&mut checks, &look, &tested.calls, now),
                Err(_) => checks.add(Check::fail(
                    "settings",
                    format!("{} is no URL that can be called", endpoint.base_url),
                    "Say url = \"https://HOST/BASE\" in its entry, and look at its headers",
                )),
            }
        }
        Some(_) => checks.add(Check::warn(
            "settings",
            format!("{from}: it has a url and no services for which it is called"),
            "Name them in its entry, like services = [\"authorization\", \"notifications\", \"cdr\"]",
        )),
        None => checks.add(Check::ok(
            "settings",
            format!("{from}: it has no url, so it is not called: it calls the hub, and reads its feed"),
        )),
    }
    let issued = pki::issued(&pki::Folder::of(&hub.data)).unwrap_or_default();
    words::certificates(&mut checks, &tested.certificates, &issued, now);
    Ok(checks)
}

fn print(done: &[(String, Option<String>, Checks)], as_json: bool) -> anyhow::Result<ExitCode> {
    let worst = done.iter().map(|(.., checks)| checks.worst()).max().unwrap_or(Mark::Ok);
    if as_json {
        let partners: Vec<Value> = done
            .iter()
            .map(|(who, url, checks)| {
                json!({
                    "partner": who,
                    "url": url,
                    "result": checks.worst().as_str(),
                    "checks": checks.to_json(),
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "partners": partners }))?);
    } else {
        for (at, (who, url, checks)) in done.iter().enumerate() {
            if at > 0 {
                println!();
            }
            println!("{who}  {}", url.as_deref().unwrap_or("(no url)"));
            print!("{checks}");
        }
    }
    Ok(ExitCode::from(u8::from(worst == Mark::Fail)))
}
