//! The questions about states: of all spots, of certain ones, of certain operators' (OICP 2.3, eRoamingPullEVSEStatus, -ByID,
//! -ByOperatorID). The protocol's text has three paths; one of the published documents sends all three to the first one, so
//! that [`PullEvseStatus::parse`] reads all of them.

use bytes::Bytes;

use super::EvseStatus;
use crate::body;
use crate::field::{At, Judge};
use crate::geo::{GeoPoint, SearchCenter};
use crate::ids::{EvseId, OperatorId, ProviderId};
use crate::place::Path;
use crate::rejected::Rejected;

/// Spots that one question may name.
pub const MOST_IDS: usize = 100;

/// `EVSEStatus` is how the text and the schema have it, `EvseStatus` how all examples do.
const NAMES: [&str; 6] = ["ProviderID", "SearchCenter", "EvseStatus", "EVSEStatus", "EvseID", "OperatorID"];

/// A question about states.
#[derive(Clone, Debug, PartialEq)]
pub struct PullEvseStatus {
    /// Who asks.
    pub provider_id: ProviderId,
    /// Of which spots.
    pub wanted: Wanted,
}

/// Of which spots a provider wants the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Of all, filtered. Answered by operator.
    All {
        /// Around a point.
        center: Option<SearchCenter>,
        /// In this state.
        status: Option<EvseStatus>,
    },
    /// Of these, at most [`MOST_IDS`]; which one does not exist is [`EvseStatus::EvseNotFound`]. Answered by spot.
    Spots(Vec<EvseId>),
    /// Of these operators, sorted. Answered by operator.
    Operators(Vec<OperatorId>),
}

/// Which of the three a path stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Any,
    Spots,
    Operators,
}

impl PullEvseStatus {
    /// Reads the body of `…/status-records`: a question about all spots, or one with a list of spots or operators.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation; two lists, or a list beside a filter, is one.
    pub fn parse(body: &Bytes) -> Result<Self, Rejected> {
        read(body, Expected::Any)
    }

    /// Reads the body of `…/status-records-by-id`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation.
    pub fn parse_by_id(body: &Bytes) -> Result<Self, Rejected> {
        read(body, Expected::Spots)
    }

    /// Reads the body of `…/status-records-by-operator-id`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation.
    pub fn parse_by_operator_id(body: &Bytes) -> Result<Self, Rejected> {
        read(body, Expected::Operators)
    }

    /// Whether a spot is asked for. `position` is `None` for a spot that has a state but no EVSE data; a search does not
    /// find it. `operator` is who uploaded the state.
    #[must_use]
    pub fn wants(
        &self,
        evse_id: EvseId,
        status: EvseStatus,
        operator: &OperatorId,
        position: Option<GeoPoint>,
    ) -> bool {
        match &self.wanted {
            Wanted::All { center, status: wanted } => {
                wanted.is_none_or(|wanted| wanted == status)
                    && center.is_none_or(|center| position.is_some_and(|point| center.holds(point)))
            }
            Wanted::Spots(spots) => spots.contains(&evse_id),
            Wanted::Operators(operators) => {
                let of = |operator| operators.binary_search(operator).is_ok();
                of(operator) || of(&evse_id.operator())
            }
        }
    }
}

fn read(body: &Bytes, expected: Expected) -> Result<PullEvseStatus, Rejected> {
    let (mut judge, object) = Judge::open(body::check(body)?, &NAMES)?;
    let [provider, center, status, status_upper, spots, operators] = object.values();
    let at = |name| Path::ROOT.member(name);
    let provider = judge.required(At::member("ProviderID"), provider);
    let provider_id = judge.parsed(at("ProviderID"), provider, ProviderId::parse);
    let wanted = match (expected, spots, operators) {
        (Expected::Any, Some(_), Some(_)) => {
            judge
                .violation(at("OperatorID"), "EvseID and OperatorID do not go together: send one of the two");
            None
        }
        (Expected::Any, None, None) => {
            let center = center.map(|raw| SearchCenter::read(at("SearchCenter"), raw, &mut judge));
            let status = judge.either(at("EvseStatus"), status, status_upper);
            let status = judge.word(at("EvseStatus"), status);
            Some(Wanted::All { center: center.flatten(), status })
        }
        (Expected::Any, Some(_), None) | (Expected::Spots, ..) => {
            alone(expected, "EvseID", center, status.or(status_upper), &mut judge);
            let spots = judge.required(At::member("EvseID"), spots);
            Some(Wanted::Spots(judge.one_or_many(at("EvseID"), spots, MOST_IDS, EvseId::parse)))
        }
        (Expected::Any, None, Some(_)) | (Expected::Operators, ..) => {
            alone(expected, "OperatorID", center, status.or(status_upper), &mut judge);
            let operators = judge.required(At::member("OperatorID"), operators);
            let operators = judge.filter(at("OperatorID"), operators, OperatorId::parse);
            Some(Wanted::Operators(operators))
        }
    };
    match (provider_id, wanted) {
        (Some(provider_id), Some(wanted)) if judge.violations.is_empty() => {
            Ok(PullEvseStatus { provider_id, wanted })
        }
        _ => Err(Rejected { violations: judge.violations, provider_id, ..Rejected::default() }),
    }
}

/// On the shared path, a list with a filter beside it has no answer that the protocol describes. On a path of its own the
/// filter is a member like any other that is not known.
fn alone(expected: Expected, list: &str, center: Option<&str>, status: Option<&str>, judge: &mut Judge<'_>) {
    for (name, filter) in [("SearchCenter", center), ("EvseStatus", status)] {
        if expected == Expected::Any && filter.is_some() {
            let message = format!("{name} does not go together with {list}: send one of the two");
            judge.violation(Path::ROOT.member(name), message);
        }
    }
}
