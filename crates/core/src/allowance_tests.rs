//! Buckets that fill, shares of them, and figures over figures.

use MessageKind::{ChargeDetailRecord, End, Error, Progress, Start};

use super::*;

fn per_minute(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// How many calls of this kind go through at this moment.
fn go_through(bucket: &Arc<Bucket>, limited: Limited, number: u32, at: Instant) -> u32 {
    let mut through = 0;
    while Ticket::new(bucket.clone(), limited, per_minute(number), at).count().is_ok() {
        through += 1;
    }
    through
}

const AUTHORISATION: Limited = Limited::Operation(Service::AuthorizeStart);

#[test]
fn a_minutes_worth_goes_through_at_once_and_fills_again_evenly() {
    let now = Instant::now();
    for number in [1, 2, 6, 7, 50, 100, 350, 2_000, 6_001] {
        let bucket = Arc::new(Bucket::full(now));
        assert_eq!(go_through(&bucket, AUTHORISATION, number, now), number);
        let half = now + Duration::from_secs(30);
        assert_eq!(go_through(&bucket, AUTHORISATION, number, half), number / 2, "of {number}");
        let much_later = now + Duration::from_secs(3_600);
        assert_eq!(
            go_through(&bucket, AUTHORISATION, number, much_later),
            number,
            "no more than a minute's worth"
        );
    }
}

#[test]
fn who_keeps_to_the_figure_in_every_minute_is_never_refused() {
    let (origin, number) = (Instant::now(), 100);
    let take =
        |bucket: &Arc<Bucket>, at| Ticket::new(bucket.clone(), AUTHORISATION, per_minute(number), at).count();
    let in_bursts = Arc::new(Bucket::full(origin));
    for minute in 0..10 {
        for _ in 0..number {
            assert_eq!(
                take(&in_bursts, origin + Duration::from_secs(minute * 60)),
                Ok(()),
                "minute {minute}"
            );
        }
    }
    let evenly = Arc::new(Bucket::full(origin));
    for call in 0..1_000 {
        assert_eq!(take(&evenly, origin + Duration::from_millis(call * 600)), Ok(()), "call {call}");
    }
}

#[test]
fn the_refusal_says_when_the_next_call_is_allowed() {
    let now = Instant::now();
    let bucket = Arc::new(Bucket::full(now));
    assert_eq!(go_through(&bucket, AUTHORISATION, 6, now), 6);
    let refused = Ticket::new(bucket.clone(), AUTHORISATION, per_minute(6), now).count().unwrap_err();
    assert_eq!((refused.again, refused.seconds()), (Duration::from_secs(10), 10));
    let then = now + refused.again;
    assert_eq!(Ticket::new(bucket.clone(), AUTHORISATION, per_minute(6), then).count(), Ok(()));
    assert!(refused.to_string().contains("6 calls of AuthorizeStart"), "{refused}");
}

#[test]
fn progress_leaves_a_quarter_to_start() {
    let now = Instant::now();
    let bucket = Arc::new(Bucket::full(now));
    assert_eq!(go_through(&bucket, Limited::Notification(Progress), 100, now), 75);
    assert_eq!(go_through(&bucket, Limited::Notification(Start), 100, now), 25);
    // Starts use up what Progress would have had.
    let later = now + Duration::from_secs(15);
    assert_eq!(go_through(&bucket, Limited::Notification(Progress), 100, later), 0);
    assert_eq!(go_through(&bucket, Limited::Notification(Start), 100, later), 25);
}

#[test]
fn a_tiny_allowance_still_lets_a_progress_through() {
    let now = Instant::now();
    let bucket = Arc::new(Bucket::full(now));
    assert_eq!(go_through(&bucket, Limited::Notification(Progress), 1, now), 1);
}

#[test]
fn a_ticket_counts_once_however_often_it_is_judged() {
    let now = Instant::now();
    let bucket = Arc::new(Bucket::full(now));
    let ticket = Ticket::new(bucket.clone(), AUTHORISATION, per_minute(2), now);
    assert_eq!((ticket.count(), ticket.count(), ticket.count()), (Ok(()), Ok(()), Ok(())));
    assert_eq!(go_through(&bucket, AUTHORISATION, 2, now), 1);
}

#[test]
fn a_figure_that_changes_is_judged_by_at_once() {
    let now = Instant::now();
    let bucket = Arc::new(Bucket::full(now));
    assert_eq!(go_through(&bucket, AUTHORISATION, 10, now), 10);
    let later = now + Duration::from_secs(30);
    assert_eq!(go_through(&bucket, AUTHORISATION, 1_000, later), 500);
}

#[test]
fn end_and_error_have_no_allowance() {
    let limited = [Start, Progress, End, Error, ChargeDetailRecord].map(Limited::notification);
    let of = |kind| Some(Limited::Notification(kind));
    assert_eq!(limited, [of(Start), of(Progress), None, None, None]);
}

#[test]
fn single_figures_go_over_the_published_ones() {
    let published = Figures::aup_1_0();
    let mut own = Figures::default();
    own.set(Service::AuthorizeStart, Figure::Unlimited);
    own.set(Service::ChargingNotifications, Figure::PerMinute(per_minute(400)));
    let figures = own.over(&published);
    let figure = |service| match figures.of(service) {
        Some(Figure::PerMinute(number)) => Some(number.get()),
        _ => None,
    };
    assert_eq!(figure(Service::AuthorizeStart), None);
    assert_eq!(figure(Service::ChargingNotifications), Some(400));
    assert_eq!(figure(Service::ChargeDetailRecord), Some(350));
    assert_eq!(figure(Service::PullEvsePricing), Some(280));
}

#[test]
fn every_operation_has_a_place_and_a_word_of_its_own() {
    for (place, service) in Service::ALL.into_iter().enumerate() {
        assert_eq!(service as usize, place, "{service:?}");
        assert_eq!(of_word(word(service)), Some(service));
    }
    assert_eq!(of_word("notification"), None);
}
