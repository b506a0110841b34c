//! One hub, put together: ledger, courier, delivery engine, services, ingress, console; started, watched, stopped.
//!
//! An essential task that ends ends the process, after draining: nothing stops silently.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::registry::Registry;
use roamhub_console::{Admin, Console};
use roamhub_core::ports::{Clock, Courier, Ledger};
use roamhub_ingress::metrics::IngressMetrics;
use roamhub_ingress::partner::PartnerServices;
use roamhub_ingress::routes::Routes;
use roamhub_ingress::{Door, Server};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::{DiskRules, Gone};
use roamhub_relay::metrics::RelayMetrics;
use roamhub_relay::{HttpCourier, Relay, Tuning};
use roamhub_services::metrics::ServiceMetrics;
use roamhub_services::receipts::Seal;
use roamhub_services::{Accounts, CertificateList, Hub, Load, Partners, Receipts};
use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::control::SocketFile;
use crate::limits_settings::NodeLimits;
use crate::load_metrics::LoadCollector;
use crate::watching::{Parts, Watching};

/// How long deliveries under way may take once the hub is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Where people call: the listener, TLS if it has a certificate, and who may come in.
pub(crate) struct Reception {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) accounts: Accounts,
}

/// Where partners call, and how they come in.
pub(crate) struct Entrance {
    pub(crate) listener: TcpListener,
    pub(crate) door: Door,
}

impl Entrance {
    /// One at which everybody is who he says he is.
    pub(crate) fn plain(listener: TcpListener) -> Self {
        Self { listener, door: Door::Plain }
    }
}

/// A running hub.
pub(crate) struct Node {
    /// Where partners call.
    pub(crate) oicp: SocketAddr,
    /// Where people call.
    pub(crate) console: SocketAddr,
    hub: Hub,
    relay: Relay,
    stop: CancellationToken,
    essential: Vec<(&'static str, JoinHandle<()>)>,
    _control: Option<SocketFile>,
}

/// The threads that serve partners: one core is left to the ledger's writer. `TOKIO_WORKER_THREADS` overrides it. One
/// thread alone needs nothing of what shares work between several, and is cheaper without.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut builder = if std::env::var_os("TOKIO_WORKER_THREADS").is_some() {
        Builder::new_multi_thread()
    } else if cores <= 2 {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(cores - 1);
        builder
    };
    builder.enable_all().build()
}

/// Opens the ledger, on a disk that may be filled.
pub(crate) fn open_ledger(data: &Path) -> anyhow::Result<(Arc<dyn Ledger>, Gone)> {
    open_ledger_on(data, DiskRules::NONE)
}

/// Opens the ledger and leaves as much of the disk alone.
pub(crate) fn open_ledger_on(data: &Path, disk: DiskRules) -> anyhow::Result<(Arc<dyn Ledger>, Gone)> {
    let (ledger, gone) = Sqlite::open_with(data, SystemClock.now(), disk)?;
    Ok((Arc::new(ledger), gone))
}

/// Takes an address, with an error that says which one.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; is another program using it? (port 0 takes a free one)")
    })
}

/// What a hub goes by.
pub(crate) struct Rules {
    /// What protects it, and the partners' allowances.
    pub(crate) limits: NodeLimits,
    /// How it calls partners.
    pub(crate) courier: HttpCourier,
    /// What is watched, and who hears of it.
    pub(crate) watching: Watching,
}

