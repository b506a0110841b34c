//! A provider uploads who may charge (OICP 2.3, eRoamingPushAuthenticationData): full load, insert, update, delete.
//!
//! Invariants: all of a push or nothing of it; pushes of a provider are carried out in the order of their arrival; its
//! bytes are not kept, nor is any PIN in clear, nor the number of a card or contract. Of the checks those come first that
//! need no body: it may be large.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oicp::ProviderId;
use oicp::Rejected;
use oicp::authentication::{ActionType, AuthenticationRecord, PushAuthenticationData, UploadedPin};
use oicp::service::Service;
use oicp::status::Code;
use oicp::violation::{Violation, Violations};
use roamhub_core::allowance::Limited;
use roamhub_core::directory::Provider;
use roamhub_core::media::{Form, Staged, Upload, UploadedMedium};
use roamhub_core::ports::LedgerError;
use roamhub_core::room::Room;
use roamhub_core::{Partner, ProcessId};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::allowances::count;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::medium::MediumKey;
use crate::metrics::UploadLabels;
use crate::pins;
use crate::reply::{CallerIds, Reply, Verdict};
use crate::upload_turns::Turn;
use crate::upload_verdict::LIST;
pub use crate::upload_verdict::{Named, UploadVerdict};

/// Records that the ledger's writer takes at once: no End waits long behind them.
const PORTION: usize = 250;
/// So many records with a PIN in clear are hashed at most: with some 60 ms each, that is seconds.
pub const MOST_CLEAR_PINS: usize = 100;

/// The right to push, in the order of arrival.
#[derive(Debug)]
pub struct UploadTurn {
    process: ProcessId,
    provider: Arc<Provider>,
    who: Identity,
    path: String,
    arrived: Instant,
    turn: Turn,
}

/// A push that has been read.
struct Pushed {
    push: PushAuthenticationData,
    digest: [u8; 32],
    foreign: Named,
}

impl Hub {
    /// Whether the provider in the path may push at all, before its body is read.
    ///
    /// # Errors
    /// The answer, if it may not.
    pub fn admit_upload(&self, who: &Identity, path_id: &str) -> Result<UploadTurn, Box<Reply>> {
        let process = ProcessId::new();
        let refused = |partner: Option<Partner>, verdict| {
            Err(Box::new(Reply { process, verdict, ids: CallerIds { partner, ..CallerIds::default() } }))
        };
        let Ok(id) = ProviderId::parse(path_id) else {
            return refused(None, Verdict::Rejected(wrong_path()));
        };
        let partner = Partner::Provider(id);
        let directory = self.inner.partners.directory();
        let Some(provider) = directory.provider(&id).cloned() else {
            return refused(Some(partner), Verdict::UnknownCaller(partner));
        };
        if provider.locked {
            return refused(Some(partner), Verdict::Locked(partner));
        }
        if !provider.may_upload() {
            return refused(Some(partner), Verdict::Uploaded(UploadVerdict::NoContract(id)));
        }
        if self.inner.ledger.room() != Room::Ample {
            return refused(Some(partner), Verdict::Ledger(LedgerError::Full));
        }
        match self.inner.upload_turns.queue_up(provider.id) {
            Some(turn) => {
                let (who, path, arrived) = (who.clone(), path_id.to_owned(), Instant::now());
                Ok(UploadTurn { process, provider, who, path, arrived, turn })
            }
            None => refused(Some(partner), Verdict::Ledger(LedgerError::Busy)),
        }
    }

    /// Carries a push out. It goes on in a task of its own if the caller goes.
    pub async fn upload(&self, turn: UploadTurn, body: Bytes) -> Reply {
        let process = turn.process;
        let ids = CallerIds { partner: Some(Partner::Provider(turn.provider.id)), ..CallerIds::default() };
        let (answer, answered) = oneshot::channel();
        let inner = self.inner.clone();
        self.inner.tasks.spawn(async move {
            let verdict = inner.carry_out(&turn, body).await.unwrap_or_else(Verdict::Ledger);
            inner.count_upload(&turn.provider.id, &verdict);
            // Nobody may wait any more.
            let _ = answer.send(verdict);
            // The next one's turn comes when this is done.
            inner.tidy_uploads(turn.provider.id).await;
        });
        let verdict = answered.await.unwrap_or(Verdict::Ledger(LedgerError::Unknown));
        Reply { process, verdict, ids }
    }
}

