//! What the domain needs from the world: the ledger (small ports, one per concern), the courier and the clock.
//!
//! The ledger's operations are coarse and transaction-sized: each either happened as a whole and is durable when its
//! future resolves to `Ok`, or did not happen. The one exception is named: [`LedgerError::Unknown`].

pub mod accounts;
pub mod cdr;
mod clock_step;
mod erasure;
pub mod evse;
mod feed;
mod lanes;
mod load;
mod look;
pub mod mandate;
mod media;
pub mod people;
pub mod rates;
mod receipts;
mod release;
pub mod remote;
mod replay;
pub mod retention;
pub mod watch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{EvseId, Finding, OperatorId, ProviderId};

use crate::allowance::{Ticket, TooOften};
use crate::delivery::{FinalState, Lease, OwedDelivery};
use crate::lane::Urgency;
use crate::outcome::Exchange;
use crate::records::{MessageRecord, Refusal, SessionRecord};
use crate::room::Room;
use crate::route::Endpoint;
use crate::session::{AuthorisationOutcome, PendingSession, SessionFacts};
use crate::{MessageKind, ProcessId, SessionKey};

pub use clock_step::ClockStepPort;
pub use erasure::ErasurePort;
pub use feed::FeedPort;
pub use lanes::{LanePort, Pause, Queue};
pub use load::{LoadPort, Waiting};
pub use look::LookPort;
pub use media::{MediaPort, UploadPort};
pub use receipts::ReceiptPort;
pub use release::{OwedEnd, ReleasePort};
pub use replay::ReplayPort;

/// A boxed future, so that ports can be used as trait objects.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// What a ledger operation resolves to.
pub type LedgerTask<'a, T> = Task<'a, Result<T, LedgerError>>;

/// Is told what came of work that nobody waits for: once, on whatever thread, and it must not block.
pub type Told<T> = Box<dyn FnOnce(Result<T, LedgerError>) + Send>;

/// Why a ledger operation did not happen. The details are in the log, not here: partners see none of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The queue of the writer is full: try again shortly.
    #[error("the ledger is busy")]
    Busy,
    /// The disk is almost full: what can come later is turned away.
    #[error("the ledger's disk is almost full")]
    Full,
    /// The ledger cannot be written or read.
    #[error("the ledger is not available")]
    Unavailable,
    /// Whether it happened is not known (a commit without an answer).
    #[error("the ledger did not say whether it has it")]
    Unknown,
    /// Stored data contradicts itself; the log says where.
    #[error("the ledger contradicts itself")]
    Contradiction,
}

/// A notification to be made durable.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Its new id.
    pub process: ProcessId,
    /// When it came in.
    pub received_at: Timestamp,
    /// The session it names.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to get it.
    pub provider: ProviderId,
    /// What it is.
    pub kind: MessageKind,
    /// The received bytes.
    pub body: Bytes,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// The EVSE it names.
    pub evse: EvseId,
    /// What is odd about it.
    pub findings: Vec<Finding>,
    /// Whether a PIN must be overwritten once it is delivered.
    pub has_pin: bool,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<String>,
    /// What is to be done with it.
    pub plan: Plan,
    /// The least distance between two Progress notifications of a session.
    pub progress_gap: Duration,
    /// What it counts against, unless it is a repeat.
    pub ticket: Option<Ticket>,
}

/// What is to be done with a notification once it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plan {
    /// Sent now by this request, which holds the right to until then.
    Send {
        /// End of the lease.
        lease_until: Timestamp,
    },
    /// The provider has no endpoint for it: stored for its feed.
    Hold,
}

/// What the ledger made of a notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Stored, and to be sent.
    Stored(Sending),
    /// Stored for the feed.
    Held,
    /// Known already.
    Repeat {
        /// The `Process-ID` of the first.
        first: ProcessId,
        /// When the first came in.
        received_at: Timestamp,
        /// Where it stands.
        standing: Repeated,
    },
    /// Not stored.
    Declined(Declined),
}

/// The right to send, and whether it may be used at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sending {
    /// The lease.
    pub lease: Lease,
    /// Whether it is this message's turn.
    pub turn: TurnNow,
}

