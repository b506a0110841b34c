//! A charge detail record (OICP 2.3, eRoamingChargeDetailRecord): what a session came to, and what is billed.
//!
//! The acknowledgement depends on storing alone, never on the provider: the record goes on by the delivery engine, behind
//! the call. Order of checks: structure, operator, session; a repeat is answered before any rule it could break; then the
//! clock, the EVSE, and the one transaction that stores it and closes the session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::service::Service;
use oicp::{ChargeDetailRecord, Finding, OperatorId};
use roamhub_core::allowance::Limited;
use roamhub_core::directory::{Directory, OfferedService, Operator, Provider};
use roamhub_core::order::RECORD_WAITS;
use roamhub_core::plausibility::{self, EVSE_CHANGED, EVSE_OUTSIDE_BUNDLE};
use roamhub_core::ports::LedgerError;
use roamhub_core::ports::cdr::{CdrIntake, CdrPlan, CdrTaken};
use roamhub_core::retry::later;
use roamhub_core::session::SessionFacts;
use roamhub_core::{Partner, ProcessId};
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use crate::allowances::counted;
use crate::caller;
use crate::hub::{Hub, Inner};
use crate::identity::Identity;
use crate::large::parsed;
use crate::metrics::FindingLabels;
use crate::reply::{CallerIds, Reply, Verdict};

/// From the call's arrival to its answer, whatever the ledger does.
const PATIENCE: Duration = Duration::from_millis(7_900);

/// A call that brings a record.
struct Call {
    process: ProcessId,
    arrived: Instant,
    /// What was odd about how it was sent.
    odd: Option<Finding>,
}

impl Hub {
    /// Takes a record in. `operator` is the id in the path, the only one there is; `odd` is what was odd about how it was
    /// sent; `arrived` is when the call began.
    pub async fn record(
        &self,
        who: &Identity,
        operator: &str,
        body: Bytes,
        odd: Option<Finding>,
        arrived: Instant,
    ) -> Reply {
        let process = ProcessId::new();
        let caller = OperatorId::parse(operator).ok().map(Partner::Operator);
        let record = match parsed(body, ChargeDetailRecord::parse).await {
            Err(error) => {
                let ids = CallerIds { partner: caller, ..CallerIds::default() };
                return Reply { process, verdict: Verdict::Ledger(error), ids };
            }
            Ok(Ok(record)) => record,
            Ok(Err(rejected)) => {
                let ids = CallerIds { partner: caller, ..CallerIds::of_rejected(&rejected) };
                return Reply { process, verdict: Verdict::Rejected(Box::new(rejected)), ids };
            }
        };
        let mut ids = CallerIds {
            partner: caller,
            session: Some(record.session_id().to_string()),
            cpo_partner_session: record.cpo_partner_session_id().map(str::to_owned),
            emp_partner_session: record.emp_partner_session_id().map(str::to_owned),
        };
        let until = tokio::time::Instant::from_std(arrived + PATIENCE);
        let call = Call { process, arrived, odd };
        let work = self.inner.record(who, call, operator, &record, &mut ids);
        let (process, verdict) = match timeout_at(until, work).await.unwrap_or(Err(LedgerError::Unknown)) {
            Ok(noted) => noted,
            Err(error) => (process, Verdict::Ledger(error)),
        };
        Reply { process, verdict, ids }
    }
}

