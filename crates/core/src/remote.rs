//! Whether a provider may begin a session from afar, and what an operator's answer to it means. Pure functions; the order
//! of the checks is the protocol's.

use std::sync::Arc;

use oicp::ack::{Acknowledgement, Reading};
use oicp::{EvseId, OperatorId};

use crate::Partner;
use crate::directory::{Directory, Operator, Provider};
use crate::outcome::{Exchange, ExchangeFailure};
use crate::route::Endpoint;
use crate::session::SessionKind;

/// Who is to be asked to begin, and where.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// The operator.
    pub operator: Arc<Operator>,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// Why nobody is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotAdmitted {
    /// No operator is registered for the EVSE (OICP 300).
    UnknownOperator(OperatorId),
    /// One of the two is locked (OICP 017).
    Locked(Partner),
    /// No contract between the two for this kind of session (OICP 210).
    NoContract(OperatorId),
    /// The operator has no address, or does not offer this (OICP 320).
    NotOffered(OperatorId),
}

/// Finds the operator that answers for the EVSE and decides whether this provider may ask it (OICP 2.3,
/// eRoamingAuthorizeRemoteStart and -ReservationStart).
///
/// Whether the operator has uploaded this EVSE (603), and lets it be started from afar (604), is to be asked last, once
/// the hub takes EVSE data in; an operator that has uploaded none is not judged by it. A stop is never held up by either.
///
/// # Errors
/// [`NotAdmitted`], the first reason in the order above.
pub fn admit(
    kind: SessionKind,
    evse: &EvseId,
    provider: &Provider,
    directory: &Directory,
) -> Result<Addressee, NotAdmitted> {
    let id = evse.operator();
    let operator = directory.responsible_operator(&id).ok_or(NotAdmitted::UnknownOperator(id))?;
    if provider.locked {
        return Err(NotAdmitted::Locked(provider.id.into()));
    }
    if operator.locked {
        return Err(NotAdmitted::Locked(operator.id.into()));
    }
    if !directory.contracted(operator, provider, kind.contract()) {
        return Err(NotAdmitted::NoContract(operator.id));
    }
    let endpoint = operator.endpoint_to_begin(kind).ok_or(NotAdmitted::NotOffered(operator.id))?;
    Ok(Addressee { operator: operator.clone(), endpoint })
}

/// What an operator made of a remote request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It answered.
    Answered(Acknowledgement),
    /// It was not asked, or its server took no notice: nothing has happened. In words.
    NothingHappened(String),
    /// It may have carried it out. In words.
    Unknown(String),
}

/// Judges an exchange that was carried at most once.
#[must_use]
pub fn judge(exchange: &Exchange) -> Heard {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(failure) if failure.is_before_sending() => {
            return Heard::NothingHappened(in_words(*failure).to_owned());
        }
        Err(failure) => return Heard::Unknown(in_words(*failure).to_owned()),
    };
    let success = (200..300).contains(&answer.status);
    match Acknowledgement::read(&answer.body) {
        // An incomplete acknowledgement outside 2xx is more likely some framework's error page.
        Reading::Acknowledged { ack, completed } if success || !completed => Heard::Answered(ack),
        _ if (300..500).contains(&answer.status) => Heard::NothingHappened(format!(
            "the operator's address answered HTTP {}; its configuration needs a look",
            answer.status
        )),
        _ => {
            Heard::Unknown(format!("the operator answered HTTP {} without an acknowledgement", answer.status))
        }
    }
}

fn in_words(failure: ExchangeFailure) -> &'static str {
    match failure {
        ExchangeFailure::Connect => "no connection to the operator",
        ExchangeFailure::Tls => "no trusted connection to the operator",
        ExchangeFailure::Address => "the operator's address is not usable",
        ExchangeFailure::Forbidden => {
            "the operator's address is not one that the hub may call (loopback, private or reserved)"
        }
        ExchangeFailure::Timeout => "the operator did not answer in time",
        ExchangeFailure::TooLarge => "the operator's answer is too long",
        ExchangeFailure::Broken | ExchangeFailure::Protocol => "the connection to the operator broke",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::outcome::HttpAnswer;

    fn heard(status: u16, body: &'static str) -> &'static str {
        let answer = HttpAnswer { status, retry_after: None, body: Bytes::from_static(body.as_bytes()) };
        word(&judge(&Ok(answer)))
    }

    fn word(heard: &Heard) -> &'static str {
        match heard {
            Heard::Answered(ack) if ack.result => "yes",
            Heard::Answered(_) => "no",
            Heard::NothingHappened(_) => "nothing",
            Heard::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn an_acknowledgement_counts_under_any_status() {
        let no = r#"{"Result":false,"StatusCode":{"Code":"510"}}"#;
        assert_eq!([200, 404, 500].map(|status| heard(status, no)), ["no"; 3]);
        assert_eq!(heard(200, r#"{"Result":true}"#), "yes");
    }

    #[test]
    fn without_one_only_a_refusal_by_the_server_is_known_to_have_done_nothing() {
        for status in [301, 307, 400, 401, 403, 404, 405, 408, 415, 429] {
            assert_eq!(heard(status, "<html>"), "nothing", "{status}");
        }
        assert_eq!(heard(404, r#"{"Result":true}"#), "nothing", "a framework's page");
        for status in [200, 202, 204, 500, 502, 503, 504] {
            assert_eq!(heard(status, ""), "unknown", "{status}");
        }
        assert_eq!(heard(200, "<html>"), "unknown");
    }

    #[test]
    fn what_failed_before_sending_did_nothing() {
        use ExchangeFailure::{Address, Broken, Connect, Forbidden, Protocol, Timeout, Tls, TooLarge};
        assert_eq!(
            [Connect, Tls, Address, Forbidden].map(|failure| word(&judge(&Err(failure)))),
            ["nothing"; 4]
        );
        let later = [Broken, Timeout, TooLarge, Protocol];
        assert_eq!(later.map(|failure| word(&judge(&Err(failure)))), ["unknown"; 4]);
    }
}
