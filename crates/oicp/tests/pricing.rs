//! Dynamic pricing: uploads of products and of which spot has which, the questions, the answers.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::pricing::{
    ActionType, EvsePricingAnswer, Price, PricedFor, PricingTerms, ProductsAnswer, PullEvsePricing,
    PullPricingProductData, PushEvsePricing, PushPricingProductData, ReferenceUnit,
};
use oicp::status::{Code, Status};
use oicp::{OperatorId, ProviderId, Rejected};
use serde_json::{Value, json};
use support::{product, push_evse_pricing, push_products, with};

fn products(body: &Value) -> Result<PushPricingProductData, Rejected> {
    PushPricingProductData::parse(Bytes::from(body.to_string()))
}

fn pricing(body: &Value) -> Result<PushEvsePricing, Rejected> {
    PushEvsePricing::parse(Bytes::from(body.to_string()))
}

fn pointers(rejected: &Rejected) -> Vec<String> {
    rejected.violations.iter().map(|one| one.pointer.clone()).collect()
}

/// What is wrong with one product: pointers from the product on.
fn wrong(product: Value) -> Vec<String> {
    let Err(rejected) = products(&push_products(&[support::product(), product])) else { return Vec::new() };
    let root = PushPricingProductData::pointer(1);
    pointers(&rejected).iter().map(|one| one.strip_prefix(&root).unwrap().to_owned()).collect()
}

fn at(pointer: &str, value: Value) -> Value {
    let mut product = product();
    *product.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    product
}

#[test]
fn reads_products_and_what_stands_around_them() {
    let body = push_products(&[product(), at("/ProductID", json!("AC \"2\""))]).to_string();
    let body = body.replace("\"PricingDefaultPrice\":0", "\"PricingDefaultPrice\":0.10");
    let push = PushPricingProductData::parse(Bytes::from(body)).unwrap();
    assert_eq!((push.action(), push.len(), push.is_empty()), (ActionType::Insert, 2, false));
    let terms = push.terms();
    assert_eq!((terms.operator_id.key(), terms.operator_name.as_deref()), ("DEABC", Some("ABC")));
    assert_eq!((terms.priced_for, terms.default_unit), (PricedFor::Everybody, ReferenceUnit::Hour));
    assert_eq!((terms.default_price.as_str(), terms.default_currency.as_str()), ("0.10", "EUR"));
    assert_eq!(&PricingTerms::read(&terms.to_json()).unwrap(), terms);
    assert_eq!(PricingTerms::read(&terms.to_json()).unwrap().default_price.as_str(), "0.10");
    assert!(PricingTerms::read(b"{}").is_err() && PricingTerms::read(b"").is_err());
    let found: Vec<_> = push.products().collect();
    assert_eq!([&*found[0].product_id, &*found[1].product_id], ["AC 1", "AC \"2\""]);
    assert_eq!(found[0].bytes, product().to_string());
    assert!(push.repeated().is_empty() && push.findings().is_empty());
    let twice = products(&push_products(&[product(), product()])).unwrap().repeated();
    assert_eq!((twice.len(), twice[0].first, twice[0].index, &*twice[0].key), (1, 0, 1, "AC 1"));
}

#[test]
fn every_product_is_judged_in_full() {
    for name in [
        "ProductID",
        "ReferenceUnit",
        "ProductPriceCurrency",
        "PricePerReferenceUnit",
        "MaximumProductChargingPower",
        "IsValid24hours",
        "ProductAvailabilityTimes",
    ] {
        assert_eq!(wrong(with(product(), name, None)), [format!("/{name}")]);
    }
    for (pointer, bad) in [
        ("/ProductID", json!("x".repeat(51))),
        ("/ProductID", json!("")),
        ("/ProductID", json!(1)),
        ("/ReferenceUnit", json!("DAY")),
        ("/ProductPriceCurrency", json!("eur")),
        ("/ProductPriceCurrency", json!("EURO")),
        ("/PricePerReferenceUnit", json!("1,50")),
        ("/PricePerReferenceUnit", json!([1])),
        ("/MaximumProductChargingPower", json!(-1)),
        ("/IsValid24hours", json!("false")),
        ("/ProductAvailabilityTimes", json!({})),
        ("/ProductAvailabilityTimes/0/on", json!("Holidays")),
        ("/ProductAvailabilityTimes/0/Periods", json!(null)),
        ("/ProductAvailabilityTimes/0/Periods/0/begin", json!("9")),
        ("/AdditionalReferences", json!("PARKING FEE")),
        ("/AdditionalReferences/0/AdditionalReference", json!("Parking fee")),
        ("/AdditionalReferences/0/AdditionalReferenceUnit", json!(null)),
        ("/AdditionalReferences/0/PricePerAdditionalReferenceUnit", json!("much")),
    ] {
        assert_eq!(wrong(at(pointer, bad.clone())), [pointer], "{bad}");
    }
    for (pointer, good) in [
        ("/AdditionalReferences", json!(null)),
        ("/AdditionalReferences", json!([])),
        ("/ProductAvailabilityTimes", json!([])),
        ("/ProductAvailabilityTimes/0", json!({"Period": [], "On": "Weekend"})),
        ("/PricePerReferenceUnit", json!("1.50")),
        ("/MaximumProductChargingPower", json!(3.7)),
    ] {
        assert!(wrong(at(pointer, good.clone())).is_empty(), "{good}");
    }
}

