//! The order within a session: messages leave in the order in which they arrived, one under way at a time, and an End
//! never waits for the past.
//!
//! A message that arrives (or whose turn may have come) is looked at against every earlier message of its session that
//! is still open. Those are of two standings: *leased*, somebody is sending it or is about to; or *deferred*, its attempt
//! failed and it waits for its next one. The table:
//!
//! | earlier        | leased | deferred, later is Start | … is Progress or End | … is Error |
//! |----------------|--------|--------------------------|----------------------|------------|
//! | Start, Progress| wait   | behind it                | supersede it         | pass       |
//! | End            | wait   | behind it                | behind it            | pass       |
//! | Error          | wait   | pass                     | pass                 | pass       |
//!
//! A charge detail record stands outside: it passes whatever is open, and whatever is open passes it. But it does not leave
//! right behind an End that is still owed: for [`RECORD_WAITS`] after its arrival it lets that one go first.

use std::time::Duration;

use crate::MessageKind::{self, ChargeDetailRecord, End, Error, Progress, Start};
use crate::delivery::DeliveryNo;

/// How long after its arrival a charge detail record waits for an End of its session that is still owed, at most.
pub const RECORD_WAITS: Duration = Duration::from_secs(60);

/// Where an earlier open message of the session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Somebody holds the right to send it now.
    Leased,
    /// It waits for its next attempt.
    Deferred,
}

/// An earlier open message of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// Its number.
    pub delivery: DeliveryNo,
    /// What it is.
    pub kind: MessageKind,
    /// Where it stands.
    pub standing: Standing,
}

/// Whether a message may leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Now. Those named are superseded by it.
    Go {
        /// Deferred Start and Progress that are not sent any more.
        supersedes: Vec<DeliveryNo>,
    },
    /// An earlier one is under way: wait for it, within the budget.
    Wait,
    /// An earlier one is deferred and may not be overtaken: deferred as well, until that one is settled.
    Behind,
}

/// Decides for a message of this kind against the `earlier` open ones of its session.
pub fn turn(kind: MessageKind, earlier: impl IntoIterator<Item = Earlier>) -> Turn {
    let mut supersedes = Vec::new();
    let mut behind = false;
    for other in earlier {
        if kind == ChargeDetailRecord || other.kind == ChargeDetailRecord {
            continue;
        }
        if other.standing == Standing::Leased {
            return Turn::Wait;
        }
        match (other.kind, kind) {
            (_, Error | ChargeDetailRecord) | (Error | ChargeDetailRecord, _) => {}
            (Start | Progress, Progress | End) => supersedes.push(other.delivery),
            (Start | Progress, Start) | (End, Start | Progress | End) => behind = true,
        }
    }
    if behind { Turn::Behind } else { Turn::Go { supersedes } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(no: i64, kind: MessageKind, standing: Standing) -> Earlier {
        Earlier { delivery: DeliveryNo(no), kind, standing }
    }

    #[test]
    fn whatever_is_leased_is_waited_for_even_when_something_else_could_be_overtaken() {
        for kind in [Start, Progress, End, Error] {
            for other in [Start, Progress, End, Error] {
                let open = [earlier(1, Start, Standing::Deferred), earlier(2, other, Standing::Leased)];
                assert_eq!(turn(kind, open), Turn::Wait, "{kind} behind a leased {other}");
            }
        }
    }

    #[test]
    fn a_charge_detail_record_waits_for_nobody_and_nobody_for_it() {
        for kind in MessageKind::ALL {
            for standing in [Standing::Leased, Standing::Deferred] {
                let go = Turn::Go { supersedes: Vec::new() };
                assert_eq!(turn(ChargeDetailRecord, [earlier(1, kind, standing)]), go, "after {kind}");
                assert_eq!(turn(kind, [earlier(1, ChargeDetailRecord, standing)]), go, "{kind} after it");
            }
        }
    }

    #[test]
    fn the_table_of_deferred_messages() {
        let go =
            |supersedes: &[i64]| Turn::Go { supersedes: supersedes.iter().map(|n| DeliveryNo(*n)).collect() };
        let cases = [
            (Start, Start, Turn::Behind),
            (Start, Progress, go(&[1])),
            (Start, End, go(&[1])),
            (Start, Error, go(&[])),
            (Progress, Start, Turn::Behind),
            (Progress, Progress, go(&[1])),
            (Progress, End, go(&[1])),
            (Progress, Error, go(&[])),
            (End, Start, Turn::Behind),
            (End, Progress, Turn::Behind),
            (End, End, Turn::Behind),
            (End, Error, go(&[])),
            (Error, Start, go(&[])),
            (Error, Progress, go(&[])),
            (Error, End, go(&[])),
            (Error, Error, go(&[])),
        ];
        for (first, later, expected) in cases {
            let seen = turn(later, [earlier(1, first, Standing::Deferred)]);
            assert_eq!(seen, expected, "{later} after a deferred {first}");
        }
    }

    #[test]
    fn an_end_overtakes_every_deferred_start_and_progress_but_not_an_end() {
        let past = [earlier(1, Start, Standing::Deferred), earlier(2, Progress, Standing::Deferred)];
        assert_eq!(turn(End, past), Turn::Go { supersedes: vec![DeliveryNo(1), DeliveryNo(2)] });
        let past = [earlier(1, End, Standing::Deferred), earlier(2, Progress, Standing::Deferred)];
        assert_eq!(turn(End, past), Turn::Behind, "nothing is superseded by a message that stays behind");
    }
}
