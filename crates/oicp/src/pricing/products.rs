//! The upload of products and their prices (OICP 2.3, eRoamingPushPricingProductData).

use std::fmt;

use bytes::Bytes;
use rust_decimal::Decimal;

use super::{Price, PricedFor, ReferenceUnit};
use crate::action::ActionType;
use crate::body;
use crate::evse;
use crate::field::Judge;
use crate::finding::Finding;
use crate::ids::OperatorId;
use crate::json::{self, Shape, Splice};
use crate::parts::Part;
use crate::place::{Path, Place};
use crate::rejected::Rejected;
use crate::repeated::{Repeated, repeated};
use crate::upload::{self, List};
use crate::words::{Word, words};

const INNER: &str = "PricingProductData";

const SHAPE: Shape<'static, 2, 8> = Shape {
    outer: &["ActionType", INNER],
    inner_at: 1,
    inner: &[
        "OperatorID",
        "OperatorName",
        "ProviderID",
        "PricingDefaultPrice",
        "PricingDefaultPriceCurrency",
        "PricingDefaultReferenceUnit",
        "PricingProductDataRecords",
        "OperatorId",
    ],
    list_at: 6,
};

words! {
    /// What is paid beside the base price.
    AdditionalReference {
        /// Once, at the beginning.
        Start = "START FEE",
        /// Once, instead of the base price.
        Fixed = "FIXED FEE",
        /// For parking.
        Parking = "PARKING FEE",
        /// At least.
        Minimum = "MINIMUM FEE",
        /// At most.
        Maximum = "MAXIMUM FEE",
    }
}

/// What stands around the products of an upload and of an answer: whose they are, for whom, and the price where no product
/// is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricingTerms {
    /// Whose products.
    pub operator_id: OperatorId,
    /// Its name, at most 100 characters.
    pub operator_name: Option<String>,
    /// For whom they are.
    pub priced_for: PricedFor,
    /// The price of sessions without a product.
    pub default_price: Price,
    /// Its currency, three capital letters.
    pub default_currency: String,
    /// What it is for.
    pub default_unit: ReferenceUnit,
}

/// One product, in the bytes in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricingProduct {
    /// What it is called, at most 50 characters. Not interpreted: `AC 1` and `AC1` are two.
    pub product_id: String,
    /// The record as it was received. A part of the whole push, which stays in memory as long as this does.
    pub bytes: Bytes,
}

/// An upload whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct PushPricingProductData {
    body: Bytes,
    action: ActionType,
    terms: PricingTerms,
    list: List,
    findings: Vec<Finding>,
}

impl PushPricingProductData {
    /// Reads a received body and judges every product.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the violations of all products, bounded.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&body)?;
        let mut uploaded = upload::read(text, &SHAPE, |judge, at, element| product(at, element, judge))?;
        let judge = &mut uploaded.judge;
        let (operator_id, terms) = uploaded.inner.map_or((None, None), |inner| terms(inner, judge));
        let Judge { violations, findings, .. } = uploaded.judge;
        match (terms, uploaded.action) {
            (Some(terms), Some(action)) if violations.is_empty() => {
                Ok(Self { body: body.clone(), action, terms, list: uploaded.list, findings })
            }
            _ => Err(Rejected { violations, operator_id, ..Rejected::default() }),
        }
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What is done with the products.
    #[must_use]
    pub fn action(&self) -> ActionType {
        self.action
    }

    /// What stands around them.
    #[must_use]
    pub fn terms(&self) -> &PricingTerms {
        &self.terms
    }

    /// How many products there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.count
    }

    /// Whether there is no product; a full load of none removes those of this operator for this provider.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.count == 0
    }

    /// The products, in order.
    pub fn products(&self) -> impl Iterator<Item = PricingProduct> {
        self.list.elements(&self.body).filter_map(|raw| {
            let product_id = product_id(raw)?;
            Some(PricingProduct { product_id, bytes: self.body.slice_ref(raw.as_bytes()) })
        })
    }

    /// Products with the id of an earlier one.
    #[must_use]
    pub fn repeated(&self) -> Vec<Repeated<String>> {
        repeated(|| self.list.elements(&self.body).filter_map(product_id))
    }

    /// What is odd, of all products together, bounded.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// JSON pointer to a product.
    #[must_use]
    pub fn pointer(index: usize) -> String {
        format!("/PricingProductData/PricingProductDataRecords/{index}")
    }
}

impl fmt::Debug for PushPricingProductData {
    /// Without the body, which is long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushPricingProductData")
            .field("action", &self.action)
            .field("terms", &self.terms)
            .field("products", &self.list.count)
            .finish_non_exhaustive()
    }
}