#[test]
fn what_stands_around_products_is_judged_too() {
    let around = |name: &str, value: Value| {
        let mut body = push_products(&[]);
        body["PricingProductData"][name] = value;
        products(&body)
    };
    for (name, bad) in [
        ("OperatorID", json!(null)),
        ("OperatorName", json!("x".repeat(101))),
        ("ProviderID", json!(null)),
        ("ProviderID", json!("**")),
        ("ProviderID", json!("DE-DCB and more")),
        ("ProviderID", json!("anything*")),
        ("PricingDefaultPrice", json!("free")),
        ("PricingDefaultPrice", json!(null)),
        ("PricingDefaultPriceCurrency", json!("€")),
        ("PricingDefaultReferenceUnit", json!("hour")),
        ("PricingProductDataRecords", json!(null)),
    ] {
        assert_eq!(
            pointers(&around(name, bad.clone()).unwrap_err()),
            [format!("/PricingProductData/{name}")],
            "{bad}"
        );
    }
    let push = around("ProviderID", json!("DE*DCB")).unwrap();
    assert_eq!(push.terms().priced_for, PricedFor::Provider(ProviderId::parse("DE-DCB").unwrap()));
    assert_eq!(around("OperatorName", json!(null)).unwrap().terms().operator_name, None);
    assert_eq!(around("PricingDefaultPrice", json!("0.50")).unwrap().terms().default_price.as_str(), "0.50");
    assert_eq!(around("PricingDefaultPrice", json!(".5")).unwrap().terms().default_price.as_str(), "0.5");
    assert_eq!(pointers(&products(&json!({})).unwrap_err()), ["/ActionType", "/PricingProductData"]);
}

#[test]
fn a_price_is_for_one_provider_or_for_all() {
    let (dcb, other) = (ProviderId::parse("DE-DCB").unwrap(), ProviderId::parse("DE-XYZ").unwrap());
    let everybody = PricedFor::parse("*").unwrap();
    let one = PricedFor::parse("de*dcb").unwrap();
    assert!(everybody.includes(&dcb) && everybody.includes(&other));
    assert!(one.includes(&dcb) && !one.includes(&other));
    assert_eq!((everybody.to_string(), one.to_string()), ("*".to_owned(), "de*dcb".to_owned()));
    // The published expression lets all of these pass.
    for text in ["DE-DCBx", "xx*", "", "* ", "DE|DCB", "DE-DCB*"] {
        assert!(PricedFor::parse(text).is_err(), "{text}");
    }
}

#[test]
fn reads_which_spot_has_which_products() {
    let push = pricing(&push_evse_pricing()).unwrap();
    assert_eq!((push.action(), push.len()), (ActionType::FullLoad, 2));
    let records: Vec<_> = push.records().collect();
    assert_eq!(records[0].evse_id, records[1].evse_id);
    assert_eq!(records[0].priced_for, PricedFor::Everybody);
    assert_eq!(
        serde_json::from_slice::<Value>(&records[1].bytes).unwrap(),
        push_evse_pricing()["EVSEPricing"][1]
    );
    // One spot for everybody and for one provider is no repetition.
    assert!(push.repeated().is_empty());
    let mut twice = push_evse_pricing();
    twice["EVSEPricing"][0]["ProviderID"] = json!("DEDCB");
    let found = pricing(&twice).unwrap().repeated();
    assert_eq!((found.len(), found[0].first, found[0].index), (1, 0, 1));
}

#[test]
fn spots_without_products_are_refused() {
    let one = |record: Value| json!({"ActionType": "insert", "EVSEPricing": [record]});
    let good = push_evse_pricing()["EVSEPricing"][0].clone();
    for (body, expected) in [
        (json!({}), &["/ActionType", "/EVSEPricing"][..]),
        (json!({"ActionType": "insert", "EVSEPricing": []}), &["/EVSEPricing"]),
        (json!({"ActionType": "insert", "EVSEPricing": {}}), &["/EVSEPricing"]),
        (one(json!([])), &["/EVSEPricing/0"]),
        (
            one(json!({})),
            &["/EVSEPricing/0/EvseID", "/EVSEPricing/0/ProviderID", "/EVSEPricing/0/EvseIDProductList"],
        ),
        (one(with(good.clone(), "EvseID", json!("x"))), &["/EVSEPricing/0/EvseID"]),
        (one(with(good.clone(), "ProviderID", json!("x*"))), &["/EVSEPricing/0/ProviderID"]),
        (one(with(good.clone(), "EvseIDProductList", json!([]))), &["/EVSEPricing/0/EvseIDProductList"]),
        (one(with(good.clone(), "EvseIDProductList", json!("AC 1"))), &["/EVSEPricing/0/EvseIDProductList"]),
        (one(with(good, "EvseIDProductList", json!(["AC 1", 7]))), &["/EVSEPricing/0/EvseIDProductList/1"]),
    ] {
        assert_eq!(pointers(&pricing(&body).unwrap_err()), expected, "{body}");
    }
}

