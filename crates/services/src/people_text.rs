//! What people are told, in words and as JSON. Partner ids, counts and times; never a card, a contract or a session.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use roamhub_core::expiry::{KnownCertificate, Purpose};
use roamhub_core::trouble::{Say, Side, Trouble, TroubleKind};
use serde_json::{Value, json};

/// What is known of a trouble beside its beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Facts {
    /// Of an endpoint.
    Endpoint { waiting: u64, ends: u64 },
    /// Of an operator's ghosts, by kind.
    Ghosts(BTreeMap<&'static str, u64>),
    /// Of certificates that come to their end, the next one first.
    Certificates(Vec<KnownCertificate>),
    /// Of a mandate: nothing more.
    Mandate,
}

impl Facts {
    /// Whether a certificate among them is not valid any more.
    fn expired(&self, now: Timestamp) -> bool {
        matches!(self, Self::Certificates(all) if all.iter().any(|one| one.is_over(now)))
    }
}

/// A message to people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) json: String,
}

/// Puts a message into words. `id` is the same for everybody who gets it.
pub(crate) fn put(
    id: &str,
    trouble: &Trouble,
    say: Say,
    since: Timestamp,
    facts: Option<&Facts>,
    now: Timestamp,
) -> Told {
    let headline = headline(trouble, say, since, facts, now);
    let expired = facts.is_some_and(|facts| facts.expired(now));
    let advice = if say == Say::AllClear { "" } else { advice(trouble.kind, facts) };
    let about = match trouble.about {
        Side::Hub => json!({}),
        Side::Operator(id) => json!({ "operator": id.to_string() }),
        Side::Provider(id) => json!({ "provider": id.to_string() }),
    };
    let json = json!({
        "id": id,
        "kind": trouble.kind.as_str(),
        "state": say.as_str(),
        "about": about,
        "since": rfc3339(since),
        "at": rfc3339(now),
        "text": headline,
        "facts": facts.map_or(Value::Null, facts_json),
    });
    let text =
        [headline.as_str(), advice, "This message was sent by the roaming hub. Nobody reads answers to it."]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n");
    Told { subject: subject(trouble, say, expired), text: text + "\n", json: json.to_string() }
}

fn subject(trouble: &Trouble, say: Say, expired: bool) -> String {
    let what = match (trouble.kind, say) {
        (TroubleKind::EndpointFailing, Say::AllClear) => "the endpoint takes messages again",
        (TroubleKind::EndpointFailing, _) => "the endpoint fails",
        (TroubleKind::EndpointMisconfigured, Say::AllClear) => "the endpoint takes messages again",
        (TroubleKind::EndpointMisconfigured, _) => "the endpoint is misconfigured",
        (TroubleKind::Ghosts, Say::AllClear) => "no ghost sessions worth a word any more",
        (TroubleKind::Ghosts, _) => "ghost sessions",
        (TroubleKind::CertificateExpiring, Say::AllClear) => "no certificate expires soon any more",
        (TroubleKind::CertificateExpiring, _) if expired => "a certificate has expired",
        (TroubleKind::CertificateExpiring, _) => "a certificate expires soon",
        (TroubleKind::MandateSuspended, Say::AllClear) => "the mandate is given back",
        (TroubleKind::MandateSuspended, _) => "the mandate is suspended",
    };
    let again = if say == Say::Reminder && !expired { "still: " } else { "" };
    format!("[roamhub] {}: {again}{what}", trouble.about)
}

