//! Telling people: looks for troubles, decides when to speak (`roamhub_core::trouble`), and sends what is owed, to the
//! partner it is about and to those who run the hub.
//!
//! Invariants: state and messages are written in one transaction before anything is sent, so a restart neither repeats
//! nor forgets; a webhook or mail server that fails costs nothing but its own messages, which are tried a few times and
//! then given up, with a word in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use roamhub_core::ProcessId;
use roamhub_core::contact::{Contact, Webhook};
use roamhub_core::expiry::USUAL_NOTICE;
use roamhub_core::ports::people::{
    Channel, Mail, MailFailure, Mailer, MessageFate, OwedMessage, WebhookCall, WebhookCourier,
};
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use roamhub_core::retry::later;
use roamhub_core::trouble::{Pace, Say, Side, Told, Trouble};
use roamhub_relay::SeenCertificates;
use sha2::Sha256;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::certificates::Certificates;
use crate::partners::Partners;
use crate::people_metrics::PeopleMetrics;
use crate::people_text::{self, Facts};

/// What one message may take.
const BUDGET: Duration = Duration::from_secs(10);
/// So many messages are under way at once.
const AT_ONCE: usize = 8;
/// The pauses after failed tries; after the last of them a message is given up.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
];
/// The longest pause between two looks at what is to be sent.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// When people hear of what.
#[derive(Clone, Debug)]
pub struct PeopleSettings {
    /// How soon and how often.
    pub pace: Pace,
    /// How often troubles are looked for.
    pub look_every: Duration,
    /// So many ghosts of an operator are worth a word.
    pub ghosts: u64,
    /// How long before its end a certificate is worth a word; zero: never.
    pub certificate_notice: Duration,
    /// How those who run the hub are reached.
    pub contact: Contact,
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            look_every: Duration::from_secs(10),
            ghosts: 10,
            certificate_notice: USUAL_NOTICE,
            contact: Contact::default(),
        }
    }
}

/// The ways in which messages leave.
pub struct Ways {
    /// Calls webhooks.
    pub webhooks: Arc<dyn WebhookCourier>,
    /// Hands mails over. Without it there is no mail, whatever addresses partners have.
    pub mailer: Option<Arc<dyn Mailer>>,
}

/// Tells people of troubles.
#[derive(Clone)]
pub struct People {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    pub(crate) partners: Arc<Partners>,
    pub(crate) settings: PeopleSettings,
    pub(crate) certificates: Certificates,
    ways: Ways,
    pub(crate) metrics: PeopleMetrics,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl People {
    /// `seen` are the certificates that the courier meets.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        partners: Arc<Partners>,
        settings: PeopleSettings,
        seen: Arc<SeenCertificates>,
        ways: Ways,
        metrics: PeopleMetrics,
    ) -> Self {
        let certificates = Certificates::new(seen, settings.certificate_notice);
        let inner = Inner { ledger, clock, partners, settings, certificates, ways, metrics };
        Self { inner: Arc::new(inner) }
    }