#[test]
fn the_questions_name_operators_and_perhaps_a_time() {
    let ask = |body: Value| PullEvsePricing::parse(&Bytes::from(body.to_string()));
    let wanted =
        ask(json!({"ProviderID": "DE-DCB", "OperatorIDs": ["DE*ABC"], "LastCall": "2025-06-01T00:00:00Z"}))
            .unwrap();
    assert_eq!((wanted.provider_id.key(), wanted.operators.len()), ("DEDCB", 1));
    assert_eq!(wanted.since.unwrap().as_str(), "2025-06-01T00:00:00Z");
    assert_eq!(
        pointers(&ask(json!({"LastCall": "x"})).unwrap_err()),
        ["/ProviderID", "/OperatorIDs", "/LastCall"]
    );

    let ask = |body: Value| PullPricingProductData::parse(&Bytes::from(body.to_string()));
    for body in [
        json!({"OperatorIDs": ["DE*ABC", "+49*810"]}),
        json!({"OperatorIds": ["DEABC", "49*810"], "ProviderID": 7}),
    ] {
        let wanted = ask(body).unwrap();
        assert_eq!(wanted.operators.iter().map(OperatorId::key).collect::<Vec<_>>(), ["49*810", "DEABC"]);
        assert_eq!(wanted.since, None);
    }
    assert_eq!(pointers(&ask(json!({})).unwrap_err()), ["/OperatorIDs"]);
    assert_eq!(
        pointers(&ask(json!({"OperatorIDs": ["DE*ABC", "DE-DCB!"]})).unwrap_err()),
        ["/OperatorIDs/1"]
    );
}

#[test]
fn products_are_answered_as_they_came_with_their_terms() {
    let odd = r#"{"ProductID":"AC 1" ,"PricePerReferenceUnit":1.50,"x":"é","ProductAvailabilityTimes":[ {"Period":[],"On":"Weekend"}],"Period":1}"#;
    let terms = |provider: &str| {
        let mut body = push_products(&[]);
        body["PricingProductData"]["ProviderID"] = json!(provider);
        let mut terms = products(&body).unwrap().terms().clone();
        terms.default_price = Price::parse("0.10").unwrap();
        terms
    };
    let mut out = Vec::new();
    let mut answer = ProductsAnswer::begin(&mut out);
    answer.product(&mut out, b"of nobody");
    answer.terms(&mut out, &terms("*"));
    answer.product(&mut out, odd.as_bytes());
    answer.product(&mut out, product().to_string().as_bytes());
    answer.terms(&mut out, &terms("DE-DCB"));
    answer.end(&mut out, &Status::new(Code::SUCCESS));
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains(&odd.replacen("\"Period\"", "\"Periods\"", 1).replace("\"On\"", "\"on\"")),
        "{text}"
    );
    assert!(text.contains(r#""PricingDefaultPrice":0.10,"#), "{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["StatusCode"]["Code"], "000");
    let groups = found["PricingProductData"].as_array().unwrap();
    assert_eq!(
        (groups[0]["ProviderID"].as_str(), groups[1]["ProviderID"].as_str()),
        (Some("*"), Some("DE-DCB"))
    );
    assert_eq!(groups[0]["PricingProductDataRecords"].as_array().map(Vec::len), Some(2));
    assert_eq!(groups[1]["PricingProductDataRecords"], json!([]));
    // What is answered is a push again.
    let again = json!({"ActionType": "fullLoad", "PricingProductData": with(groups[0].clone(), "PricingProductDataRecords", json!([product()]))});
    assert_eq!(products(&again).unwrap().terms(), &terms("*"));

    let mut out = Vec::new();
    ProductsAnswer::begin(&mut out).end(&mut out, &Status::new(Code::SUCCESS));
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["PricingProductData"], json!([]));
}

#[test]
fn prices_for_everybody_are_answered_as_for_whoever_asks() {
    let push = pricing(&push_evse_pricing()).unwrap();
    let mut out = Vec::new();
    let mut answer = EvsePricingAnswer::begin(&mut out, ProviderId::parse("DE*DCB").unwrap());
    answer.record(&mut out, b"of nobody");
    answer.operator(&mut out, &OperatorId::parse("DE*ABC").unwrap(), Some("ABC"));
    push.records().for_each(|record| answer.record(&mut out, &record.bytes));
    answer.operator(&mut out, &OperatorId::parse("DE*XYZ").unwrap(), None);
    answer.end(&mut out, &Status::new(Code::SUCCESS));
    let found: Value = serde_json::from_slice(&out).unwrap();
    let mut records = push_evse_pricing()["EVSEPricing"].clone();
    records[0]["ProviderID"] = json!("DE*DCB");
    assert_eq!(
        found["EVSEPricing"],
        json!([{"OperatorID": "DE*ABC", "OperatorName": "ABC", "EVSEPricing": records}, {"OperatorID": "DE*XYZ", "EVSEPricing": []}])
    );
    assert_eq!(found["StatusCode"]["Code"], "000");
}
