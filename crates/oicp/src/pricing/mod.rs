//! Dynamic pricing: products with their prices, and which spot has which products (OICP 2.3, eRoamingPushPricingProductData,
//! eRoamingPushEVSEPricing and the two pulls).
//!
//! Prices are decimals and stay as they were spelt: [`Price`] keeps the text, and a product stays in the bytes it came in.
//! The hub needs to know no more than whose a product is, for whom, and what it is called.

mod answer;
mod evse_pricing;
mod price;
mod products;
mod pull;

use std::fmt;

use crate::ids::{IdError, ProviderId};
use crate::words::words;

pub use crate::action::ActionType;
pub use crate::repeated::Repeated;
pub use answer::{EvsePricingAnswer, ProductsAnswer};
pub use evse_pricing::{EvsePricing, PushEvsePricing};
pub use price::Price;
pub use products::{PricingProduct, PricingTerms, PushPricingProductData};
pub use pull::{PullEvsePricing, PullPricingProductData};

words! {
    /// What a price is for (OICP 2.3, ReferenceUnitType).
    pub ReferenceUnit {
        /// An hour.
        Hour = "HOUR",
        /// A kilowatt hour.
        KilowattHour = "KILOWATT_HOUR",
        /// A minute.
        Minute = "MINUTE",
    }
}

/// For whom a price is: one provider, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PricedFor {
    /// `*`
    Everybody,
    /// This one.
    Provider(ProviderId),
}

impl PricedFor {
    /// Reads a ProviderID or `*`, and nothing that only begins with one or ends with the other: the published expression is
    /// not anchored.
    ///
    /// # Errors
    /// [`IdError`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text == "*" { Ok(Self::Everybody) } else { ProviderId::parse(text).map(Self::Provider) }
    }

    /// Whether this provider may see it.
    #[must_use]
    pub fn includes(self, provider: &ProviderId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Provider(priced) => priced == *provider,
        }
    }
}

impl fmt::Display for PricedFor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => out.pad("*"),
            Self::Provider(provider) => provider.fmt(out),
        }
    }
}
