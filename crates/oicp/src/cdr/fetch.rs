//! The question by which a provider fetches records: those that the hub received within a window, filtered.

use bytes::Bytes;

use crate::body;
use crate::field::{At, Judge};
use crate::ids::{OperatorId, ProviderId, SessionId};
use crate::json;
use crate::parts::MOST_FILTERS;
use crate::place::Path;
use crate::rejected::Rejected;
use crate::time::DateTime;

const NAMES: [&str; 7] =
    ["ProviderID", "From", "To", "SessionID", "OperatorID", "CDRForwarded", "CDRForwarder"];

/// OICP 2.3, eRoamingGetChargeDetailRecords 2.2. What is not named is not filtered.
#[derive(Clone, Debug, PartialEq)]
pub struct GetChargeDetailRecords {
    /// Who asks.
    pub provider_id: ProviderId,
    /// Received by the hub then or later.
    pub from: DateTime,
    /// Received by the hub then or earlier.
    pub to: DateTime,
    /// Of these sessions.
    pub sessions: Vec<SessionId>,
    /// Of these operators.
    pub operators: Vec<OperatorId>,
    /// Whether the provider's endpoint has taken it.
    pub forwarded: Option<bool>,
}

impl GetChargeDetailRecords {
    /// Reads a received body. The filters may be a value or a list of them, `CDRForwarded` may be spelt as one of the
    /// published schemas does.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure; a window that ends before it begins is one.
    pub fn parse(body: &Bytes) -> Result<Self, Rejected> {
        let (mut judge, object) = Judge::open(body::check(body)?, &NAMES)?;
        let [provider, from, to, session, operator, forwarded, forwarder] = object.values();

        let at = At::member("ProviderID");
        let provider = judge.required(at, provider);
        let provider_id = judge.parsed(at, provider, ProviderId::parse);
        let mut moment = |at, raw| {
            let raw = judge.required(at, raw);
            judge.date_time(at, raw)
        };
        let (from, to) = (moment(At::member("From"), from), moment(At::member("To"), to));
        if let (Some(from), Some(to)) = (from, to)
            && from.instant() > to.instant()
        {
            judge.violation(At::member("From"), format!("{from} is later than To, {to}"));
        }
        let sessions =
            judge.one_or_many(Path::ROOT.member("SessionID"), session, MOST_FILTERS, SessionId::parse);
        let operators =
            judge.one_or_many(Path::ROOT.member("OperatorID"), operator, MOST_FILTERS, OperatorId::parse);
        let forwarded = match forwarded {
            Some(raw) => boolean(At::member("CDRForwarded"), Some(raw), &mut judge),
            None => boolean(At::member("CDRForwarder"), forwarder, &mut judge),
        };
        match (provider_id, from, to) {
            (Some(provider_id), Some(from), Some(to)) if judge.violations.is_empty() => {
                Ok(Self { provider_id, from, to, sessions, operators, forwarded })
            }
            _ => Err(Rejected { violations: judge.violations, provider_id, ..Rejected::default() }),
        }
    }
}

/// A boolean, also in quotes.
fn boolean(at: At, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<bool> {
    match raw? {
        "true" | "\"true\"" => Some(true),
        "false" | "\"false\"" => Some(false),
        raw => {
            judge.violation(at, format!("expected true or false, found {}", json::kind(raw)));
            None
        }
    }
}
