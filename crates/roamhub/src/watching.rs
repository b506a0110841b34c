//! What watches over sessions and tells people, wired into a node. Essential parts as the others: they end when they are
//! told to, and if one ends by itself, the process says so and ends.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use roamhub_core::ports::people::{Mailer, WebhookCourier};
use roamhub_core::ports::{Clock, Ledger};
use roamhub_core::watchdog::Limits;
use roamhub_relay::SeenCertificates;
use roamhub_services::metrics::ServiceMetrics;
use roamhub_services::people::{PeopleSettings, Ways};
use roamhub_services::people_metrics::PeopleMetrics;
use roamhub_services::retention::{RetentionMetrics, RetentionSettings};
use roamhub_services::{Partners, People, Retention, Watchdog};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::mail::{SmtpMailer, SmtpSettings};

/// How often the watchdog makes its round.
const ROUND: Duration = Duration::from_secs(2);

/// What is watched, and who hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Watching {
    /// How long each state of a session may last.
    pub(crate) limits: Limits,
    /// How often the watchdog makes its round.
    pub(crate) every: Duration,
    /// When people hear of what.
    pub(crate) people: PeopleSettings,
    /// The mail server.
    pub(crate) smtp: Option<SmtpSettings>,
    /// What is removed, and when.
    pub(crate) retention: RetentionSettings,
}

impl Default for Watching {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            every: ROUND,
            people: PeopleSettings::default(),
            smtp: None,
            retention: RetentionSettings::default(),
        }
    }
}

/// What it stands on.
pub(crate) struct Parts {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) partners: Arc<Partners>,
    pub(crate) webhooks: Arc<dyn WebhookCourier>,
    pub(crate) certificates: Arc<SeenCertificates>,
}

/// Ready to start.
pub(crate) struct Watchers {
    watchdog: Watchdog,
    people: People,
    retention: Retention,
}

impl Watching {
    /// Puts it together; starts nothing.
    pub(crate) fn prepare(
        self,
        parts: Parts,
        services: &ServiceMetrics,
        registry: &mut Registry,
    ) -> anyhow::Result<Watchers> {
        let Parts { ledger, clock, partners, webhooks, certificates } = parts;
        let watchdog =
            Watchdog::new(ledger.clone(), clock.clone(), self.limits, self.every, partners.clone(), services);
        let mailer = self.smtp.map(SmtpMailer::new).transpose()?;
        let mailer = mailer.map(|mailer| Arc::new(mailer) as Arc<dyn Mailer>);
        let retention = RetentionMetrics::register(registry);
        let retention = Retention::new(ledger.clone(), clock.clone(), self.retention, retention);
        let metrics = PeopleMetrics::register(registry);
        let ways = Ways { webhooks, mailer };
        let people = People::new(ledger, clock, partners, self.people, certificates, ways, metrics);
        Ok(Watchers { watchdog, people, retention })
    }
}

impl Watchers {
    /// Before partners are served: voids what a crash left undecided.
    pub(crate) async fn clear_up(&self) {
        self.watchdog.clear_up().await;
    }

    /// Starts all of them.
    pub(crate) fn start(self, stop: &CancellationToken) -> [(&'static str, JoinHandle<()>); 3] {
        [
            ("watchdog", tokio::spawn(self.watchdog.run(stop.clone()))),
            ("messages to people", tokio::spawn(self.people.run(stop.clone()))),
            ("retention", tokio::spawn(self.retention.run(stop.clone()))),
        ]
    }
}
