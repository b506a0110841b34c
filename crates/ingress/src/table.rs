//! The one table: what came of a call, as HTTP status and OICP code.
//!
//! HTTP 200 means judged or durable. What could not be stored is 503, because widespread clients resend only when they
//! see something else than 200, 401, 403 or 404.

use http::StatusCode;
use oicp::body::BodyProblem;
use oicp::status::Code;
use roamhub_core::ports::LedgerError;
use roamhub_services::{RemoteVerdict, Verdict};

/// What is wrong with a call before any service sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EdgeFault {
    /// No service lives at this path.
    UnknownPath,
    /// OICP knows the service, this hub does not offer it.
    NotOffered,
    /// OICP is POST only.
    Method,
    /// More than is read.
    TooLarge {
        /// The bound, in bytes.
        most: usize,
    },
    /// The body did not come in time.
    TooSlow,
    /// The connection broke within the body.
    BrokenOff,
    /// A Content-Encoding that is not read.
    Encoding,
    /// gzip was announced and is not what came.
    BrokenGzip,
    /// The bytes are no JSON text at all.
    Body(BodyProblem),
    /// The hub has too much under way.
    TooBusy,
    /// The partner has too many connections open, and this is the newest.
    TooManyConnections {
        /// The bound.
        most: usize,
    },
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The HTTP status.
    pub http: StatusCode,
    /// The OICP code.
    pub code: Code,
}

const fn row(http: StatusCode, code: Code) -> Row {
    Row { http, code }
}

/// The row of everybody who is not, or not known to be, who the call says.
pub const UNAUTHORISED: Row = row(StatusCode::UNAUTHORIZED, Code::UNAUTHORIZED);

/// The row of a service's verdict.
#[must_use]
pub fn of_verdict(verdict: &Verdict) -> Row {
    match verdict {
        Verdict::Relayed(ack) => row(StatusCode::OK, ack.status.code),
        Verdict::Deferred(_) | Verdict::GivenUp(_) | Verdict::Superseded => {
            row(StatusCode::OK, Code::NO_ANSWER)
        }
        Verdict::AcceptedForLater(_) | Verdict::InFeed(_) | Verdict::Fetched(_) | Verdict::Recorded => {
            row(StatusCode::OK, Code::SUCCESS)
        }
        Verdict::NotOffered(_) | Verdict::ProviderNotAsked => {
            row(StatusCode::OK, Code::SERVICE_NOT_AVAILABLE)
        }
        Verdict::SessionInvalid => row(StatusCode::OK, Code::SESSION_INVALID),
        Verdict::TooSoon { .. } | Verdict::Implausible(_) => row(StatusCode::OK, Code::DATA_ERROR),
        Verdict::ForeignEvse(_) => row(StatusCode::OK, Code::EVSE_INCONSISTENT),
        Verdict::Authorised(answer) => row(StatusCode::OK, answer.status.code),
        Verdict::NotAuthorised(status) => row(StatusCode::OK, status.code),
        Verdict::Remote(verdict) => of_remote(verdict),
        Verdict::Stopped(answer) => row(StatusCode::OK, answer.status.code),
        Verdict::Uploaded(verdict) => row(StatusCode::OK, verdict.code()),
        Verdict::NoContract => row(StatusCode::OK, Code::NO_CONTRACT),
        Verdict::UnknownProvider(_) => row(StatusCode::OK, Code::PARTNER_NOT_FOUND),
        Verdict::Locked(_) => row(StatusCode::OK, Code::UNAUTHORIZED),
        Verdict::Unauthorised(_) => UNAUTHORISED,
        Verdict::UnknownCaller(_) => row(StatusCode::NOT_FOUND, Code::PARTNER_NOT_FOUND),
        Verdict::IdMismatch { .. } => row(StatusCode::BAD_REQUEST, Code::DATA_ERROR),
        Verdict::Rejected(rejected) => match rejected.problem {
            Some(problem) if problem.unsupported_media() => {
                row(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::DATA_ERROR)
            }
            _ => row(StatusCode::BAD_REQUEST, Code::DATA_ERROR),
        },
        Verdict::Ledger(LedgerError::Contradiction) => {
            row(StatusCode::INTERNAL_SERVER_ERROR, Code::SYSTEM_ERROR)
        }
        Verdict::Ledger(
            LedgerError::Busy | LedgerError::Full | LedgerError::Unavailable | LedgerError::Unknown,
        )
        | Verdict::TooBusy => row(StatusCode::SERVICE_UNAVAILABLE, Code::DATABASE_ERROR),
        Verdict::TooOften(_) => row(StatusCode::TOO_MANY_REQUESTS, Code::GENERIC),
    }
}

/// The row of a remote request that its operator did not answer.
fn of_remote(verdict: &RemoteVerdict) -> Row {
    let code = match verdict {
        RemoteVerdict::UnknownOperator(_) => Code::PARTNER_NOT_FOUND,
        RemoteVerdict::NoContract(..) => Code::NO_CONTRACT,
        RemoteVerdict::NotOffered(..) => Code::SERVICE_NOT_AVAILABLE,
        RemoteVerdict::Busy(_)
        | RemoteVerdict::NotReached(_)
        | RemoteVerdict::Unconfirmed(_)
        | RemoteVerdict::MayBeStopped(_) => Code::NO_ANSWER,
        RemoteVerdict::SessionInvalid(_) => Code::SESSION_INVALID,
    };
    row(StatusCode::OK, code)
}

/// The row of a fault at the edge.
#[must_use]
pub fn of_fault(fault: &EdgeFault) -> Row {
    match fault {
        EdgeFault::UnknownPath | EdgeFault::NotOffered => row(StatusCode::NOT_FOUND, Code::SYSTEM_ERROR),
        EdgeFault::TooManyConnections { .. } => row(StatusCode::TOO_MANY_REQUESTS, Code::GENERIC),
        EdgeFault::Method => row(StatusCode::METHOD_NOT_ALLOWED, Code::DATA_ERROR),
        EdgeFault::TooLarge { .. } => row(StatusCode::PAYLOAD_TOO_LARGE, Code::DATA_ERROR),
        EdgeFault::TooBusy => row(StatusCode::SERVICE_UNAVAILABLE, Code::DATABASE_ERROR),
        EdgeFault::TooSlow => row(StatusCode::REQUEST_TIMEOUT, Code::DATA_ERROR),
        EdgeFault::Encoding => row(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::DATA_ERROR),
        EdgeFault::Body(problem) if problem.unsupported_media() => {
            row(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::DATA_ERROR)
        }
        EdgeFault::Body(_) | EdgeFault::BrokenOff | EdgeFault::BrokenGzip => {
            row(StatusCode::BAD_REQUEST, Code::DATA_ERROR)
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