impl Inner {
    /// The verdict, and the id it is under: a repeat is answered under the first's.
    async fn record(
        &self,
        who: &Identity,
        Call { process, arrived, odd }: Call,
        operator: &str,
        record: &ChargeDetailRecord,
        ids: &mut CallerIds,
    ) -> Result<(ProcessId, Verdict), LedgerError> {
        let directory = self.partners.directory();
        let operator = match caller::operator_of_path(who, operator, &directory) {
            Ok(operator) => operator,
            Err(verdict) => return Ok((process, *verdict)),
        };
        let ticket = self.ticket(&*operator, Limited::Operation(Service::ChargeDetailRecord), arrived);
        let counted = |verdict| Ok((process, counted(ticket.as_ref(), verdict)));
        let Some(session) = self.session_of(record.session_id(), &operator).await? else {
            return counted(Verdict::SessionInvalid);
        };
        if ids.emp_partner_session.is_none() {
            ids.emp_partner_session.clone_from(&session.emp_partner_session_id);
        }
        let digest: [u8; 32] = Sha256::digest(record.body()).into();
        if let Some(known) = self.ledger.cdr_of(session.key).await? {
            return match known.digest == digest {
                true => Ok((known.process, Verdict::Recorded)),
                false => counted(Verdict::SessionInvalid),
            };
        }
        if let Err(rejected) = record.check_at(self.clock.now()) {
            return counted(Verdict::Rejected(Box::new(rejected)));
        }
        let findings = match self.findings_of_record(record, odd, &session, &operator, &directory) {
            Ok(findings) => findings,
            Err(verdict) => return counted(*verdict),
        };
        let intake = self.intake_of_record(process, record, digest, &session, findings, &directory);
        let intake = CdrIntake { ticket: ticket.clone(), ..intake };
        let plan = intake.plan;
        match self.ledger.take_in_cdr(Arc::new(intake)).await? {
            CdrTaken::Stored => {
                if let CdrPlan::Owe { .. } = plan {
                    self.relay.look_what_is_due();
                }
                Ok((process, Verdict::Recorded))
            }
            CdrTaken::Repeat(first) => Ok((first, Verdict::Recorded)),
            CdrTaken::SessionInvalid => Ok((process, Verdict::SessionInvalid)),
            CdrTaken::TooOften(too_often) => Ok((process, Verdict::TooOften(too_often))),
        }
    }

    /// What is odd about the record. Somebody else's EVSE is refused: a wrong record bills one. A lock or an ended contract
    /// is not the record's fault: what the hub let begin, it lets be billed.
    fn findings_of_record(
        &self,
        record: &ChargeDetailRecord,
        odd: Option<Finding>,
        session: &SessionFacts,
        operator: &Operator,
        directory: &Directory,
    ) -> Result<Vec<Finding>, Box<Verdict>> {
        let mut findings = record.findings().to_vec();
        findings.extend(odd);
        let own = findings.len();
        findings.extend(plausibility::against_session(record.evse_id(), session, operator, directory));
        for finding in &findings {
            let labels = FindingLabels { operator: operator.id, code: finding.code };
            self.metrics.findings.get_or_create(&labels).inc();
        }
        let foreign = |finding: &&Finding| finding.code == EVSE_OUTSIDE_BUNDLE;
        if let Some(foreign) = findings.iter().find(foreign) {
            return Err(Box::new(Verdict::ForeignEvse(vec![foreign.clone()])));
        }
        if operator.strict {
            let changed = findings.iter().skip(own).filter(|finding| finding.code == EVSE_CHANGED);
            let faults: Vec<_> = findings.iter().take(own).chain(changed).cloned().collect();
            if !faults.is_empty() {
                return Err(Box::new(Verdict::Implausible(faults)));
            }
        }
        Ok(findings)
    }

    fn intake_of_record(
        &self,
        process: ProcessId,
        record: &ChargeDetailRecord,
        digest: [u8; 32],
        session: &SessionFacts,
        findings: Vec<Finding>,
        directory: &Directory,
    ) -> CdrIntake {
        let now = self.clock.now();
        let takes =
            |provider: &Provider| provider.endpoint(OfferedService::Cdr).is_some() && !provider.locked;
        let plan = match directory.provider(&session.provider) {
            Some(provider) if takes(provider) => CdrPlan::Owe { by: later(now, RECORD_WAITS) },
            _ => CdrPlan::Hold,
        };
        CdrIntake {
            process,
            received_at: now,
            session: session.key,
            operator: session.operator,
            provider: session.provider,
            body: record.body().clone(),
            digest,
            evse: record.evse_id(),
            medium: self.medium_key.hash(record.identification()),
            findings,
            has_pin: record.has_pin(),
            plan,
            ticket: None,
        }
    }
}
