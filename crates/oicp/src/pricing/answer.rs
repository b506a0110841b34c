//! The answers about products and prices, written one record after the other: take what was written so far out of the
//! buffer whenever it is long enough.

use super::evse_pricing;
use super::products::{self, PricingTerms};
use crate::ids::{OperatorId, ProviderId};
use crate::json;
use crate::status::Status;

/// OICP 2.3, eRoamingPricingProductData: products by operator and by for whom they are.
#[derive(Debug)]
pub struct ProductsAnswer {
    groups: bool,
    records: bool,
}

impl ProductsAnswer {
    /// Begins an answer.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"PricingProductData":["#);
        Self { groups: false, records: false }
    }

    /// From here on the products belong to these terms.
    pub fn terms(&mut self, out: &mut Vec<u8>, terms: &PricingTerms) {
        out.extend_from_slice(if self.groups { b"]},{" } else { b"{" });
        (self.groups, self.records) = (true, false);
        terms.write(out);
        out.extend_from_slice(br#","PricingProductDataRecords":["#);
    }

    /// One product, as it was received; of nobody, it is left out.
    pub fn product(&mut self, out: &mut Vec<u8>, record: &[u8]) {
        if self.groups {
            out.extend_from_slice(if std::mem::replace(&mut self.records, true) { b"," } else { b"" });
            products::write(record, out);
        }
    }

    /// Ends the answer.
    pub fn end(self, out: &mut Vec<u8>, status: &Status) {
        close(out, self.groups, status);
    }
}

/// OICP 2.3, eRoamingEVSEPricing: the products of spots, by operator.
#[derive(Debug)]
pub struct EvsePricingAnswer {
    asked_by: ProviderId,
    groups: bool,
    records: bool,
}

impl EvsePricingAnswer {
    /// Begins an answer to this provider. Records for everybody are written as for this one.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>, asked_by: ProviderId) -> Self {
        out.extend_from_slice(br#"{"EVSEPricing":["#);
        Self { asked_by, groups: false, records: false }
    }

    /// From here on the records are this operator's.
    pub fn operator(&mut self, out: &mut Vec<u8>, id: &OperatorId, name: Option<&str>) {
        out.extend_from_slice(if self.groups { b"]}," } else { b"" });
        (self.groups, self.records) = (true, false);
        json::write_member(out, r#"{"OperatorID":"#, Some(id.as_str()));
        json::write_member(out, r#","OperatorName":"#, name);
        out.extend_from_slice(br#","EVSEPricing":["#);
    }

    /// One record, as it was received; of nobody, it is left out.
    pub fn record(&mut self, out: &mut Vec<u8>, record: &[u8]) {
        if self.groups {
            out.extend_from_slice(if std::mem::replace(&mut self.records, true) { b"," } else { b"" });
            evse_pricing::write(record, self.asked_by.as_str(), out);
        }
    }

    /// Ends the answer.
    pub fn end(self, out: &mut Vec<u8>, status: &Status) {
        close(out, self.groups, status);
    }
}

fn close(out: &mut Vec<u8>, groups: bool, status: &Status) {
    out.extend_from_slice(if groups { br#"]}],"StatusCode":"#.as_slice() } else { br#"],"StatusCode":"# });
    out.append(
        &mut serde_json::to_vec(status).expect("a code and two strings can always be written as JSON"),
    );
    out.push(b'}');
}
