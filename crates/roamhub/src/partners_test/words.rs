//! What a look at an endpoint means, and what to do about it.

use std::net::IpAddr;

use jiff::Timestamp;
use oicp::ack::{Acknowledgement, Reading};
use roamhub_core::address::{AddressClass, Reach};
use roamhub_core::certificate::CertificateRule;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_relay::courier::look::{Handshake, Look, Seen, TlsTrouble, Unanswered};
use serde_json::Value;

use super::checks::{Check, Checks};
use crate::pki::Facts;

/// All of it, step by step. `calls` says what each URL is for.
pub(crate) fn look(checks: &mut Checks, look: &Look, calls: &[(&'static str, String)], now: Timestamp) {
    let Look { host, port, .. } = look;
    let addresses = match &look.resolved {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => {
            return checks.add(Check::fail("name", format!("{host} has no address"), check_the_name(host)));
        }
        Err(error) => {
            return checks.add(Check::fail("name", format!("{host}: {error}"), check_the_name(host)));
        }
    };
    if addresses.iter().any(|address| address.to_string() != *host) {
        checks.add(Check::ok("name", format!("{host} is {}", joined(addresses))));
    }
    checks.add(policy(addresses, look));
    match &look.connected {
        None => return,
        Some(Ok((to, took))) => {
            let took = took.as_micros() / 100;
            let said = format!("{to} port {port} took it, in {}.{} ms", took / 10, took % 10);
            checks.add(Check::ok("connection", said));
        }
        Some(Err(error)) => {
            return checks.add(Check::fail(
                "connection",
                error.clone(),
                format!(
                    "Is the service running, and may this machine reach port {port} (firewalls, allow lists)?"
                ),
            ));
        }
    }
    match &look.handshake {
        None => checks.add(Check::warn(
            "tls",
            "the url begins with http://: nothing is encrypted, and nobody knows who answers",
            "Use https:// for everything but trials on one machine",
        )),
        Some(handshake) => {
            checks.add(tls(handshake, host, now));
            if let Some(check) = client(handshake, &look.answers, now) {
                checks.add(check);
            }
        }
    }
    for (service, url) in calls {
        if let Some((_, answer)) = look.answers.iter().find(|(at, _)| at == url) {
            checks.add(answered(service, url, answer));
        }
    }
}

fn check_the_name(host: &str) -> String {
    format!("Check the name in the url, and this machine's DNS: getent hosts {host}")
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn policy(addresses: &[IpAddr], look: &Look) -> Check {
    let (allowed, refused): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|address| AddressClass::of(**address).is_within(look.reach));
    let said = |addresses: &[&IpAddr]| {
        let said = |address: &&IpAddr| format!("{address} ({})", AddressClass::of(**address).as_str());
        addresses.iter().map(said).collect::<Vec<_>>().join(", ")
    };
    let next = "Where the partner does live in your own network, say allow_private = true in its entry; otherwise its \
                name should lead to a public address";
    match (allowed.is_empty(), refused.is_empty()) {
        (false, true) => {
            let public = |address: &&IpAddr| AddressClass::of(**address).is_within(Reach::Public);
            let borrowed = look.own_reach == Reach::Public && !allowed.iter().all(public);
            let note = if borrowed {
                "; in plain mode only: with TLS, its entry needs allow_private = true"
            } else {
                ""
            };
            Check::ok("address", format!("may be called: {}{note}", said(&allowed)))
        }
        (false, false) => {
            Check::warn("address", format!("of its addresses some are not called: {}", said(&refused)), next)
        }
        (true, _) => Check::fail("address", format!("must not be called: {}", said(&refused)), next),
    }
}

fn tls(handshake: &Handshake, host: &str, now: Timestamp) -> Check {
    let server = handshake.server.as_deref().and_then(|der| Facts::of(der).ok());
    let whose = server.as_ref().map_or_else(
        || "no certificate was shown".to_owned(),
        |facts| format!("{} issued by {}, until {}", facts.subject, facts.issuer, facts.expiry(now)),
    );
    let Some(trouble) = &handshake.trouble else {
        let version = handshake.version.as_deref().unwrap_or("TLS");
        let said = format!("{version}, {whose}");
        return match server.filter(|facts| facts.ends_soon(now)) {
            Some(_) => Check::warn("tls", said, "The partner should renew its server's certificate now"),
            None => Check::ok("tls", said),
        };
    };
    match trouble {
        TlsTrouble::UnknownIssuer => Check::fail(
            "tls",
            format!("no authority that the hub trusts has signed it: {whose}"),
            "Ask the partner for its authority's certificate (PEM), and say ca = \"FILE\" in its entry; or its server has \
             to show the intermediate certificates as well",
        ),
        TlsTrouble::OtherName => {
            let names = server.map_or_else(String::new, |facts| facts.names.join(", "));
            Check::fail(
                "tls",
                format!("the certificate is not for {host} but for: {names}"),
                "Use one of these names in the url, or the partner gets a certificate with this one",
            )
        }
        TlsTrouble::Expired => Check::fail("tls", whose, "The partner has to renew its server's certificate"),
        TlsTrouble::NotYetValid => Check::fail(
            "tls",
            whose,
            "Are the clocks right, here and there? Otherwise wait, or ask the partner",
        ),
        TlsTrouble::Certificate(why) => Check::fail(
            "tls",
            format!("the server's certificate is refused: {why}; {whose}"),
            "The partner has to replace its server's certificate",
        ),
        TlsTrouble::Alert(alert) if handshake.asked => Check::fail(
            "tls",
            format!("the server ended the handshake: {alert}"),
            "It asked for a client certificate: see the next line",
        ),
        TlsTrouble::Alert(alert) => Check::fail(
            "tls",
            format!("the server ended the handshake: {alert}"),
            "Does it speak TLS 1.2 or 1.3, and does it serve this name (SNI)?",
        ),
        TlsTrouble::NotTls => Check::fail(
            "tls",
            "what answers there does not speak TLS",
            "Is the port right? For trials without TLS the url begins with http://",
        ),
        TlsTrouble::Files(why) => {
            Check::fail("tls", why.clone(), "Put the file right; a running hub reads it again by itself")
        }
        TlsTrouble::Timeout => Check::fail(
            "tls",
            "the handshake was not finished in time",
            "Is the port right? Something that waits for plain HTTP behaves like that",
        ),
        TlsTrouble::Broken(why) => Check::fail(
            "tls",
            format!("the connection broke within the handshake: {why}"),
            "Ask the partner what its server, or a firewall before it, says to that",
        ),
    }
}

/// Whether the hub was asked who it is, and whether the answer was good.
fn client(
    handshake: &Handshake,
    answers: &[(String, Result<Seen, Unanswered>)],
    now: Timestamp,
) -> Option<Check> {
    const NAME: &str = "client certificate";
    let own = handshake.client.as_deref().and_then(|der| Facts::of(der).ok());
    let in_tls = match &handshake.trouble {
        Some(TlsTrouble::Alert(alert)) => Some(alert.clone()),
        // The handshake ended before it came to that.
        Some(_) => return None,
        None => None,
    };
    let after = answers.iter().find_map(|(_, answer)| answer.as_ref().err()?.alert.clone());
    let refused = in_tls.or(after);
    let shown = own.as_ref().map(|own| format!("{}, until {}", own.subject, own.expiry(now)));
    Some(match (handshake.asked, shown, refused) {
        (false, None, _) => Check::ok(NAME, "not asked for, and the hub has none for it"),
        (false, Some(shown), _) => Check::ok(NAME, format!("not asked for; the hub would show {shown}")),
        (true, None, None) => Check::warn(
            NAME,
            "asked for, and the hub has none for it; it is answered all the same",
            "If it should show one: roamhub pki outgoing, or client_certificate and client_key in the partner's entry",
        ),
        (true, None, Some(alert)) => Check::fail(
            NAME,
            format!("asked for, and the hub has none for it: {alert}"),
            "Make one with `roamhub pki outgoing --name HOST`, name it in [outgoing], and give the partner its \
             fingerprint and ca.pem; or use one that the partner issues: client_certificate and client_key in its entry",
        ),
        (true, Some(shown), Some(alert)) => Check::fail(
            NAME,
            format!("asked for, shown ({shown}), and refused: {alert}"),
            format!(
                "The partner has to accept it ({}), or issue another one: client_certificate and client_key in its entry",
                own.as_ref().map_or("", |own| own.fingerprint.as_str())
            ),
        ),
        (true, Some(shown), None) => {
            let said = format!("asked for, shown, and not refused: {shown}");
            match own.filter(|own| own.ends_soon(now)) {
                Some(_) => Check::warn(
                    NAME,
                    said,
                    "Renew it now: roamhub pki outgoing --force, or ask who issued it",
                ),
                None => Check::ok(NAME, said),
            }
        }
    })
}

/// What an empty request to a service was answered.
fn answered(service: &'static str, url: &str, answer: &Result<Seen, Unanswered>) -> Check {
    let seen = match answer {
        Ok(seen) => seen,
        Err(Unanswered { alert: Some(alert), .. }) => {
            let next = "See the line about the client certificate";
            return Check::fail(service, format!("no answer: the connection was closed with: {alert}"), next);
        }
        Err(Unanswered { failure, .. }) => return unanswered(service, *failure),
    };
    let status = seen.status;
    if let Some(code) = in_oicps_words(&seen.body) {
        return Check::ok(service, format!("answers as OICP does: HTTP {status}{code}"));
    }
    match status {
        401 | 403 => Check::fail(
            service,
            format!("HTTP {status}: it does not let the hub in"),
            "Check what it wants: headers (an API key) in its entry, a client certificate, this machine's address in an \
             allow list",
        ),
        404 | 410 => Check::fail(
            service,
            format!("HTTP {status}: there is nothing at {url}"),
            "Check the base URL: the hub appends /api/oicp/… to it, unless it ends so already",
        ),
        405 => Check::fail(
            service,
            format!("HTTP {status}: what is at {url} takes no POST"),
            "Check the base URL; OICP is POST throughout",
        ),
        300..=399 => Check::fail(
            service,
            format!("HTTP {status}: it wants to send the hub elsewhere, where it does not go"),
            "Say the URL to which it leads in the entry",
        ),
        502..=504 => Check::fail(
            service,
            format!("HTTP {status}: a gateway answers, and nothing behind it"),
            "The partner has to look at the service behind its gateway",
        ),
        500..=599 => Check::warn(
            service,
            format!("HTTP {status}: something is there, and breaks on a request without a body"),
            "Send a message to know; the partner may want to answer such a request with HTTP 400 and code 022",
        ),
        200..=299 if seen.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') => Check::fail(
            service,
            format!("HTTP {status} with a web page: this is no OICP service"),
            "Check the base URL: a wrong one answers like that",
        ),
        200..=299 => Check::warn(
            service,
            format!("HTTP {status} without an acknowledgement, to a request without a body"),
            "Send a message to know: what is answered like that counts as delivered",
        ),
        _ => Check::ok(service, format!("HTTP {status}: refuses a request without a body, as it should")),
    }
}

fn unanswered(service: &'static str, failure: ExchangeFailure) -> Check {
    match failure {
        ExchangeFailure::Timeout => Check::fail(
            service,
            "no answer in time",
            "The partner has to look why its service does not answer",
        ),
        ExchangeFailure::Protocol => Check::fail(
            service,
            "what answers there does not speak HTTP/1.1",
            "Is the port right? If the server speaks TLS, the url begins with https://",
        ),
        ExchangeFailure::TooLarge => {
            Check::fail(service, "the answer is too long", "Check the base URL: this is no OICP service")
        }
        _ => Check::fail(
            service,
            "the connection was closed without an answer",
            "Ask the partner what its server says to that; a server that wants TLS closes plain connections like that",
        ),
    }
}

/// The status code of an answer in OICP's words, or nothing if it has none; `None` if these are not OICP's words.
fn in_oicps_words(body: &[u8]) -> Option<String> {
    let acknowledged = match Acknowledgement::read(body) {
        Reading::Acknowledged { ack, .. } => Some(format!(", code {}", ack.status.code)),
        _ => None,
    };
    acknowledged.or_else(|| {
        let said: Value = serde_json::from_slice(body).ok()?;
        let code = said.pointer("/StatusCode/Code").and_then(Value::as_str)?;
        let code: String = code.chars().filter(char::is_ascii_digit).take(3).collect();
        Some(format!(", code {code}"))
    })
}

/// The client certificates that stand for the partner. A fingerprint says nothing of an end: what the hub's own authority
/// has issued is known.
pub(crate) fn certificates(checks: &mut Checks, rules: &[CertificateRule], issued: &[Facts], now: Timestamp) {
    const NAME: &str = "pinned certificates";
    if rules.is_empty() {
        return checks.add(Check::warn(
            NAME,
            "none: it cannot call a hub that speaks TLS",
            "roamhub pki sign partner.csr --id ID, and certificates = [\"sha256:…\"] in its entry",
        ));
    }
    for rule in rules {
        let fingerprint = match rule {
            CertificateRule::Pinned(fingerprint) => fingerprint.to_string(),
            CertificateRule::Named(name) => {
                let said = format!("any of {} by {}, if that is verified", name.subject, name.issuer);
                checks.add(Check::ok(NAME, said));
                continue;
            }
        };
        let short = fingerprint.get(..19).unwrap_or(&fingerprint);
        let Some(facts) = issued.iter().find(|facts| facts.fingerprint == fingerprint) else {
            let said = format!("{short}… was issued elsewhere: its end shows once the partner has called");
            checks.add(Check::ok(NAME, said));
            continue;
        };
        let said = format!("{short}… is {}, until {}", facts.subject, facts.expiry(now));
        let renew = "Issue the next one (roamhub pki sign), and pin both until the partner uses it";
        checks.add(match (facts.expires_at <= now, facts.ends_soon(now)) {
            (true, _) => Check::fail(NAME, said, renew),
            (false, true) => Check::warn(NAME, said, renew),
            (false, false) => Check::ok(NAME, said),
        });
    }
}
