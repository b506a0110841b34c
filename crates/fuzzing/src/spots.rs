//! EVSE data, their status and dynamic prices.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::{DeltaType, EvseRecord, PullEvseData, Pulled, PushEvseData};
use oicp::evse_status::{EvseStatus, MOST_IDS, PullEvseStatus, PushEvseStatus, StatusAnswer, Wanted};
use oicp::geo::GeoFormat;
use oicp::pricing::{
    EvsePricingAnswer, Price, ProductsAnswer, PullEvsePricing, PullPricingProductData, PushEvsePricing,
    PushPricingProductData,
};
use oicp::status::{Code, Status};
use oicp::words::Word;
use oicp::{OperatorId, ProviderId};

/// Any bytes as an upload of charging spots, as one spot, and as the question for them.
pub fn evse_data(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(push) = PushEvseData::parse(bytes.clone()) {
        assert_eq!(push.records().len(), push.len());
        assert!(push.repeated().len() <= push.len());
        for record in push.records() {
            written(&record);
        }
    }
    if let Ok(record) = EvseRecord::read(bytes.clone()) {
        written(&record);
    }
    let _anything = how(GeoFormat::Google).to_vec(body);
    let _question = PullEvseData::parse(&bytes);
}

fn how(format: GeoFormat) -> Pulled<'static> {
    Pulled {
        delta: Some(DeltaType::Update),
        last_update: Timestamp::UNIX_EPOCH,
        operator_id: OperatorId::parse("DE*ABC").expect("an id"),
        operator_name: "\"ABC\"",
        format,
        has_status: true,
    }
}

/// What is written is a record again, of the same spot in the same place, and writing it again changes nothing.
fn written(record: &EvseRecord) {
    for format in GeoFormat::ALL {
        let how = how(*format);
        let written = how.to_vec(record.bytes()).expect("a record that was judged");
        let again = EvseRecord::read(written.clone().into()).expect("a record again");
        assert_eq!(again.facts().evse_id, record.facts().evse_id);
        let moved = |one: i32, other: i32| one.abs_diff(other) <= 5;
        let (one, other) = (again.facts().position, record.facts().position);
        assert!(
            moved(one.latitude_e7(), other.latitude_e7()) && moved(one.longitude_e7(), other.longitude_e7())
        );
        assert_eq!(how.to_vec(&written).expect("a record"), written);
    }
}

/// Any bytes as an upload of states and as the three questions for them.
pub fn evse_status(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(push) = PushEvseStatus::parse(bytes.clone()) {
        let mut out = Vec::new();
        let mut answer = StatusAnswer::begin(&mut out);
        answer.operator(&mut out, &push.operator_id(), push.operator_name());
        let mut records = 0;
        for record in push.records() {
            assert_ne!(record.status, EvseStatus::EvseNotFound);
            answer.record(&mut out, &record.evse_id, record.status);
            records += 1;
        }
        answer.end(&mut out, &Status::new(Code::SUCCESS));
        assert_eq!(records, push.len());
        assert!(push.repeated().len() <= records);
        assert!(std::str::from_utf8(&out).is_ok());
    }
    for read in [PullEvseStatus::parse, PullEvseStatus::parse_by_id, PullEvseStatus::parse_by_operator_id] {
        if let Ok(PullEvseStatus { wanted: Wanted::Spots(spots), .. }) = read(&bytes) {
            assert!(spots.len() <= MOST_IDS);
        }
    }
}

/// Any bytes as uploads of products and prices and as the questions for them.
pub fn pricing(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    let mut out = Vec::new();
    if let Ok(push) = PushPricingProductData::parse(bytes.clone()) {
        assert_eq!(push.products().count(), push.len());
        let price = &push.terms().default_price;
        assert_eq!(Price::parse(price.as_str()).as_ref(), Some(price));
        let mut answer = ProductsAnswer::begin(&mut out);
        answer.terms(&mut out, push.terms());
        push.products().for_each(|product| answer.product(&mut out, &product.bytes));
        answer.end(&mut out, &Status::new(Code::SUCCESS));
    }
    if let Ok(push) = PushEvsePricing::parse(bytes.clone()) {
        assert_eq!(push.records().count(), push.len());
        let mut answer = EvsePricingAnswer::begin(&mut out, ProviderId::parse("DE-DCB").expect("an id"));
        push.records().for_each(|record| answer.record(&mut out, &record.bytes));
        answer.end(&mut out, &Status::new(Code::SUCCESS));
    }
    assert!(std::str::from_utf8(&out).is_ok());
    let _questions = (PullPricingProductData::parse(&bytes), PullEvsePricing::parse(&bytes));
}