/// A turn as the ledger settled it: what is superseded already is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TurnNow {
    /// Send now.
    Go,
    /// An earlier message of the session is under way: ask again when something changed.
    Wait,
    /// Deferred, behind an earlier deferred message.
    Behind,
    /// The lease is not yours any more.
    Lost,
}

/// Where the first of two identical messages stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repeated {
    /// Somebody is sending it.
    UnderWay,
    /// It waits for its next attempt.
    Deferred,
    /// The provider said yes.
    Delivered {
        /// The acknowledgement as stored (JSON).
        acknowledgement: Bytes,
    },
    /// It had ended otherwise; it is sent again by this request.
    Reopened(Sending),
    /// It had been held for the feed and still is.
    Held,
    /// The provider has read it in its feed.
    Fetched,
    /// A newer message of the session went out instead.
    Superseded,
}

/// Why a notification was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declined {
    /// No such session of this operator, or it is not open any more.
    SessionInvalid,
    /// A Progress too soon after the last stored one.
    TooSoon {
        /// When the last one was stored.
        last: Timestamp,
    },
    /// Its sender's allowance is used up.
    TooOften(TooOften),
}

/// Taking messages in.
pub trait IntakePort: Send + Sync {
    /// Makes a notification and its delivery durable in one transaction, or says why not.
    fn take_in(&self, intake: Arc<Intake>) -> LedgerTask<'_, Taken>;
}

/// The result of an attempt, as it is recorded.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// When the attempt began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The word for its outcome.
    pub outcome: &'static str,
    /// The provider's HTTP status, where there was one.
    pub http_status: Option<u16>,
    /// The acknowledgement as relayed (JSON), where there was one.
    pub acknowledgement: Option<Bytes>,
    /// What happened, in words.
    pub detail: String,
    /// What was odd about the provider's answer.
    pub finding: Option<Finding>,
}

/// What becomes of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It has ended.
    Final {
        /// How.
        state: FinalState,
        /// Why, where the state alone does not say it.
        reason: Option<&'static str>,
    },
    /// It is tried again.
    Retry {
        /// When.
        due_at: Timestamp,
        /// Counts as a fault of the provider.
        faulted: bool,
        /// Counts as an unusable answer.
        unusable: bool,
    },
}

/// Whether a result was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// It was.
    Recorded,
    /// The lease had been lost: kept as a late attempt.
    Late,
}