    /// Looks and sends until it is told to stop. What is under way then is sent again after the next start.
    pub async fn run(self, stop: CancellationToken) {
        let looking = async {
            loop {
                if let Err(error) = self.inner.look().await {
                    tracing::warn!(%error, "troubles could not be looked for; tried again");
                }
                sleep(self.inner.settings.look_every).await;
            }
        };
        let sending = async {
            loop {
                match self.inner.clone().send_due().await {
                    // There may be more.
                    Ok(sent) if sent == AT_ONCE => {}
                    Ok(_) => sleep(self.inner.settings.look_every.min(LONGEST_SLEEP)).await,
                    Err(error) => {
                        tracing::warn!(%error, "messages to people could not be read; tried again");
                        sleep(LONGEST_SLEEP).await;
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = looking => {}
            () = sending => {}
        }
    }
}

impl Inner {
    async fn look(&self) -> Result<(), LedgerError> {
        let told: BTreeMap<Trouble, Told> = self.ledger.told().await?.into_iter().collect();
        let now = self.clock.now();
        let sight = self.sight(&told, now).await?;
        let (mut states, mut messages) = (Vec::new(), Vec::new());
        let all: BTreeSet<&Trouble> = told.keys().chain(sight.present.keys()).collect();
        for trouble in all {
            let (before, there) = (told.get(trouble).copied(), sight.present.get(trouble));
            let (after, say) = sight.step(trouble, before, now, &self.settings.pace);
            if after != before {
                states.push((*trouble, after));
            }
            self.metrics.show(trouble, after.is_some());
            if let (Some(say), Some(state)) = (say, after.or(before)) {
                self.speak(trouble, say, state.since, there.map(|there| &there.facts), now, &mut messages);
            }
        }
        if states.is_empty() {
            return Ok(());
        }
        let dropped = self.ledger.tell(states, messages, now).await?;
        if dropped > 0 {
            self.metrics.crowded_out(dropped);
            tracing::error!(dropped, "too many messages to people wait; the oldest were dropped");
        }
        Ok(())
    }

    /// Says it in the log and in metrics, and owes it to whoever has a way to be reached.
    fn speak(
        &self,
        trouble: &Trouble,
        say: Say,
        since: Timestamp,
        facts: Option<&Facts>,
        now: Timestamp,
        messages: &mut Vec<OwedMessage>,
    ) {
        self.metrics.said(trouble, say);
        let told = people_text::put(&ProcessId::new().to_string(), trouble, say, since, facts, now);
        match say {
            Say::AllClear => tracing::info!(about = %trouble.about, "{}", told.subject),
            Say::Trouble | Say::Reminder => {
                tracing::warn!(about = %trouble.about, %since, ?facts, "{}", told.subject);
            }
        }
        for to in BTreeSet::from([trouble.about, Side::Hub]) {
            let contact = self.contact(to);
            let message = |channel, body: &str| OwedMessage {
                no: 0,
                channel,
                to,
                subject: told.subject.clone(),
                body: body.to_owned(),
                tries: 0,
            };
            messages.extend(contact.webhook.map(|_| message(Channel::Webhook, &told.json)));
            messages.extend(contact.mail.map(|_| message(Channel::Mail, &told.text)));
        }
    }

    fn contact(&self, of: Side) -> Contact {
        let directory = self.partners.directory();
        let contact = match of {
            Side::Hub => Some(self.settings.contact.clone()),
            Side::Operator(id) => directory.operator(&id).map(|operator| operator.contact.clone()),
            Side::Provider(id) => directory.provider(&id).map(|provider| provider.contact.clone()),
        };
        contact.unwrap_or_default()
    }

    /// Sends what is due, a few at once; how many there were.
    async fn send_due(self: Arc<Self>) -> Result<usize, LedgerError> {
        let due = self.ledger.messages_due(self.clock.now(), AT_ONCE).await?;
        let count = due.len();
        let mut under_way = JoinSet::new();
        for message in due {
            let inner = self.clone();
            under_way.spawn(async move { inner.send(message).await });
        }
        while under_way.join_next().await.is_some() {}
        Ok(count)
    }

    async fn send(&self, message: OwedMessage) {
        let sent = match timeout(BUDGET, self.hand_over(&message)).await {
            Ok(sent) => sent,
            Err(_) => Err(Unsent::ForNow("no answer in time".to_owned())),
        };
        let (fate, outcome) = self.fate(&message, sent);
        if let Err(error) = self.ledger.settle_message(message.no, fate).await {
            tracing::warn!(%error, "what became of a message to people was not kept; it may be sent again");
            // Not at once: the ledger needs its time.
            sleep(LONGEST_SLEEP).await;
        }
        self.metrics.message(message.channel, outcome);
    }

    async fn hand_over(&self, message: &OwedMessage) -> Result<(), Unsent> {
        let Contact { webhook, mail } = self.contact(message.to);
        match message.channel {
            Channel::Webhook => self.call(webhook.ok_or(Unsent::NoAddress)?, message).await,
            Channel::Mail => {
                let (to, mailer) = mail.zip(self.ways.mailer.as_ref()).ok_or(Unsent::NoAddress)?;
                let mail = Mail { to, subject: message.subject.clone(), text: message.body.clone() };
                mailer.send(mail).await.map_err(|failure| match failure {
                    MailFailure::ForNow(why) => Unsent::ForNow(why),
                    MailFailure::ForGood(why) => Unsent::ForGood(why),
                })
            }
        }
    }

    async fn call(&self, webhook: Webhook, message: &OwedMessage) -> Result<(), Unsent> {
        let call = WebhookCall {
            url: webhook.url,
            headers: vec![("hub-signature", signature(webhook.secret.expose(), &message.body))],
            body: message.body.clone().into(),
            ca: webhook.ca,
            reach: webhook.reach,
            budget: BUDGET,
        };
        match self.ways.webhooks.call(call).await {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(Unsent::ForNow(format!("HTTP {status}"))),
            Err(failure) => Err(Unsent::ForNow(failure.as_str().to_owned())),
        }
    }

    /// What becomes of a message, and the word for it in metrics.
    fn fate(&self, message: &OwedMessage, sent: Result<(), Unsent>) -> (MessageFate, &'static str) {
        let (channel, to) = (message.channel, message.to);
        let tried = usize::try_from(message.tries).unwrap_or(usize::MAX);
        match (sent, PAUSES.get(tried)) {
            (Ok(()), _) => {
                tracing::info!(%to, channel = channel.as_str(), subject = message.subject, "people were told");
                (MessageFate::Done, "sent")
            }
            (Err(Unsent::NoAddress), _) => {
                tracing::warn!(%to, channel = channel.as_str(), "a message to people was dropped: there is no address for it any more, or no mail server");
                (MessageFate::Done, "dropped")
            }
            (Err(Unsent::ForNow(why)), Some(pause)) => {
                tracing::warn!(%to, channel = channel.as_str(), why, "people could not be told; tried again");
                (MessageFate::Retry(later(self.clock.now(), *pause)), "failed")
            }
            (Err(Unsent::ForNow(why) | Unsent::ForGood(why)), _) => {
                let subject = &message.subject;
                tracing::error!(%to, channel = channel.as_str(), why, subject, "people could not be told; given up");
                (MessageFate::Done, "given-up")
            }
        }
    }
}

/// Why a message was not sent.
enum Unsent {
    /// There is no address (any more), or no mail server.
    NoAddress,
    /// Another try may help.
    ForNow(String),
    /// None will.
    ForGood(String),
}

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_usual_one() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", "what do ya want for nothing?"), expected);
    }
}
