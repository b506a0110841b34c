//! One trouble's life by hand, and in any sequence of comings, goings and pauses.

use proptest::prelude::*;

use super::*;

const PACE: Pace = Pace {
    settle: Duration::from_secs(120),
    first_reminder: Duration::from_secs(3600),
    longest: Duration::from_secs(86_400),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

#[test]
fn a_trouble_is_told_once_reminded_of_rarely_and_cleared_once() {
    let mut told = None;
    let mut said = Vec::new();
    for minute in 0..60 * 24 * 4 {
        // It lasts three days, with a short pause on the first.
        let there = minute < 60 * 72 && minute != 30;
        let (kept, say) = step(told, there.then(|| at(0)), at(minute * 60), &PACE);
        told = kept;
        said.extend(say.map(|say| (minute, say)));
    }
    let hours = |hours: i64| 2 + hours * 60;
    let expected = [
        (2, Say::Trouble),
        (hours(1), Say::Reminder),
        (hours(3), Say::Reminder),
        (hours(7), Say::Reminder),
        (hours(15), Say::Reminder),
        (hours(31), Say::Reminder),
        (hours(55), Say::Reminder),
        (60 * 72 + 2, Say::AllClear),
    ];
    assert_eq!(said, expected);
    assert_eq!(told, None);
}

#[test]
fn what_passes_by_itself_is_not_spoken_of() {
    let (told, say) = step(None, Some(at(0)), at(119), &PACE);
    assert_eq!((told, say), (None, None));
    assert_eq!(step(told, None, at(121), &PACE), (None, None));
}

const DAY: i64 = 86_400;

/// Three days and one day before the end, and at the end.
fn instants(end: i64) -> [Timestamp; 3] {
    [at(end - 3 * DAY), at(end - DAY), at(end)]
}

/// What is said of a certificate whose last fourteen days are worth a word, at looks ten minutes apart. `end` is when
/// it expires as far as is known at a look.
fn said_of(end: impl Fn(i64) -> i64, looks: std::ops::Range<i64>) -> Vec<(i64, Say)> {
    let (mut told, mut said) = (None, Vec::new());
    for now in looks.step_by(600) {
        let since = Some(end(now) - 14 * DAY).filter(|since| *since <= now);
        let (kept, say) = step_towards(told, since.map(at), at(now), PACE.settle, &instants(end(now)));
        told = kept;
        said.extend(say.map(|say| (now, say)));
    }
    said
}

#[test]
fn an_end_that_comes_is_told_once_and_reminded_of_at_its_instants() {
    let end = 20 * DAY;
    let expected = [
        (6 * DAY + 600, Say::Trouble),
        (17 * DAY, Say::Reminder),
        (19 * DAY, Say::Reminder),
        (20 * DAY, Say::Reminder),
    ];
    assert_eq!(said_of(|_| end, 0..40 * DAY), expected);
    // Seen late: what has passed by then is not made up for.
    assert_eq!(
        said_of(|_| end, 18 * DAY..40 * DAY),
        [(18 * DAY, Say::Trouble), (19 * DAY, Say::Reminder), (20 * DAY, Say::Reminder),]
    );
    assert_eq!(said_of(|_| end, 25 * DAY..40 * DAY), [(25 * DAY, Say::Trouble)]);
}

#[test]
fn a_later_end_clears_it_or_moves_its_reminders() {
    let renewed = |now| if now < 18 * DAY { 20 * DAY } else { 110 * DAY };
    let expected = [
        (6 * DAY + 600, Say::Trouble),
        (17 * DAY, Say::Reminder),
        (18 * DAY + 600, Say::AllClear),
        (96 * DAY + 600, Say::Trouble),
    ];
    assert_eq!(said_of(renewed, 0..97 * DAY), expected);
    let a_little = |now| if now < 21 * DAY { 20 * DAY } else { 30 * DAY };
    let reminders = [17, 19, 20, 27, 29, 30].map(|day| (day * DAY, Say::Reminder));
    assert_eq!(said_of(a_little, 0..40 * DAY)[1..], reminders);
}

#[test]
fn what_the_ledger_keeps_of_it_is_what_it_was() {
    let (told, _) = step_towards(None, Some(at(0)), at(900), PACE.settle, &[]);
    let told = told.unwrap();
    let kept = Timestamp::from_microsecond(told.remind_at.as_microsecond()).unwrap();
    assert_eq!(
        step_towards(Some(Told { remind_at: kept, ..told }), Some(at(0)), at(901), PACE.settle, &[]),
        (Some(told), None)
    );
}

#[test]
fn sides_and_kinds_are_read_again() {
    let operator = Side::Operator(OperatorId::parse("+49*810").unwrap());
    let provider = Side::Provider(ProviderId::parse("DE-DCB").unwrap());
    for side in [Side::Hub, operator, provider] {
        assert_eq!(Side::parse(&side.to_string()), Some(side));
    }
    for kind in TroubleKind::ALL {
        assert_eq!(TroubleKind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Side::parse("neighbour DE*ABC"), None);
}

proptest! {
    /// Looks at any distance from each other, the trouble there or not. A restart changes nothing, because all there is
    /// is the state that `step` returned.
    #[test]
    fn in_any_sequence_telling_and_clearing_alternate(looks in prop::collection::vec((1_i64..5_000, any::<bool>()), 1..200)) {
        let (mut now, mut told, mut since) = (0, None, None);
        let mut last: Option<(Say, i64)> = None;
        let (mut last_there, mut pause) = (None, 0);
        for (passed, there) in looks {
            now += passed;
            since = if there { since.or(Some(now)) } else { None };
            if there {
                last_there = Some(now);
            }
            let (kept, say) = step(told, since.map(at), at(now), &PACE);
            if let Some(say) = say {
                match (say, last) {
                    (Say::Trouble, None | Some((Say::AllClear, _))) => {
                        prop_assert!(now - since.unwrap() >= 120, "told only after it has lasted");
                        pause = 3600;
                    }
                    (Say::Reminder, Some((Say::Trouble | Say::Reminder, then))) => {
                        prop_assert!(there);
                        prop_assert!(now - then >= pause, "{} s after the last word", now - then);
                        pause = (pause * 2).min(86_400);
                    }
                    (Say::AllClear, Some((Say::Trouble | Say::Reminder, _))) => {
                        prop_assert!(!there && now - last_there.unwrap() >= 120);
                    }
                    (say, last) => prop_assert!(false, "{say:?} after {last:?}"),
                }
                last = Some((say, now));
            }
            let open = matches!(last, Some((Say::Trouble | Say::Reminder, _)));
            prop_assert_eq!(kept.is_some(), open, "it is kept exactly while an all-clear is owed");
            told = kept;
        }
    }
}
