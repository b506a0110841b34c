//! The upload of which spot has which products (OICP 2.3, eRoamingPushEVSEPricing). It does not say who uploads: that is the
//! id in the path.

use std::fmt;

use bytes::Bytes;

use super::PricedFor;
use crate::action::ActionType;
use crate::body;
use crate::field::{At, Judge};
use crate::finding::Finding;
use crate::ids::EvseId;
use crate::json;
use crate::parts::Part;
use crate::place::Path;
use crate::rejected::Rejected;
use crate::repeated::{Repeated, repeated};
use crate::upload::{self, List};

const NAMES: [&str; 2] = ["ActionType", "EVSEPricing"];

/// The products of one spot, in the bytes in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvsePricing {
    /// The spot.
    pub evse_id: EvseId,
    /// For whom.
    pub priced_for: PricedFor,
    /// The record as it was received. A part of the whole push, which stays in memory as long as this does.
    pub bytes: Bytes,
}

/// An upload whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct PushEvsePricing {
    body: Bytes,
    action: ActionType,
    list: List,
    findings: Vec<Finding>,
}

impl PushEvsePricing {
    /// Reads a received body and judges every record.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the violations of all records, bounded. Other than with other uploads, an empty list is one.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&body)?;
        let (mut judge, object) = Judge::open(text, &NAMES)?;
        let [action, records] = object.values();
        let action = upload::action(&mut judge, action);
        let records = judge.required(At::member("EVSEPricing"), records);
        let at = Path::ROOT.member("EVSEPricing");
        let count = judge.each(at, records, |judge, at, raw| {
            record(at, raw, judge);
        });
        if count == Some(0) {
            judge.violation(at, "expected at least one record");
        }
        let Judge { violations, findings, .. } = judge;
        match (action, records, count) {
            (Some(action), Some(records), Some(count)) if violations.is_empty() => {
                let list = json::span(text, records);
                // Without the brackets.
                let list = List { range: list.start + 1..list.end - 1, count };
                Ok(Self { body: body.clone(), action, list, findings })
            }
            _ => Err(violations.into()),
        }
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What is done with the records.
    #[must_use]
    pub fn action(&self) -> ActionType {
        self.action
    }

    /// How many records there are; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.list.count
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = EvsePricing> {
        self.list.elements(&self.body).filter_map(|raw| {
            let (evse_id, priced_for) = record(Path::ROOT, raw, &mut Judge::new(raw, &[]))?;
            Some(EvsePricing { evse_id, priced_for, bytes: self.body.slice_ref(raw.as_bytes()) })
        })
    }

    /// Records about a spot and a provider that an earlier record is about.
    #[must_use]
    pub fn repeated(&self) -> Vec<Repeated<(EvseId, PricedFor)>> {
        repeated(|| self.records().map(|record| (record.evse_id, record.priced_for)))
    }

    /// What is odd, of all records together, bounded.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// JSON pointer to a record.
    #[must_use]
    pub fn pointer(index: usize) -> String {
        format!("/EVSEPricing/{index}")
    }
}

impl fmt::Debug for PushEvsePricing {
    /// Without the body, which is long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushEvsePricing")
            .field("action", &self.action)
            .field("records", &self.list.count)
            .finish_non_exhaustive()
    }
}

fn record(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) -> Option<(EvseId, PricedFor)> {
    const NAMES: [&str; 3] = ["EvseID", "ProviderID", "EvseIDProductList"];
    let values = judge.members(at, raw, &NAMES)?;
    let part = Part::new(&at, raw, &NAMES);
    for (name, value) in NAMES.into_iter().zip(values) {
        part.need(name, value, judge);
    }
    let [evse_id, provider, products] = values;
    let evse_id = judge.parsed(at.member("EvseID"), evse_id, EvseId::parse);
    let provider = judge.parsed(at.member("ProviderID"), provider, PricedFor::parse);
    let place = at.member("EvseIDProductList");
    let count = judge.each(place, products, |judge, at, raw| judge.sized(at, Some(raw), 1..=50));
    if count == Some(0) {
        judge.violation(place, "expected at least one ProductID");
    }
    Some((evse_id?, provider?))
}

/// Appends a record as it is answered: for everybody is written as for whoever asks, which is what the published document
/// has there.
pub(super) fn write(record: &[u8], asked_by: &str, out: &mut Vec<u8>) {
    let mut splices = Vec::new();
    if let Ok(text) = std::str::from_utf8(record)
        && let Ok(object) = json::scan(text, &["ProviderID"])
        && let [Some(provider)] = object.values()
        && json::string(provider).as_deref() == Some("*")
    {
        splices.push(json::Splice { range: json::span(text, provider), text: format!("\"{asked_by}\"") });
    }
    json::splice_into(out, record, &mut splices);
}
