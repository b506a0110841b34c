//! Everything that the hub's own services refuse: HTTP status, OICP code, and words that say what to do next. The body
//! is that of all refusals.

use http::StatusCode;
use oicp::fault::Fault;
use oicp::status::{Code, Status};
use oicp::violation::Violations;
use oicp::{IdError, OperatorId, ProviderId};
use roamhub_core::Partner;
use roamhub_core::feed::Position;
use roamhub_core::ports::LedgerError;
use roamhub_services::identity::{NotAdmitted, Unauthorised};

use crate::table::{self, EdgeFault, Row};

/// Why a call is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PartnerFault {
    /// Nothing lives at this path.
    UnknownPath,
    /// The caller is not, or not known to be, who the path says.
    Unauthorised(Box<Unauthorised>),
    /// Another method is meant.
    Method(&'static str),
    /// The id in the path is none.
    NoId(IdError),
    /// No such operator is registered.
    UnknownOperator(OperatorId),
    /// No such provider is registered.
    UnknownProvider(ProviderId),
    /// A parameter, a header or the body is not right; in words.
    Query(String),
    /// The cursor is none that this feed ever gave.
    BeyondTheEnd {
        /// Where the feed ends.
        last: Position,
    },
    /// There is no such message or session of this partner.
    NotFound(&'static str),
    /// The provider follows its feed too often at once.
    TooManyStreams,
    /// The body cannot be read.
    Body(EdgeFault),
    /// The ledger does not answer.
    Ledger(LedgerError),
}

impl From<LedgerError> for PartnerFault {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<NotAdmitted> for PartnerFault {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::Unauthorised(why) => Self::Unauthorised(why),
            NotAdmitted::Unregistered(Partner::Operator(id)) => Self::UnknownOperator(id),
            NotAdmitted::Unregistered(Partner::Provider(id)) => Self::UnknownProvider(id),
        }
    }
}

impl PartnerFault {
    /// HTTP status and OICP code.
    #[must_use]
    pub fn row(&self) -> Row {
        let (http, code) = match self {
            Self::UnknownPath => (StatusCode::NOT_FOUND, Code::SYSTEM_ERROR),
            Self::Unauthorised(_) => return table::UNAUTHORISED,
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, Code::DATA_ERROR),
            Self::NoId(_) | Self::Query(_) | Self::BeyondTheEnd { .. } => {
                (StatusCode::BAD_REQUEST, Code::DATA_ERROR)
            }
            Self::UnknownOperator(_) | Self::UnknownProvider(_) => {
                (StatusCode::NOT_FOUND, Code::PARTNER_NOT_FOUND)
            }
            Self::NotFound(_) => (StatusCode::NOT_FOUND, Code::DATA_ERROR),
            Self::TooManyStreams => (StatusCode::TOO_MANY_REQUESTS, Code::SERVICE_NOT_AVAILABLE),
            Self::Body(fault) => return table::of_fault(fault),
            Self::Ledger(LedgerError::Contradiction) => {
                (StatusCode::INTERNAL_SERVER_ERROR, Code::SYSTEM_ERROR)
            }
            Self::Ledger(
                LedgerError::Busy | LedgerError::Full | LedgerError::Unavailable | LedgerError::Unknown,
            ) => (StatusCode::SERVICE_UNAVAILABLE, Code::DATABASE_ERROR),
        };
        Row { http, code }
    }

    /// What is wrong, and what to do about it.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::UnknownPath => {
                "nothing lives here; under /api/hub/v1 there are keys, operators/{OperatorID}/receipts, \
                 providers/{ProviderID}/receipts and providers/{ProviderID}/notifications"
                    .to_owned()
            }
            Self::Unauthorised(why) => why.to_string(),
            Self::Method(allowed) => format!("this address is called with {allowed}"),
            Self::NoId(error) => format!("the id in the path is {error}"),
            Self::UnknownOperator(id) => format!("no operator {id} is registered at this hub"),
            Self::UnknownProvider(id) => format!("no provider {id} is registered at this hub"),
            Self::Query(what) => what.clone(),
            Self::BeyondTheEnd { last } => format!(
                "this feed ends at {last}, so the cursor is not one of it; read on without `after` from what is \
                 confirmed, or from after=0"
            ),
            Self::NotFound(what) => (*what).to_owned(),
            Self::TooManyStreams => "too many streams of this feed are open; close one first".to_owned(),
            Self::Body(fault) => crate::answer::fault_in_words(fault),
            Self::Ledger(LedgerError::Contradiction) => "the hub failed; its log says how".to_owned(),
            Self::Ledger(_) => "the hub cannot use its ledger at the moment; ask again".to_owned(),
        }
    }

    /// Whether the connection is in no state to read on.
    pub(super) fn read_nothing(&self) -> bool {
        matches!(self, Self::Body(EdgeFault::TooSlow | EdgeFault::BrokenOff))
    }

    /// Whether the caller has not even proved to be a partner.
    pub(super) fn is_a_strangers(&self) -> bool {
        matches!(self, Self::Unauthorised(why) if !why.is_a_partner())
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let message = self.in_words();
        Fault {
            status: Status::new(self.row().code).with_info(message.clone()),
            message,
            session_id: None,
            cpo_partner_session_id: None,
            emp_partner_session_id: None,
            violations: &Violations::default(),
            not_authorized: false,
        }
        .to_json()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn the_table_of_the_hubs_own_services() {
        let faults = [
            PartnerFault::UnknownPath,
            PartnerFault::Method("GET"),
            PartnerFault::NoId(OperatorId::parse("ABC").unwrap_err()),
            PartnerFault::UnknownOperator(OperatorId::parse("DE*ABC").unwrap()),
            PartnerFault::UnknownProvider(ProviderId::parse("DE-DCB").unwrap()),
            PartnerFault::Query("limit is a number from 1 to 1000".to_owned()),
            PartnerFault::BeyondTheEnd { last: Position::BEGINNING },
            PartnerFault::NotFound("no message"),
            PartnerFault::TooManyStreams,
            PartnerFault::Body(EdgeFault::TooLarge { most: 4096 }),
            PartnerFault::Ledger(LedgerError::Busy),
            PartnerFault::Ledger(LedgerError::Contradiction),
        ];
        let mut table = String::new();
        for fault in &faults {
            let row = fault.row();
            writeln!(table, "{} {} {}", row.http.as_u16(), row.code, fault.in_words()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