fn headline(trouble: &Trouble, say: Say, since: Timestamp, facts: Option<&Facts>, now: Timestamp) -> String {
    let (about, since) = (trouble.about, in_words(since));
    let still = if say == Say::Reminder { "still " } else { "" };
    match (trouble.kind, say, facts) {
        (TroubleKind::Ghosts, Say::AllClear, _) => {
            format!("The {about} has no number of sessions without an end any more that is worth a word.")
        }
        (TroubleKind::CertificateExpiring, Say::AllClear, _) => {
            let about = if about == Side::Hub { "the hub".to_owned() } else { about.to_string() };
            format!("Of the certificates of {about} none that the hub sees expires soon any more.")
        }
        (TroubleKind::CertificateExpiring, _, Some(Facts::Certificates(certificates))) => {
            let sentences: Vec<_> = certificates.iter().map(|certificate| expiry(certificate, now)).collect();
            sentences.join(" ")
        }
        (TroubleKind::CertificateExpiring, ..) => format!("A certificate of {about} expires soon."),
        (TroubleKind::MandateSuspended, Say::AllClear, _) => {
            format!("The {about} has its mandate for Ends back. It had been suspended since {since}.")
        }
        (TroubleKind::MandateSuspended, ..) => format!(
            "The mandate of {about} for Ends on its behalf is {still}suspended since {since}: a session that the hub had \
             ended went on."
        ),
        (_, Say::AllClear, _) => {
            format!("The endpoint of {about} takes messages again. It had failed since {since}.")
        }
        (TroubleKind::EndpointFailing, _, facts) => {
            format!("The endpoint of {about} {still}fails since {since}.{}", waiting(facts))
        }
        (TroubleKind::EndpointMisconfigured, _, facts) => format!(
            "The endpoint of {about} {still}takes no messages since {since}, as one whose URL or credentials are wrong \
             (HTTP 3xx or 4xx without an acknowledgement, or an address that the hub must not call).{}",
            waiting(facts)
        ),
        (TroubleKind::Ghosts, _, Some(Facts::Ghosts(kinds))) => {
            let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            format!(
                "Sessions of {about} {still}look like ghosts, the oldest since {since}: {}.",
                kinds.join(", ")
            )
        }
        (TroubleKind::Ghosts, ..) => format!("Sessions of {about} {still}look like ghosts since {since}."),
    }
}

/// One certificate in a sentence.
fn expiry(certificate: &KnownCertificate, now: Timestamp) -> String {
    let KnownCertificate { expires_at, about, purpose } = certificate;
    let what = match purpose {
        Purpose::Server { host } => format!("The server certificate of {about} at {host}"),
        Purpose::Authority { file } => {
            format!("The newest certificate in {file}, which the hub trusts for {about},")
        }
        Purpose::Serving { file } => {
            format!("The certificate in {file}, which the hub shows when it is called,")
        }
        Purpose::Calling { file } => format!("The certificate in {file}, which the hub shows when it calls,"),
        Purpose::Client { fingerprint } => {
            format!("The client certificate {fingerprint} of {about}, with which it calls the hub,")
        }
    };
    let left = expires_at.duration_since(now);
    match certificate.is_over(now) {
        true => format!("{what} has expired on {}.", in_words(*expires_at)),
        false => format!("{what} expires on {}, in {}.", in_words(*expires_at), roughly(left)),
    }
}

