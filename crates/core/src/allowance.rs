//! How often a partner may call: allowances per operation and minute, as the published acceptable-use policy has them or
//! as whoever runs the hub sets them.
//!
//! An allowance is a bucket that holds a minute's worth of calls and fills again evenly: who keeps to the figure in every
//! minute is never refused, whenever those calls come. Invariants: a call counts once, however often it is judged
//! ([`Ticket`]); Progress leaves a quarter of the notifications to Start; End and Error have no ticket at all.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use oicp::service::Service;

use crate::MessageKind;

/// A minute in nanoseconds: what an empty bucket takes to fill.
const MINUTE: u64 = 60_000_000_000;
/// What Progress may use of the notifications' allowance, in quarters.
const QUARTERS_FOR_PROGRESS: u64 = 3;

/// How often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// As often as it likes.
    Unlimited,
    /// So many calls a minute.
    PerMinute(NonZeroU32),
}

/// A figure for each operation for which one is set.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Figures([Option<Figure>; Service::ALL.len()]);

impl Figures {
    /// The published acceptable-use policy, version 1.0: calls per minute, operation and partner. It has no figures for
    /// reservations; those of remote starts and stops are taken.
    #[must_use]
    pub fn aup_1_0() -> Self {
        let mut figures = Self::default();
        for service in Service::ALL {
            figures.set(service, Figure::PerMinute(published(service)));
        }
        figures
    }

    /// The figure of an operation, if one is set.
    #[must_use]
    pub fn of(&self, service: Service) -> Option<Figure> {
        self.0.get(service as usize).copied().flatten()
    }

    /// Sets the figure of an operation.
    pub fn set(&mut self, service: Service, figure: Figure) {
        if let Some(place) = self.0.get_mut(service as usize) {
            *place = Some(figure);
        }
    }

    /// These figures, and where there are none those.
    #[must_use]
    pub fn over(&self, usual: &Self) -> Self {
        let mut figures = usual.clone();
        for service in Service::ALL {
            if let Some(figure) = self.of(service) {
                figures.set(service, figure);
            }
        }
        figures
    }
}

fn published(service: Service) -> NonZeroU32 {
    let figure = match service {
        Service::AuthorizeStart => 200,
        Service::AuthorizeStop => 50,
        Service::RemoteStart => 100,
        Service::RemoteStop => 200,
        Service::ChargingNotifications => 100,
        Service::ChargeDetailRecord => 350,
        Service::GetChargeDetailRecords => 200,
        Service::ReservationStart => 100,
        Service::ReservationStop => 200,
        Service::PushEvseData => 375,
        Service::PullEvseData => 100,
        Service::PushEvseStatus => 2000,
        Service::PullEvseStatus => 6,
        Service::PullEvseStatusById => 300,
        Service::PullEvseStatusByOperatorId => 75,
        Service::PushAuthenticationData => 50,
        Service::PushPricingProductData | Service::PushEvsePricing => 6,
        Service::PullPricingProductData => 300,
        Service::PullEvsePricing => 280,
    };
    NonZeroU32::new(figure).unwrap_or(NonZeroU32::MIN)
}

/// What an operation is called in settings.
#[must_use]
pub fn word(service: Service) -> &'static str {
    match service {
        Service::AuthorizeStart => "authorize_start",
        Service::AuthorizeStop => "authorize_stop",
        Service::RemoteStart => "remote_start",
        Service::RemoteStop => "remote_stop",
        Service::ChargingNotifications => "notifications",
        Service::ChargeDetailRecord => "charge_detail_record",
        Service::GetChargeDetailRecords => "get_charge_detail_records",
        Service::ReservationStart => "reservation_start",
        Service::ReservationStop => "reservation_stop",
        Service::PushEvseData => "push_evse_data",
        Service::PullEvseData => "pull_evse_data",
        Service::PushEvseStatus => "push_evse_status",
        Service::PullEvseStatus => "pull_evse_status",
        Service::PullEvseStatusById => "pull_evse_status_by_id",
        Service::PullEvseStatusByOperatorId => "pull_evse_status_by_operator_id",
        Service::PushAuthenticationData => "push_authentication_data",
        Service::PushPricingProductData => "push_pricing_product_data",
        Service::PushEvsePricing => "push_evse_pricing",
        Service::PullPricingProductData => "pull_pricing_product_data",
        Service::PullEvsePricing => "pull_evse_pricing",
    }
}

/// The operation that settings call so.
#[must_use]
pub fn of_word(text: &str) -> Option<Service> {
    Service::ALL.into_iter().find(|service| word(*service) == text)
}

