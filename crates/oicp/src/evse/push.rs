//! The upload of spots (OICP 2.3, eRoamingPushEvseData).

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::facts::{EvseFacts, EvseRecord};
use super::record;
use crate::action::ActionType;
use crate::body;
use crate::field::Judge;
use crate::finding::Finding;
use crate::ids::{EvseId, OperatorId};
use crate::json::{Shape, span};
use crate::place::Path;
use crate::rejected::Rejected;
use crate::repeated::{Repeated, repeated};
use crate::upload::{self, Uploaded};

const INNER: &str = "OperatorEvseData";

/// `OperatorId` is how one of the published examples has it.
const SHAPE: Shape<'static, 2, 4> = Shape {
    outer: &["ActionType", INNER],
    inner_at: 1,
    inner: &["OperatorID", "OperatorName", "EvseDataRecord", "OperatorId"],
    list_at: 2,
};

/// An upload whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct PushEvseData {
    body: Bytes,
    operator_id: OperatorId,
    operator_name: String,
    action: ActionType,
    /// Where each record stands, and what it says: some 150 bytes for a record of at least 500.
    records: Vec<(Range<usize>, EvseFacts)>,
    findings: Vec<Finding>,
}

impl PushEvseData {
    /// Reads a received body and judges every record.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the violations of all records, bounded.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&body)?;
        let mut records = Vec::new();
        let uploaded = upload::read(text, &SHAPE, |judge, at, element| {
            let facts = record::read(at, element, judge);
            if let Some(facts) = facts.filter(|_| judge.violations.is_empty()) {
                records.push((span(text, element), facts));
            }
        })?;
        let Uploaded { mut judge, action, inner, .. } = uploaded;
        let (mut operator_id, mut operator_name) = (None, None);
        if let Some([id, name, _, id_other]) = inner {
            (operator_id, operator_name) = upload::operator(INNER, id, id_other, name, &mut judge);
            if name.is_none() {
                judge.violation(Path::ROOT.member(INNER).member("OperatorName"), "OperatorName is missing");
            }
        }
        let Judge { violations, findings, .. } = judge;
        match (operator_id, operator_name, action) {
            (Some(operator_id), Some(operator_name), Some(action)) if violations.is_empty() => {
                Ok(Self { body: body.clone(), operator_id, operator_name, action, records, findings })
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
    pub fn operator_name(&self) -> &str {
        &self.operator_name
    }

    /// What is done with the records.
    #[must_use]
    pub fn action(&self) -> ActionType {
        self.action
    }

    /// Whether it removes all that the operator has: a full load of nothing. It is legal, and some programs send it to see
    /// whether the hub is there.
    #[must_use]
    pub fn empties(&self) -> bool {
        self.action == ActionType::FullLoad && self.records.is_empty()
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records, in order. None is read again.
    pub fn records(&self) -> impl ExactSizeIterator<Item = EvseRecord> {
        self.records.iter().map(|(place, facts)| EvseRecord::new(self.body.slice(place.clone()), *facts))
    }

    /// What the records say, in order.
    pub fn facts(&self) -> impl ExactSizeIterator<Item = &EvseFacts> {
        self.records.iter().map(|(_, facts)| facts)
    }

    /// Records about a spot that an earlier record is about: 018.
    #[must_use]
    pub fn repeated(&self) -> Vec<Repeated<EvseId>> {
        repeated(|| self.facts().map(|facts| facts.evse_id))
    }

    /// What is odd, of all records together, bounded.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// JSON pointer to a record.
    #[must_use]
    pub fn pointer(index: usize) -> String {
        format!("/OperatorEvseData/EvseDataRecord/{index}")
    }
}

impl fmt::Debug for PushEvseData {
    /// Without the body, which is long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushEvseData")
            .field("operator_id", &self.operator_id)
            .field("action", &self.action)
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