impl UploadTurn {
    /// Waits until its turn has come.
    ///
    /// # Errors
    /// The answer, if that takes too long.
    pub async fn come(&mut self) -> Result<(), Box<Reply>> {
        self.turn.come().await.ok_or_else(|| {
            let partner = Some(Partner::Provider(self.provider.id));
            let ids = CallerIds { partner, ..CallerIds::default() };
            Box::new(Reply { process: self.process, verdict: Verdict::Ledger(LedgerError::Busy), ids })
        })
    }
}

impl Inner {
    async fn carry_out(&self, turn: &UploadTurn, body: Bytes) -> Result<Verdict, LedgerError> {
        let provider = turn.provider.clone();
        let read = tokio::task::spawn_blocking(move || read(body, &provider));
        let pushed = match read.await.map_err(|_| LedgerError::Unknown)? {
            Ok(pushed) => pushed,
            Err(rejected) => {
                return Ok(*caller::rejected(&turn.who, *rejected, &self.partners.directory()));
            }
        };
        if let Err(verdict) =
            caller::provider(&turn.who, &turn.path, pushed.push.provider_id(), &self.partners.directory())
        {
            return Ok(*verdict);
        }
        if !pushed.foreign.is_empty() {
            return Ok(Verdict::Uploaded(UploadVerdict::Foreign(pushed.foreign)));
        }
        let repeated = self.uploads.newest(&turn.provider.id).filter(|newest| newest.digest == pushed.digest);
        if let Some(newest) = repeated {
            return Ok(Verdict::Uploaded(UploadVerdict::Repeat(newest)));
        }
        let limited = Limited::Operation(Service::PushAuthenticationData);
        if let Err(too_often) = count(self.ticket(&*turn.provider, limited, turn.arrived).as_ref()) {
            return Ok(Verdict::TooOften(too_often));
        }
        self.store(turn, pushed).await.map(Verdict::Uploaded)
    }

    async fn store(&self, turn: &UploadTurn, pushed: Pushed) -> Result<UploadVerdict, LedgerError> {
        let Pushed { push, digest, .. } = pushed;
        let (provider, action, records) = (turn.provider.id, push.action(), push.records());
        let version = self.ledger.begin_upload(provider).await?;
        let (portions, mut taken) = mpsc::channel(2);
        let key = self.medium_key.clone();
        let reading = tokio::task::spawn_blocking(move || in_portions(&push, &key, &portions));
        let (mut change, mut unfit, mut first) = (Staged::default(), Named::default(), 0);
        while let Some(portion) = taken.recv().await {
            let portion: Arc<Vec<UploadedMedium>> = Arc::new(portion);
            let count = portion.len();
            let staged = self.ledger.stage(provider, action, first, portion).await?;
            first += count;
            change.added = change.added.saturating_add(staged.added);
            change.removed = change.removed.saturating_add(staged.removed);
            staged.unfit.into_iter().for_each(|place| unfit.add(place));
            if unfit.is_enough() && action != ActionType::Delete {
                break;
            }
        }
        drop(taken);
        // One that panicked has sent less than all: then nothing of it counts.
        reading.await.map_err(|_| LedgerError::Unknown)?;
        if !unfit.is_empty() && action != ActionType::Delete {
            return Ok(UploadVerdict::Unfit(action, unfit));
        }
        if first != records {
            return Err(LedgerError::Contradiction);
        }
        let upload = Upload {
            provider,
            version,
            at: self.clock.now(),
            process: turn.process,
            action,
            records: u64::try_from(records).unwrap_or(u64::MAX),
            total: 0,
            digest,
        };
        let upload = self.ledger.finish_upload(upload, change).await?;
        self.uploads.put(upload.clone());
        tracing::info!(%provider, version = version.0, records, action = action.as_str(), "authentication data uploaded");
        Ok(UploadVerdict::Done { upload, unknown: unfit })
    }