impl Node {
    /// Starts a hub on these listeners.
    pub(crate) async fn start(
        (ledger, gone): (Arc<dyn Ledger>, Gone),
        partners: Arc<Partners>,
        seal: Seal,
        entrance: Entrance,
        reception: Reception,
        control: Option<(UnixListener, SocketFile)>,
        Rules { limits, courier, watching }: Rules,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        courier.prepare().await?;
        let webhooks = Arc::new(courier);
        let courier: Arc<dyn Courier> = webhooks.clone();
        let mut registry = Registry::default();
        let relay = Relay::new(
            ledger.clone(),
            courier.clone(),
            clock.clone(),
            partners.clone(),
            RelayMetrics::register(&mut registry),
            Tuning::default(),
        );
        let services = ServiceMetrics::register(&mut registry);
        let seen = webhooks.certificates();
        let parts = Parts {
            ledger: ledger.clone(),
            clock: clock.clone(),
            partners: partners.clone(),
            certificates: seen.clone(),
            webhooks: webhooks.clone(),
        };
        let certificates = CertificateList::new(seen, partners.clone());
        let known = partners.clone();
        let watchers = watching.prepare(parts, &services, &mut registry)?;
        let load = Load::new(ledger.clone(), limits.load);
        registry.register_collector(Box::new(LoadCollector(load.clone())));
        let hub =
            Hub::new(ledger.clone(), relay.clone(), courier, clock.clone(), partners, services, load.clone())
                .await?;
        let metrics = IngressMetrics::register(&mut registry);
        let stop = CancellationToken::new();
        let receipts = Receipts::new(ledger.clone(), clock.clone(), seal);
        let partner_services =
            PartnerServices::new(hub.clone(), receipts, limits.sizes.messages, metrics.clone(), load.clone());
        let routes = Routes::new(hub.clone(), partner_services, limits.sizes, metrics.clone(), load);
        let Entrance { listener, door } = entrance;
        let (oicp_at, console_at) = (listener.local_addr()?, reception.listener.local_addr()?);
        let server = Server::new(listener, door, routes, limits.connections, metrics);
        let Reception { listener: console_listener, tls: console_tls, accounts } = reception;
        let admin = Admin::new(ledger.clone(), clock.clone(), accounts).with_partners(known, certificates);
        let console = Console::new(ledger, clock, registry);
        watchers.clear_up().await;
        let (redelivery, replay) = (relay.clone(), relay.clone());
        let (comparing, compare_stop) = (hub.comparing(), stop.clone());
        let feed = hub.feed().clone();
        let feed_stop = stop.clone();
        let answers = hub.clone().forget_answers(stop.clone());
        let (files, files_stop) = (webhooks.clone(), stop.clone());
        let following = async move {
            files_stop.run_until_cancelled(files.follow_files()).await;
        };
        let mut essential = vec![
            ("ledger", tokio::spawn(gone.wait())),
            ("redelivery", tokio::spawn(async move { redelivery.redeliver().await })),
            ("feed", tokio::spawn(async move { feed.run(feed_stop).await })),
            ("comparing records", tokio::spawn(comparing.run(compare_stop))),
            ("shared answers", tokio::spawn(answers)),
            ("certificates towards partners", tokio::spawn(following)),
            ("replay", tokio::spawn(async move { replay.replay().await })),
            ("ingress", tokio::spawn(server.run(stop.clone()))),
            (
                "console",
                tokio::spawn(console.run(console_listener, console_tls, admin.clone(), stop.clone())),
            ),
        ];
        let control = control.map(|(listener, file)| {
            essential.push(("control", tokio::spawn(admin.serve(listener, stop.clone()))));
            file
        });
        essential.extend(watchers.start(&stop));
        Ok(Self { oicp: oicp_at, console: console_at, hub, relay, stop, essential, _control: control })
    }

    /// Resolves, with its name, when an essential task has ended by itself.
    pub(crate) async fn failed(&mut self) -> &'static str {
        std::future::poll_fn(|cx| {
            for (name, task) in &mut self.essential {
                if std::pin::Pin::new(task).poll(cx).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Finishes what is under way, then lets go of the ledger. Bounded in time, whatever hangs.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.relay.close();
        for (name, task) in self.essential {
            // The ledger's task ends with the ledger, which is let go last.
            if name != "ledger" && !task.is_finished() && timeout(DRAIN, task).await.is_err() {
                tracing::warn!(part = name, "did not end in time");
            }
        }
        if !(self.hub.drain(DRAIN).await && self.relay.drain(DRAIN).await) {
            tracing::warn!(
                "messages were still under way when the time to stop was over; they are sent again later"
            );
        }
    }
}
