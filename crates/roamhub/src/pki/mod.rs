//! `roamhub pki`: certificates in a minute. An authority of the hub's own, what it issues, and what any certificate says.

mod authority;
mod facts;
mod folder;
mod request;
mod show;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use roamhub_core::ports::Clock;

pub(crate) use authority::{Authority, Holder, Issued, new_key};
pub(crate) use facts::{Facts, read_file};
pub(crate) use folder::{Existing, Folder, Pair};
use request::Requested;
pub(crate) use show::issued;

use crate::clock::SystemClock;
use crate::settings::default_data;

/// How long an authority lasts, in days: 10 years.
pub(crate) const AUTHORITY_DAYS: u32 = 3652;
/// How long a server's certificate lasts: what browsers and many stacks take at most.
pub(crate) const SERVER_DAYS: u32 = 397;
/// How long a client's lasts.
pub(crate) const CLIENT_DAYS: u32 = 730;

const EXAMPLES: &str = "\
Examples:
  roamhub pki init                                    an authority of your own, once
  roamhub pki server --name hub.example               what the hub shows when partners call it
  roamhub pki sign partner.csr --id 'DE*ABC'          a partner's certificate; its key never leaves it
  roamhub pki partner 'DE*ABC'                        key and certificate for a partner, for trials
  roamhub pki outgoing --name hub.example             what the hub shows when it calls partners
  roamhub pki list                                    what was issued, the next to expire first
  roamhub pki show partner.pem                        what a certificate says, ready to be pinned

Everything is kept in DIR/pki, readable by you alone. ca-key.pem is the key to it: back it up, and let nobody have it.";

/// `roamhub pki …`
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum PkiCommand {
    /// Make an authority: ca.pem, which partners trust, and ca-key.pem, which signs
    #[command(after_help = "Example:\n  roamhub pki init --name 'hub.example CA'")]
    Init {
        /// Its name [default: roamhub CA and a few digits that tell it from others]
        #[arg(long)]
        name: Option<String>,
        /// For how many days it is valid
        #[arg(long, default_value_t = AUTHORITY_DAYS, value_parser = days())]
        days: u32,
        #[command(flatten)]
        place: Place,
        /// Put it in the place of the one that is there. Partners have to trust the new one; certificates that are
        /// pinned by their fingerprint stay as good as they are
        #[arg(long)]
        force: bool,
    },
    /// Make key and certificate that the hub shows when it is called: server.pem, server-key.pem
    #[command(
        after_help = "Examples:\n  roamhub pki server --name hub.example\n  roamhub pki server --name hub.example \
                            --name localhost --name 192.0.2.7\n  roamhub pki server --name hub.example --force   \
                            renews it; a running hub takes it up by itself"
    )]
    Server {
        /// A DNS name or an address under which partners call the hub; several are fine
        #[arg(long = "name", required = true)]
        names: Vec<String>,
        /// For how many days it is valid
        #[arg(long, default_value_t = SERVER_DAYS, value_parser = days())]
        days: u32,
        #[command(flatten)]
        place: Place,
        /// Put it in the place of the one that is there
        #[arg(long)]
        force: bool,
    },
    /// Make key and certificate that the hub shows when it calls partners: outgoing.pem, outgoing-key.pem
    #[command(after_help = "Example:\n  roamhub pki outgoing --name hub.example")]
    Outgoing {
        /// The name in it: that of the hub
        #[arg(long)]
        name: String,
        /// For how many days it is valid
        #[arg(long, default_value_t = CLIENT_DAYS, value_parser = days())]
        days: u32,
        #[command(flatten)]
        place: Place,
        /// Put it in the place of the one that is there
        #[arg(long)]
        force: bool,
    },
    /// Make key and certificate for a partner, for trials: with `sign` the key need not travel
    #[command(
        after_help = "Example:\n  roamhub pki partner 'DE*ABC'        (quotes keep the shell away from the star)"
    )]
    Partner {
        /// OperatorID or ProviderID
        #[arg(value_parser = partner_id)]
        id: String,
        /// For how many days it is valid
        #[arg(long, default_value_t = CLIENT_DAYS, value_parser = days())]
        days: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Sign a partner's certificate signing request: its key stays with the partner
    #[command(
        after_help = "The partner makes key and request, and keeps the key:\n  openssl req -new -newkey ec -pkeyopt \
                            ec_paramgen_curve:P-256 -nodes \\\n    -keyout partner-key.pem -out partner.csr -subj /CN=partner\n\
                            You sign the request, and send the certificate back:\n  roamhub pki sign partner.csr --id \
                            'DE*ABC'\nIts signature is checked. The names in it are not used: the certificate says what \
                            --id says."
    )]
    Sign {
        /// The request (PEM or DER); `-` reads standard input
        file: PathBuf,
        /// OperatorID or ProviderID of the partner
        #[arg(long, value_parser = partner_id)]
        id: String,
        /// For how many days it is valid
        #[arg(long, default_value_t = CLIENT_DAYS, value_parser = days())]
        days: u32,
        #[command(flatten)]
        place: Place,
    },
    /// List everything that was issued, the next to expire first
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a certificate says, whoever issued it
    #[command(
        after_help = "Examples:\n  roamhub pki show partner.pem\n  openssl s_client -connect emp.example:443 \
                            </dev/null | roamhub pki show /dev/stdin"
    )]
    Show {
        /// The certificate (PEM or DER)
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// A hundred years are the most.
fn days() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=36_500)
}

