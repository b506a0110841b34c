//! Repeated: why the provider saw a message again.

use std::time::{Duration, Instant};

use roamhub_core::records::{AttemptEntry, MessageRecord};

use super::rules::name;
use super::{Arrival, Case, Counts, Said, Span};

/// What is told about an arrival in a violation: what happened this close to it.
const NEAR: Duration = Duration::from_secs(1);

/// Why a message was sent again after this arrival.
enum Why {
    /// The provider gave no acknowledgement, or one that reports a fault.
    Failure,
    /// The provider refused it, and the sender asked again.
    Refusal,
    /// The provider accepted it, and the hub could not know or record that.
    Loss,
}

/// The provider sees a message again only for a reason; under one id, numbered, with the same bytes and instant.
pub(super) fn repeated(case: &Case<'_>, found: &mut Vec<String>, counts: &mut Counts) {
    for message in case.evidence.messages.iter().flatten() {
        let arrivals = case.arrivals_of(message);
        for pair in arrivals.windows(2) {
            let [before, after] = pair else { continue };
            counts.repeats += 1;
            if let Some(wrong) = differs(before, after) {
                found.push(format!("{}: {wrong}", name(message)));
            }
            match why(case, message, before, after) {
                Ok(Why::Failure) => counts.after_failure += 1,
                Ok(Why::Refusal) => counts.after_refusal += 1,
                Ok(Why::Loss) => counts.after_loss += 1,
                Err(text) => found.push(format!(
                    "{}: attempt {} was answered {:?} and yet followed by attempt {}: {text}{}",
                    name(message),
                    before.attempt,
                    before.said,
                    after.attempt,
                    timeline(case, message)
                )),
            }
        }
    }
}

fn differs(before: &Arrival, after: &Arrival) -> Option<String> {
    let (one, other) = (before.attempt, after.attempt);
    if before.body != after.body {
        return Some(format!("attempts {one} and {other} have different bytes"));
    }
    if before.received_at != after.received_at {
        return Some(format!("attempts {one} and {other} disagree on when it was received"));
    }
    if one == 0 || other < one {
        return Some(format!("attempt {one} was followed by attempt {other}"));
    }
    // A kept connection that breaks is tried once more, on a fresh one, as the same attempt.
    let reconnected = before.said == Said::Nothing && before.connection != after.connection;
    (one == other && !reconnected).then(|| format!("two attempts with the number {one}"))
}

fn why(case: &Case<'_>, message: &MessageRecord, before: &Arrival, after: &Arrival) -> Result<Why, String> {
    let between =
        |spans: &[Span]| spans.iter().any(|span| *span.start() <= after.at && before.at <= *span.end());
    let recorded = recorded(message, before.attempt);
    match before.said {
        Said::Nothing => return Ok(Why::Failure),
        Said::Fault if matches!(message.kind.as_str(), "End" | "Error") => return Ok(Why::Failure),
        Said::No | Said::Fault if recorded.is_some_and(|entry| entry.outcome == "refused") => {
            let asked = case.calls_of(message).len();
            return if asked > 1 { Ok(Why::Refusal) } else { Err("nobody asked again".to_owned()) };
        }
        Said::No | Said::Fault | Said::Yes => {}
    }
    match recorded {
        None if between(&case.evidence.kills) => Ok(Why::Loss),
        None => Err("its outcome was not recorded, though the hub ran on".to_owned()),
        // What the hub did not hear: the provider cut the connection, or the test was too slow for its own timeout.
        Some(entry) if entry.outcome == "unreachable" => {
            let slow = u128::from(entry.took_ms) + 50 >= case.evidence.timeout.as_millis();
            if slow || between(&case.evidence.outages) {
                Ok(Why::Loss)
            } else {
                Err(format!("recorded as {} after {} ms", entry.outcome, entry.took_ms))
            }
        }
        Some(entry) => {
            Err(format!("recorded as {}{}", entry.outcome, if entry.late { ", late" } else { "" }))
        }
    }
}

/// What the ledger has about an attempt.
fn recorded(message: &MessageRecord, number: u32) -> Option<&AttemptEntry> {
    let mut attempts = message.deliveries.iter().flat_map(|delivery| &delivery.attempts);
    attempts.find(|attempt| attempt.number == number)
}

/// All that is known about a message's attempts, for whoever has to find out what happened.
fn timeline(case: &Case<'_>, message: &MessageRecord) -> String {
    let arrivals = case.arrivals_of(message);
    let Some(first) = arrivals.first().map(|arrival| arrival.at) else { return String::new() };
    let millis = |at: Instant| match at.checked_duration_since(first) {
        Some(after) => format!("+{} ms", after.as_millis()),
        None => format!("-{} ms", first.duration_since(at).as_millis()),
    };
    let mut text = String::new();
    for arrival in arrivals {
        let Arrival { attempt, said, connection, at, .. } = arrival;
        text.push_str(&format!(
            "\n  {}: attempt {attempt} on connection {connection}, {said:?}",
            millis(*at)
        ));
    }
    let near = |span: &&Span| {
        arrivals.iter().any(|one| one.at + NEAR >= *span.start() && one.at <= *span.end() + NEAR)
    };
    for (what, spans) in [("killed", &case.evidence.kills), ("provider down", &case.evidence.outages)] {
        for span in spans.iter().filter(near) {
            text.push_str(&format!("\n  {what} {} to {}", millis(*span.start()), millis(*span.end())));
        }
    }
    for entry in message.deliveries.iter().flat_map(|delivery| &delivery.attempts) {
        text.push_str(&format!("\n  recorded: {} {}, {} ms", entry.number, entry.outcome, entry.took_ms));
    }
    text
}