/// One partner's allowance of one operation, as far as it is used up. The figure may change under it.
#[derive(Debug)]
pub struct Bucket {
    origin: Instant,
    /// When it is full again, in nanoseconds since the origin.
    full_at: AtomicU64,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub fn full(now: Instant) -> Self {
        Self { origin: now, full_at: AtomicU64::new(0) }
    }

    /// Takes one call out, or says how long until there is one.
    fn take(&self, at: Instant, per_minute: NonZeroU32, share: Share) -> Result<(), Duration> {
        let since = at.saturating_duration_since(self.origin).as_nanos();
        let now = u64::try_from(since).unwrap_or(u64::MAX / 2);
        let step = MINUTE / u64::from(per_minute.get());
        // A small allowance still lets one call through.
        let most = match share {
            Share::All => MINUTE,
            Share::OfProgress => (MINUTE / 4 * QUARTERS_FOR_PROGRESS).max(step),
        };
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(step);
            let owed = next.saturating_sub(now);
            if owed > most {
                return Err(Duration::from_nanos(owed.saturating_sub(most)));
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }
}

/// How much of an allowance a call may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Share {
    All,
    OfProgress,
}

/// What is called, as far as allowances are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limited {
    /// A Start or a Progress.
    Notification(MessageKind),
    /// Another operation.
    Operation(Service),
}

impl Limited {
    /// A notification's, if its type has an allowance: End and Error are never refused for rate.
    #[must_use]
    pub fn notification(kind: MessageKind) -> Option<Self> {
        kind.is_passing().then_some(Self::Notification(kind))
    }

    /// The operation whose figure counts.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::Notification(_) => Service::ChargingNotifications,
            Self::Operation(service) => service,
        }
    }

    fn share(self) -> Share {
        match self {
            Self::Notification(MessageKind::Progress) => Share::OfProgress,
            _ => Share::All,
        }
    }
}

impl fmt::Display for Limited {
    /// The word for metrics.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification(kind) => out.write_str(kind.as_str()),
            Self::Operation(service) => write!(out, "{service:?}"),
        }
    }
}

/// A call's claim on an allowance. It is used up at most once: where the call turns out to be a repeat, not at all.
#[derive(Clone, Debug)]
pub struct Ticket {
    bucket: Arc<Bucket>,
    limited: Limited,
    per_minute: NonZeroU32,
    at: Instant,
    judged: OnceLock<Result<(), TooOften>>,
}

impl Ticket {
    /// For a call that came `at` this moment.
    #[must_use]
    pub fn new(bucket: Arc<Bucket>, limited: Limited, per_minute: NonZeroU32, at: Instant) -> Self {
        Self { bucket, limited, per_minute, at, judged: OnceLock::new() }
    }

    /// Counts the call, if it has not been counted yet. Call it once the call is known to be no repeat.
    ///
    /// # Errors
    /// [`TooOften`] if the allowance is used up.
    pub fn count(&self) -> Result<(), TooOften> {
        let judge = || {
            let taken = self.bucket.take(self.at, self.per_minute, self.limited.share());
            taken.map_err(|again| TooOften {
                limited: self.limited,
                per_minute: self.per_minute.get(),
                again,
            })
        };
        *self.judged.get_or_init(judge)
    }
}

/// An allowance is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooOften {
    /// What was called.
    pub limited: Limited,
    /// The figure.
    pub per_minute: u32,
    /// How long until the next call is allowed.
    pub again: Duration,
}

impl TooOften {
    /// How long until the next call is allowed, in whole seconds, at least one.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        u64::try_from(self.again.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
    }
}

impl fmt::Display for TooOften {
    /// For the partner: which allowance, how much, when again, and what need not be lost.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limited, per_minute, .. } = self;
        let seconds = self.seconds();
        match limited {
            Limited::Notification(MessageKind::Progress) => {
                let share = (u64::from(*per_minute) * QUARTERS_FOR_PROGRESS / 4).max(1);
                write!(
                    out,
                    "more Progress than the allowance of {per_minute} notifications a minute has room for, of which \
                     Progress may use {share}; nothing was stored. Send it again after {seconds} s, or leave it to the \
                     next Progress; End and Error are always taken"
                )
            }
            Limited::Notification(_) => write!(
                out,
                "the allowance of {per_minute} notifications (Start and Progress) a minute is used up; nothing was \
                 stored. Send it again after {seconds} s; End and Error are always taken"
            ),
            Limited::Operation(service) => write!(
                out,
                "the allowance of {per_minute} calls of {service:?} a minute is used up; nothing was done. Send it \
                 again after {seconds} s; a repeat of what was answered before does not count"
            ),
        }
    }
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