    /// Removes what no version of the provider needs any more. Whoever calls has the provider's turn.
    async fn tidy_uploads(&self, provider: ProviderId) {
        loop {
            match self.ledger.tidy_uploads(provider).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%provider, %error, "old records are removed later");
                    return;
                }
            }
        }
    }

    /// After a start: removes what a push left behind that did not live to its end.
    pub(crate) fn tidy_all_uploads(self: &Arc<Self>, providers: Vec<ProviderId>) {
        for provider in providers {
            let Some(mut turn) = self.upload_turns.queue_up(provider) else { continue };
            let inner = self.clone();
            self.tasks.spawn(async move {
                if turn.come().await.is_some() {
                    inner.tidy_uploads(provider).await;
                }
            });
        }
    }

    fn count_upload(&self, provider: &ProviderId, verdict: &Verdict) {
        let code = match verdict {
            Verdict::Uploaded(verdict) => verdict.code(),
            Verdict::Ledger(_) => Code::DATABASE_ERROR,
            Verdict::TooOften(_) => Code::GENERIC,
            _ => Code::DATA_ERROR,
        };
        let labels = UploadLabels { provider: provider.to_string(), code: code.to_string() };
        self.metrics.uploads.get_or_create(&labels).inc();
    }
}

fn wrong_path() -> Box<Rejected> {
    one_violation("ProviderID", "", "the path names no ProviderID, such as DE-DCB".to_owned())
}

fn one_violation(field: &str, pointer: &str, message: String) -> Box<Rejected> {
    let violation = Violation { pointer: pointer.to_owned(), field: field.to_owned(), message };
    let violations: Violations = [violation].into_iter().collect();
    Box::new(violations.into())
}

/// Judges the whole body. Slow for large ones.
fn read(body: Bytes, provider: &Provider) -> Result<Pushed, Box<Rejected>> {
    let push = PushAuthenticationData::parse(body).map_err(Box::new)?;
    if push.clear_pins() > MOST_CLEAR_PINS {
        let message = format!(
            "{} PINs in clear; at most {MOST_CLEAR_PINS} are hashed here, because that is slow on purpose: send HashedPIN \
             (Bcrypt) instead",
            push.clear_pins()
        );
        return Err(one_violation("AuthenticationDataRecord", LIST, message));
    }
    let mut foreign = Named::default();
    push.each_record(|place, record| {
        if record.evco().is_some_and(|evco| !provider.owns(&evco.provider())) {
            foreign.add(place);
        }
    });
    let digest = Sha256::digest(push.body()).into();
    Ok(Pushed { push, digest, foreign })
}

/// Sends the records on, a portion at a time, as they are kept; stops when nobody takes them any more.
fn in_portions(push: &PushAuthenticationData, key: &MediumKey, portions: &mpsc::Sender<Vec<UploadedMedium>>) {
    let mut portion = Vec::with_capacity(PORTION);
    push.each_record(|_, record| {
        if portions.is_closed() {
            return;
        }
        let Some(kept) = as_kept(&record, key) else { return };
        portion.push(kept);
        if portion.len() == PORTION {
            // Nobody may take it any more; seen with the next record.
            let _ = portions.blocking_send(std::mem::replace(&mut portion, Vec::with_capacity(PORTION)));
        }
    });
    if !portion.is_empty() {
        let _ = portions.blocking_send(portion);
    }
}

/// A record as it is kept: hashes in place of numbers and PINs. Nothing if a PIN could not be hashed.
fn as_kept(record: &AuthenticationRecord, key: &MediumKey) -> Option<UploadedMedium> {
    let identification = record.identification();
    let (contract, expires_at, pin) = match record {
        AuthenticationRecord::Card { evco, expires, .. } => {
            let contract = evco.map(|evco| key.hash_text(&format!("evco:{}", evco.key())));
            (contract, expires.map(|expires| expires.instant()), None)
        }
        AuthenticationRecord::Code { pin, .. } => {
            let hash = match pin {
                UploadedPin::Clear(pin) => pins::hashed(pin)?,
                UploadedPin::Hashed(hash) => hash.clone(),
            };
            (None, None, Some(hash))
        }
        AuthenticationRecord::Contract { .. } | AuthenticationRecord::Remote { .. } => (None, None, None),
    };
    Some(UploadedMedium {
        medium: key.hash(&identification),
        form: Form::of(&identification),
        contract,
        issuer: record.evco().map(|evco| evco.provider()),
        expires_at,
        pin,
    })
}
