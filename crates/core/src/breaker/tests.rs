//! The breaker, step by step, and under any sequence of steps.

use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn settings() -> BreakerSettings {
    BreakerSettings::default()
}

/// A breaker that opened at `now`.
fn opened(now: Duration) -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..settings().failures {
        let ticket = breaker.admit(now).unwrap();
        breaker.failed(ticket, now, &settings());
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_success_in_between_begins_anew() {
    let mut breaker = Breaker::default();
    for round in 0..3 {
        for failure in 1..settings().failures {
            let ticket = breaker.admit(seconds(0)).unwrap();
            breaker.failed(ticket, seconds(0), &settings());
            assert_eq!(breaker.state(), BreakerState::Closed, "round {round}, failure {failure}");
        }
        let ticket = breaker.admit(seconds(0)).unwrap();
        breaker.reached(ticket, &settings());
        assert!(breaker.calm_era().is_some());
    }
    opened(seconds(0));
}

#[test]
fn open_lets_one_probe_through_once_the_pause_is_over() {
    let mut breaker = opened(seconds(100));
    assert_eq!(breaker.shut_for(seconds(101)), Some(seconds(4)));
    assert_eq!(breaker.admit(seconds(104)), None);
    let probe = breaker.admit(seconds(105)).expect("the pause is over");
    assert!(probe.is_probe());
    assert_eq!(breaker.admit(seconds(106)), None, "one at a time");
    assert!(breaker.shut_for(seconds(106)).is_some());
    breaker.given_back(probe);
    assert!(breaker.admit(seconds(106)).is_some(), "somebody else may probe");
}

#[test]
fn the_pause_grows_to_its_bound_and_begins_anew_once_closed() {
    let mut breaker = opened(seconds(0));
    let mut now = seconds(0);
    for pause in [5, 10, 20, 40, 60, 60, 60] {
        assert_eq!(breaker.shut_for(now), Some(seconds(pause)));
        now += seconds(pause);
        let probe = breaker.admit(now).expect("never disabled");
        breaker.failed(probe, now, &settings());
    }
    now += seconds(60);
    let probe = breaker.admit(now).unwrap();
    breaker.reached(probe, &settings());
    for _ in 0..settings().successes {
        assert_eq!(breaker.state(), BreakerState::Probation);
        let ticket = breaker.admit(now).unwrap();
        breaker.reached(ticket, &settings());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..settings().failures {
        let ticket = breaker.admit(now).unwrap();
        breaker.failed(ticket, now, &settings());
    }
    assert_eq!(breaker.shut_for(now), Some(seconds(5)));
}

#[test]
fn a_failure_in_probation_opens_it_again_for_longer() {
    let mut breaker = opened(seconds(0));
    let probe = breaker.admit(seconds(5)).unwrap();
    breaker.reached(probe, &settings());
    let ticket = breaker.admit(seconds(6)).unwrap();
    breaker.failed(ticket, seconds(6), &settings());
    assert_eq!((breaker.state(), breaker.shut_for(seconds(6))), (BreakerState::Open, Some(seconds(10))));
}

#[test]
fn what_was_asked_before_a_change_says_nothing_about_the_time_after_it() {
    let mut breaker = Breaker::default();
    let before: Vec<_> = (0..20).map(|_| breaker.admit(seconds(0)).unwrap()).collect();
    for ticket in &before {
        breaker.failed(*ticket, seconds(1), &settings());
    }
    assert_eq!(breaker.shut_for(seconds(1)), Some(seconds(5)), "fifteen late ones add nothing");
    breaker.reached(before[0], &settings());
    assert_eq!(breaker.state(), BreakerState::Open, "an answer to an old question");
}

#[test]
fn a_probe_out_of_turn_closes_it_as_well_and_costs_nothing_if_it_fails() {
    let mut breaker = opened(seconds(0));
    let probe = breaker.admit_out_of_turn(seconds(1)).expect("it cannot wait");
    assert_eq!(breaker.admit_out_of_turn(seconds(1)), None, "one at a time");
    breaker.failed(probe, seconds(2), &settings());
    assert_eq!(breaker.shut_for(seconds(2)), Some(seconds(3)), "the pause goes on as it was");
    let probe = breaker.admit_out_of_turn(seconds(3)).unwrap();
    breaker.reached(probe, &settings());
    assert_eq!(breaker.state(), BreakerState::Probation);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit,
    AdmitOutOfTurn,
    Reached(usize),
    Failed(usize),
    GivenBack(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Admit),
        1 => Just(Step::AdmitOutOfTurn),
        3 => any::<usize>().prop_map(Step::Reached),
        5 => any::<usize>().prop_map(Step::Failed),
        1 => any::<usize>().prop_map(Step::GivenBack),
        3 => (0..120_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn one_probe_at_a_time_bounded_pauses_and_never_for_good(
        steps in proptest::collection::vec(step(), 0..200),
        failures in 1..8_u32,
        successes in 1..5_u32,
    ) {
        let settings = BreakerSettings { failures, successes, ..BreakerSettings::default() };
        let mut breaker = Breaker::default();
        let mut now = Duration::ZERO;
        let mut out: Vec<Ticket> = Vec::new();
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Admit => {
                    let shut = breaker.shut_for(now);
                    let ticket = breaker.admit(now);
                    prop_assert_eq!(ticket.is_none(), shut.is_some());
                    prop_assert_eq!(ticket.is_some_and(|ticket| ticket.is_probe()), ticket.is_some() && before == BreakerState::Open);
                    out.extend(ticket);
                }
                Step::AdmitOutOfTurn => out.extend(breaker.admit_out_of_turn(now)),
                Step::Reached(pick) if !out.is_empty() => {
                    breaker.reached(out.swap_remove(pick % out.len()), &settings);
                }
                Step::Failed(pick) if !out.is_empty() => {
                    breaker.failed(out.swap_remove(pick % out.len()), now, &settings);
                }
                Step::GivenBack(pick) if !out.is_empty() => breaker.given_back(out.swap_remove(pick % out.len())),
                Step::Pass(millis) => now += Duration::from_millis(millis),
                Step::Reached(_) | Step::Failed(_) | Step::GivenBack(_) => {}
            }
            let probes = out.iter().filter(|ticket| ticket.is_probe() && ticket.era == breaker.era).count();
            prop_assert!(probes <= 1, "{probes} probes under way");
            prop_assert!(breaker.shut_for(now).is_none_or(|pause| pause <= settings.longest_pause));
        }
        // Whatever happened: once those under way have ended, a provider that is there is served again.
        for ticket in out.drain(..) {
            breaker.given_back(ticket);
        }
        for _ in 0..=successes {
            now += settings.longest_pause;
            let ticket = breaker.admit(now);
            prop_assert!(ticket.is_some(), "disabled: {breaker:?}");
            breaker.reached(ticket.unwrap(), &settings);
        }
        prop_assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
