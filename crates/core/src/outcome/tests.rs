//! The table of outcomes, row by row.

use super::*;

const ACK: &str = r#"{"Result":true,"StatusCode":{"Code":"000"}}"#;
const HTML: &str = "<html><body>It works!</body></html>";

fn answered(status: u16, body: &str) -> Exchange {
    Ok(HttpAnswer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) })
}

fn refused(code: &str) -> String {
    format!(r#"{{"Result":false,"StatusCode":{{"Code":"{code}"}}}}"#)
}

fn word(exchange: &Exchange, kind: MessageKind) -> &'static str {
    judge(exchange, kind, &FaultCodes::default()).as_str()
}

#[test]
fn a_full_acknowledgement_counts_under_any_http_status() {
    for status in [200, 202, 302, 400, 404, 429, 500, 503] {
        assert_eq!(word(&answered(status, ACK), MessageKind::End), "delivered", "HTTP {status}");
        assert_eq!(word(&answered(status, &refused("102")), MessageKind::End), "refused", "HTTP {status}");
    }
}

#[test]
fn success_without_an_acknowledgement_is_delivered_with_a_finding_unless_it_is_no_json() {
    for (status, body) in
        [(204, ""), (200, ""), (200, "  \r\n"), (201, "{}"), (200, r#"{"ok":1}"#), (200, "[]")]
    {
        match judge(&answered(status, body), MessageKind::End, &FaultCodes::default()) {
            AttemptOutcome::Delivered { ack, finding: Some(finding) } => {
                assert_eq!(finding.code, ANSWER_WITHOUT_RESULT);
                assert!(ack.result && ack.status.code == Code::SUCCESS);
                assert!(ack.status.additional_info.is_some(), "the operator is told");
            }
            other => panic!("HTTP {status} {body:?}: {other:?}"),
        }
    }
    for body in [HTML, "OK", r#"{"Result":tr"#] {
        assert_eq!(word(&answered(200, body), MessageKind::End), "unusable", "{body}");
    }
}

#[test]
fn a_fault_is_tried_again_for_end_and_error_only() {
    for code in ["001", "002", "021"] {
        assert_eq!(word(&answered(200, &refused(code)), MessageKind::End), "faulted");
        assert_eq!(word(&answered(200, &refused(code)), MessageKind::Error), "faulted");
        assert_eq!(word(&answered(200, &refused(code)), MessageKind::Start), "refused");
        assert_eq!(word(&answered(200, &refused(code)), MessageKind::Progress), "refused");
    }
    let none = FaultCodes::new(vec![]);
    assert_eq!(judge(&answered(200, &refused("021")), MessageKind::End, &none).as_str(), "refused");
}

#[test]
fn an_incomplete_acknowledgement_is_completed_under_2xx_only() {
    match judge(&answered(200, r#"{"Result":true}"#), MessageKind::End, &FaultCodes::default()) {
        AttemptOutcome::Delivered { ack, finding: Some(finding) } => {
            assert_eq!((ack.status.code, finding.code), (Code::SUCCESS, ANSWER_INCOMPLETE));
        }
        other => panic!("{other:?}"),
    }
    match judge(&answered(200, r#"{"Result":false}"#), MessageKind::Start, &FaultCodes::default()) {
        AttemptOutcome::Refused(ack) => assert_eq!(ack.status.code, Code::GENERIC),
        other => panic!("{other:?}"),
    }
    assert_eq!(word(&answered(500, r#"{"Result":false}"#), MessageKind::End), "unreachable");
}

#[test]
fn errors_without_an_acknowledgement() {
    for status in [301, 302, 307, 400, 401, 403, 404, 410, 422] {
        assert_eq!(word(&answered(status, HTML), MessageKind::End), "misconfigured", "HTTP {status}");
    }
    for status in [408, 425, 429, 500, 502, 503, 599] {
        assert_eq!(word(&answered(status, HTML), MessageKind::End), "unreachable", "HTTP {status}");
    }
    for failure in
        [ExchangeFailure::Connect, ExchangeFailure::Tls, ExchangeFailure::Broken, ExchangeFailure::Timeout]
    {
        assert_eq!(word(&Err(failure), MessageKind::End), "unreachable", "{failure:?}");
    }
    for failure in [ExchangeFailure::Address, ExchangeFailure::Forbidden] {
        assert_eq!(word(&Err(failure), MessageKind::End), "misconfigured", "{failure:?}");
    }
}

struct Case {
    schedule: RetrySchedule,
    process: ProcessId,
    received_at: Timestamp,
}

impl Case {
    fn new() -> Self {
        let schedule = RetrySchedule::new(vec![Duration::from_secs(5), Duration::from_secs(30)]).unwrap();
        Self {
            schedule,
            process: ProcessId::new(),
            received_at: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    fn next(&self, outcome: &AttemptOutcome, kind: MessageKind, age: u64, tries: Tries) -> Next {
        let now = retry::later(self.received_at, Duration::from_secs(age));
        let gives_up_at = retry::gives_up_at(kind, self.received_at);
        next(
            outcome,
            &Situation { kind, process: &self.process, gives_up_at, now, tries, schedule: &self.schedule },
        )
    }

    /// The pause until the retry, in seconds.
    fn pause(&self, outcome: &AttemptOutcome, kind: MessageKind, tries: Tries) -> i64 {
        match self.next(outcome, kind, 0, tries) {
            Next::Retry { due_at } => due_at.duration_since(self.received_at).as_secs(),
            other => panic!("{other:?}"),
        }
    }
}

fn unreachable(retry_after: Option<u64>) -> AttemptOutcome {
    AttemptOutcome::Unreachable {
        status: Some(503),
        failure: None,
        retry_after: retry_after.map(Duration::from_secs),
    }
}

#[test]
fn unreachable_follows_the_schedule_and_the_providers_own_wish_within_bounds() {
    let case = Case::new();
    assert!((4..=5).contains(&case.pause(&unreachable(None), MessageKind::End, Tries::default())));
    let second = Tries { recorded: 1, ..Tries::default() };
    assert!((27..=33).contains(&case.pause(&unreachable(None), MessageKind::End, second)));
    assert_eq!(case.pause(&unreachable(Some(77)), MessageKind::End, second), 77);
    assert_eq!(case.pause(&unreachable(Some(1_000_000)), MessageKind::End, second), 3600);
}

#[test]
fn misconfigured_is_asked_slowly() {
    let outcome = AttemptOutcome::Misconfigured { why: Misconfiguration::Answer(404) };
    assert_eq!(Case::new().pause(&outcome, MessageKind::End, Tries::default()), 300);
}

#[test]
fn faults_and_unusable_answers_are_tried_so_many_times() {
    let case = Case::new();
    let ack = note_without_acknowledgement(200);
    for (outcome, most, reason) in [
        (AttemptOutcome::Faulted(ack), MOST_FAULTS, "faulted"),
        (AttemptOutcome::Unusable { status: 200 }, MOST_UNUSABLE, "unusable"),
    ] {
        let tries = |n| Tries { recorded: n, faulted: n, unusable: n };
        let last_but_one = case.next(&outcome, MessageKind::End, 0, tries(most - 1));
        assert!(matches!(last_but_one, Next::Retry { .. }));
        assert_eq!(
            case.next(&outcome, MessageKind::End, 0, tries(most)),
            Next::Final { state: FinalState::Exhausted, reason: Some(reason) }
        );
    }
}

#[test]
fn an_end_is_tried_for_three_days_a_progress_for_a_quarter_of_an_hour() {
    let case = Case::new();
    let at = |kind, age| case.next(&unreachable(None), kind, age, Tries::default());
    assert!(matches!(at(MessageKind::Progress, 800), Next::Retry { .. }));
    assert_eq!(at(MessageKind::Progress, 899), Next::Final { state: FinalState::Expired, reason: None });
    assert!(matches!(at(MessageKind::End, 71 * 3600), Next::Retry { .. }));
    let patient = case.next(&unreachable(Some(3600)), MessageKind::Progress, 0, Tries::default());
    let last = retry::later(case.received_at, Duration::from_secs(870));
    assert_eq!(patient, Next::Retry { due_at: last }, "what would come too late has one last try");
    assert_eq!(
        at(MessageKind::End, 72 * 3600),
        Next::Final { state: FinalState::Exhausted, reason: Some("too-old") }
    );
}
