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
