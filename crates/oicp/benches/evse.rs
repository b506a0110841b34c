//! What a charging spot costs: judging it as it is uploaded, and writing it, and a page of them, as it is downloaded.

#![allow(clippy::result_large_err, clippy::unwrap_used, reason = "the result is measured as it is")]

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use oicp::OperatorId;
use oicp::evse::{EvsePage, EvseRecord, Pulled, PushEvseData};
use oicp::evse_status::PushEvseStatus;
use oicp::geo::GeoFormat;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    divan::main();
}

fn spot(number: usize) -> serde_json::Value {
    support::with(support::evse(), "EvseID", serde_json::json!(format!("DE*ABC*E{number}")))
}

fn how(format: GeoFormat) -> Pulled<'static> {
    Pulled {
        delta: None,
        last_update: jiff::Timestamp::UNIX_EPOCH,
        operator_id: OperatorId::parse("DE*ABC").unwrap(),
        operator_name: "ABC",
        format,
        has_status: true,
    }
}

#[divan::bench]
fn a_record_judged(bencher: Bencher<'_, '_>) {
    let record = Bytes::from(spot(1).to_string());
    let bencher = bencher.counter(BytesCount::of_slice(&record));
    bencher.bench_local(|| EvseRecord::read(black_box(record.clone())));
}

#[divan::bench]
fn a_record_as_json_only(bencher: Bencher<'_, '_>) {
    let record = Bytes::from(spot(1).to_string());
    let bencher = bencher.counter(BytesCount::of_slice(&record));
    bencher.bench_local(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&record)));
}

#[divan::bench(sample_count = 20)]
fn a_push_of_2000_judged(bencher: Bencher<'_, '_>) {
    let records: Vec<_> = (0..2000).map(spot).collect();
    let body = Bytes::from(support::push_evse_data(&records).to_string());
    let bencher = bencher.counter(BytesCount::of_slice(&body)).counter(ItemsCount::new(records.len()));
    bencher.bench_local(|| PushEvseData::parse(black_box(body.clone())));
}

#[divan::bench(args = [GeoFormat::Google, GeoFormat::DegreeMinuteSeconds])]
fn a_page_of_2000_written(bencher: Bencher<'_, '_>, format: GeoFormat) {
    let records: Vec<_> = (0..2000).map(|number| spot(number).to_string()).collect();
    let bencher = bencher.counter(ItemsCount::new(records.len()));
    let mut out = Vec::with_capacity(8 << 20);
    bencher.bench_local(|| {
        out.clear();
        out.extend_from_slice(EvsePage::HEAD);
        for (index, record) in records.iter().enumerate() {
            out.extend_from_slice(if index > 0 { EvsePage::BETWEEN } else { b"" });
            how(format).write(black_box(record.as_bytes()), &mut out).unwrap();
        }
        out.extend(EvsePage { number: 0, size: 2000, total: 100_000, records: 2000 }.tail(None));
        out.len()
    });
}

#[divan::bench(sample_count = 20)]
fn a_push_of_10000_states_judged(bencher: Bencher<'_, '_>) {
    let state =
        |number| serde_json::json!({"EvseID": format!("DE*ABC*E{number}"), "EvseStatus": "Available"});
    let mut body = support::push_evse_status();
    body["OperatorEvseStatus"]["EvseStatusRecord"] = (0..10_000).map(state).collect();
    let body = Bytes::from(body.to_string());
    let bencher = bencher.counter(ItemsCount::new(10_000_usize));
    bencher.bench_local(|| PushEvseStatus::parse(black_box(body.clone())));
}