/// Days, or hours in the last two days.
fn roughly(left: SignedDuration) -> String {
    match left.as_hours() {
        0 => "less than an hour".to_owned(),
        1 => "an hour".to_owned(),
        hours @ 2..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

fn waiting(facts: Option<&Facts>) -> String {
    match facts {
        Some(Facts::Endpoint { waiting, ends }) => {
            let counted =
                |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
            let others = waiting.saturating_sub(*ends);
            format!(" Waiting: {}, {}.", counted(*ends, "End"), counted(others, "other message"))
        }
        _ => String::new(),
    }
}

fn advice(kind: TroubleKind, facts: Option<&Facts>) -> &'static str {
    match kind {
        TroubleKind::EndpointFailing => {
            "The hub goes on trying; an End is kept for 72 hours, and nothing has to be sent again. Please look at the \
             service behind the endpoint: until it answers, drivers whose End waits may be refused elsewhere."
        }
        TroubleKind::EndpointMisconfigured => {
            "The hub asks every five minutes at most. Please check the endpoint's URL, its credentials, and the address \
             and the headers that the hub's operator has on file; `roamhub partners test` says what is wrong."
        }
        TroubleKind::MandateSuspended => {
            "No more Ends are issued for this operator. Please look why messages of the session came so late, choose a longer \
             preauthorisation_expires if need be, and give the mandate back with: roamhub mandates restore."
        }
        TroubleKind::Ghosts => {
            "Providers believe that these sessions go on, and may refuse their drivers elsewhere. Please send the missing \
             End, also for a session in which nothing was charged (zero energy). never-started: nothing came after the \
             authorisation; silent: Progress stopped; without-end: no End for very long."
        }
        TroubleKind::CertificateExpiring => advice_on_certificates(facts),
    }
}

/// By what the next one to expire is for.
fn advice_on_certificates(facts: Option<&Facts>) -> &'static str {
    let next = match facts {
        Some(Facts::Certificates(certificates)) => certificates.first().map(|next| &next.purpose),
        _ => None,
    };
    match next {
        Some(Purpose::Serving { .. }) => {
            "Once it has expired, partners open no connection to the hub. Please renew it in time (roamhub pki server --force, or \
             from whoever issued it); a running hub takes the new one up by itself."
        }
        Some(Purpose::Calling { .. }) => {
            "Once it has expired, partners that ask for it refuse the hub's calls, and messages to them wait. Please renew it in \
             time (roamhub pki outgoing --force, or from whoever issued it), and tell partners that have pinned it; a running \
             hub takes the new one up by itself."
        }
        Some(Purpose::Client { .. }) => {
            "Once it has expired, the hub refuses its calls with 017. Please make a new one in time: send the hub's operator a \
             certificate signing request, or the new certificate's fingerprint. Both can be in use at the same time, so \
             there need be no gap."
        }
        Some(Purpose::Server { .. } | Purpose::Authority { .. }) | None => {
            "Once it has expired, the hub opens no connection to the provider: drivers are not authorised, and messages \
             wait. Please renew it in time. A server's new certificate is seen with the hub's next connection, within an \
             hour of traffic; a new file with trusted certificates is for the hub's operator to put in place: a running hub \
             takes it up by itself."
        }
    }
}

fn facts_json(facts: &Facts) -> Value {
    match facts {
        Facts::Endpoint { waiting, ends } => json!({ "waiting": waiting, "ends": ends }),
        Facts::Ghosts(kinds) => json!({ "ghosts": kinds }),
        Facts::Certificates(all) => {
            let certificate = |certificate: &KnownCertificate| {
                let expires = rfc3339(certificate.expires_at);
                match &certificate.purpose {
                    Purpose::Server { host } => json!({ "host": host, "expires": expires }),
                    Purpose::Authority { file } => json!({ "file": file, "expires": expires }),
                    Purpose::Serving { file } => {
                        json!({ "file": file, "use": "serving", "expires": expires })
                    }
                    Purpose::Calling { file } => {
                        json!({ "file": file, "use": "calling", "expires": expires })
                    }
                    Purpose::Client { fingerprint } => {
                        json!({ "fingerprint": fingerprint, "use": "client", "expires": expires })
                    }
                }
            };
            json!({ "certificates": all.iter().map(certificate).collect::<Vec<_>>() })
        }
        Facts::Mandate => Value::Null,
    }
}

fn rfc3339(at: Timestamp) -> String {
    format!("{at:.0}")
}

