//! Messages of OICP.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::SessionId;
use oicp::authentication::{AuthenticationRecord, PinHash, PushAuthenticationData, UploadedPin};
use oicp::authorize::{AuthorizationStart, AuthorizationStop, AuthorizeStart, AuthorizeStop};
use oicp::cdr::{ChargeDetailRecord, GetChargeDetailRecords};
use oicp::notification::ChargingNotification;
use oicp::pin;
use oicp::remote::{RemoteStart, RemoteStop};

const SESSION: [u8; 16] = [0xA5; 16];

/// Any bytes as a charging notification: what passes keeps its bytes, and a PIN is blanked once, in place.
pub fn notification(body: &[u8]) {
    match ChargingNotification::parse(Bytes::copy_from_slice(body)) {
        Ok(notification) => {
            assert_eq!(notification.body(), body);
            assert_eq!(notification.has_pin(), pin::blank(body).is_some());
            let _found = notification.findings_at(Timestamp::UNIX_EPOCH);
        }
        Err(rejected) => assert!(rejected.problem.is_some() || !rejected.violations.is_empty()),
    }
    if let Some(blanked) = pin::blank(body) {
        assert_eq!(blanked.len(), body.len());
        assert_eq!(pin::blank(&blanked), None);
    }
}

/// Any bytes as a request for authorisation, and as the answer to one: what is forwarded is a request again, with the
/// same driver and the hub's session.
pub fn authorize_start(body: &[u8]) {
    let _answer = AuthorizationStart::read(body);
    let Ok(request) = AuthorizeStart::parse(Bytes::copy_from_slice(body)) else { return };
    assert_eq!(request.stored().len(), body.len());
    let session = SessionId::from_uuid(SESSION);
    let again = AuthorizeStart::parse(request.forwarded(&session));
    let again = again.unwrap_or_else(|_| panic!("what is forwarded is a request again"));
    assert_eq!(again.identification(), request.identification());
    assert_eq!(again.forwarded(&session), again.body());
}

/// Any bytes as a request to stop, and as the answer to one.
pub fn authorize_stop(body: &[u8]) {
    let _media = AuthorizationStop::read(body).map(|answer| answer.stop_media());
    let Ok(request) = AuthorizeStop::parse(Bytes::copy_from_slice(body)) else { return };
    let again = AuthorizeStop::parse(request.forwarded());
    let again = again.unwrap_or_else(|_| panic!("what is forwarded is a request again"));
    assert_eq!(again.session_id(), request.session_id());
    assert_eq!(again.identification(), request.identification());
    assert_eq!(again.forwarded(), again.body());
}

/// Any bytes as a remote start, a reservation, or a stop.
pub fn remote(body: &[u8]) {
    if let Ok(stop) = RemoteStop::parse(Bytes::copy_from_slice(body)) {
        assert_eq!(stop.body(), body);
    }
    for read in [RemoteStart::parse, RemoteStart::parse_reservation] {
        let Ok(request) = read(Bytes::copy_from_slice(body)) else { continue };
        assert_eq!(request.stored().len(), body.len());
        let session = SessionId::from_uuid(SESSION);
        let again = read(request.forwarded(&session));
        let again = again.unwrap_or_else(|_| panic!("what is forwarded is a request again"));
        assert_eq!((again.evco_id(), again.evse_id()), (request.evco_id(), request.evse_id()));
        assert_eq!(again.forwarded(&session), again.body());
    }
}

/// Any bytes as a charge detail record, and as the question for such records.
pub fn charge_detail_record(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(wanted) = GetChargeDetailRecords::parse(&bytes) {
        assert!(wanted.from.instant() <= wanted.to.instant());
    }
    match ChargeDetailRecord::parse(bytes) {
        Ok(record) => {
            assert_eq!(record.body(), body);
            assert_eq!(record.has_pin(), pin::blank(body).is_some());
            assert!(record.facts().signed_values <= 10);
            let _judged = record.check_at(Timestamp::UNIX_EPOCH);
        }
        Err(rejected) => assert!(rejected.problem.is_some() || !rejected.violations.is_empty()),
    }
}

/// Any bytes as an upload of authentication data: as many records are read as were judged, and hashes are read back.
pub fn push_authentication_data(body: &[u8]) {
    let Ok(push) = PushAuthenticationData::parse(Bytes::copy_from_slice(body)) else { return };
    let (mut records, mut clear_pins) = (0, 0);
    push.each_record(|index, record| {
        assert_eq!(index, records);
        records += 1;
        match record {
            AuthenticationRecord::Code { pin: UploadedPin::Clear(_), .. } => clear_pins += 1,
            AuthenticationRecord::Code { pin: UploadedPin::Hashed(hash), .. } => {
                assert_eq!(PinHash::from_text(&hash.to_text()), Some(hash));
            }
            _ => {}
        }
    });
    assert_eq!((records, clear_pins), (push.records(), push.clear_pins()));
}
