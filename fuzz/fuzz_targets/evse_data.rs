//! Any bytes as an upload of charging spots, as one spot, and as the question for them.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use oicp::OperatorId;
use oicp::evse::{DeltaType, EvseRecord, PullEvseData, Pulled, PushEvseData};
use oicp::geo::GeoFormat;
use oicp::words::Word;

fuzz_target!(|body: &[u8]| {
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
});

fn how(format: GeoFormat) -> Pulled<'static> {
    Pulled {
        delta: Some(DeltaType::Update),
        last_update: jiff::Timestamp::UNIX_EPOCH,
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
