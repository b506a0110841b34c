//! Kept, arrived, ended, ordered.

use std::collections::HashMap;
use std::time::Duration;

use jiff::SignedDuration;
use roamhub_core::records::MessageRecord;
use roamhub_core::retry::EXPIRES_AFTER;

use super::{Arrival, Case, Said};

/// The longest an operator may wait.
const LONGEST_ANSWER: Duration = Duration::from_secs(8);

/// The state of the newest delivery of a message.
pub(super) fn state(message: &MessageRecord) -> &str {
    message.deliveries.last().map(|delivery| delivery.state.as_str()).unwrap_or_default()
}

/// A message in the words of a violation.
pub(super) fn name(message: &MessageRecord) -> String {
    format!("{} {} of session {}", message.kind, message.process, message.session.to_session_id())
}

/// Whatever was answered with HTTP 200 is in the ledger, under the id of its answer, and in time; each message once.
pub(super) fn kept(case: &Case<'_>, found: &mut Vec<String>) {
    for call in &case.evidence.calls {
        let Some(told) = &call.told else { continue };
        if told.took >= LONGEST_ANSWER {
            found.push(format!("an answer took {:?}: {told:?}", told.took));
        }
        if told.status == 503 {
            continue;
        }
        let text = String::from_utf8_lossy(&call.body);
        match case.by_process.get(&told.process) {
            Some(message) if message.body != call.body => {
                found.push(format!("{} has other bytes in the ledger than were sent: {text}", name(message)));
            }
            Some(_) => {}
            None => found.push(format!("answered, and not in the ledger: {told:?} to {text}")),
        }
    }
    let mut firsts = HashMap::new();
    for message in case.evidence.messages.iter().flatten() {
        if let Some(first) = firsts.insert((message.session, &message.body), message) {
            found.push(format!("{} is in the ledger twice, also as {}", name(message), first.process));
        }
        if case.calls_of(message).is_empty() {
            found.push(format!("{} is in the ledger, but nobody sent it", name(message)));
        }
    }
}

/// An answered End or Error reached the provider; who was told yes, or no, was told so by the provider.
pub(super) fn arrived(case: &Case<'_>, found: &mut Vec<String>) {
    for message in case.evidence.messages.iter().flatten() {
        let arrivals = case.arrivals_of(message);
        let said = |wanted: &[Said]| arrivals.iter().any(|arrival| wanted.contains(&arrival.said));
        let answered = case.told_of(message).any(|told| told.status == 200);
        if answered && is_owed(message) && arrivals.is_empty() {
            found.push(format!("{} was answered and never reached the provider", name(message)));
        }
        for told in case.told_of(message).filter(|told| told.status == 200 && !told.deferred) {
            if told.result && !said(&[Said::Yes]) {
                found.push(format!(
                    "{}: the operator was told yes, the provider never said it",
                    name(message)
                ));
            }
            if !told.result && !said(&[Said::No, Said::Fault]) {
                found.push(format!("{}: refused ({}), but not by the provider", name(message), told.code));
            }
        }
    }
    for arrival in &case.evidence.arrivals {
        match case.by_process.get(&arrival.process) {
            None => found.push(format!("the provider saw what the ledger does not have: {arrival:?}")),
            Some(message) if message.body != arrival.body => {
                found.push(format!("{} reached the provider with other bytes", name(message)));
            }
            Some(_) => {}
        }
    }
}

fn is_owed(message: &MessageRecord) -> bool {
    matches!(message.kind.as_str(), "End" | "Error")
}

/// Nothing is open; every end of a delivery has its reason.
pub(super) fn ended(case: &Case<'_>, found: &mut Vec<String>) {
    for session in &case.evidence.messages {
        for (place, message) in session.iter().enumerate() {
            if let Some(wrong) = wrong_end(case, session, place) {
                found.push(format!("{} {wrong}", name(message)));
            }
        }
    }
}

fn wrong_end(case: &Case<'_>, session: &[MessageRecord], place: usize) -> Option<String> {
    let (message, later) = session.get(place..)?.split_first()?;
    let delivery = message.deliveries.last()?;
    let said = |wanted: Said| case.arrivals_of(message).iter().any(|arrival| arrival.said == wanted);
    let fault = |it: bool, text: &str| it.then(|| text.to_owned());
    match (state(message), is_owed(message)) {
        ("delivered", _) => fault(!said(Said::Yes), "is delivered, says the ledger alone"),
        ("refused", true) => fault(!said(Said::No), "is refused, says the ledger alone"),
        ("refused", false) => {
            fault(!said(Said::No) && !said(Said::Fault), "is refused, says the ledger alone")
        }
        ("superseded", false) => {
            let overtakes = |by: &&MessageRecord| matches!(by.kind.as_str(), "Progress" | "End");
            // A message that was sent in again and reopened is as young as its repeat.
            let reopened = session.iter().filter(|by| by.deliveries.len() > 1);
            let by = later.iter().chain(reopened).find(overtakes);
            fault(by.is_none(), "is superseded, and nothing overtook it")
        }
        ("expired", false) => {
            let age = delivery.ended_at?.duration_since(message.received_at);
            let least = SignedDuration::try_from(EXPIRES_AFTER).ok()?;
            fault(age < least, "expired before its time")
        }
        ("exhausted", false) => fault(delivery.reason.is_none(), "was given up without a reason"),
        (state, true) => Some(format!("is {state}: an End or Error is delivered or refused")),
        (state, false) => Some(format!("is {state}")),
    }
}

/// First arrivals in a session are in the order of the ledger. An Error passes what is deferred and is passed while it is
/// deferred itself: then what came first had been put off, and its first arrival is not its first attempt.
pub(super) fn ordered(case: &Case<'_>, found: &mut Vec<String>) {
    for session in &case.evidence.messages {
        let firsts: Vec<(&MessageRecord, &Arrival)> = session
            .iter()
            .filter_map(|message| Some((message, *case.arrivals_of(message).first()?)))
            .collect();
        for (place, (message, first)) in firsts.iter().enumerate() {
            for (later, overtaking) in &firsts[place + 1..] {
                let passes = message.kind == "Error" || later.kind == "Error";
                let put_off = passes && first.attempt > 1;
                if overtaking.at < first.at && !put_off {
                    found.push(format!("{} arrived before {}", name(later), name(message)));
                }
            }
        }
        for (message, _) in firsts.iter().filter(|(message, _)| state(message) == "superseded") {
            let overtaken = firsts.iter().find(|(later, _)| {
                matches!(later.kind.as_str(), "Progress" | "End") && is_later(session, message, later)
            });
            let again = case.arrivals_of(message).last();
            if let (Some((later, first)), Some(again)) = (overtaken, again)
                && again.at > first.at
            {
                found.push(format!("{} was sent after {}, which superseded it", name(message), name(later)));
            }
        }
    }
}

fn is_later(session: &[MessageRecord], message: &MessageRecord, other: &MessageRecord) -> bool {
    let place = |wanted: &MessageRecord| session.iter().position(|one| one.process == wanted.process);
    place(other) > place(message)
}
