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
    assert_eq!(provider.ca.as_deref(), Some(Path::new("/etc/roamhub/emp-ca.pem")));
    assert_eq!(provider.headers, [("x-api-key".to_owned(), "secret".to_owned())]);
    assert!(provider.hears(NotificationType::End) && !provider.hears(NotificationType::Progress));
    assert_eq!(directory.responsible_provider(&provider_id("DE-SUB")).unwrap().id, provider.id);
    assert!(directory.authorises(operator, provider));
    let webhook = operator.contact.webhook.as_ref().expect("the operator has a webhook");
    assert_eq!(webhook.url, "https://cpo.example/alerts?team=night");
    assert_eq!(operator.contact.mail.as_deref(), Some("ops@cpo.example"));
    assert_eq!(provider.contact, roamhub_core::contact::Contact::default());
}

#[test]
fn defaults_are_the_documented_ones() {
    let text =
        "[[provider]]\nid = \"DE-DCB\"\nurl = \"http://emp.example\"\nservices = [\"notifications\"]\n";
    let directory = read(text, Path::new(".")).unwrap();
    let provider = directory.provider(&provider_id("DE-DCB")).unwrap();
    assert_eq!(provider.timeout, Duration::from_secs(6));
    assert_eq!(provider.retry, RetrySchedule::default());
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
        ("\"021\"", "\"21x\"", 21, "three digits"),
        ("X-Api-Key", "\"X Api\"", 22, "no name for a header"),
        ("sha256:aabb", "sha1:aabb", 7, "64 hexadecimal"),
        ("operator = \"DE*ABC\"", "operator = \"DE*ZZZ\"", 26, "no [[operator]]"),
        ("provider = \"DE-DCB\"", "provider = \"DE-ZZZ\"", 27, "no [[provider]]"),
        ("alerts?team", "alerts#team", 8, "not a URL"),
        ("0123456789abcdef", "0123", 8, "at least 16"),
        ("secret = \"0123456789abcdef\", ", "", 8, "needs a secret"),
        ("webhook = \"https://cpo.example/alerts?team=night\", ", "", 8, "without a webhook"),
        ("ops@cpo.example", "ops", 8, "no mail address"),
        ("[[contract]]", "[[contract]", 25, ""),
    ];
    for (good, bad, line, problem) in cases {
        let text = FULL.replacen(good, bad, 1);
        assert_ne!(text, FULL, "{good} stands in the document");
        let error = read(&text, Path::new(".")).expect_err(bad);
        assert_eq!(error.line, line, "{bad}: {error}");
        assert!(error.problem.contains(problem), "{bad}: {error}");
    }
}