/// Where it is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Folder of the ledger; certificates are kept in its folder `pki`
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR", default_value_os_t = default_data())]
    data: PathBuf,
}

impl Place {
    fn folder(&self) -> Folder {
        Folder::of(&self.data)
    }
}

/// Runs `roamhub pki …`.
pub(crate) fn run(command: PkiCommand) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    match command {
        PkiCommand::Init { name, days, place, force } => {
            let folder = place.folder();
            let made = init(name.as_deref(), days, &folder, Existing::forced(force), now)?;
            show::authority(&made.facts, &folder, now);
        }
        PkiCommand::Server { names, days, place, force } => {
            let (folder, existing) = (place.folder(), Existing::forced(force));
            let pair = folder.server();
            let issued = make(&folder, &Holder::Server(names), &pair, existing, days, now)?;
            show::server(&issued, &folder, now);
        }
        PkiCommand::Outgoing { name, days, place, force } => {
            let (folder, existing) = (place.folder(), Existing::forced(force));
            let pair = folder.outgoing();
            let issued = make(&folder, &Holder::Client(name), &pair, existing, days, now)?;
            show::outgoing(&issued, &folder, now);
        }
        PkiCommand::Partner { id, days, place } => {
            let folder = place.folder();
            let pair = folder.next_of(&id);
            let holder = Holder::Client(id.clone());
            let issued = make(&folder, &holder, &pair, Existing::Keep, days, now)?;
            show::partner(&id, &issued, &pair, show::Key::Here, &folder, now);
        }
        PkiCommand::Sign { file, id, days, place } => {
            sign(&file, &id, days, &place.folder(), now)?;
        }
        PkiCommand::List { place, json } => return show::list(&place.folder(), json, now),
        PkiCommand::Show { file, json } => return show::file(&file, json, now),
    }
    Ok(ExitCode::SUCCESS)
}

/// A new authority, kept.
pub(crate) fn init(
    name: Option<&str>,
    days: u32,
    folder: &Folder,
    existing: Existing,
    now: Timestamp,
) -> anyhow::Result<Authority> {
    folder.make()?;
    let pair = folder.authority();
    folder.check_place(&pair, existing)?;
    let made = Authority::make(name, days, now)?;
    folder.keep_issued(&made.authority.facts.serial, &made.certificate)?;
    folder.keep_pair(&pair, &made.certificate, &made.key, existing)?;
    Ok(made.authority)
}

/// A new key and its certificate, kept.
pub(crate) fn make(
    folder: &Folder,
    holder: &Holder,
    pair: &Pair,
    existing: Existing,
    days: u32,
    now: Timestamp,
) -> anyhow::Result<Issued> {
    let authority = load(folder)?;
    folder.make()?;
    folder.check_place(pair, existing)?;
    let key = new_key()?;
    let issued = authority.issue(holder, &key, days, now)?;
    folder.keep_issued(&issued.facts.serial, &issued.pem)?;
    folder.keep_pair(pair, &issued.pem, &key.serialize_pem(), existing)?;
    Ok(issued)
}

fn sign(file: &Path, id: &str, days: u32, folder: &Folder, now: Timestamp) -> anyhow::Result<()> {
    let authority = load(folder)?;
    let bytes = match file.to_str() {
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(1024 * 1024).read_to_end(&mut bytes)?;
            bytes
        }
        _ => fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
    };
    let requested = Requested::read(&bytes).with_context(|| format!("{} is not signed", file.display()))?;
    let issued = authority.issue(&Holder::Client(id.to_owned()), &requested, days, now)?;
    folder.make()?;
    let pair = folder.next_of(id);
    folder.keep_issued(&issued.facts.serial, &issued.pem)?;
    folder::write(&pair.certificate, &issued.pem, Existing::Keep)?;
    show::partner(id, &issued, &pair, show::Key::WithThePartner, folder, now);
    Ok(())
}

/// The authority in a folder.
fn load(folder: &Folder) -> anyhow::Result<Authority> {
    let pair = folder.authority();
    if !pair.certificate.exists() {
        bail!("there is no authority in {}: make one with `roamhub pki init`", folder.path().display());
    }
    let certificate = read_file(&pair.certificate)?;
    let certificate = certificate.into_iter().next().context("a file that was read holds a certificate")?;
    let key = fs::read_to_string(&pair.key).with_context(|| format!("cannot read {}", pair.key.display()))?;
    Authority::of(certificate, &key)
        .with_context(|| format!("the authority in {} cannot be used", folder.path().display()))
}

fn partner_id(text: &str) -> Result<String, String> {
    match (OperatorId::parse(text), ProviderId::parse(text)) {
        (Err(operator), Err(_)) => {
            Err(format!("neither an OperatorID like DE*ABC nor a ProviderID like DE-DCB ({operator})"))
        }
        _ => Ok(text.to_owned()),
    }
}
