//! Allowances are judged where repeats are recognised: what is new counts, what is not does not.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use oicp::service::Service;
use roamhub_core::MessageKind::{self, End, Progress, Start};
use roamhub_core::allowance::{Bucket, Limited, Ticket};
use roamhub_core::ports::{Declined, Intake, Repeated, Taken};

use crate::Place;
use crate::scene::*;

/// An allowance of so many a minute, all at one moment.
struct Allowance(Arc<Bucket>, Instant, NonZeroU32);

impl Allowance {
    fn of(number: u32) -> Self {
        let now = Instant::now();
        Self(Arc::new(Bucket::full(now)), now, NonZeroU32::new(number).unwrap())
    }

    fn claimed(&self, kind: MessageKind, intake: Intake) -> Intake {
        let ticket =
            Limited::notification(kind).map(|limited| Ticket::new(self.0.clone(), limited, self.2, self.1));
        Intake { ticket, ..intake }
    }
}

fn is_too_often(taken: &Taken) -> bool {
    matches!(taken, Taken::Declined(Declined::TooOften(too_often))
        if too_often.limited.service() == Service::ChargingNotifications)
}

pub(crate) async fn what_is_new_counts_and_repeats_do_not(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let allowance = Allowance::of(2);
    let starts: Vec<_> = (0..3).map(|at| allowance.claimed(Start, notice(session, Start, at))).collect();
    assert!(matches!(take_in(&*ledger, starts[0].clone()).await, Taken::Stored(_)));
    for seconds in 1..20 {
        let repeat = allowance.claimed(Start, again(&starts[0], seconds));
        let taken = take_in(&*ledger, repeat).await;
        assert!(matches!(taken, Taken::Repeat { standing: Repeated::UnderWay, .. }), "{taken:?}");
    }
    assert!(matches!(take_in(&*ledger, starts[1].clone()).await, Taken::Stored(_)));
    let refused = take_in(&*ledger, starts[2].clone()).await;
    assert!(is_too_often(&refused), "{refused:?}");
    let repeat = take_in(&*ledger, allowance.claimed(Start, again(&starts[1], 30))).await;
    assert!(
        matches!(repeat, Taken::Repeat { .. }),
        "a repeat is answered however much is used up: {repeat:?}"
    );
    // What was refused for rate has left nothing behind: it is new when it comes again.
    let later = Allowance::of(1);
    let taken = take_in(&*ledger, later.claimed(Start, again(&starts[2], 90))).await;
    assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
}

pub(crate) async fn progress_that_is_refused_for_rate_starts_no_five_minutes(place: &dyn Place) {
    let ledger = begin(place).await;
    let (session, other) = (session(&*ledger).await, session(&*ledger).await);
    let allowance = Allowance::of(1);
    assert!(matches!(
        take_in(&*ledger, allowance.claimed(Progress, notice(other, Progress, 0))).await,
        Taken::Stored(_)
    ));
    let refused = take_in(&*ledger, allowance.claimed(Progress, notice(session, Progress, 1))).await;
    assert!(is_too_often(&refused), "{refused:?}");
    let taken = take_in(&*ledger, notice(session, Progress, 2)).await;
    assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
}

pub(crate) async fn an_end_has_no_allowance_to_use_up(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let allowance = Allowance::of(1);
    assert!(matches!(
        take_in(&*ledger, allowance.claimed(Start, notice(session, Start, 0))).await,
        Taken::Stored(_)
    ));
    for seconds in 1..50 {
        let taken = take_in(&*ledger, allowance.claimed(End, notice(session, End, seconds))).await;
        assert!(matches!(taken, Taken::Stored(_)), "{taken:?}");
    }
}
