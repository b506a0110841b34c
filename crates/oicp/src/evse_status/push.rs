//! The upload of states (OICP 2.3, eRoamingPushEvseStatus).

use std::fmt;

use bytes::Bytes;

use super::EvseStatus;
use crate::action::ActionType;
use crate::body;
use crate::field::Judge;
use crate::finding::Finding;
use crate::ids::{EvseId, OperatorId};
use crate::json::Shape;
use crate::parts::Part;
use crate::place::{Path, Place};
use crate::rejected::Rejected;
use crate::repeated::{Repeated, repeated};
use crate::upload::{self, List};

const INNER: &str = "OperatorEvseStatus";

/// `OperatorId` is how one of the published examples of another service has it.
const SHAPE: Shape<'static, 2, 4> = Shape {
    outer: &["ActionType", INNER],
    inner_at: 1,
    inner: &["OperatorID", "OperatorName", "EvseStatusRecord", "OperatorId"],
    list_at: 2,
};

/// What an operator says of one spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvseStatusRecord {
    /// The spot.
    pub evse_id: EvseId,
    /// Its state; never [`EvseStatus::EvseNotFound`].
    pub status: EvseStatus,
}

/// An upload whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct PushEvseStatus {
    body: Bytes,
    operator_id: OperatorId,
    operator_name: Option<String>,
    action: ActionType,
    list: List,
    findings: Vec<Finding>,
}

impl PushEvseStatus {
    /// Reads a received body and judges every record.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the violations of all records, bounded.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&body)?;
        let mut uploaded = upload::read(text, &SHAPE, |judge, at, element| {
            record(at, element, judge);
        })?;
        let (mut operator_id, mut operator_name) = (None, None);
        if let Some([id, name, _, id_other]) = uploaded.inner {
            (operator_id, operator_name) = upload::operator(INNER, id, id_other, name, &mut uploaded.judge);
        }
        let Judge { violations, findings, .. } = uploaded.judge;
        match (operator_id, uploaded.action) {
            (Some(operator_id), Some(action)) if violations.is_empty() => {
                let list = uploaded.list;
                Ok(Self { body: body.clone(), operator_id, operator_name, action, list, findings })
            }
            _ => Err(Rejected { violations, operator_id, ..Rejected::default() }),
        }
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Who uploads: an operator, also for those that it bundles.
    #[must_use]
    pub fn operator_id(&self) -> OperatorId {
        self.operator_id
    }

    /// Its name, at most 100 characters.
    #[must_use]
    pub fn operator_name(&self) -> Option<&str> {
        self.operator_name.as_deref()
    }

    /// What is done with the records.
    #[must_use]
    pub fn action(&self) -> ActionType {
        self.action
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.count
    }

    /// Whether there is no record; a full load of none removes all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.count == 0
    }

    /// The records, in order. They are read from the received bytes as they are asked for: nothing is kept.
    pub fn records(&self) -> impl Iterator<Item = EvseStatusRecord> {
        // They were read before: what cannot be read now could not be then.
        self.list.elements(&self.body).filter_map(|raw| record(Path::ROOT, raw, &mut Judge::new(raw, &[])))
    }

    /// Records about a spot that an earlier record is about: 018.
    #[must_use]
    pub fn repeated(&self) -> Vec<Repeated<EvseId>> {
        repeated(|| self.records().map(|record| record.evse_id))
    }

    /// What is odd, of all records together, bounded.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// JSON pointer to a record.
    #[must_use]
    pub fn pointer(index: usize) -> String {
        format!("/OperatorEvseStatus/EvseStatusRecord/{index}")
    }
}

impl fmt::Debug for PushEvseStatus {
    /// Without the body, which is long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushEvseStatus")
            .field("operator_id", &self.operator_id)
            .field("action", &self.action)
            .field("records", &self.list.count)
            .finish_non_exhaustive()
    }
}

fn record(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<EvseStatusRecord> {
    const NAMES: [&str; 2] = ["EvseID", "EvseStatus"];
    let [evse_id, status] = judge.members(at, raw, &NAMES)?;
    let part = Part::new(&at, raw, &NAMES);
    let evse_id = part.need("EvseID", evse_id, judge);
    let evse_id = judge.parsed(at.member("EvseID"), evse_id, EvseId::parse);
    let status = part.need("EvseStatus", status, judge);
    let status = pushed(at.member("EvseStatus"), status, judge);
    Some(EvseStatusRecord { evse_id: evse_id?, status: status? })
}

/// A state that an operator can know.
fn pushed(at: impl Place, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<EvseStatus> {
    let status = judge.word(at, raw)?;
    if status == EvseStatus::EvseNotFound {
        judge.violation(at, "EvseNotFound is what the hub answers: send the state, or Unknown");
        return None;
    }
    Some(status)
}
