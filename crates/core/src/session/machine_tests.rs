//! The whole table as a snapshot, and what holds in it whatever comes in whatever order.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KINDS: [SessionKind; 2] = [SessionKind::Charging, SessionKind::Reservation];
const WAYS: [Opened; 3] = [Opened::Asked, Opened::Uploaded, Opened::Remote];
const ANYBODY: [By; 4] = [By::Operator, By::Provider, By::Stranger, By::Nobody];

/// Every session, every sign, and what comes of it.
fn table() -> Vec<(Session, Sign, Step)> {
    let mut table = Vec::new();
    for kind in KINDS {
        for opened in WAYS {
            for state in SessionState::ALL {
                for what in What::ALL {
                    for by in ANYBODY {
                        let (session, sign) = (Session { kind, opened, state }, Sign { what, by });
                        table.push((session, sign, step(session, sign)));
                    }
                }
            }
        }
    }
    table
}

fn in_short(step: Step, before: SessionState) -> String {
    match step.answer {
        Answer::Welcome if step.next == before => "welcome".to_owned(),
        Answer::Welcome => step.next.as_str().to_owned(),
        Answer::Repeat => "repeat".to_owned(),
        Answer::Invalid => "400".to_owned(),
        Answer::Conflict => "conflict".to_owned(),
        Answer::Ignored => "-".to_owned(),
    }
}

#[test]
fn the_whole_table() {
    let mut text = String::new();
    for kind in KINDS {
        for opened in WAYS {
            writeln!(text, "{kind:?}, {opened:?}").unwrap();
            for what in What::ALL {
                for by in [what.rightful(opened), By::Stranger] {
                    write!(text, "  {:<46}", format!("{what:?} by {by:?}").replace("Notification", ""))
                        .unwrap();
                    for state in SessionState::ALL {
                        let step = step(Session { kind, opened, state }, Sign { what, by });
                        write!(text, " {:<15}", in_short(step, state)).unwrap();
                    }
                    text.truncate(text.trim_end().len());
                    text.push('\n');
                }
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_closed_session_stays_closed_and_one_that_is_gone_never_comes_back() {
    for (session, sign, step) in table() {
        if matches!(session.state, SessionState::Closed | SessionState::Gone) {
            assert_eq!(step.next, session.state, "{session:?} {sign:?}");
        }
    }
}

#[test]
fn nothing_but_a_charge_detail_record_of_its_operator_closes_a_session() {
    let mut ways = BTreeSet::new();
    for (session, sign, step) in table() {
        if step.next == SessionState::Closed && session.state != SessionState::Closed {
            assert!(matches!(sign.what, What::ChargeDetailRecord(_)), "{session:?} {sign:?}");
            assert_eq!(sign.by, By::Operator);
            ways.insert(session.state);
        }
    }
    assert_eq!(ways.len(), 4, "from every state in which it may be alive: {ways:?}");
}

#[test]
fn who_is_not_the_right_partner_changes_nothing_and_a_call_of_it_is_400() {
    for (session, sign, step) in table() {
        if sign.by != sign.what.rightful(session.opened) {
            assert_eq!(step.next, session.state, "{session:?} {sign:?}");
            assert_ne!(step.answer, Answer::Welcome, "{session:?} {sign:?}");
            assert!(!sign.what.is_a_call() || step.answer == Answer::Invalid, "{session:?} {sign:?}");
        }
    }
}

#[test]
fn what_the_hub_authorised_it_lets_end_whatever_came_before() {
    let alive = [SessionState::Unconfirmed, SessionState::Active, SessionState::ChargingEnded];
    for (session, sign, step) in table() {
        let end = sign.what == What::Notification(NotificationType::End) && sign.by == By::Operator;
        if end && alive.contains(&session.state) {
            assert_eq!(step, Step { next: SessionState::ChargingEnded, answer: Answer::Welcome });
        }
    }
}

#[test]
fn what_changes_a_session_is_welcome() {
    for (session, sign, step) in table() {
        assert!(
            step.next == session.state || step.answer == Answer::Welcome,
            "{session:?} {sign:?} {step:?}"
        );
    }
}

#[test]
fn every_word_is_read_again() {
    for state in SessionState::ALL {
        assert_eq!(SessionState::parse(state.as_str()), Some(state));
    }
    assert_eq!(SessionState::parse("open"), None);
}

/// Where a session may come from, written down once more: the edges of the diagram in `ARCHITECTURE.md`.
fn edges(opened: Opened) -> BTreeSet<(SessionState, SessionState)> {
    use SessionState::{Active, ChargingEnded, Closed, Gone, Pending, Unconfirmed};
    let mut edges: BTreeSet<_> = [
        (Pending, Active),
        (Pending, Gone),
        (Active, ChargingEnded),
        (Active, Closed),
        (Active, Gone),
        (ChargingEnded, Closed),
        (ChargingEnded, Gone),
    ]
    .into();
    if opened == Opened::Remote {
        edges.extend([
            (Pending, Unconfirmed),
            (Pending, ChargingEnded),
            (Pending, Closed),
            (Unconfirmed, Active),
            (Unconfirmed, ChargingEnded),
            (Unconfirmed, Closed),
            (Unconfirmed, Gone),
        ]);
    }
    edges
}

proptest! {
    #[test]
    fn no_sequence_of_signs_leaves_the_table(
        kind in select(KINDS.to_vec()),
        opened in select(WAYS.to_vec()),
        signs in proptest::collection::vec((select(What::ALL.to_vec()), select(ANYBODY.to_vec())), 0..60),
    ) {
        let edges = edges(opened);
        let mut session = Session { kind, opened, state: SessionState::Pending };
        let mut closed_by_a_record = false;
        for (what, by) in signs {
            let Step { next, answer } = step(session, Sign { what, by });
            if next != session.state {
                prop_assert!(edges.contains(&(session.state, next)), "{session:?} -> {next:?} by {what:?}");
                prop_assert_eq!(by, what.rightful(opened));
            }
            closed_by_a_record |= matches!(what, What::ChargeDetailRecord(_)) && answer == Answer::Welcome;
            prop_assert_eq!(next == SessionState::Closed, closed_by_a_record);
            // A session nobody was asked about from remote is never in doubt.
            prop_assert!(next != SessionState::Unconfirmed || opened == Opened::Remote);
            session.state = next;
        }
    }

    #[test]
    fn every_edge_is_walked(opened in select(WAYS.to_vec())) {
        let mut walked = BTreeSet::new();
        let reachable: BTreeSet<_> = edges(opened).into_iter().map(|(from, _)| from).collect();
        for (session, _, step) in table() {
            if session.opened == opened && step.next != session.state && reachable.contains(&session.state) {
                walked.insert((session.state, step.next));
            }
        }
        prop_assert_eq!(walked, edges(opened));
    }
}
