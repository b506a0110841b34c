//! The questions about products and prices (OICP 2.3, eRoamingPullPricingProductData, eRoamingPullEVSEPricing): of which
//! operators, and whether only what has changed.

use bytes::Bytes;

use crate::body;
use crate::field::{At, Judge};
use crate::ids::{OperatorId, ProviderId};
use crate::place::Path;
use crate::rejected::Rejected;
use crate::time::DateTime;

/// `OperatorIds` is how another service spells `OperatorIDs`.
const NAMES: [&str; 4] = ["ProviderID", "LastCall", "OperatorIDs", "OperatorIds"];

/// A question about products. It does not say who asks: that is the id in the path.
#[derive(Clone, Debug, PartialEq)]
pub struct PullPricingProductData {
    /// Of these operators, sorted.
    pub operators: Vec<OperatorId>,
    /// Only what has changed since then.
    pub since: Option<DateTime>,
}

/// A question about which spot has which products.
#[derive(Clone, Debug, PartialEq)]
pub struct PullEvsePricing {
    /// Who asks.
    pub provider_id: ProviderId,
    /// Of these operators, sorted.
    pub operators: Vec<OperatorId>,
    /// Only what has changed since then.
    pub since: Option<DateTime>,
}

impl PullPricingProductData {
    /// Reads a received body.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation.
    pub fn parse(body: &Bytes) -> Result<Self, Rejected> {
        let (mut judge, object) = Judge::open(body::check(body)?, &NAMES)?;
        let [_, last_call, operators, operators_other] = object.values();
        let (operators, since) = read(last_call, operators, operators_other, &mut judge);
        if judge.violations.is_empty() { Ok(Self { operators, since }) } else { Err(judge.violations.into()) }
    }
}

impl PullEvsePricing {
    /// Reads a received body.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation.
    pub fn parse(body: &Bytes) -> Result<Self, Rejected> {
        let (mut judge, object) = Judge::open(body::check(body)?, &NAMES)?;
        let [provider, last_call, operators, operators_other] = object.values();
        let at = At::member("ProviderID");
        let provider = judge.required(at, provider);
        let provider_id = judge.parsed(at, provider, ProviderId::parse);
        let (operators, since) = read(last_call, operators, operators_other, &mut judge);
        match provider_id {
            Some(provider_id) if judge.violations.is_empty() => Ok(Self { provider_id, operators, since }),
            _ => Err(Rejected { violations: judge.violations, provider_id, ..Rejected::default() }),
        }
    }
}

fn read<'a>(
    last_call: Option<&'a str>,
    operators: Option<&'a str>,
    operators_other: Option<&'a str>,
    judge: &mut Judge<'a>,
) -> (Vec<OperatorId>, Option<DateTime>) {
    let at = Path::ROOT.member("OperatorIDs");
    let operators = judge.either(at, operators, operators_other);
    let operators = judge.required(At::member("OperatorIDs"), operators);
    let operators = judge.filter(at, operators, OperatorId::parse);
    (operators, judge.date_time(At::member("LastCall"), last_call))
}