fn terms(
    [operator, name, provider, price, currency, unit, _, operator_other]: [Option<&str>; 8],
    judge: &mut Judge<'_>,
) -> (Option<OperatorId>, Option<PricingTerms>) {
    let at_inner = Path::ROOT.member(INNER);
    let at = |name| at_inner.member(name);
    for (name, value) in [
        ("ProviderID", provider),
        ("PricingDefaultPrice", price),
        ("PricingDefaultPriceCurrency", currency),
        ("PricingDefaultReferenceUnit", unit),
    ] {
        if value.is_none() {
            judge.violation(at(name), format!("{name} is missing"));
        }
    }
    let (operator_id, operator_name) = upload::operator(INNER, operator, operator_other, name, judge);
    let priced_for = judge.parsed(at("ProviderID"), provider, PricedFor::parse);
    let default_price = Price::read(at("PricingDefaultPrice"), price, judge);
    let default_currency = self::currency(at("PricingDefaultPriceCurrency"), currency, judge);
    let default_unit = judge.word(at("PricingDefaultReferenceUnit"), unit);
    let terms = || {
        Some(PricingTerms {
            operator_id: operator_id?,
            operator_name,
            priced_for: priced_for?,
            default_price: default_price?,
            default_currency: default_currency?,
            default_unit: default_unit?,
        })
    };
    (operator_id, terms())
}

fn currency(at: impl Place, raw: Option<&str>, judge: &mut Judge<'_>) -> Option<String> {
    judge.parsed(at, raw, |text| evse::currency(text).map(|()| text.to_owned()))
}

/// Judges one product.
fn product(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) {
    const NAMES: [&str; 8] = [
        "ProductID",
        "ReferenceUnit",
        "ProductPriceCurrency",
        "PricePerReferenceUnit",
        "MaximumProductChargingPower",
        "IsValid24hours",
        "ProductAvailabilityTimes",
        "AdditionalReferences",
    ];
    let Some(values) = judge.members(at, raw, &NAMES) else { return };
    let part = Part::new(&at, raw, &NAMES);
    for (name, value) in NAMES.into_iter().zip(values).take(7) {
        part.need(name, value, judge);
    }
    let [id, unit, currency, price, power, always, times, additional] = values;
    judge.sized(at.member("ProductID"), id, 1..=50);
    judge.word::<ReferenceUnit>(at.member("ReferenceUnit"), unit);
    self::currency(at.member("ProductPriceCurrency"), currency, judge);
    Price::read(at.member("PricePerReferenceUnit"), price, judge);
    let place = at.member("MaximumProductChargingPower");
    let power = judge.decimal(place, power);
    if power.is_some_and(|power| power < Decimal::ZERO) {
        judge.violation(place, "expected kilowatts, not below 0");
    }
    judge.boolean(at.member("IsValid24hours"), always);
    evse::opening_times(at.member("ProductAvailabilityTimes"), times, "Periods", "Period", judge);
    judge.each(at.member("AdditionalReferences"), additional, |judge, at, raw| {
        additional_reference(at, raw, judge);
    });
}

fn additional_reference(at: Path<'_>, raw: &str, judge: &mut Judge<'_>) {
    const NAMES: [&str; 3] =
        ["AdditionalReference", "AdditionalReferenceUnit", "PricePerAdditionalReferenceUnit"];
    let Some(values) = judge.members(at, raw, &NAMES) else { return };
    let part = Part::new(&at, raw, &NAMES);
    let [reference, unit, price] = values;
    part.need(NAMES[0], reference, judge);
    part.need(NAMES[1], unit, judge);
    part.need(NAMES[2], price, judge);
    judge.word::<AdditionalReference>(at.member(NAMES[0]), reference);
    judge.word::<ReferenceUnit>(at.member(NAMES[1]), unit);
    Price::read(at.member(NAMES[2]), price, judge);
}

/// The id of a product that has been judged.
fn product_id(raw: &str) -> Option<String> {
    let [id] = json::scan(raw, &["ProductID"]).ok()?.values();
    json::string(id?).map(std::borrow::Cow::into_owned)
}

/// Appends a product as it is answered: with the names of its times spelt as the protocol's text has them.
pub(super) fn write(product: &[u8], out: &mut Vec<u8>) {
    let mut splices: Vec<Splice> = Vec::new();
    if let Ok(text) = std::str::from_utf8(product)
        && let Ok(object) = json::scan(text, &["ProductAvailabilityTimes"])
        && let [Some(times)] = object.values()
    {
        evse::respell_into(text, times, &[("On", "on"), ("Period", "Periods")], &mut splices);
    }
    json::splice_into(out, product, &mut splices);
}

impl PricingTerms {
    /// As one JSON object, for storing them: [`PricingTerms::read`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        self.write(&mut out);
        out.push(b'}');
        out
    }

    /// Reads what [`PricingTerms::to_json`] has written.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation.
    pub fn read(json: &[u8]) -> Result<Self, Rejected> {
        let (mut judge, object) = Judge::open(body::check(json)?, SHAPE.inner)?;
        let (_, terms) = terms(object.values(), &mut judge);
        let Judge { violations, .. } = judge;
        terms.filter(|_| violations.is_empty()).ok_or_else(|| violations.into())
    }

    /// Appends the members, without the braces around them.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        json::write_member(out, r#""OperatorID":"#, Some(self.operator_id.as_str()));
        json::write_member(out, r#","OperatorName":"#, self.operator_name.as_deref());
        json::write_member(out, r#","ProviderID":"#, Some(&self.priced_for.to_string()));
        out.extend_from_slice(br#","PricingDefaultPrice":"#);
        out.extend_from_slice(self.default_price.as_str().as_bytes());
        json::write_member(out, r#","PricingDefaultPriceCurrency":"#, Some(&self.default_currency));
        json::write_member(out, r#","PricingDefaultReferenceUnit":"#, Some(self.default_unit.as_str()));
    }
}
