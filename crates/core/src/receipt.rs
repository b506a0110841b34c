//! What a receipt is made of: everything that is known about a message and what became of it, without its bytes, so that
//! it can be given also when these are erased.

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};

use crate::feed::Position;
use crate::mandate::Origin;
use crate::records::DeliveryRecord;
use crate::{ProcessId, SessionKey};

/// The word for a delivery that is being attempted, or is about to be for the first time.
pub const UNDER_WAY: &str = "under-way";

/// The facts of a receipt.
#[derive(Clone, Debug)]
pub struct ReceiptFacts {
    /// The message's id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to get it.
    pub provider: ProviderId,
    /// Its type.
    pub kind: String,
    /// The EVSE it names.
    pub evse: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// Its deliveries, oldest first.
    pub deliveries: Vec<DeliveryRecord>,
    /// Its place in the provider's feed, if it has one, and whether the provider has confirmed it.
    pub feed: Option<(Position, bool)>,
    /// Who it comes from.
    pub origin: Origin,
}

/// The word for where a delivery stands, as receipts and feeds say it: the ledger's word, but `under-way` while it is
/// being attempted. A message without any delivery on record is on its first attempt.
#[must_use]
pub fn state(newest: Option<&str>) -> &str {
    match newest {
        None | Some("leased") => UNDER_WAY,
        Some(word) => word,
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn a_first_attempt_is_under_way_whether_it_has_a_row_or_not() {
        assert_eq!((state(None), state(Some("leased"))), ("under-way", "under-way"));
        assert_eq!((state(Some("deferred")), state(Some("fetched"))), ("deferred", "fetched"));
    }
}
