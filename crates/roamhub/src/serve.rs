//! `roamhub serve`: settings, listeners, ledger, start; then signals until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use roamhub_core::ports::Clock;
use roamhub_services::{Accounts, Partners};

use crate::clock::SystemClock;
use crate::keys;
use crate::lifecycle::{Asked, Signals};
use crate::node::{self, Node, Reception};
use crate::open_files;
use crate::partners::{self, PartnersFile};
use crate::settings::{ServeArgs, Settings};
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
    if !settings.listen.ip().is_loopback() {
        tracing::warn!(listen = %settings.listen, "plain HTTP: anybody who reaches this address may claim any id");
    }
    let seal = keys::seal(&settings.data, &settings.issuer)?;
    if settings.after_restore {
        restore::pause_all(ledger.as_ref(), &directory, SystemClock.now()).await?;
    }
    let partners = Arc::new(Partners::new(directory));
    let oicp = node::bind(settings.listen).await?;
    let console = node::bind(settings.console.listen).await?;
    let accounts = Accounts::new(ledger.clone(), Arc::new(SystemClock), settings.console.times);
    let first_user = accounts.first_user_token().await.context("cannot see who may use the console")?;
    let reception = Reception { listener: console, tls: None, accounts };
    let scheme = if reception.tls.is_some() { "https" } else { "http" };
    let control = control::bind(&settings.data);
    let file = settings.partners.map(|path| PartnersFile::follow(path, partners.clone()));
    let calling = (settings.outgoing, settings.watching);
    let node = Node::start((ledger, gone), partners, seal, oicp, reception, control, calling)
        .await
        .context("cannot start")?;
    println!("listening oicp http://{}", node.oicp);
    println!("listening console {scheme}://{}", node.console);
    if let Some(token) = first_user {
        // For a person's eyes: not through the log, which others may collect.
        eprintln!("first user: {scheme}://{}/setup?token={}", node.console, token.expose());
    }
    println!("ready");
    attend(node, &mut signals, file).await
}

/// Looks after a running hub until it is told to stop or a part of it fails.
async fn attend(
    mut node: Node,
    signals: &mut Signals,
    mut file: Option<PartnersFile>,
) -> anyhow::Result<ExitCode> {
    let code = loop {
        let changed = async {
            match file.as_mut() {
                Some(file) => file.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break ExitCode::SUCCESS,
                Asked::Reload => match &file {
                    Some(file) => file.reload().await,
                    None => tracing::warn!("SIGHUP: there is no partners file to read again"),
                },
            },
            () = changed => if let Some(file) = &file { file.reload().await },
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
