//! Who is turned away first when there is too much: what can come later before what somebody waits for, and the end of a
//! session last of all. The same order as with a full disk ([`crate::room`]).

use std::fmt;

use oicp::service::Service;

use crate::MessageKind;

/// A place in that order, the first to go first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rank {
    /// Progress, and what is fetched or uploaded at leisure.
    Progress,
    /// A Start.
    Start,
    /// A driver waits: authorisations, remote starts and stops, reservations.
    Driver,
    /// A charge detail record: its sender keeps it and sends it again.
    Record,
    /// End and Error.
    End,
    /// The hub's own: outcomes, leases, what it has promised already.
    Own,
}

impl Rank {
    /// All of them, the first to go first.
    pub const ALL: [Self; 6] =
        [Self::Progress, Self::Start, Self::Driver, Self::Record, Self::End, Self::Own];

    /// A message's.
    #[must_use]
    pub fn of(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Progress => Self::Progress,
            MessageKind::Start => Self::Start,
            MessageKind::ChargeDetailRecord => Self::Record,
            MessageKind::End | MessageKind::Error => Self::End,
        }
    }

    /// A call's, before its body is read: a notification may be an End.
    #[must_use]
    pub fn of_call(service: Service) -> Self {
        match service {
            Service::ChargingNotifications => Self::End,
            Service::ChargeDetailRecord => Self::Record,
            Service::AuthorizeStart
            | Service::AuthorizeStop
            | Service::RemoteStart
            | Service::RemoteStop
            | Service::ReservationStart
            | Service::ReservationStop => Self::Driver,
            _ => Self::Progress,
        }
    }

    /// How much of so many places it may fill, together with all others.
    #[must_use]
    pub fn share_of(self, places: usize) -> usize {
        let eighths = match self {
            Self::Progress => 4,
            Self::Start => 5,
            Self::Driver => 6,
            Self::Record => 7,
            Self::End | Self::Own => return places,
        };
        (places / 8).saturating_mul(eighths).max(1)
    }
}

impl fmt::Display for Rank {
    /// The word for metrics.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Progress => "progress",
            Self::Start => "start",
            Self::Driver => "driver",
            Self::Record => "record",
            Self::End => "end",
            Self::Own => "own",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_later_may_fill_more() {
        for places in [8, 100, 8_192, 1 << 20] {
            let shares = Rank::ALL.map(|rank| rank.share_of(places));
            assert!(shares.windows(2).all(|two| two[0] <= two[1]), "{shares:?}");
            assert_eq!(shares[4], places, "an End may fill all of it");
        }
        assert_eq!(Rank::ALL.map(|rank| rank.share_of(8_192)), [4_096, 5_120, 6_144, 7_168, 8_192, 8_192]);
    }

    #[test]
    fn messages_have_the_order_of_a_full_disk() {
        use MessageKind::{ChargeDetailRecord, End, Error, Progress, Start};
        let ranks = [Progress, Start, ChargeDetailRecord, End, Error].map(Rank::of);
        assert_eq!(ranks, [Rank::Progress, Rank::Start, Rank::Record, Rank::End, Rank::End]);
    }
}
