//! Dynamic prices: products that an operator offers to a provider or to all of them, and which of them hold at a spot.
//!
//! The hub keeps what was pushed as bytes. A pull after a last call gives what has changed since; what was removed
//! meanwhile is not told, because OICP has no words for it.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::pricing::PricedFor;
use oicp::{EvseId, OperatorId, ProviderId};

use super::change::{Applied, Change, Refused};

/// A product (OICP 2.3, PricingProductDataRecord).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// Its ProductID.
    pub id: String,
    /// The received bytes of the record.
    pub body: Bytes,
}

/// A push of products (OICP 2.3, eRoamingPushPricingProductData), judged. A full load replaces what the operator has
/// for this audience.
#[derive(Clone, Debug)]
pub struct ProductPush {
    /// The registered operator.
    pub operator: OperatorId,
    /// For whom the products are.
    pub audience: PricedFor,
    /// When it came in.
    pub received_at: Timestamp,
    /// What holds for the whole list (default price, currency, unit, name), as bytes; each push sets it.
    pub terms: Bytes,
    /// What is to change.
    pub change: Change<Product, String>,
}

/// Which products hold at a spot (OICP 2.3, EVSEPricing).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvsePrice {
    /// Where and for whom.
    pub key: EvsePriceKey,
    /// The received bytes of the record.
    pub body: Bytes,
}

/// A spot and for whom its price is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EvsePriceKey {
    /// The spot.
    pub evse: EvseId,
    /// For whom.
    pub audience: PricedFor,
}

/// A push of prices at spots (OICP 2.3, eRoamingPushEVSEPricing), judged. A full load replaces all of the operator's.
#[derive(Clone, Debug)]
pub struct EvsePricePush {
    /// The registered operator.
    pub operator: OperatorId,
    /// When it came in.
    pub received_at: Timestamp,
    /// What is to change.
    pub change: Change<EvsePrice, EvsePriceKey>,
}

/// What became of a push of prices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Priced<K> {
    /// It holds, from this time stamp on.
    Stored(Timestamp, Applied<K>),
    /// It does not fit to what there is.
    Refused(Refused<K>),
}

/// A provider's question about prices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceQuery {
    /// Who asks: it sees what is for it and what is for everybody.
    pub provider: ProviderId,
    /// Of these operators.
    pub operators: Vec<OperatorId>,
    /// Only what has changed after that ("LastCall").
    pub since: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// One operator's list of products for one audience, without the products.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceList {
    /// Whose.
    pub operator: OperatorId,
    /// For whom.
    pub audience: PricedFor,
    /// What holds for the whole list.
    pub terms: Bytes,
}

/// A product as it is pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PulledProduct {
    /// Whose.
    pub operator: OperatorId,
    /// For whom.
    pub audience: PricedFor,
    /// The product.
    pub product: Product,
}

/// A spot's price as it is pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PulledEvsePrice {
    /// Whose.
    pub operator: OperatorId,
    /// The price.
    pub price: EvsePrice,
}

/// How far a list of prices has been read: up to these keys in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PricePlace(pub i64, pub String, pub String);

/// Some of the prices, in the order of operators.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PricePart<T> {
    /// The prices.
    pub prices: Vec<T>,
    /// Where to read on; nothing if that was all.
    pub next: Option<PricePlace>,
}