fn in_words(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-02T14:02:07.5Z".parse().unwrap()
    }

    fn trouble(kind: TroubleKind) -> Trouble {
        let about = match kind {
            TroubleKind::Ghosts | TroubleKind::MandateSuspended => {
                Side::Operator(oicp::OperatorId::parse("DE*ABC").unwrap())
            }
            _ => Side::Provider(oicp::ProviderId::parse("DE-DCB").unwrap()),
        };
        Trouble { kind, about }
    }

    #[test]
    fn a_failing_endpoint() {
        let facts = Facts::Endpoint { waiting: 40, ends: 31 };
        let told = put("7", &trouble(TroubleKind::EndpointFailing), Say::Trouble, at(), Some(&facts), at());
        assert_eq!(told.subject, "[roamhub] provider DE-DCB: the endpoint fails");
        assert!(
            told.text.starts_with(
                "The endpoint of provider DE-DCB fails since 2026-03-02 14:02 UTC. Waiting: 31 Ends, 9 other messages."
            ),
            "{}",
            told.text
        );
        let json: Value = serde_json::from_str(&told.json).unwrap();
        let expected = json!({
            "id": "7",
            "kind": "endpoint-failing",
            "state": "trouble",
            "about": { "provider": "DE-DCB" },
            "since": "2026-03-02T14:02:07Z",
            "at": "2026-03-02T14:02:07Z",
            "text": "The endpoint of provider DE-DCB fails since 2026-03-02 14:02 UTC. Waiting: 31 Ends, 9 other messages.",
            "facts": { "waiting": 40, "ends": 31 },
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn ghosts_are_named_by_kind() {
        let facts = Facts::Ghosts([("silent", 2), ("without-end", 1)].into());
        let told = put("7", &trouble(TroubleKind::Ghosts), Say::Reminder, at(), Some(&facts), at());
        assert!(told.text.contains("2 silent, 1 without-end."), "{}", told.text);
        assert!(told.subject.contains("still: ghost sessions"));
    }

    #[test]
    fn certificates_are_named_with_their_host_their_end_and_the_time_left() {
        let expiring = trouble(TroubleKind::CertificateExpiring);
        let about = expiring.about;
        let server = KnownCertificate {
            expires_at: "2026-03-16T15:30:00Z".parse().unwrap(),
            about,
            purpose: Purpose::Server { host: "emp.example:8443".to_owned() },
        };
        let authority = KnownCertificate {
            expires_at: "2026-03-03T14:30:00Z".parse().unwrap(),
            about,
            purpose: Purpose::Authority { file: "emp-ca.pem".to_owned() },
        };
        let facts = Facts::Certificates(vec![authority, server]);
        let told = put("7", &expiring, Say::Trouble, at(), Some(&facts), at());
        let text = "The newest certificate in emp-ca.pem, which the hub trusts for provider DE-DCB, expires on 2026-03-03 \
                    14:30 UTC, in 24 hours. The server certificate of provider DE-DCB at emp.example:8443 expires on \
                    2026-03-16 15:30 UTC, in 14 days.";
        assert!(told.text.starts_with(text), "{}", told.text);
        assert_eq!(told.subject, "[roamhub] provider DE-DCB: a certificate expires soon");
        let json: Value = serde_json::from_str(&told.json).unwrap();
        let certificates = json!([
            { "file": "emp-ca.pem", "expires": "2026-03-03T14:30:00Z" },
            { "host": "emp.example:8443", "expires": "2026-03-16T15:30:00Z" },
        ]);
        assert_eq!(json["facts"], json!({ "certificates": certificates }));

        let later = "2026-03-03T14:30:01Z".parse().unwrap();
        let told = put("7", &expiring, Say::Reminder, at(), Some(&facts), later);
        assert!(
            told.text.contains("DE-DCB, has expired on 2026-03-03 14:30 UTC. The server"),
            "{}",
            told.text
        );
        assert_eq!(told.subject, "[roamhub] provider DE-DCB: a certificate has expired");
    }

    #[test]
    fn every_message_is_one_subject_line_and_says_whom_it_is_about() {
        for kind in TroubleKind::ALL {
            for say in [Say::Trouble, Say::Reminder, Say::AllClear] {
                let told = put("7", &trouble(kind), say, at(), None, at());
                let about = trouble(kind).about.to_string();
                assert!(told.subject.contains(&about) && !told.subject.contains('\n'), "{told:?}");
                assert!(told.text.contains(&about) && told.text.ends_with('\n'), "{told:?}");
                assert_eq!(told.text.contains("Please"), say != Say::AllClear, "{told:?}");
            }
        }
    }
}
