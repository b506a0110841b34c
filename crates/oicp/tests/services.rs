//! Service paths, in all the ways in which partners write them.

use oicp::service::{NOTIFICATIONS_PATH, Service};
use proptest::prelude::*;

fn find(path: &str) -> Option<(Service, Option<String>)> {
    Service::find(path)
}

#[test]
fn every_service_finds_itself() {
    for service in Service::ALL {
        let id = (service != Service::ChargingNotifications).then_some("+49*536");
        assert_eq!(find(&service.path(id)), Some((service, id.map(str::to_owned))), "{service:?}");
        assert!(service.path(None).starts_with("/api/oicp/"));
    }
}

#[test]
fn paths_in_all_spellings() {
    let authorize = |id: &str| Some((Service::AuthorizeStart, Some(id.to_owned())));
    let notify = Some((Service::ChargingNotifications, None));
    let cases = [
        ("/api/oicp/charging/v21/operators/DE*ABC/authorize/start", authorize("DE*ABC")),
        ("/api/oicp/charging/v21/operators/DE%2AABC/authorize/start", authorize("DE*ABC")),
        ("/api/oicp/charging/v21/operators/DE%2aABC/authorize/start", authorize("DE*ABC")),
        ("/api/oicp/charging/v21/operators/+49*536/authorize/start", authorize("+49*536")),
        ("/api/oicp/charging/v21/operators/%2B49%2a536/authorize/start/", authorize("+49*536")),
        ("//api/oicp//charging/v21/operators/DE*ABC/authorize//start//", authorize("DE*ABC")),
        ("/api/oicp/charging/v21/operators/a%2Fb/authorize/start", authorize("a/b")),
        (NOTIFICATIONS_PATH, notify.clone()),
        ("/api/oicp/notificationmgmt/v11/charging-notifications/", notify),
        ("/api/oicp/notificationmgmt/v11/charging-notifications/DE*ABC", None),
        ("/api/oicp/charging/v21/operators//authorize/start", None),
        ("/api/oicp/charging/v21/operators/%zz/authorize/start", None),
        ("/api/oicp/charging/v21/operators/%FF/authorize/start", None),
        ("/api/oicp/charging/v21/operators/%2/authorize/start", None),
        ("/api/oicp/charging/v21/providers/DE-DCB/authorize/start", None),
        ("/charging/v21/operators/DE*ABC/authorize/start", None),
        ("/api/oicp", None),
        ("", None),
    ];
    for (path, expected) in cases {
        assert_eq!(find(path), expected, "{path}");
    }
}

#[test]
fn base_urls_are_completed_by_what_they_lack() {
    let notify = "https://emp.example/base/api/oicp/notificationmgmt/v11/charging-notifications";
    for base in
        ["https://emp.example/base", "https://emp.example/base/", "https://emp.example/base/api/oicp", notify]
    {
        assert_eq!(Service::ChargingNotifications.join(base, None), notify, "{base}");
    }
    let start = "https://emp.example/api/oicp/charging/v21/operators/+49*536/authorize/start";
    assert_eq!(Service::AuthorizeStart.join("https://emp.example", Some("+49*536")), start);
    let encoded = start.replace('*', "%2A");
    assert_eq!(Service::AuthorizeStart.join(&encoded, Some("+49*536")), encoded);
    assert_eq!(
        Service::AuthorizeStart.path(Some("a/b ?")),
        "/api/oicp/charging/v21/operators/a%2Fb%20%3F/authorize/start"
    );
}

proptest! {
    #[test]
    fn any_id_survives_its_path(id in "\\PC{1,20}") {
        prop_assert_eq!(find(&Service::RemoteStop.path(Some(&id))), Some((Service::RemoteStop, Some(id))));
    }

    #[test]
    fn no_path_panics(path in "[/%a-zA-Z0-9*+-]{0,80}") {
        let _found = find(&path);
        let _joined = Service::RemoteStop.join(&path, Some(&path));
    }
}
