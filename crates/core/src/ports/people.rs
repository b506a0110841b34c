//! What it takes to tell people: where troubles show, what they were told, and the ways to reach them.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;

use super::{LedgerTask, Task};
use crate::address::Reach;
use crate::outcome::ExchangeFailure;
use crate::trouble::{Side, Told, Trouble};

/// A provider whose messages wait after an attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailingEndpoint {
    /// The provider.
    pub provider: ProviderId,
    /// The first attempt at the oldest message that waits.
    pub since: Timestamp,
    /// How many messages wait, those behind the failed ones included.
    pub waiting: u64,
    /// How many of them are Ends.
    pub ends: u64,
    /// The newest attempt was answered in a way that only a wrong URL or wrong credentials explain.
    pub misconfigured: bool,
}

/// How a message goes out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// As JSON to a URL.
    Webhook,
    /// As plain text by mail.
    Mail,
}

impl Channel {
    /// The word in the ledger and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Webhook, Self::Mail].into_iter().find(|channel| channel.as_str() == word)
    }
}

/// A message to people, owed until it is sent or given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwedMessage {
    /// Its number in the ledger; 0 until it is there.
    pub no: i64,
    /// How it goes out.
    pub channel: Channel,
    /// To whom.
    pub to: Side,
    /// One line, for mail.
    pub subject: String,
    /// JSON for a webhook, plain text for mail.
    pub body: String,
    /// How often it was tried.
    pub tries: u32,
}

/// What became of a message to people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageFate {
    /// Sent, or given up.
    Done,
    /// Tried again then.
    Retry(Timestamp),
}

/// How many messages to people are kept at most; beyond that the oldest go.
pub const MOST_OWED_MESSAGES: usize = 1000;

/// Keeping what people were told and are to be told.
pub trait PeoplePort: Send + Sync {
    /// Providers whose messages wait after a failed attempt.
    fn failing_endpoints(&self) -> LedgerTask<'_, Vec<FailingEndpoint>>;
    /// The troubles people were told of and not yet cleared of.
    fn told(&self) -> LedgerTask<'_, Vec<(Trouble, Told)>>;
    /// Keeps states (`None`: cleared) and owes messages due `now`, in one transaction; how many messages had to go for
    /// want of room ([`MOST_OWED_MESSAGES`]).
    fn tell(
        &self,
        states: Vec<(Trouble, Option<Told>)>,
        messages: Vec<OwedMessage>,
        now: Timestamp,
    ) -> LedgerTask<'_, usize>;
    /// At most `limit` messages that are due, oldest first.
    fn messages_due(&self, now: Timestamp, limit: usize) -> LedgerTask<'_, Vec<OwedMessage>>;
    /// Writes what became of one.
    fn settle_message(&self, no: i64, fate: MessageFate) -> LedgerTask<'_, ()>;
}

/// A call to a person's webhook.
#[derive(Clone, Debug)]
pub struct WebhookCall {
    /// Where to.
    pub url: String,
    /// Headers beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// The body (JSON).
    pub body: Bytes,
    /// Extra trust anchors (PEM) for the server's certificate.
    pub ca: Option<PathBuf>,
    /// Which addresses it may have.
    pub reach: Reach,
    /// What the whole exchange may take.
    pub budget: Duration,
}

/// Calls webhooks: by the same rules for addresses and certificates as providers are called.
pub trait WebhookCourier: Send + Sync {
    /// One call; the HTTP status of its answer.
    fn call(&self, call: WebhookCall) -> Task<'_, Result<u16, ExchangeFailure>>;
}

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To one address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Why a mail was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailFailure {
    /// Another try may help; in words.
    #[error("{0}")]
    ForNow(String),
    /// It will never be taken; in words.
    #[error("{0}")]
    ForGood(String),
}

/// Hands mails to a mail server.
pub trait Mailer: Send + Sync {
    /// Hands one over.
    fn send(&self, mail: Mail) -> Task<'_, Result<(), MailFailure>>;
}
