//! `roamhub serve`: settings, listeners, ledger, start; then signals until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use roamhub_core::ports::Clock;
use roamhub_relay::HttpCourier;
use roamhub_services::{Accounts, Partners};

use crate::clock::SystemClock;
use crate::console_tls::ConsoleTls;
use crate::keys;
use crate::lifecycle::{Asked, Signals};
use crate::node::{self, Entrance, Node, Reception, Rules};
use crate::open_files;
use crate::partners::{self, PartnersFile};
use crate::settings::{ServeArgs, Settings};
use crate::tls::TlsFiles;
use crate::{control, restore, telemetry};

/// Runs the hub until it is told to stop.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settle()?;
    telemetry::start(settings.log_format, "info");
    open_files::raise_limit();
    node::runtime()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let (ledger, gone) = node::open_ledger_on(&settings.data, settings.disk)?;
    let directory = match &settings.partners {
        Some(file) => partners::read_file(file)?.1,
        None => partners::from_ledger(ledger.as_ref()).await?,
    };
    tracing::info!(partners = partners::counted(&directory), data = %settings.data.display(), "starting");
    if directory.operators().next().is_none() {
        tracing::warn!("no operator is registered; name them in a file and say --partners FILE");
    }
    if settings.believes_everybody() && !settings.listen.ip().is_loopback() {
        tracing::warn!(listen = %settings.listen, "plain HTTP: anybody who reaches this address may claim any id");
    }
    let seal = keys::seal(&settings.data, &settings.issuer)?;
    if settings.after_restore {
        restore::pause_all(ledger.as_ref(), &directory, SystemClock.now()).await?;
    }
    let partners = Arc::new(Partners::new(directory).with_allowances(settings.limits.allowances.clone()));
    let scheme = if settings.tls.own.is_some() { "https" } else { "http" };
    let courier = HttpCourier::new(settings.outgoing);
    let tls = TlsFiles::load(settings.tls, partners.clone(), courier.certificates())?;
    let door = tls.door(&settings.limits.connections, settings.proxies)?;
    let oicp = node::bind(settings.listen).await?;
    let console = node::bind(settings.console.listen).await?;
    let accounts = Accounts::new(ledger.clone(), Arc::new(SystemClock), settings.console.times);
    let first_user = accounts.first_user_token().await.context("cannot see who may use the console")?;
    let console_tls = settings.console.tls.map(ConsoleTls::load).transpose()?;
    let shown = console_tls.as_ref().map(ConsoleTls::listener).transpose()?;
    let console_scheme = if shown.is_some() { "https" } else { "http" };
    let reception = Reception { listener: console, tls: shown, accounts };
    let control = control::bind(&settings.data);
    let file = settings.partners.map(|path| PartnersFile::follow(path, partners.clone()));
    let entrance = Entrance { listener: oicp, door };
    let rules = Rules { limits: settings.limits, courier, watching: settings.watching };
    let node = Node::start((ledger, gone), partners, seal, entrance, reception, control, rules)
        .await
        .context("cannot start")?;
    println!("listening oicp {scheme}://{}", node.oicp);
    println!("listening console {console_scheme}://{}", node.console);
    if let Some(token) = first_user {
        // For a person's eyes: not through the log, which others may collect.
        eprintln!("first user: {console_scheme}://{}/setup?token={}", node.console, token.expose());
    }
    println!("ready");
    attend(node, &mut signals, Followed { partners: file, tls, console: console_tls }).await
}

/// The files that are read again while the hub runs.
struct Followed {
    partners: Option<PartnersFile>,
    tls: TlsFiles,
    console: Option<ConsoleTls>,
}

/// Which of them have changed.
enum Which {
    Partners,
    Tls,
    Console,
}

impl Followed {
    async fn changed(&mut self) -> Which {
        let partners = async {
            match self.partners.as_mut() {
                Some(file) => file.changed().await,
                None => std::future::pending().await,
            }
        };
        let console = async {
            match self.console.as_mut() {
                Some(files) => files.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = partners => Which::Partners,
            () = self.tls.changed() => Which::Tls,
            () = console => Which::Console,
        }
    }

    async fn reload(&self) {
        if self.partners.is_none() && self.tls.is_nothing() && self.console.is_none() {
            tracing::warn!("SIGHUP: there is neither a partners file nor a certificate to read again");
        }
        self.reload_partners().await;
        self.reload_tls().await;
        self.reload_console().await;
    }

    async fn reload_partners(&self) {
        if let Some(file) = &self.partners {
            file.reload().await;
        }
    }

    async fn reload_tls(&self) {
        if !self.tls.is_nothing() {
            self.tls.reload().await;
        }
    }

    async fn reload_console(&self) {
        if let Some(files) = &self.console {
            files.reload().await;
        }
    }
}

/// Looks after a running hub until it is told to stop or a part of it fails.
async fn attend(mut node: Node, signals: &mut Signals, mut files: Followed) -> anyhow::Result<ExitCode> {
    let code = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break ExitCode::SUCCESS,
                Asked::Reload => files.reload().await,
            },
            which = files.changed() => match which {
                Which::Partners => files.reload_partners().await,
                Which::Tls => files.reload_tls().await,
                Which::Console => files.reload_console().await,
            },
            part = node.failed() => {
                tracing::error!(part, "an essential part of the hub ended; stopping");
                break ExitCode::FAILURE;
            }
        }
    };
    tracing::info!("stopping: finishing what is under way; a second signal stops at once");
    tokio::select! {
        () = node.stop() => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("stopped at once; what was under way is sent again at the next start"),
    }
    Ok(code)
}
