//! Any bytes as uploads of products and prices and as the questions for them.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::ProviderId;
use oicp::pricing::{
    EvsePricingAnswer, Price, ProductsAnswer, PullEvsePricing, PullPricingProductData, PushEvsePricing,
    PushPricingProductData,
};
use oicp::status::{Code, Status};

fuzz_target!(|body: &[u8]| {
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
});
