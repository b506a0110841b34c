//! `roamhub demo`: a hub on an embedded ledger in a temporary folder, a demo operator and a demo provider as real HTTP
//! parties on loopback, two sessions played between them, one by card and one from afar; then it stays up to be tried by hand.

mod client;
mod operator;
mod play;
mod provider;
mod remote;
mod screen;
mod secured;
mod server;
mod uploads;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use oicp::{EvseId, OperatorId, ProviderId, SessionId};
use roamhub_core::access;
use roamhub_core::account::UserName;
use roamhub_core::contact::Secret;
use roamhub_core::ports::{Clock, Ledger};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{ProcessId, SessionKey};
use roamhub_relay::{HttpCourier, Outgoing};
use roamhub_services::accounts::{LogInTimes, random_password};
use roamhub_services::{Accounts, Partners, partners_file};
use tokio::net::TcpListener;

use crate::clock::SystemClock;
use crate::keys;
use crate::lifecycle::Signals;
use crate::limits_settings::NodeLimits;
use crate::node::{self, Entrance, Node, Reception, Rules};
use crate::settings::default_issuer;
use crate::telemetry::{self, LogFormat};
use crate::tls::TlsFiles;
use crate::watching::Watching;
use secured::{Front, Role, Secured};

/// The session of the public integration guide; it is open in the demo, so the guide's request works as it is printed.
const GUIDE_SESSION: &str = "3fe7378a-238f-4cf3-bca6-de657881f8c2";

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Play the sessions, then leave
    #[arg(long)]
    once: bool,
    /// The demo operator's id
    #[arg(long, default_value = "DE*ABC", value_parser = OperatorId::parse)]
    operator: OperatorId,
    /// The demo provider's id
    #[arg(long, default_value = "DE-DCB", value_parser = ProviderId::parse)]
    provider: ProviderId,
    /// Everything over mutual TLS, with certificates made on the spot
    #[arg(long)]
    tls: bool,
    /// Where partners call [default: 127.0.0.1:8080, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where people call [default: 127.0.0.1:8081, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    console: Option<SocketAddr>,
}

/// The demo's user of the console.
const DEMO_USER: &str = "demo";

/// Who plays.
#[derive(Clone, Copy, Debug)]
struct Cast {
    operator: OperatorId,
    provider: ProviderId,
    evse: EvseId,
}

/// Runs the demo.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(LogFormat::Text, "error");
    node::runtime()?.block_on(demo(args))
}

async fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let cast = Cast::new(args)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let oicp = bind(args.listen, 8080).await?;
    let console = bind(args.console, 8081).await?;
    let secured = args.tls.then(|| Secured::make(folder.path(), &cast, SystemClock.now())).transpose()?;
    let secured = secured.map(Arc::new);
    let acceptor = || secured.as_ref().map(|secured| secured.acceptor());
    let provider = provider::DemoProvider::start(cast.provider, acceptor()).await?;
    let operator = operator::DemoOperator::start(acceptor()).await?;
    let text = partners(&cast, &operator.url(), &provider.url(), secured.as_deref());
    let directory = partners_file::read(&text, folder.path())?;
    let (ledger, gone) = node::open_ledger(folder.path())?;
    open_guide_session(ledger.as_ref(), &cast).await?;
    let seal = keys::seal(folder.path(), &default_issuer())?;
    let partners = Arc::new(Partners::new(directory));
    let client = secured.as_ref().map(|secured| secured.outgoing());
    let courier = HttpCourier::new(Outgoing { client, ..Outgoing::plain() });
    let limits = NodeLimits::default();
    let entrance = match &secured {
        None => Entrance::plain(oicp),
        Some(secured) => {
            let files = TlsFiles::load(secured.server(), partners.clone(), courier.certificates())?;
            Entrance { listener: oicp, door: files.door(&limits.connections, None)? }
        }
    };
    let accounts = Accounts::new(ledger.clone(), Arc::new(SystemClock), LogInTimes::default());
    let reception = Reception { listener: console, tls: None, accounts: accounts.clone() };
    let rules = Rules { limits, courier, watching: Watching::default() };
    let node = Node::start((ledger, gone), partners, seal, entrance, reception, None, rules).await?;

    let hub = Front::new(node.oicp, secured);
    screen::introduce(&cast, &hub, &operator.url(), &provider.url());
    uploads::upload(&cast, &hub).await?;
    let by_card = play::session(&cast, &hub, &provider).await?;
    uploads::stop(&cast, &hub, &provider).await?;
    screen::pause();
    let from_afar = remote::session(&cast, &hub, &provider, &operator).await?;
    let delivered = by_card && from_afar;
    screen::conclude(delivered);
    if !args.once {
        let password = demo_user(&accounts).await?;
        screen::invite(&cast, &hub, &node, GUIDE_SESSION);
        screen::console(&node, DEMO_USER, password.expose());
        signals.stop().await;
        screen::goodbye();
    }
    node.stop().await;
    Ok(if delivered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Cast {
    fn new(args: &DemoArgs) -> anyhow::Result<Self> {
        let evse = spot(&args.operator, "0001").context("no EvseID fits this operator")?;
        Ok(Self { operator: args.operator, provider: args.provider, evse })
    }

    /// The spot of this number.
    fn spot(&self, number: &str) -> EvseId {
        spot(&self.operator, number).unwrap_or(self.evse)
    }

    /// A contract of the provider.
    fn contract(&self) -> String {
        let id = self.provider.key();
        let (country, party) = id.split_at_checked(2).unwrap_or((id, ""));
        format!("{country}-{party}-C12345678-X")
    }
}

/// A DIN operator has DIN EVSEs: digits after the second star.
fn spot(operator: &OperatorId, number: &str) -> Option<EvseId> {
    let iso = EvseId::parse(&format!("{operator}*E{number}*1"));
    iso.or_else(|_| EvseId::parse(&format!("{operator}*{number}*1"))).ok()
}

/// A user with a password of this run alone.
async fn demo_user(accounts: &Accounts) -> anyhow::Result<Secret> {
    let password = random_password()?;
    accounts.add_user(UserName::parse(DEMO_USER)?, access::Role::Administer, password.clone()).await?;
    Ok(password)
}

async fn bind(wanted: Option<SocketAddr>, usual_port: u16) -> anyhow::Result<TcpListener> {
    if let Some(address) = wanted {
        ensure!(address.ip().is_loopback(), "the demo stays on loopback; {address} is not");
        return node::bind(address).await;
    }
    match TcpListener::bind(("127.0.0.1", usual_port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => node::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await,
    }
}

fn partners(cast: &Cast, operator_url: &str, provider_url: &str, secured: Option<&Secured>) -> String {
    let Cast { operator, provider, .. } = cast;
    let lines = |role| secured.map(|secured| secured.lines(role)).unwrap_or_default();
    let (operator_lines, provider_lines) = (lines(Role::Operator), lines(Role::Provider));
    format!(
        r#"
[[operator]]
id = "{operator}"
name = "Demo operator"
url = "{operator_url}"
timeout = "3s"
{operator_lines}
[[provider]]
id = "{provider}"
name = "Demo provider"
url = "{provider_url}"
services = ["authorization", "notifications", "cdr", "authentication-data"]
broadcast = true
timeout = "3s"
retry = ["5s", "10s", "30s"]
{provider_lines}

[[contract]]
operator = "{operator}"
provider = "{provider}"
services = ["authorization", "reservation"]
"#
    )
}

/// The guide's session was opened elsewhere; here it is written as if this hub had opened it.
async fn open_guide_session(ledger: &dyn Ledger, cast: &Cast) -> anyhow::Result<()> {
    let session = SessionId::parse(GUIDE_SESSION).context("the guide's SessionID is one")?;
    let key = SessionKey::of(&session).context("the guide's SessionID is a UUID")?;
    let now = SystemClock.now();
    let medium = [0; 32];
    ledger
        .open_pending(PendingSession {
            key,
            process: ProcessId::new(),
            opened_at: now,
            operator: cast.operator,
            evse: None,
            cpo_partner_session_id: None,
            medium,
            request: bytes::Bytes::from_static(b"{}"),
        })
        .await?;
    ledger
        .decide(AuthorisationOutcome {
            key,
            medium,
            decided_at: now,
            authorised_by: Some(cast.provider),
            emp_partner_session_id: None,
            code: 0,
        })
        .await?;
    Ok(())
}
