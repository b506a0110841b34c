//! The partners document: what it means, and that each mistake is named with its line.

use super::*;

const FULL: &str = r#"
[[operator]]
id = "DE*ABC"
name = "ABC Charging"
url = "https://cpo.example/base"
sub_operators = ["DE*XYZ"]
certificates = ["sha256:aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"]
notify = { webhook = "https://cpo.example/alerts?team=night", secret = "0123456789abcdef", mail = "ops@cpo.example" }

[[provider]]
id = "DE-DCB"
name = "DCB Mobility"
url = "https://emp.example/base"
services = ["authorization", "notifications", "cdr"]
notification_types = ["Start", "End"]
sub_providers = ["DE-SUB"]
broadcast = true
when_unreachable = "accept"
timeout = "4s"
retry = ["200ms", "5s", "2m", "4h"]
concurrency = 50
drain_rate = 200
breaker = { failures = 3, pause = "2s", longest_pause = "30s" }
fault_codes = ["021"]
headers = { X-Api-Key = "secret" }
ca = "emp-ca.pem"

[[contract]]
operator = "DE*ABC"
provider = "DE-DCB"
services = ["authorization"]
"#;

fn provider_id(text: &str) -> ProviderId {
    ProviderId::parse(text).unwrap()
}

#[test]
fn a_full_document() {
    let directory = read(FULL, Path::new("/etc/roamhub")).unwrap();
    let operator = directory.operator(&OperatorId::parse("deabc").unwrap()).expect("any spelling finds it");
    assert!(operator.owns(&OperatorId::parse("DE*XYZ").unwrap()));
    let provider = directory.provider(&provider_id("DE*DCB")).expect("ISO and DIN are one partner");
    assert_eq!(provider.when_unreachable, WhenUnreachable::Accept);
    assert_eq!(provider.timeout, Duration::from_secs(4));
    let breaker = &provider.lane.breaker;
    assert_eq!((provider.lane.concurrency, provider.lane.drain_rate, breaker.failures), (50, 200, 3));
    assert_eq!((breaker.pause, breaker.longest_pause), (Duration::from_secs(2), Duration::from_secs(30)));
    assert_eq!(provider.ca.as_deref(), Some(Path::new("/etc/roamhub/emp-ca.pem")));
    assert_eq!(provider.headers, [("x-api-key".to_owned(), "secret".into())]);
    assert!(provider.hears(NotificationType::End) && !provider.hears(NotificationType::Progress));
    assert_eq!(directory.responsible_provider(&provider_id("DE-SUB")).unwrap().id, provider.id);
    assert!(directory.contracted(operator, provider, OfferedService::Authorization));
    let webhook = operator.contact.webhook.as_ref().expect("the operator has a webhook");
    assert_eq!(webhook.url, "https://cpo.example/alerts?team=night");
    assert_eq!(operator.contact.mail.as_deref(), Some("ops@cpo.example"));
    assert_eq!(provider.contact, roamhub_core::contact::Contact::default());
}

#[test]
fn a_provider_that_reads_its_feed_needs_no_url() {
    let directory = read("[[provider]]\nid = \"DE-DCB\"\nfeed = true\n", Path::new(".")).unwrap();
    let provider = directory.provider(&provider_id("DE-DCB")).unwrap();
    assert!(provider.feed && !provider.hears(NotificationType::End));
}

#[test]
fn defaults_are_the_documented_ones() {
    let text =
        "[[provider]]\nid = \"DE-DCB\"\nurl = \"http://emp.example\"\nservices = [\"notifications\"]\n";
    let directory = read(text, Path::new(".")).unwrap();
    let provider = directory.provider(&provider_id("DE-DCB")).unwrap();
    assert_eq!(provider.timeout, Duration::from_secs(6));
    assert!(!provider.feed, "who reads its feed says so");
    assert_eq!(provider.retry, RetrySchedule::default());
    assert_eq!(provider.lane, roamhub_core::lane::LaneSettings::default());
    assert_eq!(provider.when_unreachable, WhenUnreachable::Defer);
    assert!(NotificationType::ALL.into_iter().all(|kind| provider.hears(kind)));
    assert!(provider.broadcast && !provider.locked);
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let cases = [
        ("name = \"ABC Charging\"", "nam = \"ABC Charging\"", 4, "unknown field `nam`"),
        ("https://cpo.example/base", "https://cpo.example /base", 5, "blank in the URL"),
        ("https://cpo.example/base", "cpo.example/base", 5, "not a base URL"),
        ("\"DE*ABC\"\nname", "\"DE*\"\nname", 3, ""),
        ("[\"DE*XYZ\"]", "[\"deabc\"]", 6, "already defined in line 3"),
        ("\"DE-SUB\"", "\"DE*DCB\"", 16, "already defined in line 11"),
        ("\"cdr\"", "\"cdrs\"", 14, "is no service"),
        ("\"Start\", \"End\"", "\"Start\", \"Stop\"", 15, "notification type"),
        ("\"accept\"", "\"ignore\"", 18, "\"defer\" or \"accept\""),
        ("\"4s\"", "\"7s\"", 19, "more than 6s"),
        ("\"4s\"", "\"4\"", 19, "number with a unit"),
        ("\"2m\"", "\"0m\"", 20, "number with a unit"),
        ("[\"200ms\", \"5s\", \"2m\", \"4h\"]", "[]", 20, "at least one step"),
        ("concurrency = 50", "concurrency = 1", 21, "from 2"),
        ("concurrency = 50", "concurrency = -3", 21, "invalid value"),
        ("drain_rate = 200", "drain_rate = 0", 22, "per second"),
        ("drain_rate = 200", "drain_rates = 200", 22, "unknown field"),
        ("failures = 3", "failures = 0", 23, "at least 1"),
        ("failures = 3", "failure = 3", 23, "unknown field"),
        ("pause = \"2s\"", "pause = \"2\"", 23, "number with a unit"),
        ("\"30s\"", "\"1s\"", 23, "at least as long as pause"),
        ("\"30s\"", "\"2h\"", 23, "once in 1h"),
        ("\"021\"", "\"21x\"", 24, "three digits"),
        ("X-Api-Key", "\"X Api\"", 25, "no name for a header"),
        ("X-Api-Key", "Content-Length", 25, "the hub's to set"),
        ("sha256:aabb", "sha1:aabb", 7, "64 hexadecimal"),
        ("operator = \"DE*ABC\"", "operator = \"DE*ZZZ\"", 29, "no [[operator]]"),
        ("provider = \"DE-DCB\"", "provider = \"DE-ZZZ\"", 30, "no [[provider]]"),
        ("[[contract]]", "[[contract]", 28, ""),
        ("alerts?team", "alerts#team", 8, "not a URL"),
        ("0123456789abcdef", "0123", 8, "at least 16"),
        ("secret = \"0123456789abcdef\", ", "", 8, "needs a secret"),
        ("webhook = \"https://cpo.example/alerts?team=night\", ", "", 8, "without a webhook"),
        ("ops@cpo.example", "ops", 8, "no mail address"),
    ];
    for (good, bad, line, problem) in cases {
        let text = FULL.replacen(good, bad, 1);
        assert_ne!(text, FULL, "{good} stands in the document");
        let error = read(&text, Path::new(".")).expect_err(bad);
        assert_eq!(error.line, line, "{bad}: {error}");
        assert!(error.problem.contains(problem), "{bad}: {error}");
    }
}
