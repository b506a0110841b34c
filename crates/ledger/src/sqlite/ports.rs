//! The ledger's ports for messages, sessions and what is looked at of them: each call is a job for the writer or a short
//! read. Concerns with a file of their own have their port there.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oicp::{OperatorId, ProviderId};
use roamhub_core::delivery::Lease;
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{
    AttemptRecord, Claimed, ClockStepPort, DeliveryPort, Due, Fate, Intake, IntakePort, Ledger, LedgerError,
    LedgerTask, PartnerPort, RecordPort, SessionPort, Settled, Taken, Told, TurnNow,
};
use roamhub_core::rank::Rank;
use roamhub_core::records::{MessageRecord, Refusal, SessionRecord};
use roamhub_core::room::Room;
use roamhub_core::session::{AuthorisationOutcome, PendingSession, SessionFacts};
use roamhub_core::{ProcessId, SessionKey};

use super::writer::Desk;
use super::{Sqlite, claims, clock_step, deliveries, intake, records, sessions};

impl Sqlite {
    /// Forgets a lease once the work that ends it is committed.
    async fn end_lease(
        &self,
        lease: Lease,
        work: impl Future<Output = Result<Settled, LedgerError>>,
    ) -> Result<Settled, LedgerError> {
        let settled = work.await?;
        if settled == Settled::Recorded {
            self.tenure.released(lease);
        }
        Ok(settled)
    }
}

impl IntakePort for Sqlite {
    fn take_in(&self, intake: Arc<Intake>) -> LedgerTask<'_, Taken> {
        if !self.space.room().takes(intake.kind) {
            return Box::pin(ready(Err(LedgerError::Full)));
        }
        let rank = Rank::of(intake.kind);
        Box::pin(self.writer.work_as(rank, move |desk| intake::take_in(desk, &intake)))
    }
}

impl DeliveryPort for Sqlite {
    fn take_turn(&self, lease: Lease, now: Timestamp) -> LedgerTask<'_, TurnNow> {
        Box::pin(self.writer.work(move |desk| deliveries::take_turn(desk, lease, now)))
    }

    fn defer(&self, lease: Lease, now: Timestamp, due_at: Timestamp) -> LedgerTask<'_, Settled> {
        let work = move |desk: &mut Desk<'_>| deliveries::defer(desk, lease, now, due_at);
        Box::pin(self.end_lease(lease, self.writer.work(work)))
    }

    fn settle(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
    ) -> LedgerTask<'_, Settled> {
        let work = move |desk: &mut Desk<'_>| deliveries::settle(desk, lease, now, &attempt, &fate);
        Box::pin(self.end_lease(lease, self.writer.work(work)))
    }

    fn settle_and_tell(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
        told: Told<Settled>,
    ) {
        let tenure = self.tenure.clone();
        let tell = move |settled| {
            if let Ok(Settled::Recorded) = settled {
                tenure.released(lease);
            }
            told(settled);
        };
        self.writer.work_and_tell(move |desk| deliveries::settle(desk, lease, now, &attempt, &fate), tell);
    }

    fn claim_due(
        &self,
        provider: ProviderId,
        only: Option<Urgency>,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Claimed> {
        Box::pin(self.writer.work(move |desk| {
            let wanted = claims::Wanted { provider, only, now, limit };
            claims::claim_due(desk, &wanted, lease_until)
        }))
    }

    fn sweep(&self, now: Timestamp) -> LedgerTask<'_, usize> {
        Box::pin(async move {
            let sweeping = self.writer.work(move |desk| {
                let expired = desk.tenure.expired(now.as_microsecond());
                let returned = deliveries::sweep(desk, &expired, now)?;
                Ok((returned, expired))
            });
            let (returned, expired) = sweeping.await?;
            expired.into_iter().for_each(|(lease, _)| self.tenure.released(lease));
            Ok(returned)
        })
    }

    fn due(&self, now: Timestamp) -> LedgerTask<'_, Due> {
        Box::pin(self.readers.read(move |connection| claims::due(connection, now)))
    }
}

impl ClockStepPort for Sqlite {
    fn clock_stepped(&self, _now: Timestamp, by: SignedDuration) -> LedgerTask<'_, usize> {
        Box::pin(self.writer.work(move |desk| clock_step::clock_stepped(desk, by)))
    }
}

impl SessionPort for Sqlite {
    fn session_facts(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionFacts>> {
        Box::pin(self.readers.read(move |connection| sessions::facts(connection, key)))
    }

    fn open_pending(&self, session: PendingSession) -> LedgerTask<'_, ()> {
        if !self.space.room().opens_sessions() {
            return Box::pin(ready(Err(LedgerError::Full)));
        }
        Box::pin(self.writer.work_as(Rank::Driver, move |desk| sessions::open_pending(desk, &session)))
    }

    fn decide(&self, outcome: AuthorisationOutcome) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.work(move |desk| sessions::decide(desk, &outcome)))
    }

    fn note_conflict(&self, session: SessionKey, operator: OperatorId, provider: ProviderId, at: Timestamp) {
        if !self.writer.write_unheard(move |connection| {
            sessions::note_conflict(connection, session, &operator, &provider, at)
        }) {
            tracing::warn!("a conflict was not kept: the ledger is busy");
        }
    }

    fn remembered_provider(&self, medium: [u8; 32]) -> LedgerTask<'_, Option<ProviderId>> {
        Box::pin(self.readers.read(move |connection| sessions::remembered_provider(connection, &medium)))
    }

    fn medium_key(&self) -> LedgerTask<'_, [u8; 32]> {
        Box::pin(self.writer.write(sessions::medium_key))
    }
}

impl RecordPort for Sqlite {
    fn note_refusal(&self, refusal: Refusal) {
        // What is left is for Ends and outcomes.
        if self.space.room() != Room::Ample {
            return;
        }
        self.refusals.note(refusal, &self.writer);
    }

    fn message(&self, process: ProcessId) -> LedgerTask<'_, Option<MessageRecord>> {
        Box::pin(self.readers.read(move |connection| records::message(connection, process)))
    }

    fn messages_of(&self, session: SessionKey) -> LedgerTask<'_, Vec<MessageRecord>> {
        let recent = self.recent.clone();
        Box::pin(self.readers.read(move |connection| {
            let known = recent.messages_of(connection, session)?;
            records::messages(connection, known)
        }))
    }

    fn session(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionRecord>> {
        Box::pin(self.readers.read(move |connection| sessions::record(connection, key)))
    }

    fn refusals(&self, limit: usize) -> LedgerTask<'_, Vec<Refusal>> {
        Box::pin(self.readers.read(move |connection| records::refusals(connection, None, limit)))
    }

    fn backlog(&self) -> LedgerTask<'_, Vec<(ProviderId, u64)>> {
        let tenure = self.tenure.clone();
        Box::pin(self.readers.read(move |connection| records::backlog(connection, &tenure)))
    }
}

impl PartnerPort for Sqlite {
    fn load_partners(&self) -> LedgerTask<'_, Option<String>> {
        Box::pin(self.readers.read(records::load_partners))
    }

    fn store_partners(&self, document: String, at: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| records::store_partners(connection, &document, at)))
    }
}

impl Ledger for Sqlite {
    fn probe(&self, at: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| records::probe(connection, at)))
    }

    fn room(&self) -> Room {
        self.space.room()
    }

    fn since_last_commit(&self) -> Duration {
        self.writer.since_last_commit()
    }
}
