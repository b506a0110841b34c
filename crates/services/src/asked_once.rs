//! Requests that must be carried out once however often they are sent: the identical one that comes while the first is
//! under way waits for its answer, and what lasts is answered again for a while ([`SharedAnswers`]).
//!
//! The work goes on in a task of its own: a caller that hangs up changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::service::Service;
use roamhub_core::ProcessId;
use roamhub_core::allowance::Ticket;
use roamhub_core::ports::LedgerError;
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, Inner};
use crate::reply::{CallerIds, Reply, Verdict};
use crate::shared_answers::{Given, Place};

/// How often shared answers are looked through for those whose time is over.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// What is asked. The body names who asks.
pub(crate) struct Asking {
    /// The call's id, where it is the first.
    pub(crate) process: ProcessId,
    /// For what.
    pub(crate) service: Service,
    /// The received bytes.
    pub(crate) body: Bytes,
    /// The caller's own ids.
    pub(crate) ids: CallerIds,
    /// What it counts against, unless it is a repeat.
    pub(crate) ticket: Option<Ticket>,
}

impl Asking {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.service.template());
        hash.update(&self.body);
        hash.finalize().into()
    }
}

impl Hub {
    /// Carries `work` out, or waits for the identical request that does so already, until `deadline`. Whoever asks the same
    /// later hears the answer if it is a `lasting` one.
    pub(crate) async fn asked_once<F>(
        &self,
        asking: Asking,
        deadline: Instant,
        lasting: fn(&Verdict) -> bool,
        work: impl FnOnce(Arc<Inner>) -> F,
    ) -> Reply
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let digest = asking.digest();
        let Asking { process, ids, ticket, .. } = asking;
        let mut answer = match self.inner.answers.place(digest, Instant::now(), ticket.as_ref()) {
            Place::TooOften(too_often) => {
                return Reply { process, verdict: Verdict::TooOften(too_often), ids };
            }
            Place::Answered(given) => return given.to(ids),
            Place::Later(answer) => answer,
            Place::First(giver) => {
                let (inner, answer, asked_by) = (self.inner.clone(), giver.subscribe(), ids.clone());
                let work = work(inner.clone());
                self.inner.tasks.spawn(async move {
                    let reply = work.await;
                    let lasts = lasting(&reply.verdict);
                    let given = Given::new(reply, &asked_by);
                    match lasts {
                        true => inner.answers.give(giver, given),
                        false => inner.answers.give_once(giver, given),
                    }
                });
                answer
            }
        };
        let deadline = tokio::time::Instant::from_std(deadline);
        let given = match timeout_at(deadline, answer.wait_for(Option::is_some)).await {
            Ok(Ok(given)) => given.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        match given {
            Some(given) => given.to(ids),
            None => Reply { process, verdict: Verdict::Ledger(LedgerError::Unknown), ids },
        }
    }

    /// Forgets shared answers whose time is over, until it is told to stop: where many were given and then nobody asks
    /// any more, their memory comes back.
    pub async fn forget_answers(self, stop: CancellationToken) {
        while stop.run_until_cancelled(sleep(FORGET_EVERY)).await.is_some() {
            self.inner.answers.expire(Instant::now());
        }
    }
}