/// Sending what is owed.
pub trait DeliveryPort: Send + Sync {
    /// Asks again whether a leased delivery may be sent.
    fn take_turn(&self, lease: Lease, now: Timestamp) -> LedgerTask<'_, TurnNow>;
    /// Gives a lease back without an attempt: due at `due_at`.
    fn defer(&self, lease: Lease, now: Timestamp, due_at: Timestamp) -> LedgerTask<'_, Settled>;
    /// Records an attempt and what follows.
    fn settle(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
    ) -> LedgerTask<'_, Settled>;
    /// The same where nobody waits for it. A ledger that dies meanwhile tells nothing.
    fn settle_and_tell(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
        told: Told<Settled>,
    );
    /// Claims at most `limit` deliveries of a provider that are due: End and Error before Start and Progress, charge
    /// detail records last; first attempts before retries, then the longest due. Ends what is too old on the way, though
    /// no End, Error or record that was never tried. `only` leaves the others where they are; without it, notifications
    /// are claimed and records left.
    fn claim_due(
        &self,
        provider: ProviderId,
        only: Option<Urgency>,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Claimed>;
    /// Returns deliveries whose lease ran out, and those stranded behind nothing, to the queue; their number.
    fn sweep(&self, now: Timestamp) -> LedgerTask<'_, usize>;
    /// The providers that are owed something that is due by `now`, and when the next one is due after that.
    fn due(&self, now: Timestamp) -> LedgerTask<'_, Due>;
}

/// What a claim brought.
#[derive(Clone, Default, Debug)]
pub struct Claimed {
    /// To be sent, in this order.
    pub owed: Vec<OwedDelivery>,
    /// How many Starts and Progresses expired on the way.
    pub expired: u64,
    /// How many Ends and Errors were given up on the way.
    pub exhausted: u64,
}

/// What is due.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Due {
    /// Providers with at least one notification due (among replays: with anything).
    pub providers: Vec<ProviderId>,
    /// Providers with at least one charge detail record due.
    pub records: Vec<ProviderId>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

/// Opening sessions and looking them up.
pub trait SessionPort: Send + Sync {
    /// The facts of an active or closed session.
    fn session_facts(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionFacts>>;
    /// Makes a session durable before any provider is asked.
    fn open_pending(&self, session: PendingSession) -> LedgerTask<'_, ()>;
    /// Writes how the authorisation ended: active, or void.
    fn decide(&self, outcome: AuthorisationOutcome) -> LedgerTask<'_, ()>;
    /// Keeps that a provider said yes to this operator's session after the decision had fallen. Never waited for: it
    /// may be dropped under load.
    fn note_conflict(&self, session: SessionKey, operator: OperatorId, provider: ProviderId, at: Timestamp);
    /// The provider that authorised this medium last.
    fn remembered_provider(&self, medium: [u8; 32]) -> LedgerTask<'_, Option<ProviderId>>;
    /// The secret that keys the hashes of media; made once, with the ledger.
    fn medium_key(&self) -> LedgerTask<'_, [u8; 32]>;
}

/// Looking at what happened.
pub trait RecordPort: Send + Sync {
    /// Keeps a refused request. Bounded, and never waited for: it may be dropped under load.
    fn note_refusal(&self, refusal: Refusal);
    /// A message by its `Process-ID`, with its deliveries and attempts.
    fn message(&self, process: ProcessId) -> LedgerTask<'_, Option<MessageRecord>>;
    /// The messages of a session, in order of arrival.
    fn messages_of(&self, session: SessionKey) -> LedgerTask<'_, Vec<MessageRecord>>;
    /// A session.
    fn session(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionRecord>>;
    /// The newest refusals first, at most `limit`.
    fn refusals(&self, limit: usize) -> LedgerTask<'_, Vec<Refusal>>;
    /// How many deliveries are open, per provider.
    fn backlog(&self) -> LedgerTask<'_, Vec<(ProviderId, u64)>>;
}

/// The partners, where no file is the truth.
pub trait PartnerPort: Send + Sync {
    /// The stored partners document (TOML text), if there is one.
    fn load_partners(&self) -> LedgerTask<'_, Option<String>>;
    /// Replaces it; older ones are kept.
    fn store_partners(&self, document: String, at: Timestamp) -> LedgerTask<'_, ()>;
}

/// The whole ledger.
pub trait Ledger:
    IntakePort
    + DeliveryPort
    + ClockStepPort
    + SessionPort
    + RecordPort
    + PartnerPort
    + LanePort
    + ReleasePort
    + ReceiptPort
    + FeedPort
    + LookPort
    + ReplayPort
    + ErasurePort
    + remote::RemotePort
    + cdr::CdrPort
    + cdr::ComparePort
    + watch::WatchPort
    + people::PeoplePort
    + UploadPort
    + MediaPort
    + mandate::MandatePort
    + LoadPort
    + accounts::AccountPort
    + accounts::AuditPort
    + rates::RatePort
    + retention::RetentionPort
{
    /// Commits something small: readiness means that this worked lately.
    fn probe(&self, at: Timestamp) -> LedgerTask<'_, ()>;
    /// How much room is left for what is new.
    fn room(&self) -> Room;
    /// When the last commit happened, measured on this machine's monotonic clock.
    fn since_last_commit(&self) -> Duration;
}

/// One message to hand to a partner.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The full path and name of the service, appended to the endpoint's base URL.
    pub url: String,
    /// Headers of this message beside the endpoint's own.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// What the whole exchange may take.
    pub budget: Duration,
}

/// Carries a message to a partner and brings the answer back.
pub trait Courier: Send + Sync {
    /// One exchange under one deadline: address, connection, TLS, request, headers and body of the answer.
    fn carry<'a>(&'a self, endpoint: &'a Endpoint, letter: Letter) -> Task<'a, Exchange>;
    /// The same for what must not be carried out twice: the request leaves at most once, and what fails with
    /// [`ExchangeFailure::is_before_sending`](crate::outcome::ExchangeFailure::is_before_sending) has not left at all.
    fn carry_once<'a>(&'a self, endpoint: &'a Endpoint, letter: Letter) -> Task<'a, Exchange>;
}

/// The clock on the wall. For measuring, use monotonic time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
