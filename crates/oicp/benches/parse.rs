//! What reading a notification costs, beside merely checking that its JSON is well-formed.

#![allow(clippy::result_large_err, reason = "the result is measured as it is")]

use bytes::Bytes;
use divan::{Bencher, black_box};
use oicp::ack::Acknowledgement;
use oicp::notification::ChargingNotification;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    divan::main();
}

fn published_end() -> Bytes {
    support::PUBLISHED_END.replace("{{operatorID}}", "DE*ABC").replace("{{evseID}}", "DE*XYZ*ETEST1").into()
}

#[divan::bench]
fn end_consistent(bencher: Bencher<'_, '_>) {
    let body = Bytes::from(support::end().to_string());
    bencher.bench_local(|| ChargingNotification::parse(black_box(body.clone())));
}

#[divan::bench]
fn end_published_with_its_finding(bencher: Bencher<'_, '_>) {
    let body = published_end();
    bencher.bench_local(|| ChargingNotification::parse(black_box(body.clone())));
}

#[divan::bench]
fn end_as_json_only(bencher: Bencher<'_, '_>) {
    let body = published_end();
    bencher.bench_local(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&body)));
}

#[divan::bench]
fn acknowledgement(bencher: Bencher<'_, '_>) {
    let body =
        br#"{"Result":true,"StatusCode":{"Code":"000","Description":"Success","AdditionalInfo":null}}"#;
    bencher.bench_local(|| Acknowledgement::read(black_box(body)));
}
